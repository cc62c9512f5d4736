package comfyui.cockpit.kernel;

import java.util.regex.Pattern;

/**
 * A git object's full name.
 *
 * @param hex 40 lower-case hexadecimal digits
 */
public record CommitId(String hex) {
  private static final Pattern FULL = Pattern.compile("[0-9a-f]{40}");

  public CommitId {
    if (!FULL.matcher(hex).matches()) {
      throw new IllegalArgumentException("a commit has 40 lower-case hexadecimal digits, not \"" + hex + "\"");
    }
  }

  /** True for text that names a commit in full. */
  public static boolean isFull(String text) {
    return FULL.matcher(text).matches();
  }

  /** Its first digits, for people. */
  public String abbreviated() {
    return hex.substring(0, 10);
  }

  @Override
  public String toString() {
    return hex;
  }
}
