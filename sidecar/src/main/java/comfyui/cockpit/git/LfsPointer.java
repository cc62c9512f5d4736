package comfyui.cockpit.git;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What git holds in place of a large file (git-lfs, specification v1).
 *
 * @param sha256 of the content, 64 hexadecimal digits
 * @param size of the content in bytes
 */
record LfsPointer(String sha256, long size) {
  /** A pointer is smaller than this; whatever is larger is content. */
  static final long LONGEST = 1024;

  private static final String FIRST_LINE = "version https://git-lfs.github.com/spec/v1";
  private static final Pattern OID = Pattern.compile("(?m)^oid sha256:([0-9a-f]{64})$");
  private static final Pattern SIZE = Pattern.compile("(?m)^size (\\d{1,18})$");

  static Optional<LfsPointer> parse(byte[] bytes) {
    String text = new String(bytes, StandardCharsets.UTF_8);
    Matcher oid = OID.matcher(text);
    Matcher size = SIZE.matcher(text);
    return text.startsWith(FIRST_LINE) && oid.find() && size.find() ? Optional.of(new LfsPointer(oid.group(1), Long.parseLong(size.group(1))))
        : Optional.empty();
  }
}
