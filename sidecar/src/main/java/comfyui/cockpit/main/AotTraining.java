package comfyui.cockpit.main;

import comfyui.cockpit.cli.ConnectionFile;
import comfyui.cockpit.cli.DaemonClient;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.process.Children;
import comfyui.cockpit.wire.CockpitApi;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the ahead-of-time cache that lets the next daemon start in half the time: a second daemon on an empty folder is asked a few
 * things and writes the cache when it exits. Only when nothing else has run for a while, never beside the lab's start.
 */
final class AotTraining implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(AotTraining.class);
  private static final Duration IDLE = Duration.ofMinutes(2);
  private static final Duration LOOK = Duration.ofSeconds(5);
  private static final Duration LONGEST = Duration.ofSeconds(90);
  private static final String SECRET = "training";

  private final Optional<Path> cache;
  private final Path jar;
  private final Children children;
  private final BooleanSupplier idle;
  private final Clock clock;
  private final Duration quiet;
  private final Thread thread;

  /**
   * @param cache the file to make, if any; its name tells everything that it depends on
   * @param quiet how long nothing must have run; the usual time where none is given
   */
  AotTraining(Optional<Path> cache, Path jar, Children children, BooleanSupplier idle, Optional<Duration> quiet, Clock clock) {
    this.cache = cache;
    this.jar = jar;
    this.children = children;
    this.idle = idle;
    this.clock = clock;
    this.quiet = quiet.orElse(IDLE);
    this.thread = Thread.ofVirtual().name("aot-training").unstarted(this::run);
  }

  void start() {
    if (cache.isPresent() && !Files.exists(cache.get())) {
      thread.start();
    }
  }

  private void run() {
    try {
      long since = clock.nanos();
      while (clock.secondsSince(since) < quiet.toSeconds()) {
        clock.sleep(LOOK.compareTo(quiet) < 0 ? LOOK : quiet);
        if (!idle.getAsBoolean()) {
          since = clock.nanos();
        }
      }
      train(cache.orElseThrow());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      LOG.info("no start-up cache was made: {}", e.getMessage());
    }
  }

  private void train(Path cache) throws IOException, InterruptedException {
    Path scratch = Files.createTempDirectory("cockpit-training");
    Path made = cache.resolveSibling("." + cache.getFileName() + "." + UUID.randomUUID().toString().substring(0, 8) + ".new");
    try {
      Files.createDirectories(cache.getParent());
      Files.writeString(scratch.resolve("cockpit.json"), "{\"network\": {\"retries\": 0, \"connect_timeout\": 1, \"header_timeout\": 1}}");
      Files.writeString(scratch.resolve("source.txt"), "training");
      Files.writeString(
          scratch.resolve("models.json"),
          "{\"models\": {\"a\": {\"source\": \"source.txt\", \"path\": \"a.txt\"}, \"b\": {\"source\": \"http://127.0.0.1:9/b\", \"path\": \"b.txt\"}}, "
              + "\"bundles\": {\"x\": {\"models\": [\"a\", \"b\"], \"auto_install\": true}}}");
      List<String> command = new ArrayList<>(List.of(ProcessHandle.current().info().command().orElse("java")));
      command.addAll(ownFlags());
      command.addAll(List.of("-XX:AOTCacheOutput=" + made, "-jar", jar.toString(), "serve", "--until-eof", "--root", scratch.toString()));
      Map<String, String> environment = new LinkedHashMap<>();
      environment.put("COCKPIT_SECRET", SECRET);
      environment.put("COCKPIT_CONNECTION_FILE", scratch.resolve("connection.json").toString());
      environment.put("HOME", scratch.toString());
      environment.put("PATH", "/usr/bin:/bin");
      Children.Child child = children.start(new Children.Order(command, environment, scratch, line -> {}));
      try {
        converse(scratch);
        child.input().close();
        child.await(LONGEST);
      } finally {
        child.end();
      }
      if (Files.isRegularFile(made)) {
        if (made.getFileSystem().supportedFileAttributeViews().contains("posix")) {
          Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rw-------"));
        }
        Files.move(made, cache, StandardCopyOption.ATOMIC_MOVE);
        LOG.info("made the start-up cache {}", cache);
      }
    } finally {
      Files.deleteIfExists(made);
      deleteAll(scratch);
    }
  }

  /** Asks what a panel asks, so that the cache holds what answering needs. */
  private void converse(Path scratch) throws InterruptedException {
    long start = clock.nanos();
    Optional<CockpitApi> daemon = Optional.empty();
    while (daemon.isEmpty() && clock.secondsSince(start) < LONGEST.toSeconds()) {
      clock.sleep(Duration.ofMillis(200));
      daemon = ConnectionFile.read(scratch.resolve("connection.json"), scratch).flatMap(DaemonClient::connect);
    }
    if (daemon.isEmpty()) {
      return;
    }
    CockpitApi api = daemon.get();
    api.call("GET", "/api/models", "");
    api.call("POST", "/api/models/plan", Json.write(Map.of("all", true)));
    api.call("POST", "/api/models/install", Json.write(Map.of("all", true)));
    api.call("POST", "/api/models/verify", "");
    api.call("GET", "/api/doctor", "");
    api.call("GET", "/api/nothing", "");
    clock.sleep(Duration.ofSeconds(3));
    api.call("GET", "/api/jobs", "");
  }

  /** The JVM's own options, without a cache: they decide what the cache fits. */
  private static List<String> ownFlags() {
    List<String> all = ProcessHandle.current().info().arguments().map(List::of).orElse(List.of());
    int jar = all.indexOf("-jar");
    return all.subList(0, Math.max(0, jar)).stream().filter(flag -> !flag.startsWith("-XX:AOT")).toList();
  }

  private static void deleteAll(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
