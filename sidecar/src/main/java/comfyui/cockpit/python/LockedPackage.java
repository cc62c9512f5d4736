package comfyui.cockpit.python;

import java.util.Locale;
import java.util.Optional;

/** A package that a lock names to the byte. */
public sealed interface LockedPackage {
  String name();

  /** How uv's requirement files say it. */
  String requirement();

  /** The same where only a directory of files is asked. */
  String requirementOfFiles();

  /**
   * One file of an index: a wheel, or a source distribution where there is no wheel.
   *
   * @param name normalized: lower case, one {@code -} between its parts
   * @param file its name at the index
   * @param sha256 hexadecimal
   * @param url where it lies, if the requirement names its address and no index
   */
  record Dist(String name, String version, String file, String sha256, Optional<String> url) implements LockedPackage {
    @Override
    public String requirement() {
      return url.map(address -> name + " @ " + address + " --hash=sha256:" + sha256).orElseGet(this::requirementOfFiles);
    }

    @Override
    public String requirementOfFiles() {
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
   * @param subdirectory where the package lies in it
   */
  record Git(String name, String repo, String commit, Optional<String> subdirectory) implements LockedPackage {
    @Override
    public String requirement() {
      return name + " @ git+" + repo + "@" + commit + subdirectory.map(path -> "#subdirectory=" + path).orElse("");
    }

    /** A wheel does not say which commit it was built from: whoever made the directory answers for it. */
    @Override
    public String requirementOfFiles() {
      return name;
    }
  }

  /** As PEP 503 has it. */
  static String normalize(String name) {
    return name.toLowerCase(Locale.ROOT).replaceAll("[-_.]+", "-");
  }
}
