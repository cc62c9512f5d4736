package comfyui.cockpit.version;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.json.Checker;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.Where;
import comfyui.cockpit.source.Hubs;
import comfyui.cockpit.source.SourceUri;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** The user's specs and their locks, side by side: {@code <id>.json} and {@code <id>.lock.json}. */
public final class VersionFiles {
  private static final String LOCK = ".lock.json";

  private final Path directory;
  private final Hubs hubs;
  private final UnaryOperator<Path> show;

  /** @param show how the user would write a path */
  public VersionFiles(Path directory, Hubs hubs, UnaryOperator<Path> show) {
    this.directory = directory;
    this.hubs = hubs;
    this.show = show;
  }

  /** One spec's place. */
  public record Named(String id, Path spec, Path lock) {}

  public Path directory() {
    return directory;
  }

  /**
   * @param spec a file instead of the one in the directory of versions
   * @throws ProblemException {@code bad_request} for what cannot be an id
   */
  public Named named(String id, Optional<Path> spec) {
    if (!VersionJson.isId(id)) {
      throw Problem.of(Code.BAD_REQUEST, "\"" + id + "\" cannot be the id of a version.").withHint("An id is made of letters, digits, \".\", \"_\" and \"-\".").toException();
    }
    Path file = spec.orElseGet(() -> directory.resolve(id + ".json"));
    return new Named(id, file, file.resolveSibling(id + LOCK));
  }

  /** The id that a spec's file name says. */
  public static String idOf(Path spec) {
    String name = spec.getFileName().toString();
    return name.endsWith(".json") ? name.substring(0, name.length() - ".json".length()) : name;
  }

  public List<Named> list() {
    List<Named> all = new ArrayList<>();
    if (!Files.isDirectory(directory)) {
      return all;
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*.json")) {
      for (Path file : files) {
        String id = idOf(file);
        if (VersionJson.isId(id) && Files.isRegularFile(file)) {
          all.add(named(id, Optional.empty()));
        }
      }
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, directory), e);
    }
    all.sort(java.util.Comparator.comparing(Named::id));
    return all;
  }

  /** @throws ProblemException {@code unknown_id} if there is no such file */
  public VersionJson.Parsed parse(Named named) {
    return parse(named, text(named));
  }

  public VersionJson.Parsed parse(Named named, String text) {
    Path folder = named.spec().toAbsolutePath().getParent();
    return new VersionJson(new SourceUri(hubs, folder), folder).parse(text, show.apply(named.spec()).toString(), named.id());
  }

  /** @throws ProblemException {@code unknown_id}, {@code declaration_invalid} with all errors */
  public VersionSpec good(Named named) {
    VersionJson.Parsed parsed = parse(named);
    return parsed.spec().orElseThrow(() -> invalid(named, parsed.errors()).toException());
  }

  public Problem invalid(Named named, List<Problem> errors) {
    Problem first = errors.getFirst();
    String many = errors.size() == 1 ? "1 error" : errors.size() + " errors";
    Problem problem =
        Problem.of(Code.DECLARATION_INVALID, show.apply(named.spec()) + " has " + many + ". The first: " + first.detail()).withHint(first.hint()).gathering(errors);
    return first.where().map(problem::at).orElse(problem);
  }

  public String text(Named named) {
    try {
      return SmallFile.read(named.spec())
          .orElseThrow(
              () -> {
                List<String> known = list().stream().map(Named::id).toList();
                String hint =
                    Checker.nearest(named.id(), known).map(name -> "Did you mean \"" + name + "\"?")
                        .orElse(known.isEmpty() ? "`comfyui-cockpit version create` makes the first." : "There are: " + String.join(", ", known) + ".");
                return Problem.of(Code.UNKNOWN_ID, "There is no version \"" + named.id() + "\": " + show.apply(named.spec()) + " is not there.").withHint(hint).with("id", named.id()).toException();
              });
    } catch (MalformedInputException e) {
      Problem problem = Problem.of(Code.DECLARATION_INVALID, show.apply(named.spec()) + " is no text in UTF-8.").at(new Where(show.apply(named.spec()).toString(), "", 1, 1));
      throw new ProblemException(problem, e);
    } catch (IOException e) {
      Problem problem = DiskProblems.of(e, named.spec());
      throw new ProblemException(problem.code() == Code.DECLARATION_INVALID ? problem.at(new Where(show.apply(named.spec()).toString(), "", 1, 1)) : problem, e);
    }
  }

  /** The lock beside the spec. */
  public Optional<Lock> lock(Named named) {
    return lock(named.lock());
  }

  /** @throws ProblemException {@code declaration_invalid} */
  public Optional<Lock> lock(Path file) {
    try {
      return SmallFile.read(file).map(text -> LockJson.read(text, show.apply(file).toString(), file.toAbsolutePath().getParent()));
    } catch (MalformedInputException e) {
      throw new ProblemException(Problem.of(Code.DECLARATION_INVALID, show.apply(file) + " is no text in UTF-8."), e);
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, file), e);
    }
  }

  public Path show(Path path) {
    return show.apply(path);
  }
}
