/** One running plan: lanes in which one thing runs at a time, cancellation, and the stream of what happens. */
@NullMarked
package comfyui.cockpit.job;

import org.jspecify.annotations.NullMarked;
