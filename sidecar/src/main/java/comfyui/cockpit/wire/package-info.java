/** The documents that leave us, and the table of routes that HTTP and the command line both call. */
@NullMarked
package comfyui.cockpit.wire;

import org.jspecify.annotations.NullMarked;
