package comfyui.cockpit.instance;

import comfyui.cockpit.comfy.ComfyApi;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.net.Http;
import comfyui.cockpit.process.Children;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** One ComfyUI that runs. Closing it ends it with all that its nodes started. */
public final class ComfyServer implements AutoCloseable {
  private static final Duration LOOK = Duration.ofMillis(200);
  private static final Duration LAST_WORD = Duration.ofSeconds(1);
  private static final int LAST_LINES = 40;
  /** What a shell says of a process that was killed. */
  private static final int KILLED = 137;
  private static final String TAKEN = "address already in use";

  private final Children.Child child;
  private final int port;
  private final ComfyApi api;
  private final Log log;

  private ComfyServer(Children.Child child, int port, ComfyApi api, Log log) {
    this.child = child;
    this.port = port;
    this.api = api;
    this.log = log;
  }

  /**
   * What a server needs from outside.
   *
   * @param limit how long it may take until it answers
   * @param lines every line that it says
   */
  public record Surroundings(Children children, Http http, Clock clock, Duration limit, Consumer<String> lines) {}

  /**
   * Starts it and waits until it answers.
   *
   * @throws ProblemException {@code port_taken}, {@code instance_unhealthy} with the last lines of its log, {@code cancelled}
   */
  public static ComfyServer start(ComfyCommand command, Surroundings around, CancelSignal cancel) {
    Log log = new Log(around.lines());
    Children.Child child;
    try {
      child = around.children().start(command.order(log::add));
    } catch (IOException e) {
      throw new ProblemException(Problem.of(Code.INSTANCE_UNHEALTHY, "ComfyUI could not be started: " + e.getMessage() + ".").withHint("Realize the version again."), e);
    }
    ComfyServer server = new ComfyServer(child, command.port(), new ComfyApi(around.http(), command.port()), log);
    boolean up = false;
    try {
      server.awaitUp(command.arguments(), around, cancel);
      up = true;
      return server;
    } finally {
      if (!up) {
        server.close();
      }
    }
  }

  private void awaitUp(List<String> arguments, Surroundings around, CancelSignal cancel) {
    long start = around.clock().nanos();
    while (!api.isUp(arguments, cancel)) {
      throwIfEnded(Code.INSTANCE_UNHEALTHY, Duration.ZERO);
      if (around.clock().secondsSince(start) > around.limit().toMillis() / 1000.0) {
        throw log.on(Problem.of(Code.INSTANCE_UNHEALTHY, "ComfyUI did not answer within " + around.limit().toSeconds() + " s."))
            .withHint("Read the last lines of its log; a slow disk needs more time: instances.start_timeout of cockpit.json.")
            .toException();
      }
      cancel.sleep(LOOK);
    }
    // Somebody else's server may have answered in its place.
    throwIfEnded(Code.INSTANCE_UNHEALTHY, Duration.ZERO);
  }

  private void throwIfEnded(Code code, Duration wait) {
    Optional<Integer> status = child.await(wait);
    if (status.isEmpty()) {
      return;
    }
    if (code == Code.INSTANCE_UNHEALTHY && log.contains(TAKEN, String.valueOf(port))) {
      throw log.on(Problem.of(Code.PORT_TAKEN, "Port " + port + " is taken.")).toException();
    }
    Problem problem = log.on(Problem.of(code, "ComfyUI ended with " + status.get() + (log.last().isEmpty() ? "." : ": " + log.last() + ".")));
    throw (status.get() == KILLED ? problem.withHint("Something killed it; most often the machine's memory was full.") : problem).toException();
  }

  public ComfyApi api() {
    return api;
  }

  /** @throws ProblemException {@code workflow_failed} with the last lines of its log if it ended by itself */
  public void requireAlive() {
    throwIfEnded(Code.WORKFLOW_FAILED, Duration.ZERO);
  }

  /**
   * Says why an answer did not come, where the reason is that it has just ended.
   *
   * @throws ProblemException as {@link #requireAlive}
   */
  public void explain() {
    throwIfEnded(Code.WORKFLOW_FAILED, LAST_WORD);
  }

  @Override
  public void close() {
    child.end();
  }

  /** Its last lines, for whoever asks why. */
  private static final class Log {
    private final Deque<String> lines = new ArrayDeque<>();
    private final Consumer<String> further;

    Log(Consumer<String> further) {
      this.further = further;
    }

    void add(String line) {
      synchronized (lines) {
        lines.addLast(line);
        if (lines.size() > LAST_LINES) {
          lines.removeFirst();
        }
      }
      further.accept(line);
    }

    boolean contains(String text, String other) {
      synchronized (lines) {
        return lines.stream().anyMatch(line -> line.contains(text) && line.contains(other));
      }
    }

    String last() {
      synchronized (lines) {
        return lines.reversed().stream().map(String::strip).filter(line -> !line.isEmpty()).findFirst().map(line -> line.replaceFirst("[.]+$", "")).orElse("");
      }
    }

    Problem on(Problem problem) {
      synchronized (lines) {
        return problem.with("log", List.copyOf(lines));
      }
    }
  }
}
