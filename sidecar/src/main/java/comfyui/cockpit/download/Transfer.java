package comfyui.cockpit.download;

import comfyui.cockpit.download.Ranges.Part;
import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Checksum.Algorithm;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.net.Answer;
import comfyui.cockpit.net.Retry;
import comfyui.cockpit.source.Described;
import comfyui.cockpit.source.Sources;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Brings the bytes of one remote file into one open file: over one connection, over more where that pays, resumed where it broke, and
 * hashed while it comes.
 */
final class Transfer {
  private static final int BUFFER = 512 << 10;
  /** Less than this is no progress. */
  private static final long PROGRESS = 16 << 10;
  private static final long LEAST_HALF = 4 << 20;
  private static final Duration TICK = Duration.ofMillis(100);
  private static final double LONGEST_FILL_SECONDS = 0.1;
  private static final double SETTLE_SECONDS = 0.4;
  /** Faster than this the disk and the processor are the limit, not the connection. */
  private static final double FAST_BYTES_PER_SECOND = 200e6;
  private static final double WORTH_SECONDS = 2;
  private static final Pattern CONTENT_RANGE = Pattern.compile("bytes (\\d{1,18})-(\\d{1,18})/(\\d{1,18}|\\*)");

  private final Sources sources;
  private final Described described;
  private final Expected expected;
  private final Limits limits;
  private final Retry retry;
  private final Clock clock;
  private final FileChannel file;
  private final Path shown;
  private final CancelSignal cancel;
  private final ProgressSink progress;
  private final Ranges ranges = new Ranges();
  private final CancelSignal stop = new CancelSignal();
  private final List<Worker> workers = new ArrayList<>();
  private volatile boolean rangesWork;
  private volatile @Nullable String validator;
  private @Nullable ProblemException failure;
  private volatile @Nullable Problem lastProblem;
  private boolean restartWanted;
  private boolean mayGrow = true;

  Transfer(
      Sources sources, Described described, Expected expected, Limits limits, Clock clock, FileChannel file, Path shown, CancelSignal cancel, ProgressSink progress) {
    this.sources = sources;
    this.described = described;
    this.expected = expected;
    this.limits = limits;
    this.retry = sources.patience(described.source(), limits.retry());
    this.clock = clock;
    this.file = file;
    this.shown = shown;
    this.cancel = cancel;
    this.progress = progress;
  }

  /**
   * @param length of the whole file
   * @param sums of its bytes
   */
  record Result(long length, Map<Algorithm, Checksum> sums) {}

  Result run() throws IOException {
    try (CancelSignal.Registration ignored = cancel.onCancel(stop::cancel)) {
      int idle = 0;
      long furthest = 0;
      while (true) {
        Optional<Result> result = once();
        if (result.isPresent()) {
          return result.get();
        }
        idle = ranges.furthest() - furthest >= PROGRESS ? 0 : idle + 1;
        furthest = ranges.furthest();
        Problem problem = Problem.of(Code.INCOMPLETE, described.host() + " ends the transfer of " + described.filename() + " early each time, and does not go on where it broke.");
        if (!retry.mayRetry(problem, idle)) {
          throw Optional.ofNullable(lastProblem).orElse(problem).toException();
        }
        if (idle > 0) {
          cancel.sleep(retry.pause(problem, idle));
        }
        file.truncate(0);
        ranges.restart();
        restartWanted = false;
        mayGrow = false;
        progress.log("The host's file changed or cannot be resumed; starting again from the first byte.");
      }
    }
  }

  /** Nothing if everything must be fetched again from the start. */
  private Optional<Result> once() throws IOException {
    HeaderCheck header = new HeaderCheck(shown.getFileName().toString());
    try (Hasher hasher = new Hasher(file, expected.algorithms(), expected.size().orElse(0))) {
      try {
        progress.phase("downloading");
        start(ranges.first());
        Growth growth = new Growth();
        while (!finished()) {
          pause();
          long frontier = ranges.frontier();
          header.look(file, frontier, total(), false);
          hasher.upTo(frontier);
          progress.bytes(ranges.received(), total().orElse(expected.size().orElse(-1)));
          watch();
          growth.consider();
        }
      } finally {
        stopWorkers();
      }
      cancel.throwIfCancelled();
      if (failure != null) {
        throw failure;
      }
      if (restartWanted) {
        return Optional.empty();
      }
      long length = ranges.total().orElseThrow();
      progress.bytes(length, length);
      header.look(file, length, OptionalLong.of(length), true);
      Optional<Problem> wrong = expected.lengthProblem(length, described.filename(), described.host());
      if (wrong.isPresent()) {
        throw wrong.get().toException();
      }
      progress.phase("verifying");
      return Optional.of(new Result(length, hasher.finish(length)));
    }
  }

