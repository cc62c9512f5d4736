package comfyui.cockpit.main;

import comfyui.cockpit.app.Watch;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.http.HttpServer;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.kernel.Secret;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code serve}: answers until its parent goes or it is told to stop. */
final class Daemon {
  private static final Logger LOG = LoggerFactory.getLogger(Daemon.class);

  private final Cockpit cockpit;
  private final int port;
  private final Path root;
  private final Path connectionFile;
  private final Secret secret;
  private final String version;
  private final Instant startedAt;
  private final CountDownLatch stop = new CountDownLatch(1);

  Daemon(Cockpit cockpit, int port, Path root, Path connectionFile, Secret secret, String version, Instant startedAt) {
    this.cockpit = cockpit;
    this.port = port;
    this.root = root;
    this.connectionFile = connectionFile;
    this.secret = secret;
    this.version = version;
    this.startedAt = startedAt;
  }

  /** Returns when it has stopped and tidied up. */
  void run(PrintStream out, InputStream in, boolean untilEof) throws IOException, InterruptedException {
    long pid = ProcessHandle.current().pid();
    try (Watch watch = cockpit.watch()) {
      String url = "http://127.0.0.1:" + port;
      SmallFile.writePrivate(connectionFile, Json.write(connection(url, pid)));
      Map<String, Object> ready = new LinkedHashMap<>();
      ready.put("event", "ready");
      ready.put("url", url);
      ready.put("port", port);
      ready.put("pid", pid);
      ready.put("version", version);
      ready.put("api", Cockpit.API);
      out.println(Json.write(ready));
      out.flush();
      LOG.info("ComfyUI Cockpit {} answers for {}", version, root);
      watch.start();
      if (untilEof) {
        Thread.ofPlatform().daemon().name("parent").start(() -> waitForEof(in));
      }
      stop.await();
    } finally {
      removeConnectionFile(pid);
    }
  }

  void stop() {
    stop.countDown();
  }

  private void waitForEof(InputStream in) {
    try {
      while (in.read() >= 0) {
        // Only the end says something.
      }
      LOG.info("the parent is gone; stopping");
    } catch (IOException e) {
      LOG.info("the parent cannot be heard any more; stopping");
    }
    stop();
  }

  private Map<String, Object> connection(String url, long pid) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("schema_version", 1);
    map.put("url", url);
    map.put("header", HttpServer.SECRET_HEADER);
    map.put("secret", secret.reveal());
    map.put("root", root.toString());
    map.put("pid", pid);
    map.put("started_at", startedAt.truncatedTo(ChronoUnit.MILLIS).toString());
    map.put("version", version);
    map.put("api", Cockpit.API);
    return map;
  }

  /** Only our own: another daemon of this root may have written its own since. */
  private void removeConnectionFile(long pid) {
    try {
      boolean ours = SmallFile.read(connectionFile).flatMap(Json::read).map(json -> json.number("pid").orElse(-1) == pid).orElse(false);
      if (ours) {
        Files.deleteIfExists(connectionFile);
      }
    } catch (IOException e) {
      LOG.warn("the connection file could not be removed: {}", e.getMessage());
    }
  }
}
