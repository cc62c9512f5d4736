package comfyui.cockpit.python;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The tags in a wheel's name (PEP 425), to choose one of several that all fit: the most particular one, as installers do.
 *
 * @param build the optional build number
 */
record WheelTags(String python, String abi, String platform, int build) {
  private static final Pattern NAME = Pattern.compile("[^-]+-[^-]+(?:-(\\d+)[^-]*)?-([^-]+)-([^-]+)-([^-]+)\\.whl");
  private static final Pattern MANYLINUX = Pattern.compile("manylinux_(\\d+)_(\\d+)_");

  static WheelTags of(String file) {
    Matcher matcher = NAME.matcher(file);
    if (!matcher.matches()) {
      return new WheelTags("", "", "", -1);
    }
    return new WheelTags(matcher.group(2), matcher.group(3), matcher.group(4), matcher.group(1) == null ? 0 : Integer.parseInt(matcher.group(1)));
  }

  /** The higher, the better for this Python ({@code 3.12.8}). */
  long rank(String version) {
    String[] parts = version.split("\\.");
    String own = "cp" + parts[0] + parts[1];
    long kind = python.contains(own) && abi.contains(own) ? 3 : abi.contains("abi3") ? 2 : python.contains("cp") ? 1 : 0;
    return ((kind * 1000 + minor()) * 10_000 + platformRank()) * 1000 + Math.max(0, Math.min(build, 999));
  }

  private long minor() {
    long best = 0;
    for (String tag : python.split("\\.")) {
      if (tag.matches("(cp|py)3\\d{1,2}")) {
        best = Math.max(best, Long.parseLong(tag.substring(3)));
      }
    }
    return best;
  }

  private long platformRank() {
    if (platform.equals("any")) {
      return 0;
    }
    long best = 1;
    Matcher matcher = MANYLINUX.matcher(platform);
    while (matcher.find()) {
      best = Math.max(best, Long.parseLong(matcher.group(1)) * 100 + Long.parseLong(matcher.group(2)));
    }
    return best;
  }
}
