/** What is done with versions: one class a verb, and what several of them need while they work. */
@NullMarked
package comfyui.cockpit.app.versions;

import org.jspecify.annotations.NullMarked;
