package comfyui.cockpit.process;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.ProcessIdentity;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeroturnaround.exec.ProcessExecutor;
import org.zeroturnaround.exec.ProcessResult;
import org.zeroturnaround.exec.StartedProcess;
import org.zeroturnaround.exec.stream.LogOutputStream;
import org.zeroturnaround.exec.stream.PumpStreamHandler;

/**
 * Starts children and ends them. A child waits at a gate until it stands in the ledger: were we killed in between, the gate's pipe ends
 * and the child never runs. Where there is no {@code setsid} (Windows, macOS) a child is ended with its descendants instead of its group.
 */
public final class Children implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Children.class);
  private static final Duration LOOK = Duration.ofMillis(100);
  private static final Duration PATIENCE = Duration.ofSeconds(1);
  private static final String GATE = "read -r go && exec \"$@\"";
  /** The gate's pipe goes on being open as long as we live: who waits for its end ends the whole group. */
  private static final String WATCHED =
      "read -r go || exit; exec 3<&0 </dev/null; "
          + "/bin/sh -c 'trap \"\" TERM; cat; kill -TERM 0; sleep 1; kill -KILL 0' watch <&3 >/dev/null 2>&1 & exec \"$@\" 3<&-";
  private static final List<Path> SETSID = List.of(Path.of("/usr/bin/setsid"), Path.of("/bin/setsid"));

  private final Ledger ledger;
  private final Clock clock;
  private final List<Child> running = new CopyOnWriteArrayList<>();

  /** @param ledger where the children of this daemon are noted */
  public Children(Path ledger, Clock clock) {
    this.ledger = new Ledger(ledger);
    this.clock = clock;
  }

  /**
   * What to run.
   *
   * @param environment all of it; nothing of ours is handed down
   * @param lines every line of both outputs
   * @param watched true for one that may run for hours: where there is {@code setsid}, it is ended as soon as we are, also if we are killed; its standard input is empty
   */
  public record Order(List<String> command, Map<String, String> environment, Path directory, Consumer<String> lines, boolean watched) {
    public Order(List<String> command, Map<String, String> environment, Path directory, Consumer<String> lines) {
      this(command, environment, directory, lines, false);
    }
  }

  /** Ends what a killed daemon left, and nothing else: boot, number and start time must fit. */
  public void endLeftovers() throws IOException {
    ledger.sweep();
    for (ProcessIdentity left : ledger.read()) {
      if (left.life() == ProcessIdentity.Life.ALIVE) {
        LOG.info("ending process {}, left by a daemon that was killed", left.pid());
        end(left.pid());
      }
      ledger.remove(left);
    }
  }

  public Child start(Order order) throws IOException {
    return start(order, lines(order.lines()));
  }

  /** The same, with both outputs passed on byte by byte instead of line by line: bars stay bars. */
  public Child start(Order order, OutputStream out) throws IOException {
    Optional<Path> setsid = SETSID.stream().filter(Files::isExecutable).findFirst();
    List<String> command = new ArrayList<>();
    if (setsid.isPresent()) {
      command.addAll(List.of(setsid.get().toString(), "/bin/sh", "-c", order.watched() ? WATCHED : GATE, "sh"));
    }
    command.addAll(order.command());
    ProcessExecutor executor =
        executor(command, order.environment())
            .directory(order.directory().toFile())
            .redirectErrorStream(true)
            .streams(new OpenInput(out))
            .closeTimeout(1, TimeUnit.SECONDS);
    StartedProcess started = executor.start();
    Child child = new Child(started, ProcessIdentity.of(started.getProcess().pid()), setsid.isPresent());
    running.add(child);
    ledger.add(child.identity);
    if (setsid.isPresent()) {
      OutputStream in = started.getProcess().getOutputStream();
      in.write("go\n".getBytes(StandardCharsets.US_ASCII));
      in.flush();
    }
    return child;
  }

  /**
   * Runs one in the foreground, both its outputs passed on as they are, until it ends or is cancelled.
   *
   * @return its exit status; nothing if it was cancelled
   */
  public Optional<Integer> run(Order order, OutputStream out, CancelSignal cancel) throws IOException {
    Child child = start(order, out);
    Optional<Integer> status = Optional.empty();
    while (status.isEmpty() && !cancel.isCancelled()) {
      status = child.await(LOOK);
    }
    child.end();
    return status;
  }

  /** One child at work. */
  public final class Child {
    private final StartedProcess started;
    private final ProcessIdentity identity;
    private final boolean group;

    private Child(StartedProcess started, ProcessIdentity identity, boolean group) {
      this.started = started;
      this.identity = identity;
      this.group = group;
    }

    /** Its standard input; closing it is how most of our children are asked to end. */
    public OutputStream input() {
      return started.getProcess().getOutputStream();
    }

    /** @return its exit status, or nothing if it still runs after that time */
    public Optional<Integer> await(Duration limit) {
      try {
        Future<ProcessResult> end = started.getFuture();
        Optional<Integer> status = Optional.of(end.get(limit.toNanos(), TimeUnit.NANOSECONDS).getExitValue());
        closeInput();
        forget();
        return status;
      } catch (TimeoutException e) {
        return Optional.empty();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return Optional.empty();
      } catch (ExecutionException e) {
        throw new IllegalStateException(e.getCause());
      }
    }

    /** Whoever still waits for the end of the pipe has nothing to wait for. */
    private void closeInput() {
      try {
        input().close();
      } catch (IOException e) {
        LOG.debug("the input of {} was closed already: {}", identity.pid(), e.getMessage());
      }
    }

    /** Ends it with all that it started: asked first, then not asked. */
    public void end() {
      List<ProcessHandle> descendants = started.getProcess().descendants().toList();
      signal("TERM", descendants);
      if (await(PATIENCE).isEmpty()) {
        signal("KILL", descendants);
        await(PATIENCE);
      }
      forget();
    }

    private void signal(String name, List<ProcessHandle> descendants) {
      if (group) {
        kill(name, started.getProcess().pid());
        return;
      }
      boolean hard = name.equals("KILL");
      descendants.forEach(handle -> destroy(handle, hard));
      destroy(started.getProcess().toHandle(), hard);
    }

    private void forget() {
      running.remove(this);
      try {
        ledger.remove(identity);
      } catch (IOException e) {
        LOG.warn("the ledger of children could not be written: {}", e.getMessage());
      }
    }
  }

  private static OutputStream lines(Consumer<String> lines) {
    return new LogOutputStream() {
      @Override
      protected void processLine(String line) {
        lines.accept(line);
      }
    };
  }

  /** The library's own handler closes a child's standard input at once; ours is the gate, and later the sign to end. */
  private static final class OpenInput extends PumpStreamHandler {
    OpenInput(OutputStream out) {
      super(out);
    }

    @Override
    public void setProcessInputStream(OutputStream out) {
      // Stays open until its owner closes it.
    }
  }

  private static void destroy(ProcessHandle handle, boolean hard) {
    if (hard) {
      handle.destroyForcibly();
    } else {
      handle.destroy();
    }
  }

  private void end(long pid) {
    kill("TERM", pid);
    long start = clock.nanos();
    while (ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false) && clock.secondsSince(start) < PATIENCE.toSeconds()) {
      try {
        clock.sleep(Duration.ofMillis(50));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        break;
      }
    }
    kill("KILL", pid);
  }

  /** The library adds to what we have; null takes a name away, so that nothing of ours is handed down. */
  private static ProcessExecutor executor(List<String> command, Map<String, String> environment) {
    Map<String, @Nullable String> all = new LinkedHashMap<>();
    new ProcessBuilder().environment().keySet().forEach(name -> all.put(name, null));
    all.putAll(environment);
    ProcessExecutor executor = new ProcessExecutor(command);
    all.forEach(executor::environment);
    return executor;
  }

  /** Java itself can signal one process, not a group. */
  private static void kill(String signal, long group) {
    try {
      executor(List.of("kill", "-" + signal, "--", "-" + group), Map.of()).readOutput(true).timeout(2, TimeUnit.SECONDS).execute();
    } catch (IOException | TimeoutException e) {
      LOG.warn("process group {} could not be signalled: {}", group, e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    running.forEach(Child::end);
  }
}
