/** From argv to a face, and the whole graph by constructor calls. */
@NullMarked
package comfyui.cockpit.main;

import org.jspecify.annotations.NullMarked;
