package comfyui.cockpit.job;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/** What happens, in order, with numbers, so that a reader who was away can go on where it was. */
public final class Events {
  private static final int KEPT = 500;

  private final String start;
  private final Deque<Event> kept = new ArrayDeque<>();
  private final List<Consumer<Event>> listeners = new CopyOnWriteArrayList<>();
  private long number;

  /** @param start names this run of the daemon */
  public Events(String start) {
    this.start = start;
  }

  /**
   * One thing that happened.
   *
   * @param id {@code <daemon start>-<n>}
   * @param name {@code job}, {@code log}, {@code models}, …
   * @param content a {@link Job}, {@link LogLines} or {@link Changed}
   */
  public record Event(String id, String name, Object content) {}

  /** New lines of a job's log. */
  public record LogLines(String jobId, List<String> lines) {}

  /** A noun's things changed on disk or in their declaration. */
  public record Changed(String revision, List<String> changed, List<String> removed) {}

  public void publish(String name, Object content) {
    Event event;
    synchronized (this) {
      event = new Event(start + "-" + ++number, name, content);
      kept.addLast(event);
      if (kept.size() > KEPT) {
        kept.removeFirst();
      }
      // Under the lock, so that every listener sees the order of the numbers.
      listeners.forEach(listener -> listener.accept(event));
    }
  }

  /** The number of the last event. */
  public synchronized String lastId() {
    return start + "-" + number;
  }

  /**
   * Listens from here on.
   *
   * @param after the last event that the reader saw
   * @return the events since then; nothing if that is too long ago or of another run, and the reader needs a snapshot
   */
  public synchronized Optional<List<Event>> subscribe(Consumer<Event> listener, Optional<String> after) {
    listeners.add(listener);
    if (after.isEmpty()) {
      return Optional.empty();
    }
    if (after.get().equals(start + "-" + number)) {
      return Optional.of(List.of());
    }
    List<Event> since = new ArrayList<>();
    boolean found = false;
    for (Event event : kept) {
      if (found) {
        since.add(event);
      }
      found |= event.id().equals(after.get());
    }
    return found ? Optional.of(since) : Optional.empty();
  }

  public void unsubscribe(Consumer<Event> listener) {
    listeners.remove(listener);
  }
}
