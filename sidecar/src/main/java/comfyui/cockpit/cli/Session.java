package comfyui.cockpit.cli;

import com.fasterxml.jackson.databind.JsonNode;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.wire.CockpitApi;
import comfyui.cockpit.wire.WireJson;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** One command at work: calls, follows a job to its end, prints, and knows the exit status. */
final class Session implements AutoCloseable {
  static final int DONE = 0;
  static final int FAILED = 1;
  static final int WRONG_USE = 2;
  static final int DIFFERS = 3;
  static final int CANCELLED = 130;

  private static final Duration LOOK = Duration.ofMillis(100);
  private static final Duration LAST_WORD = Duration.ofSeconds(5);

  private final CockpitApi api;
  private final Console console;
  private final Clock clock;
  private final boolean json;
  private final boolean quiet;
  private final CountDownLatch closed = new CountDownLatch(1);

  Session(CockpitApi api, Console console, Clock clock, boolean json, boolean quiet) {
    this.api = api;
    this.console = console;
    this.clock = clock;
    this.json = json;
    this.quiet = quiet;
  }

  /** A call that ended the command: its problem was printed. */
  static final class Ended extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final int exit;

    Ended(int exit) {
      super("exit " + exit);
      this.exit = exit;
    }

    int exit() {
      return exit;
    }
  }

  Console console() {
    return console;
  }

  Clock clock() {
    return clock;
  }

  /** The answer's document; a problem is printed and ends the command. */
  JsonNode get(String path) {
    return call("GET", path, Map.of());
  }

  JsonNode post(String path, Map<String, Object> body) {
    return call("POST", path, body);
  }

  JsonNode delete(String path) {
    return call("DELETE", path, Map.of());
  }

  private JsonNode call(String method, String path, Map<String, Object> body) {
    CockpitApi.Reply reply = api.call(method, path, body.isEmpty() ? "" : WireJson.write(body));
    JsonNode document = WireJson.read(reply.body().isEmpty() ? "{}" : reply.body());
    if (!reply.isGood()) {
      throw fail(document);
    }
    return document;
  }

  /** Starts a job, shows how it goes, and gives its result; a job without one ends the command with its problem. */
  JsonNode run(String path, Map<String, Object> body) {
    String id = post(path, body).path("job").path("id").asText();
    Thread onInterrupt = new Thread(() -> cancelAndWait(id));
    addHook(onInterrupt);
    JsonNode job;
    try (ProgressView view = new ProgressView(console, clock, quiet)) {
      do {
        pause();
        JsonNode jobs = get("/api/jobs").path("jobs");
        job = find(jobs, id);
        view.show(job, jobs);
      } while (!isFinal(job));
    }
    removeHook(onInterrupt);
    if (job.path("result").isNull()) {
      throw fail(job.path("problem"));
    }
    return job;
  }

  private static JsonNode find(JsonNode jobs, String id) {
    for (JsonNode job : jobs) {
      if (job.path("id").asText().equals(id)) {
        return job;
      }
    }
    throw new IllegalStateException("the job " + id + " is gone");
  }

  private static boolean isFinal(JsonNode job) {
    return switch (job.path("state").asText()) {
      case "done", "failed", "cancelled" -> true;
      default -> false;
    };
  }

  /** The JVM ends with its shutdown hooks: this one lets the command say its last word. */
  private void cancelAndWait(String id) {
    api.call("POST", "/api/jobs/" + id + "/cancel", "");
    try {
      closed.await(LAST_WORD.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** @throws Ended if the process is stopping already */
  static void addHook(Thread hook) {
    try {
      Runtime.getRuntime().addShutdownHook(hook);
    } catch (IllegalStateException e) {
      throw new Ended(CANCELLED);
    }
  }

  static void removeHook(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process is stopping: the hook runs, and the exit status is that of the signal.
    }
  }

  void pause() {
    try {
      clock.sleep(LOOK);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Ended(CANCELLED);
    }
  }

  /** Prints a document, as JSON or as the text that the renderer makes of it. */
  void print(JsonNode document, Consumer<JsonNode> renderer) {
    if (json) {
      console.out().println(WireJson.pretty(document));
    } else {
      renderer.accept(document);
    }
  }

  void line(String text) {
    console.out().println(text);
  }

  /** Says something beside the document. */
  void note(String text) {
    if (!quiet) {
      console.err().println(text);
    }
  }

  /** Prints a problem as the whole answer. */
  Ended fail(JsonNode problem) {
    if (json) {
      console.out().println(WireJson.pretty(WireJson.read(WireJson.write(Map.of("ok", false, "problem", problem)))));
    } else {
      Text.problem(problem).forEach(console.err()::println);
    }
    return new Ended(exitOf(problem));
  }

  static int exitOf(JsonNode problem) {
    for (Code code : Code.values()) {
      if (code.wireName().equals(problem.path("code").asText())) {
        return code == Code.CANCELLED ? CANCELLED : code.usersMistake() ? WRONG_USE : FAILED;
      }
    }
    return FAILED;
  }

  @Override
  public void close() {
    api.close();
    closed.countDown();
  }
}
