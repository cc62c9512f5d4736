package comfyui.cockpit.files;

import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.RelativePath;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The directories in which files may be written. A path is inside if it is so by its parts after every symbolic link on the way is
 * resolved, also for a file that does not exist yet.
 *
 * @param main where relative paths begin
 * @param extra other directories in which absolute paths may lie
 */
public record Roots(Path main, List<Path> extra) {
  public Roots {
    main = main.toAbsolutePath().normalize();
    extra = extra.stream().map(path -> path.toAbsolutePath().normalize()).toList();
  }

  /**
   * @throws comfyui.cockpit.kernel.ProblemException {@code path_outside_root}, {@code path_taken}
   */
  public Path resolve(RelativePath path) {
    return inside(main.resolve(path.value()), path.value());
  }

  /** An absolute path, which must lie in one of the extra roots (or in the main one). */
  public Path resolve(Path absolute) {
    Path normal = absolute.normalize();
    if (!normal.equals(absolute) || all().stream().noneMatch(normal::startsWith)) {
      throw outside(absolute.toString());
    }
    return inside(normal, absolute.toString());
  }

  /** How the user would write it: relative to the main root where it lies there. */
  public String show(Path path) {
    return path.startsWith(main) ? main.relativize(path).toString().replace('\\', '/') : path.toString();
  }

  private List<Path> all() {
    List<Path> all = new ArrayList<>();
    all.add(main);
    all.addAll(extra);
    return all;
  }

  private Path inside(Path target, String shown) {
    Path existing = nearestExisting(target);
    if (!Files.exists(existing)) {
      throw Problem.of(Code.PATH_TAKEN, "\"" + shown + "\" cannot be made: " + show(existing) + " is a symbolic link to nothing.").with("path", shown).toException();
    }
    try {
      Path real = existing.toRealPath();
      for (Path root : all()) {
        Optional<Path> realRoot = realOf(root);
        if (realRoot.isPresent() && real.startsWith(realRoot.get())) {
          if (!existing.equals(target) && !Files.isDirectory(real)) {
            throw Problem.of(Code.PATH_TAKEN, "\"" + shown + "\" cannot be made: " + show(existing) + " is a file.").with("path", shown).toException();
          }
          return target;
        }
      }
    } catch (IOException e) {
      throw DiskProblems.of(e, existing).toException();
    }
    // A root that does not exist yet contains what is below its name.
    if (all().stream().anyMatch(root -> !Files.exists(root) && target.startsWith(root))) {
      return target;
    }
    throw outside(shown);
  }

  private static comfyui.cockpit.kernel.ProblemException outside(String shown) {
    return Problem.of(Code.PATH_OUTSIDE_ROOT, "\"" + shown + "\" lies outside models_dir and extra_roots, after symbolic links are resolved.")
        .with("path", shown)
        .toException();
  }

  private static Optional<Path> realOf(Path root) {
    try {
      return Optional.of(root.toRealPath());
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** The path itself or the nearest directory above it that is there; a dangling link counts as there, so that it is refused. */
  static Path nearestExisting(Path path) {
    Path at = path;
    while (!Files.exists(at, LinkOption.NOFOLLOW_LINKS) && at.getParent() instanceof Path parent) {
      at = parent;
    }
    return at;
  }
}
