package comfyui.cockpit.gcs;

import java.time.Duration;
import java.util.Optional;

/**
 * Where outputs go in Google Cloud Storage.
 *
 * @param bucket as the user wrote it; what is wrong with it is said when it is used
 * @param prefix before every object's name, without slashes at its ends; may be empty
 * @param isPublic true if everybody may read what is written
 * @param signedUrlTtl how long a signed address of each object works; nothing if none is made
 * @param validate true if the bucket is checked before any work
 */
public record UploadSettings(Optional<String> bucket, String prefix, boolean isPublic, Optional<Duration> signedUrlTtl, boolean validate) {
  public static final String PREFIX = "comfy/outputs";
}
