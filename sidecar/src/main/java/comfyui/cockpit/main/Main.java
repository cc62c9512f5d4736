package comfyui.cockpit.main;

import comfyui.cockpit.cli.ConnectionFile;
import comfyui.cockpit.cli.Console;
import comfyui.cockpit.cli.DaemonClient;
import comfyui.cockpit.cli.Foreground;
import comfyui.cockpit.cli.Options;
import comfyui.cockpit.cli.RootCommand;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.wire.CockpitApi;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** The one place that knows argv, the environment and the exit. */
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    PrintStream err = new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);
    Map<String, String> environment = new HashMap<>(System.getenv());
    environment.put("COCKPIT_OS", System.getProperty("os.name"));
    environment.put("COCKPIT_ARCH", System.getProperty("os.arch"));
    boolean daemon = List.of(args).contains("serve");
    System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", daemon || List.of(args).contains("--verbose") ? "info" : "error");
    System.setProperty("org.slf4j.simpleLogger.log.org.eclipse.jetty", "warn");
    System.setProperty("org.slf4j.simpleLogger.log.io.javalin", "warn");
    System.setProperty("org.slf4j.simpleLogger.showThreadName", "false");
    System.setProperty("org.slf4j.simpleLogger.showShortLogName", "true");
    System.setProperty("org.slf4j.simpleLogger.levelInBrackets", "true");
    boolean terminal = System.console() != null && System.console().isTerminal();
    int width = Optional.ofNullable(environment.get("COLUMNS")).filter(text -> text.matches("\\d{1,4}")).map(Integer::parseInt).orElse(100);
    Console console = new Console(out, err, System.in, terminal, width);
    Start start = new Start(environment, Clock.system());
    Serve serve = new Serve(start, out);
    int exit;
    Optional<Serve.Wanted> wanted = Serve.Wanted.plain(args);
    if (wanted.isPresent()) {
      exit = serve.plainly(wanted.get(), console);
    } else if (args.length > 0 && args[0].equals("serve")) {
      exit = RootCommand.alone(serve, console).execute(Arrays.copyOfRange(args, 1, args.length));
    } else {
      exit = RootCommand.of(start::api, start::foreground, console, start.clock(), environment, start.version()).addSubcommand("serve", serve).execute(args);
    }
    err.flush();
    if (out.checkError() && exit == 0) {
      err.println("error: standard output could not be written to its end");
      exit = 1;
    }
    System.exit(exit);
  }

  /** What a start knows of its surroundings. */
  record Start(Map<String, String> environment, Clock clock) {
    /** This process's own product, or a running daemon's. */
    CockpitApi api(Options options) {
      Path root = root(options.root());
      if (!options.offline() && !options.alone()) {
        Optional<CockpitApi> daemon = ConnectionFile.read(connectionFile(root), root).flatMap(DaemonClient::connect).filter(this::sharesCaches);
        if (daemon.isPresent()) {
          return daemon.get();
        }
      }
      return cockpit(root, options.offline());
    }

    Foreground foreground(Options options) {
      return new Programs(cockpit(root(options.root()), options.offline()), options.offline());
    }

    /** A caller who names another cache than the daemon's does the work himself. */
    private boolean sharesCaches(CockpitApi daemon) {
      Optional<Path> named = variable("COMFY_CACHE_ROOT").map(Path::of).map(path -> path.toAbsolutePath().normalize());
      return named.isEmpty() || Json.read(daemon.call("GET", "/api/versions", "").body()).flatMap(all -> all.text("cache_root")).equals(named.map(Path::toString));
    }

    Cockpit cockpit(Path root, boolean offline) {
      return new Cockpit(root, environment, offline, version(), java(), clock.now(), clock);
    }

    static Path root(Path given) {
      try {
        Path root = given.toAbsolutePath().normalize();
        if (!Files.isDirectory(root)) {
          throw Problem.of(Code.BAD_REQUEST, "--root " + given + " is not a directory.").withHint("Name the Jupyter root, in which models.json lies.").toException();
        }
        return root.toRealPath();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** Where the variable says, else in Jupyter's runtime directory, one for each root. */
    Path connectionFile(Path root) {
      return variable("COCKPIT_CONNECTION_FILE")
          .map(Path::of)
          .orElseGet(() -> runtimeDirectory().resolve("comfyui-cockpit-" + sha256(root.toString()).substring(0, 16) + ".json"));
    }

    private Path runtimeDirectory() {
      Optional<Path> named = variable("JUPYTER_RUNTIME_DIR").map(Path::of);
      if (named.isPresent()) {
        return named.get();
      }
      Path home = Path.of(System.getProperty("user.home"));
      String system = System.getProperty("os.name");
      Path data =
          variable("JUPYTER_DATA_DIR")
              .map(Path::of)
              .orElseGet(
                  () ->
                      system.startsWith("Windows")
                          ? variable("APPDATA").map(Path::of).orElse(home).resolve("jupyter")
                          : system.startsWith("Mac")
                              ? home.resolve("Library/Jupyter")
                              : variable("XDG_DATA_HOME").map(Path::of).orElse(home.resolve(".local/share")).resolve("jupyter"));
      return data.resolve("runtime");
    }

    Optional<String> variable(String name) {
      return Optional.ofNullable(environment.get(name)).filter(value -> !value.isEmpty());
    }

    /** Stands in package.json, of which the jar carries a copy. */
    String version() {
      try (InputStream in = Objects.requireNonNull(Main.class.getResourceAsStream("/comfyui/cockpit/package.json"), "the jar lacks package.json")) {
        Value json = Json.read(new String(in.readAllBytes(), StandardCharsets.UTF_8)).orElseThrow();
        return json.text("version").orElseThrow();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    String java() {
      return System.getProperty("java.runtime.version") + " (" + System.getProperty("java.home") + ")";
    }

    private static String sha256(String text) {
      try {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        return Checksum.of(Checksum.Algorithm.SHA256, digest).hex();
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
