package comfyui.cockpit.python;

import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.process.Children;
import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The Pythons of this machine: those that uv knows, and pyenv's, whose shims uv cannot look behind. */
public final class Interpreters {
  /** Where nobody says which: the first of these that is here. */
  private static final List<String> USUAL = List.of("3.12", "3.13", "3.11", "3.10");

  /** What pyenv puts on the PATH; others have such a directory too, with other things beside it. */
  private static final String SHIMS = File.separator + "shims";

  private final Uv uv;
  private final Path home;
  /** A Python that goes away meanwhile fails where it is used. */
  private List<Interpreter> known = List.of();

  public Interpreters(Uv uv, Path home) {
    this.uv = uv;
    this.home = home;
  }

  /**
   * @param wanted {@code 3.12} or {@code 3.12.8}; nothing: the usual one
   * @param offline false: uv may bring it
   * @throws comfyui.cockpit.kernel.ProblemException {@code interpreter_missing}
   */
  public Interpreter require(Optional<String> wanted, boolean offline, Children children, Path directory, CancelSignal cancel, ProgressSink progress) {
    Optional<Interpreter> here = find(wanted, children, directory, cancel);
    if (here.isEmpty()) {
      // It may have come since the last look.
      forget();
      here = find(wanted, children, directory, cancel);
    }
    if (here.isPresent()) {
      return here.get();
    }
    String version = wanted.orElse(USUAL.getFirst());
    if (!offline) {
      progress.log("Python " + version + " is not here; uv brings it.");
      Uv.Ended ended = uv.run(children, List.of("python", "install", version), directory, cancel, progress::log);
      forget();
      Optional<Interpreter> brought = ended.status() == 0 ? find(Optional.of(version), children, directory, cancel) : Optional.empty();
      if (brought.isPresent()) {
        return brought.get();
      }
    }
    List<String> known = all(children, directory, cancel).stream().map(Interpreter::version).distinct().toList();
    throw missing(version, known).toException();
  }

  private synchronized void forget() {
    known = List.of();
  }

  public static Problem missing(String version, List<String> known) {
    return Problem.of(Code.INTERPRETER_MISSING, "Python " + version + " is not on this machine" + (known.isEmpty() ? "." : "; there is " + String.join(", ", known) + "."))
        .with("python", version);
  }

  /** A program by its path, or by its name on the PATH. */
  public Optional<Interpreter> program(String name) {
    Stream<Path> places = name.matches(".*[/\\\\].*") ? Stream.of(Path.of(name)) : uv.searchPath().stream().filter(each -> !each.isEmpty()).map(each -> Path.of(each, name));
    return places.filter(place -> Files.isRegularFile(place) && Files.isExecutable(place)).findFirst().map(place -> new Interpreter(place, name));
  }

  public Optional<Interpreter> find(Optional<String> wanted, Children children, Path directory, CancelSignal cancel) {
    List<Interpreter> all = all(children, directory, cancel);
    for (String version : wanted.map(List::of).orElse(USUAL)) {
      Optional<Interpreter> first = all.stream().filter(python -> python.fits(version)).findFirst();
      if (first.isPresent()) {
        return first;
      }
    }
    return Optional.empty();
  }

  private synchronized List<Interpreter> all(Children children, Path directory, CancelSignal cancel) {
    if (!known.isEmpty()) {
      return known;
    }
    known = look(children, directory, cancel);
    return known;
  }

  private List<Interpreter> look(Children children, Path directory, CancelSignal cancel) {
    List<Interpreter> all = new ArrayList<>();
    // uv would start every shim, for seconds, and learn nothing that pyenv's own folder does not say.
    List<String> shims = uv.searchPath().stream().filter(Interpreters::isPyenvs).toList();
    Uv direct = uv.searching(uv.searchPath().stream().filter(each -> !shims.contains(each)).toList());
    Uv.Ended ended = direct.run(children, List.of("python", "list", "--only-installed", "--output-format", "json", "--offline"), directory, cancel, line -> {});
    // What is complained of stands on lines of its own.
    ended.lines().stream().filter(line -> line.startsWith("[{")).findFirst().flatMap(Json::read).ifPresent(list -> {
          if (list instanceof Value.Arr found) {
            for (Value item : found.items()) {
              boolean usual = item.text("implementation").orElse("").equals("cpython") && item.text("variant").orElse("default").equals("default");
              if (usual && item.text("path").isPresent()) {
                all.add(new Interpreter(Path.of(item.text("path").get()), item.text("version").orElse("")));
              }
            }
          }
        });
    Stream.concat(Stream.of(home.resolve(".pyenv")), shims.stream().map(Path::of).map(Path::getParent)).distinct().forEach(root -> all.addAll(pyenv(root)));
    return List.copyOf(all);
  }

  private static boolean isPyenvs(String directory) {
    return directory.endsWith(SHIMS) && Files.isDirectory(Path.of(directory).resolveSibling("versions"));
  }

  private static List<Interpreter> pyenv(Path root) {
    List<Interpreter> found = new ArrayList<>();
    Path versions = root.resolve("versions");
    if (Files.isDirectory(versions)) {
      try (DirectoryStream<Path> each = Files.newDirectoryStream(versions, "3.*")) {
        for (Path version : each) {
          Path program = version.resolve("bin").resolve("python");
          if (version.getFileName().toString().matches("3\\.\\d+\\.\\d+") && Files.isExecutable(program)) {
            found.add(new Interpreter(program, version.getFileName().toString()));
          }
        }
      } catch (IOException e) {
        // A folder that cannot be listed has no Python for us.
        return found;
      }
    }
    return found;
  }
}
