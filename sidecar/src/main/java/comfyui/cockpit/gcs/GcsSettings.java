package comfyui.cockpit.gcs;

import comfyui.cockpit.net.Retry;
import comfyui.cockpit.net.Url;
import java.nio.file.Path;
import java.util.Optional;

/**
 * How Google Cloud Storage is reached, and where Google's own tools keep who we are.
 *
 * @param endpoint Google's, or what stands in for it
 * @param named the file that {@code GOOGLE_APPLICATION_CREDENTIALS} names
 * @param wellKnown the file that gcloud keeps of a user who signed in, where it may be used
 * @param metadataServer host and port of the server that knows the account of a machine of Google's, where it may be used
 * @param retry for whatever has to do with {@code gs://}
 */
public record GcsSettings(Url endpoint, Optional<Path> named, Optional<Path> wellKnown, Optional<String> metadataServer, Retry retry) {
  public static final String ENDPOINT = "https://storage.googleapis.com";
  public static final String METADATA_SERVER = "metadata.google.internal";

  /** What stands in for Google gets no credentials but those that somebody names. */
  public static boolean isGoogle(Url endpoint) {
    return endpoint.sameOrigin(Url.parse(ENDPOINT));
  }
}
