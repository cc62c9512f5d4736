/** Python by uv: interpreters, locks of packages, environments. */
@NullMarked
package comfyui.cockpit.python;

import org.jspecify.annotations.NullMarked;