  private OptionalLong total() {
    return ranges.total().map(OptionalLong::of).orElseGet(OptionalLong::empty);
  }

  private synchronized boolean finished() {
    return failure != null || restartWanted || cancel.isCancelled() || ranges.isComplete();
  }

  private synchronized void pause() {
    if (finished()) {
      return;
    }
    try {
      wait(TICK.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      stop.cancel();
    }
  }

  private synchronized void fail(ProblemException e) {
    if (failure == null) {
      failure = e;
    }
    notifyAll();
  }

  private synchronized void restart() {
    restartWanted = true;
    notifyAll();
  }

  private synchronized void wake() {
    notifyAll();
  }

  private void start(Part part) {
    Worker worker = new Worker(part);
    workers.add(worker);
    worker.thread.start();
  }

  private void stopWorkers() {
    workers.forEach(worker -> worker.stop.cancel());
    for (Worker worker : workers) {
      try {
        worker.thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    workers.clear();
  }

  /** Ends a request that brings almost nothing; its worker tries again. */
  private void watch() {
    boolean stalled = false;
    for (Worker worker : workers) {
      stalled |= worker.watch();
    }
    progress.stalled(stalled);
  }

  /** Adds a connection, and another one as long as the last one paid. */
  private final class Growth {
    private long since;
    private long bytes;
    private double lastRate;
    /** A connection that is new needs a while until its rate says something; the first one is compared with none. */
    private boolean settling;

    void consider() {
      if (!mayGrow || !rangesWork || ranges.total().isEmpty() || workers.size() >= limits.maxConnections()) {
        return;
      }
      long received = ranges.received();
      if (bytes == 0) {
        since = clock.nanos();
        bytes = received;
        return;
      }
      double seconds = clock.secondsSince(since);
      if (seconds < SETTLE_SECONDS) {
        return;
      }
      double rate = (received - bytes) / seconds;
      bytes = received;
      since = clock.nanos();
      if (settling) {
        settling = false;
        return;
      }
      boolean paid = lastRate == 0 || rate >= lastRate * (1 + 0.4 / workers.size());
      boolean worthIt = (ranges.total().orElseThrow() - received) / Math.max(1, rate) > WORTH_SECONDS;
      if (!paid || !worthIt || rate > FAST_BYTES_PER_SECOND) {
        mayGrow = paid && worthIt;
        return;
      }
      Optional<Part> part = ranges.splitLargest(LEAST_HALF);
      if (part.isPresent()) {
        lastRate = rate;
        settling = true;
        start(part.get());
        progress.log("Fetching over " + workers.size() + " connections.");
      }
    }
  }

  /** One connection: fills its part, then helps with another. */
  private final class Worker {
    private Part part;
    private final Thread thread;
    private final CancelSignal stop = new CancelSignal();
    private final byte[] buffer = new byte[BUFFER];
    private volatile CancelSignal attempt = new CancelSignal();
    private volatile boolean receiving;
    private volatile long windowStart;
    private volatile long came;
    private volatile boolean stalledOut;
    private volatile long windowBytes;

    Worker(Part part) {
      this.part = part;
      this.thread = Thread.ofPlatform().daemon().name("transfer").unstarted(this::run);
    }

    /** @return true while nothing has come for two seconds */
    boolean watch() {
      if (!receiving) {
        return false;
      }
      long now = came;
      if (now - windowBytes >= PROGRESS) {
        windowBytes = now;
        windowStart = clock.nanos();
        return false;
      }
      double seconds = clock.secondsSince(windowStart);
      if (seconds * 1000 > limits.stallTimeout().toMillis()) {
        stalledOut = true;
        attempt.cancel();
      }
      return seconds > 2;
    }

    private void run() {
      try (CancelSignal.Registration a = Transfer.this.stop.onCancel(stop::cancel);
          CancelSignal.Registration b = stop.onCancel(() -> attempt.cancel())) {
        Optional<Part> next = Optional.of(part);
        while (next.isPresent() && !stop.isCancelled()) {
          part = next.get();
          fill();
          next = stop.isCancelled() || !rangesWork ? Optional.empty() : ranges.splitLargest(LEAST_HALF);
        }
      } catch (Restart e) {
        restart();
      } catch (ProblemException e) {
        fail(e);
      } catch (IOException e) {
        fail(new ProblemException(DiskProblems.of(e, shown), e));
      } catch (RuntimeException e) {
        // OkHttp throws unchecked exceptions at some broken headers.
        fail(new ProblemException(Refused.nonsense(described, e), e));
      } finally {
        wake();
      }
    }

    private void fill() throws IOException, Restart {
      int failed = 0;
      while (!ranges.isFull(part)) {
        long before = ranges.furthest();
        attempt = new CancelSignal();
        stalledOut = false;
        if (stop.isCancelled()) {
          return;
        }
        try {
          fetch();
        } catch (ProblemException e) {
          if (stop.isCancelled()) {
            return;
          }
          Problem problem = stalledOut ? stalled() : e.problem();
          lastProblem = problem;
          failed = ranges.furthest() - before >= PROGRESS ? 0 : failed;
          if (!retry.mayRetry(problem, failed)) {
            throw new ProblemException(problem, e);
          }
          progress.log(problem.detail() + " Trying again.");
          try {
            stop.sleep(retry.pause(problem, failed));
          } catch (ProblemException cancelled) {
            return;
          }
          failed++;
        } finally {
          receiving = false;
        }
      }
    }

    private Problem stalled() {
      return Problem.of(Code.STALLED, described.host() + " sent less than 16 KiB in " + limits.stallTimeout().toMillis() / 1000.0 + " seconds.")
          .with("host", described.host());
    }

    /** One request and its body. */
    private void fetch() throws IOException, Restart {
      long from = ranges.at(part);
      long end = ranges.end(part);
      boolean whole = from == 0 && !ranges.isSplit();
      if (!whole && from > 0 && !ranges.isSplit() && validator == null && expected.declared().isEmpty() && expected.hub().isEmpty()) {
        // Nothing would tell whether the rest belongs to the same file.
        throw new Restart();
      }
      Optional<String> range =
          whole ? Optional.empty() : Optional.of("bytes=" + from + "-" + (end == Ranges.OPEN_END || !ranges.isSplit() ? "" : String.valueOf(end - 1)));
      Answer answer;
      try {
        answer = sources.open(described, range, Optional.ofNullable(validator), attempt);
      } catch (ProblemException e) {
        if (e.problem().code() == Code.CHECKSUM_OF_HOST_DIFFERS && from > 0) {
          throw new Restart();
        }
        throw e;
      }
      try (answer) {
        checkEncoding(answer);
        if (range.isPresent()) {
          checkRange(answer, from);
        } else {
          checkWhole(answer);
        }
        copy(answer);
      }
    }

    private void checkEncoding(Answer answer) {
      String encoding = answer.header("Content-Encoding").orElse("").strip();
      if (!encoding.isEmpty() && !encoding.equalsIgnoreCase("identity")) {
        throw Refused.hostError(described, "sent the file compressed (" + encoding + ") although that was not asked for").toException();
      }
    }

    private void checkWhole(Answer answer) {
      OptionalLong length = length(answer);
      if (length.isPresent()) {
        Optional<Problem> wrong = expected.lengthProblem(length.getAsLong(), described.filename(), described.host());
        if (wrong.isPresent()) {
          throw htmlInstead(answer).orElse(wrong.get()).toException();
        }
        if (length.getAsLong() == 0 && expected.size().isEmpty()) {
          throw Problem.of(Code.NOT_A_MODEL, described.host() + " sent an empty file for " + described.filename() + ".").toException();
        }
        if (length.getAsLong() > expected.most(limits.maxBytes())) {
          throw tooMuch().toException();
        }
        ranges.endsAt(length.getAsLong());
      }
      validator = strongValidator(answer);
      boolean refusesRanges = answer.header("Accept-Ranges").map(text -> text.equalsIgnoreCase("none")).orElse(false);
      boolean sure = validator != null || expected.declared().isPresent() || expected.hub().isPresent();
      rangesWork = answer.header("Accept-Ranges").map(text -> text.equalsIgnoreCase("bytes")).orElse(false) && !refusesRanges && sure && length.isPresent();
    }

    /** A login page explains a wrong length better than the length does. */
    private Optional<Problem> htmlInstead(Answer answer) {
      boolean html = answer.header("Content-Type").orElse("").startsWith("text/html") && !described.filename().endsWith(".html");
      return html
          ? Optional.of(Problem.of(Code.NOT_A_MODEL, "What came for " + described.filename() + " is a web page."))
          : Optional.empty();
    }

    private OptionalLong length(Answer answer) {
      try {
        return answer.contentLength();
      } catch (IllegalArgumentException e) {
        throw Refused.hostError(described, "sent nonsense: " + e.getMessage()).toException();
      }
    }

    private void checkRange(Answer answer, long from) throws Restart {
      if (answer.status() == 416) {
        Matcher matcher = Pattern.compile("bytes \\*/(\\d{1,18})").matcher(answer.header("Content-Range").orElse(""));
        if (matcher.matches() && Long.parseLong(matcher.group(1)) == from && !ranges.isSplit()) {
          ranges.endsAt(from);
          return;
        }
        throw new Restart();
      }
      if (answer.status() == 200) {
        // The server ignores ranges, or the validator no longer fits: this is a whole file, not the rest of ours.
        throw new Restart();
      }
      Matcher matcher = CONTENT_RANGE.matcher(answer.header("Content-Range").orElse(""));
      if (!matcher.matches() || Long.parseLong(matcher.group(1)) != from) {
        throw new Restart();
      }
      long last = Long.parseLong(matcher.group(2));
      Optional<Long> total = matcher.group(3).equals("*") ? Optional.empty() : Optional.of(Long.parseLong(matcher.group(3)));
      if (last < from || total.isPresent() && (last >= total.get() || ranges.total().isPresent() && !ranges.total().equals(total))) {
        throw new Restart();
      }
      total.ifPresent(
          known -> {
            Optional<Problem> wrong = expected.lengthProblem(known, described.filename(), described.host());
            if (wrong.isPresent()) {
              throw wrong.get().toException();
            }
            ranges.endsAt(known);
          });
    }

    private void copy(Answer answer) throws IOException {
      if (answer.status() == 416) {
        return;
      }
      windowBytes = came;
      windowStart = clock.nanos();
      receiving = true;
      InputStream body = answer.body();
      while (!stop.isCancelled()) {
        int n = read(body, answer);
        if (n < 0) {
          if (ranges.end(part) == Ranges.OPEN_END) {
            ended(answer);
          }
          if (!ranges.isFull(part)) {
            throw Problem.of(Code.INCOMPLETE, described.host() + " ended the transfer of " + described.filename() + " early.").toException();
          }
          return;
        }
        int mine = ranges.mine(part, n);
        if (ranges.end(part) == Ranges.OPEN_END && ranges.at(part) + n > expected.most(limits.maxBytes())) {
          throw tooMuch().toException();
        }
        ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, mine);
        long at = ranges.at(part);
        while (bytes.hasRemaining()) {
          at += file.write(bytes, at);
        }
        ranges.advance(part, mine);
        if (ranges.isFull(part)) {
          return;
        }
      }
    }

    /** A body without a length ends when the connection does; only the header or the expected size tell whether that was the end. */
    private void ended(Answer answer) {
      long at = ranges.at(part);
      boolean cutShort = expected.size().isPresent() && at < expected.size().getAsLong() - expected.tolerance();
      if (!cutShort) {
        ranges.endsAt(at);
      }
    }

    /** Fills the buffer as far as bytes are there, so that few large pieces are written. */
    private int read(InputStream body, Answer answer) {
      int filled = 0;
      long start = clock.nanos();
      try {
        while (filled < buffer.length && clock.secondsSince(start) < LONGEST_FILL_SECONDS) {
          int n = body.read(buffer, filled, buffer.length - filled);
          if (n < 0) {
            return filled == 0 ? -1 : filled;
          }
          filled += n;
          came = came + n;
        }
        return filled;
      } catch (IOException e) {
        if (filled > 0) {
          // What has come is good; the next read says again what is wrong.
          return filled;
        }
        throw new ProblemException(
            Problem.of(Code.INCOMPLETE, "The transfer of " + described.filename() + " from " + answer.url().host() + " broke off: " + e.getMessage() + "."), e);
      }
    }
  }

  private Problem tooMuch() {
    return expected.size().isPresent()
        ? expected.lengthProblem(expected.most(0) + 1, described.filename(), described.host()).orElseThrow()
        : Refused.hostError(described, "sends more than the " + limits.maxBytes() + " bytes that max_bytes allows");
  }

  private static @Nullable String strongValidator(Answer answer) {
    return answer.header("ETag").filter(etag -> etag.startsWith("\"")).or(() -> answer.header("Last-Modified")).orElse(null);
  }

  /** Everything must be fetched again from the start. */
  private static final class Restart extends Exception {
    private static final long serialVersionUID = 1;
  }

  /** Answers that make no sense. */
  private static final class Refused {
    static Problem hostError(Described described, String what) {
      Problem problem = Problem.of(Code.HOST_ERROR, described.host() + " " + what + ".");
      return new Problem(problem.code(), problem.detail(), problem.hint(), problem.args(), problem.where(), false, problem.link(), problem.errors());
    }

    static Problem nonsense(Described described, RuntimeException e) {
      return hostError(described, "sent headers that make no sense (" + e.getMessage() + ")");
    }
  }
}
