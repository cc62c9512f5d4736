/** What is done with models: one class a verb. */
@NullMarked
package comfyui.cockpit.app.models;

import org.jspecify.annotations.NullMarked;
