package comfyui.cockpit.main;

import comfyui.cockpit.cli.Console;
import comfyui.cockpit.cli.Options;
import comfyui.cockpit.http.HttpServer;
import comfyui.cockpit.job.Results;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.Secret;
import comfyui.cockpit.process.Children;
import java.io.PrintStream;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine;

/** {@code serve}. */
@Command(name = "serve", description = "The daemon: prints a line of JSON when it is ready.", mixinStandardHelpOptions = true)
final class Serve implements Callable<Integer> {
  private final Main.Start start;
  private final PrintStream out;

  @CommandLine.Mixin private Options options = new Options();

  @Option(names = "--until-eof", description = "Stop when standard input ends.")
  private boolean untilEof;

  @Option(names = "--aot-cache", paramLabel = "FILE", description = "Make the JVM's ahead-of-time cache there when idle, if it is not there yet.")
  private Optional<Path> aotCache = Optional.empty();

  Serve(Main.Start start, PrintStream out) {
    this.start = start;
    this.out = out;
  }

  /** What a start of the daemon says. */
  record Wanted(Path root, boolean offline, boolean untilEof, Optional<Path> aotCache) {
    /**
     * The words with which the lab starts us: reading them with the library for command lines would be a sixth of the whole start. Anything
     * else is nothing here, and goes that way.
     */
    static Optional<Wanted> plain(String[] args) {
      if (args.length == 0 || !args[0].equals("serve")) {
        return Optional.empty();
      }
      Path root = Path.of("");
      boolean offline = false;
      boolean untilEof = false;
      Optional<Path> aotCache = Optional.empty();
      for (int i = 1; i < args.length; i++) {
        boolean last = i + 1 == args.length;
        switch (args[i]) {
          case "--until-eof" -> untilEof = true;
          case "--offline" -> offline = true;
          case "--root", "--aot-cache" -> {
            if (last || args[i + 1].startsWith("-")) {
              return Optional.empty();
            }
            Path path = Path.of(args[i + 1]);
            if (args[i].equals("--root")) {
              root = path;
            } else {
              aotCache = Optional.of(path);
            }
            i++;
          }
          default -> {
            return Optional.empty();
          }
        }
      }
      return Optional.of(new Wanted(root, offline, untilEof, aotCache));
    }
  }

  /** As the command line runs it, and fails as it does. */
  int plainly(Wanted wanted, Console console) {
    try {
      return run(wanted);
    } catch (ProblemException e) {
      console.err().println(e.problem().detail());
      console.err().println("  hint: " + e.problem().hint());
      return e.problem().code().usersMistake() ? 2 : 1;
    } catch (Exception e) {
      e.printStackTrace(console.err());
      return 1;
    }
  }

  @Override
  public Integer call() throws Exception {
    return run(new Wanted(options.root(), options.offline(), untilEof, aotCache));
  }

  private int run(Wanted wanted) throws Exception {
    Instant now = start.clock().now();
    Path root = Main.Start.root(wanted.root());
    Secret secret = start.variable("COCKPIT_SECRET").map(Secret::new).orElseGet(Serve::newSecret);
    // Javalin and everything else are made at the same time: each is half of the start.
    FutureTask<Cockpit> making = new FutureTask<>(() -> start.cockpit(root, wanted.offline()));
    Thread.ofPlatform().name("cockpit").start(making);
    HttpServer server = new HttpServer(() -> Results.of(making).core(), secret);
    try (Cockpit cockpit = startedBeside(server, making);
        HttpServer first = server) {
      Daemon daemon = new Daemon(cockpit, first.port(), root, start.connectionFile(root), secret, start.version(), now);
      Thread main = Thread.currentThread();
      Thread onSignal =
          new Thread(
              () -> {
                daemon.stop();
                cockpit.close();
                join(main);
              });
      Runtime.getRuntime().addShutdownHook(onSignal);
      try (Children children = new Children(start.connectionFile(root).resolveSibling(start.connectionFile(root).getFileName() + ".children"), start.clock())) {
        children.endLeftovers();
        try (AotTraining training = training(cockpit, children, wanted.aotCache())) {
          training.start();
          daemon.run(out, System.in, wanted.untilEof());
        }
      }
      try {
        Runtime.getRuntime().removeShutdownHook(onSignal);
      } catch (IllegalStateException e) {
        // A signal is what ended it: the hook is at work and waits for this thread.
      }
    }
    return 0;
  }

  private static Cockpit startedBeside(HttpServer server, FutureTask<Cockpit> making) {
    server.start();
    return Results.of(making);
  }

  private AotTraining training(Cockpit cockpit, Children children, Optional<Path> aotCache) throws java.net.URISyntaxException {
    Path jar = Path.of(Main.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    Optional<Duration> quiet = start.variable("COCKPIT_AOT_IDLE").filter(text -> text.matches("\\d{1,6}")).map(Long::parseLong).map(Duration::ofSeconds);
    return new AotTraining(aotCache, jar, children, cockpit::isIdle, quiet, start.clock());
  }

  /** Lets the main thread remove the connection file. */
  private static void join(Thread main) {
    try {
      main.join(500);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static Secret newSecret() {
    byte[] bytes = new byte[32];
    new SecureRandom().nextBytes(bytes);
    return new Secret(Base64.getUrlEncoder().withoutPadding().encodeToString(bytes));
  }
}
