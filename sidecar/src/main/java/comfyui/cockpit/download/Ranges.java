package comfyui.cockpit.download;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Which bytes of a file are there and who fetches which: parts side by side, each filled from its start. One thread at a time changes
 * it.
 */
final class Ranges {
  /** Nobody knows yet where the file ends. */
  static final long OPEN_END = Long.MAX_VALUE;

  private final List<Part> parts = new ArrayList<>();
  private long furthest;

  /** Bytes {@code [start, end)}, of which {@code [start, at)} are there. */
  static final class Part {
    private final long start;
    private long at;
    private long end;

    private Part(long start, long end) {
      this.start = start;
      this.at = start;
      this.end = end;
    }
  }

  Ranges() {
    restart();
  }

  /** The second half of the largest part that is still open, if both halves are worth a request. */
  synchronized Optional<Part> splitLargest(long leastHalf) {
    Optional<Part> largest = parts.stream().filter(part -> part.end != OPEN_END && part.end - part.at >= 2 * leastHalf).max(Comparator.comparingLong(part -> part.end - part.at));
    return largest.map(
        part -> {
          long middle = part.at + (part.end - part.at) / 2;
          Part second = new Part(middle, part.end);
          part.end = middle;
          parts.add(parts.indexOf(part) + 1, second);
          return second;
        });
  }

  /** How many of the bytes that just came belong to this part; its end may have moved closer. */
  synchronized int mine(Part part, int n) {
    return (int) Math.min(n, part.end - part.at);
  }

  synchronized long at(Part part) {
    return part.at;
  }

  synchronized long end(Part part) {
    return part.end;
  }

  /** The bytes up to there are written. */
  synchronized void advance(Part part, int n) {
    part.at += n;
    furthest = Math.max(furthest, received());
  }

  synchronized boolean isFull(Part part) {
    return part.at >= part.end;
  }

  /** The file's end became known. */
  synchronized void endsAt(long total) {
    Part last = parts.getLast();
    if (last.end == OPEN_END) {
      last.end = total;
    }
  }

  synchronized Optional<Long> total() {
    return parts.getLast().end == OPEN_END ? Optional.empty() : Optional.of(parts.getLast().end);
  }

  /** Bytes from the start without a gap. */
  synchronized long frontier() {
    long frontier = 0;
    for (Part part : parts) {
      frontier = part.at;
      if (part.at < part.end) {
        break;
      }
    }
    return frontier;
  }

  synchronized long received() {
    return parts.stream().mapToLong(part -> part.at - part.start).sum();
  }

  /** The most that was ever there; a restart does not make it less, so that a host that always breaks off is found out. */
  synchronized long furthest() {
    return furthest;
  }

  synchronized boolean isComplete() {
    return parts.getLast().end != OPEN_END && parts.stream().allMatch(part -> part.at >= part.end);
  }

  /** Everything again, from the start, in one part that somebody works on. */
  final synchronized void restart() {
    parts.clear();
    parts.add(new Part(0, OPEN_END));
  }

  synchronized Part first() {
    return parts.getFirst();
  }

  synchronized boolean isSplit() {
    return parts.size() > 1;
  }
}
