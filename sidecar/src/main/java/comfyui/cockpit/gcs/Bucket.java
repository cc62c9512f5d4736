package comfyui.cockpit.gcs;

import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import java.util.regex.Pattern;

/** The name of a bucket, as Google Cloud Storage allows one. */
public record Bucket(String name) {
  private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]");
  private static final String SCHEME = "gs://";

  /** @throws ProblemException {@code bad_request} if it is no such name */
  public Bucket {
    if (!isName(name)) {
      throw Problem.of(Code.BAD_REQUEST, "\"" + name + "\" is not the name of a bucket.")
          .withHint("Write the bucket's name alone, such as my-bucket; a path in it goes into GCS_PREFIX.")
          .toException();
    }
  }

  public static boolean isName(String text) {
    return NAME.matcher(text).matches();
  }

  /**
   * @param text a name, or {@code gs://name} as Google's tools write it
   * @throws ProblemException {@code bad_request} if it is neither
   */
  public static Bucket of(String text) {
    String name = text.strip();
    return new Bucket(name.startsWith(SCHEME) ? name.substring(SCHEME.length()).replaceFirst("/$", "") : name);
  }

  /** {@code gs://name}. */
  public String uri() {
    return SCHEME + name;
  }

  /** {@code gs://name/object}. */
  public String uri(String object) {
    return uri() + "/" + object;
  }
}
