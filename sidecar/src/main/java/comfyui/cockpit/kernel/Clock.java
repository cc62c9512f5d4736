package comfyui.cockpit.kernel;

import java.time.Duration;
import java.time.Instant;

/** The one place where time comes from, and the one where a thread sleeps. */
public interface Clock {
  /** Wall time, for people and records only. */
  Instant now();

  /** Monotonic nanoseconds, for waits and rates. */
  long nanos();

  void sleep(Duration duration) throws InterruptedException;

  default double secondsSince(long startNanos) {
    return (nanos() - startNanos) / 1e9;
  }

  static Clock system() {
    return new Clock() {
      @Override
      public Instant now() {
        return Instant.now();
      }

      @Override
      public long nanos() {
        return System.nanoTime();
      }

      @Override
      public void sleep(Duration duration) throws InterruptedException {
        Thread.sleep(duration);
      }
    };
  }
}
