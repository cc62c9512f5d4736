package comfyui.cockpit.version;

import comfyui.cockpit.files.Disk;
import comfyui.cockpit.kernel.Problem;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a realization would do: the difference between a lock and the disk.
 *
 * @param steps in order
 * @param missing everything that keeps it from being done, not only the first
 */
public record VersionPlan(String versionId, Lock lock, boolean nothingToDo, List<Step> steps, List<Need> fileSystems, List<Problem> missing) {
  public VersionPlan {
    steps = List.copyOf(steps);
    fileSystems = List.copyOf(fileSystems);
    missing = List.copyOf(missing);
  }

  /** What a step brings about. */
  public enum Kind {
    COMMIT,
    CHECKOUT,
    ENVIRONMENT,
    PACKAGE,
    MODEL,
    LINK,
    SWITCH
  }

  /** Where its bytes come from. */
  public enum From {
    CACHE,
    NETWORK,
    WHEELS,
    FILE
  }

  public record Step(Kind kind, String subject, Optional<From> from, OptionalLong size) {}

  /** Bytes on one file system. */
  public record Need(Path path, long freeBytes, long neededBytes) {
    public long shortfallBytes() {
      return Math.max(0, neededBytes - freeBytes);
    }

    static Need of(Disk.Space space, long bytes) {
      return new Need(space.path(), space.freeBytes(), bytes);
    }
  }
}
