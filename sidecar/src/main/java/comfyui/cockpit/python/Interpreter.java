package comfyui.cockpit.python;

import java.nio.file.Path;

/**
 * A Python that is here.
 *
 * @param version exact: {@code 3.12.8}
 */
public record Interpreter(Path program, String version) {
  /** {@code 3.12} fits {@code 3.12.8}, {@code 3.1} does not. */
  boolean fits(String wanted) {
    return version.equals(wanted) || version.startsWith(wanted + ".");
  }
}
