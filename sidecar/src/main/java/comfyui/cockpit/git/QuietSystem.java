package comfyui.cockpit.git;

import java.util.concurrent.TimeUnit;
import org.eclipse.jgit.lib.Config;
import org.eclipse.jgit.storage.file.FileBasedConfig;
import org.eclipse.jgit.util.FS;
import org.eclipse.jgit.util.SystemReader;

/**
 * This machine as JGit sees it: no configuration of the system or the user. A filter, a hook or an address rewrite of theirs would run
 * programs or make the same commit something else on another machine; and JGit would look for a git program to find those files.
 */
final class QuietSystem extends SystemReader.Delegate {
  private QuietSystem() {
    super(SystemReader.getInstance());
  }

  /** JGit keeps its system in one place for the whole process; nothing but this room uses JGit. */
  static void install() {
    if (!(SystemReader.getInstance() instanceof QuietSystem)) {
      SystemReader.setInstance(new QuietSystem());
    }
  }

  @Override
  public FileBasedConfig openUserConfig(Config parent, FS fs) {
    return new NoFile(parent, fs);
  }

  @Override
  public FileBasedConfig openSystemConfig(Config parent, FS fs) {
    return new NoFile(parent, fs);
  }

  @Override
  public FileBasedConfig openJGitConfig(Config parent, FS fs) {
    return new NoFile(parent, fs);
  }

  private static final class NoFile extends FileBasedConfig {
    @SuppressWarnings("NullAway")
    NoFile(Config parent, FS fs) {
      super(parent, null, fs);
    }

    @Override
    public void load() {
      // There is nothing to load.
    }

    @Override
    public void save() {
      // Nor to keep.
    }

    @Override
    public boolean isOutdated() {
      return false;
    }

    /** Without an answer JGit measures how exact the file system's times are, for seconds, with files of its own in our directories. */
    @Override
    public long getTimeUnit(String section, String subsection, String name, long otherwise, TimeUnit unit) {
      return section.equals("filesystem") ? unit.convert(name.equalsIgnoreCase("timestampResolution") ? 1 : 0, TimeUnit.SECONDS) : otherwise;
    }
  }
}
