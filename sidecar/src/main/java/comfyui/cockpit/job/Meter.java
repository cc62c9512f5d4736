package comfyui.cockpit.job;

import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.ProgressSink;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.Consumer;

/** Turns what the work says into what people want to know: rate over the last seconds, time left. */
final class Meter implements ProgressSink {
  private static final double WINDOW_SECONDS = 5;

  private record Sample(long nanos, long bytes) {}

  private final Clock clock;
  private final Runnable changed;
  private final Consumer<String> logger;
  private final Deque<Sample> samples = new ArrayDeque<>();
  private String phase = "queued";
  private Optional<String> current = Optional.empty();
  private long done;
  private long total = -1;
  private int doneSteps;
  private int totalSteps;
  private boolean stalled;

  Meter(Clock clock, Runnable changed, Consumer<String> logger) {
    this.clock = clock;
    this.changed = changed;
    this.logger = logger;
  }

  @Override
  public void phase(String phase) {
    synchronized (this) {
      if (!phase.equals(this.phase)) {
        samples.clear();
      }
      this.phase = phase;
    }
    changed.run();
  }

  @Override
  public void bytes(long done, long total) {
    synchronized (this) {
      if (done < this.done) {
        samples.clear();
      }
      this.done = done;
      this.total = total;
      long now = clock.nanos();
      if (samples.isEmpty() || now - samples.getLast().nanos() > 100_000_000L) {
        samples.addLast(new Sample(now, done));
      }
      while (samples.size() > 2 && (now - samples.getFirst().nanos()) / 1e9 > WINDOW_SECONDS) {
        samples.removeFirst();
      }
    }
    changed.run();
  }

  @Override
  public void stalled(boolean stalled) {
    synchronized (this) {
      if (this.stalled == stalled) {
        return;
      }
      this.stalled = stalled;
    }
    changed.run();
  }

  @Override
  public void log(String line) {
    logger.accept(line);
  }

  void step(String current, int done, int total) {
    synchronized (this) {
      this.current = current.isEmpty() ? Optional.empty() : Optional.of(current);
      this.doneSteps = done;
      this.totalSteps = total;
    }
    changed.run();
  }

  synchronized Progress progress(JobState state) {
    OptionalDouble rate = OptionalDouble.empty();
    OptionalDouble left = OptionalDouble.empty();
    if (state == JobState.RUNNING && samples.size() > 1) {
      double seconds = (clock.nanos() - samples.getFirst().nanos()) / 1e9;
      double bytesPerSecond = seconds <= 0 ? 0 : (done - samples.getFirst().bytes()) / seconds;
      rate = OptionalDouble.of(bytesPerSecond);
      if (total >= 0 && bytesPerSecond > 0) {
        left = OptionalDouble.of((total - done) / bytesPerSecond);
      }
    }
    String shown = state.isFinal() ? "done" : phase;
    return new Progress(
        shown, current, done, total < 0 ? OptionalLong.empty() : OptionalLong.of(total), doneSteps, totalSteps, rate, left,
        stalled && state == JobState.RUNNING);
  }
}
