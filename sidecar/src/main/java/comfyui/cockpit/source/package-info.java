/** A URI becomes something to fetch: which host, what it says about the file, and what its refusals mean. */
@NullMarked
package comfyui.cockpit.source;

import org.jspecify.annotations.NullMarked;
