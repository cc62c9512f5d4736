package comfyui.cockpit.python;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.process.Children;
import comfyui.cockpit.process.Inherited;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** The program uv: one call, one child. */
public final class Uv {
  private static final Duration LOOK = Duration.ofMillis(100);

  /** What a build of a package may need to see; nothing else of ours is handed down. */
  private static final List<String> COMPILERS = List.of("CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS", "PKG_CONFIG_PATH", "PYENV_ROOT");

  private static final List<Path> SYSTEM_CERTIFICATES =
      List.of(Path.of("/etc/ssl/certs/ca-certificates.crt"), Path.of("/etc/pki/tls/certs/ca-bundle.crt"), Path.of("/etc/ssl/cert.pem"));

  private final Optional<Path> program;
  private final Map<String, String> environment;

  /**
   * @param program nothing if uv is not to be found
   * @param caller the caller's variables, of which a few are handed down
   * @param cache shared by all environments of this machine
   */
  public Uv(Optional<Path> program, Map<String, String> caller, Path cache) {
    this.program = program;
    this.environment = environment(caller, cache);
  }

  private Uv(Optional<Path> program, Map<String, String> environment) {
    this.program = program;
    this.environment = environment;
  }

  /** The directories in which programs are looked for. */
  List<String> searchPath() {
    return List.of(environment.getOrDefault("PATH", "").split(File.pathSeparator));
  }

  /** The same, with other directories. */
  Uv searching(List<String> directories) {
    Map<String, String> other = new LinkedHashMap<>(environment);
    other.put("PATH", String.join(File.pathSeparator, directories));
    return new Uv(program, other);
  }

  private static Map<String, String> environment(Map<String, String> caller, Path cache) {
    Map<String, String> made = Inherited.of(caller, COMPILERS, List.of("UV_"));
    if (!made.containsKey("SSL_CERT_FILE") && SYSTEM_CERTIFICATES.stream().anyMatch(Files::isReadable)) {
      // As our own downloads do: a company's certificate stands there and nowhere else. The second is its name before 0.10.
      made.putIfAbsent("UV_SYSTEM_CERTS", "true");
      made.putIfAbsent("UV_NATIVE_TLS", "true");
    }
    made.putIfAbsent("UV_CACHE_DIR", cache.toString());
    made.put("UV_PYTHON_DOWNLOADS", "manual");
    made.put("UV_NO_PROGRESS", "1");
    made.put("NO_COLOR", "1");
    // What a package's build writes must not depend on the day or on chance.
    made.put("SOURCE_DATE_EPOCH", "315532800");
    made.put("PYTHONHASHSEED", "0");
    made.put("PYTHONDONTWRITEBYTECODE", "1");
    return made;
  }

  /** How a call ended. */
  record Ended(int status, List<String> lines) {
    String text() {
      return String.join("\n", lines);
    }
  }

  /** Where packages of this machine are kept. */
  public Path cache() {
    return Path.of(environment.getOrDefault("UV_CACHE_DIR", ""));
  }

  Ended run(Children children, List<String> arguments, Path directory, CancelSignal cancel, Consumer<String> log) {
    return run(children, program().toString(), arguments, directory, cancel, log);
  }

  private Path program() {
    return program
        .filter(Files::isExecutable)
        .orElseThrow(
            () ->
                Problem.of(Code.INTERPRETER_MISSING, "The program uv is not to be found.")
                    .withHint("It comes with the package: `pip install jupyterlab-comfyui-cockpit`, or install uv and put it on the PATH.")
                    .toException());
  }

  /** Runs another program in the same surroundings. */
  Ended run(Children children, String other, List<String> arguments, Path directory, CancelSignal cancel, Consumer<String> log) {
    cancel.throwIfCancelled();
    List<String> command = new ArrayList<>();
    command.add(other);
    command.addAll(arguments);
    List<String> lines = java.util.Collections.synchronizedList(new ArrayList<>());
    try {
      Children.Child child =
          children.start(
              new Children.Order(
                  command,
                  environment,
                  directory,
                  line -> {
                    lines.add(line);
                    log.accept(line);
                  }));
      try (CancelSignal.Registration ignored = cancel.onCancel(child::end)) {
        Optional<Integer> status = Optional.empty();
        while (status.isEmpty()) {
          status = child.await(LOOK);
        }
        cancel.throwIfCancelled();
        return new Ended(status.get(), List.copyOf(lines));
      }
    } catch (IOException e) {
      throw new ProblemException(Problem.of(Code.PACKAGE_FAILED, other + " could not be started: " + e.getMessage() + "."), e);
    }
  }
}
