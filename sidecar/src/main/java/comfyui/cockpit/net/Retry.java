package comfyui.cockpit.net;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;

/**
 * How often and how patiently a request is tried again: 1, 2, 4 … times the base sleep, half of it by chance, at most 30 s; or what the
 * host asked for, if that is at most a minute.
 *
 * @param tries after the first
 */
public record Retry(int tries, Duration baseSleep) {
  private static final Duration LONGEST_SLEEP = Duration.ofSeconds(30);
  private static final long LONGEST_WAIT_SECONDS = 60;

  /** Runs until it succeeds, fails for good, or the tries are used up. */
  public <T> T run(CancelSignal cancel, Supplier<T> attempt) {
    for (int failed = 0; ; failed++) {
      try {
        return attempt.get();
      } catch (ProblemException e) {
        if (!mayRetry(e.problem(), failed)) {
          throw e;
        }
        cancel.sleep(pause(e.problem(), failed));
      }
    }
  }

  /** @param failed tries that failed before this failure */
  public boolean mayRetry(Problem problem, int failed) {
    long limit = problem.args().get("tries") instanceof Integer fewer ? Math.min(fewer, tries) : tries;
    boolean waitTooLong = problem.args().get("retry_after") instanceof Long seconds && seconds > LONGEST_WAIT_SECONDS;
    return problem.retryable() && failed < limit && !waitTooLong;
  }

  public Duration pause(Problem problem, int failed) {
    if (problem.args().get("retry_after") instanceof Long seconds) {
      return Duration.ofSeconds(seconds).plus(Duration.ofMillis(ThreadLocalRandom.current().nextLong(1, 300)));
    }
    long full = Math.min(LONGEST_SLEEP.toMillis(), baseSleep.toMillis() << Math.min(failed, 10));
    return Duration.ofMillis(full / 2 + ThreadLocalRandom.current().nextLong(full / 2 + 1));
  }
}
