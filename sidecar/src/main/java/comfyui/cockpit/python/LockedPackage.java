package comfyui.cockpit.python;

import java.util.Locale;

/** A package that a lock names to the byte. */
public sealed interface LockedPackage {
  String name();

  /** How uv's requirement files say it. */
  String requirement();

  /**
   * One file of an index: a wheel, or a source distribution where there is no wheel.
   *
   * @param name normalized: lower case, one {@code -} between its parts
   * @param file its name at the index
   * @param sha256 hexadecimal
   */
  record Dist(String name, String version, String file, String sha256) implements LockedPackage {
    @Override
    public String requirement() {
      return name + "==" + version + " --hash=sha256:" + sha256;
    }

    public boolean isWheel() {
      return file.endsWith(".whl");
    }
  }

  /**
   * A repository at a commit.
   *
   * @param repo its address, without the {@code git+} of requirement files
   */
  record Git(String name, String repo, String commit) implements LockedPackage {
    @Override
    public String requirement() {
      return name + " @ git+" + repo + "@" + commit;
    }
  }

  /** As PEP 503 has it. */
  static String normalize(String name) {
    return name.toLowerCase(Locale.ROOT).replaceAll("[-_.]+", "-");
  }
}
