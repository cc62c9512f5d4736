/** Wanted files: what is missing becomes, one at a time, a verified file under its own name, or nothing. */
@NullMarked
package comfyui.cockpit.download;

import org.jspecify.annotations.NullMarked;
