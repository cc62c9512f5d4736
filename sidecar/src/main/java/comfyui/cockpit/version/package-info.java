/** Versions of ComfyUI: what a spec says, what its lock pins, and what of it is on disk. */
@NullMarked
package comfyui.cockpit.version;

import org.jspecify.annotations.NullMarked;
