package comfyui.cockpit.kernel;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Set once, by whoever wants something to end. Those who block register what wakes them. */
public final class CancelSignal {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Set<Runnable> listeners = new LinkedHashSet<>();
  private boolean cancelled;

  public void cancel() {
    List<Runnable> toRun;
    lock.lock();
    try {
      if (cancelled) {
        return;
      }
      cancelled = true;
      toRun = List.copyOf(listeners);
      listeners.clear();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    toRun.forEach(Runnable::run);
  }

  public boolean isCancelled() {
    lock.lock();
    try {
      return cancelled;
    } finally {
      lock.unlock();
    }
  }

  /** @throws ProblemException {@code cancelled} */
  public void throwIfCancelled() {
    if (isCancelled()) {
      throw problem().toException();
    }
  }

  public static Problem problem() {
    return Problem.of(Code.CANCELLED, "It was cancelled; nothing half-done is left.");
  }

  /** Runs the action when cancelled, at once if it already is. Close the registration when it no longer matters. */
  public Registration onCancel(Runnable action) {
    lock.lock();
    try {
      if (!cancelled) {
        listeners.add(action);
        return () -> remove(action);
      }
    } finally {
      lock.unlock();
    }
    action.run();
    return () -> {};
  }

  private void remove(Runnable action) {
    lock.lock();
    try {
      listeners.remove(action);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Sleeps, and wakes at once when cancelled.
   *
   * @throws ProblemException {@code cancelled}
   */
  public void sleep(Duration duration) {
    lock.lock();
    try {
      long left = duration.toNanos();
      while (!cancelled && left > 0) {
        left = changed.awaitNanos(left);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      cancelled = true;
    } finally {
      lock.unlock();
    }
    throwIfCancelled();
  }

  /** Takes the listener away again. */
  public interface Registration extends AutoCloseable {
    @Override
    void close();
  }
}
