/** Use cases, one class a verb: they compose nouns into jobs. */
@NullMarked
package comfyui.cockpit.app;

import org.jspecify.annotations.NullMarked;
