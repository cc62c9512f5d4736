package comfyui.cockpit.kernel;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * A path below some root, with {@code /} between its parts: never absolute, never leaving, never empty. Symbolic links are the
 * business of whoever resolves it.
 */
public record RelativePath(String value) {
  /** What a file system allows for one name, less the room that our temporary names need. */
  private static final int MAX_NAME_BYTES = 255 - 32;

  private static final Set<String> WINDOWS_DEVICES = Set.of("con", "prn", "aux", "nul");

  public RelativePath {
    value = value.replaceAll("/+", "/");
    if (value.isEmpty()) {
      throw new IllegalArgumentException("the path is empty");
    }
    if (value.startsWith("/") || value.matches("[A-Za-z]:.*")) {
      throw new IllegalArgumentException("\"" + value + "\" is an absolute path");
    }
    if (value.endsWith("/")) {
      throw new IllegalArgumentException("\"" + value + "\" names a directory, not a file");
    }
    if (value.indexOf('\\') >= 0) {
      throw new IllegalArgumentException("\"" + value + "\" has a backslash; write / between directories");
    }
    for (String part : value.split("/")) {
      if (part.equals(".") || part.equals("..")) {
        throw new IllegalArgumentException("\"" + value + "\" has a part \"" + part + "\"");
      }
      if (part.chars().anyMatch(Character::isISOControl)) {
        throw new IllegalArgumentException("the path has a control character");
      }
      if (part.getBytes(StandardCharsets.UTF_8).length > MAX_NAME_BYTES) {
        throw new IllegalArgumentException("\"" + part.substring(0, 40) + "…\" is longer than " + MAX_NAME_BYTES + " bytes");
      }
      if (WINDOWS_DEVICES.contains(part.toLowerCase(Locale.ROOT))) {
        throw new IllegalArgumentException("\"" + part + "\" is the name of a device on Windows");
      }
    }
  }

  public List<String> parts() {
    return List.of(value.split("/"));
  }

  /** The last part. */
  public String name() {
    return value.substring(value.lastIndexOf('/') + 1);
  }

  @Override
  public String toString() {
    return value;
  }
}
