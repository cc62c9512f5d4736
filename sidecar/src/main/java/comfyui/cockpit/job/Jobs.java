package comfyui.cockpit.job;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** All jobs of this process, in memory only. */
public final class Jobs implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Jobs.class);
  private static final int KEPT = 200;
  private static final int NEAR = 30;

  private final Clock clock;
  private final Events events;
  private final Map<String, Running> all = new LinkedHashMap<>();
  private final Map<Lane, List<Running>> lanes = new EnumMap<>(Lane.class);
  private long number;
  private boolean closed;

  public Jobs(Clock clock, Events events) {
    this.clock = clock;
    this.events = events;
    for (Lane lane : Lane.values()) {
      lanes.put(lane, new ArrayList<>());
    }
  }

  /**
   * What is to run.
   *
   * @param lane where it takes its turn; a job of parts names its parts' lane and sets {@code ofParts}
   * @param ofParts true if the job itself takes no place in the lane, because its parts do
   */
  public record Order(String kind, Optional<Lane> lane, boolean ofParts, List<String> subjects, Optional<String> parent) {}

  /** A job that was started, to wait for or to cancel. */
  public interface Handle {
    String id();

    Job now();

    void cancel();

    /** Waits for the end. */
    Job await();

    /** Waits so long at most; nothing if it still runs. */
    Optional<Job> await(Duration limit);
  }

  public Handle start(Order order, Work work) {
    Running running;
    synchronized (this) {
      if (closed) {
        throw Problem.of(Code.CANCELLED, "This process is stopping.").toException();
      }
      running = new Running("j" + ++number, order);
      all.put(running.id, running);
      order.lane().filter(lane -> !order.ofParts()).ifPresent(lane -> lanes.get(lane).add(running));
      forgetOld();
    }
    running.tell(true);
    Thread.ofVirtual().name("job-" + running.id).start(() -> running.run(work));
    return running;
  }

  public synchronized List<Job> list() {
    return all.values().stream().map(Running::now).toList();
  }

  public Optional<Handle> find(String id) {
    synchronized (this) {
      return Optional.ofNullable(all.get(id));
    }
  }

  public boolean anyActive() {
    return list().stream().anyMatch(job -> !job.state().isFinal());
  }

  /** Cancels everything and waits a little for the work to tidy up. */
  @Override
  public void close() {
    List<Running> active;
    synchronized (this) {
      closed = true;
      active = all.values().stream().filter(running -> !running.state.isFinal()).toList();
    }
    active.forEach(Running::cancel);
    active.forEach(running -> running.await(Duration.ofSeconds(1)));
  }

  private void forgetOld() {
    List<String> finished = all.values().stream().filter(running -> running.state.isFinal()).map(Running::id).toList();
    finished.stream().limit(Math.max(0, all.size() - KEPT)).forEach(all::remove);
  }

  private void leaveLane(Running running) {
    List<Running> moved;
    synchronized (this) {
      if (running.order.lane().isEmpty() || !lanes.get(running.order.lane().get()).remove(running)) {
        return;
      }
      moved = List.copyOf(lanes.get(running.order.lane().get()));
      notifyAll();
    }
    // Those behind have another place now; who is far behind hears of it when it comes nearer.
    moved.stream().skip(1).limit(NEAR).forEach(waiting -> waiting.tell(true));
  }

  private final class Running implements Handle, Work.Context {
    private static final int LOG_KEPT = 200;
    private static final long QUARTER_SECOND = 250_000_000L;

    private final String id;
    private final Order order;
    private final CancelSignal cancel = new CancelSignal();
    private final Instant createdAt = clock.now();
    private final CompletableFuture<Job> end = new CompletableFuture<>();
    private final Meter meter = new Meter(clock, this::tellSoon, this::addLog);
    private final List<String> log = new ArrayList<>();
    private final Object telling = new Object();
    private volatile JobState state = JobState.QUEUED;
    private Optional<Instant> startedAt = Optional.empty();
    private Optional<Instant> endedAt = Optional.empty();
    private Optional<Object> result = Optional.empty();
    private Optional<Problem> problem = Optional.empty();
    private long lastTold;

    private Running(String id, Order order) {
      this.id = id;
      this.order = order;
    }

    private void run(Work work) {
      try {
        waitForTurn();
        if (!order.ofParts()) {
          started();
        }
        Work.Outcome outcome = work.run(this);
        result = Optional.of(outcome.result());
        finish(outcome.problem());
      } catch (ProblemException e) {
        finish(Optional.of(e.problem()));
      } catch (RuntimeException | Error e) {
        LOG.error("job {} ({}) failed unexpectedly", id, order.kind(), e);
        finish(Optional.of(Problem.of(Code.DAEMON_FAILED, "The daemon has a defect: " + e + ".").withHint("Report it with the daemon's last log lines.")));
      }
    }

    private void waitForTurn() {
      if (order.lane().isEmpty() || order.ofParts()) {
        return;
      }
      List<Running> lane = lanes.get(order.lane().get());
      try (CancelSignal.Registration ignored = cancel.onCancel(this::wake)) {
        synchronized (Jobs.this) {
          while (lane.getFirst() != this && !cancel.isCancelled()) {
            Jobs.this.wait();
          }
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        cancel.cancel();
      }
      cancel.throwIfCancelled();
    }

    private void wake() {
      synchronized (Jobs.this) {
        Jobs.this.notifyAll();
      }
    }

    private void finish(Optional<Problem> how) {
      synchronized (this) {
        problem = how;
        endedAt = Optional.of(clock.now());
        state = how.map(p -> p.code() == Code.CANCELLED ? JobState.CANCELLED : JobState.FAILED).orElse(JobState.DONE);
      }
      leaveLane(this);
      tell(true);
      end.complete(now());
    }

    @Override
    public void started() {
      synchronized (this) {
        if (state != JobState.QUEUED) {
          return;
        }
        state = JobState.RUNNING;
        startedAt = Optional.of(clock.now());
      }
      tell(true);
    }

    @Override
    public Job now() {
      Optional<Integer> place = place();
      synchronized (this) {
        return new Job(
            id, order.kind(), order.lane(), state, order.subjects(), order.parent(), place, meter.progress(state), createdAt, startedAt, endedAt,
            List.copyOf(log), result, problem);
      }
    }

    private Optional<Integer> place() {
      if (state != JobState.QUEUED || order.lane().isEmpty()) {
        return Optional.empty();
      }
      synchronized (Jobs.this) {
        List<Running> lane = lanes.get(order.lane().get());
        if (!order.ofParts()) {
          int index = lane.indexOf(this);
          return index > 0 ? Optional.of(index) : Optional.empty();
        }
        for (int i = 1; i < lane.size(); i++) {
          if (lane.get(i).order.parent().equals(Optional.of(id))) {
            return Optional.of(i);
          }
        }
        return Optional.empty();
      }
    }

    /** Progress: at most four times a second. */
    private void tellSoon() {
      tell(false);
    }

    private void tell(boolean always) {
      synchronized (this) {
        long now = clock.nanos();
        if (!always && now - lastTold < QUARTER_SECOND) {
          return;
        }
        lastTold = now;
      }
      // One at a time, so that an older picture never follows the last one.
      synchronized (telling) {
        events.publish("job", now());
      }
    }

    private void addLog(String line) {
      synchronized (this) {
        log.add(line);
        if (log.size() > LOG_KEPT) {
          log.removeFirst();
        }
      }
      events.publish("log", new Events.LogLines(id, List.of(line)));
    }

    @Override
    public void cancel() {
      cancel.cancel();
    }

    @Override
    public CancelSignal cancelSignal() {
      return cancel;
    }

    @Override
    public Job await() {
      try {
        return end.get();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        cancel.cancel();
        return end.join();
      } catch (ExecutionException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public Optional<Job> await(Duration limit) {
      try {
        return Optional.of(end.get(limit.toNanos(), TimeUnit.NANOSECONDS));
      } catch (TimeoutException e) {
        return Optional.empty();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return Optional.empty();
      } catch (ExecutionException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public String id() {
      return id;
    }

    @Override
    public comfyui.cockpit.kernel.ProgressSink progress() {
      return meter;
    }

    @Override
    public void step(String current, int done, int total) {
      meter.step(current, done, total);
    }
  }
}
