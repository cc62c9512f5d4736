/** Google Cloud Storage: what to ask it, what it says of an object, and who we are to it. */
@NullMarked
package comfyui.cockpit.gcs;

import org.jspecify.annotations.NullMarked;
