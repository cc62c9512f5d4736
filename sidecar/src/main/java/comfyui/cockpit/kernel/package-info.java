/** Values that check themselves, the one way to fail, the clock, progress and cancellation. */
@NullMarked
package comfyui.cockpit.kernel;

import org.jspecify.annotations.NullMarked;
