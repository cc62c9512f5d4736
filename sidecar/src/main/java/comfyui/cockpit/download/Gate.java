package comfyui.cockpit.download;

import comfyui.cockpit.files.Disk;
import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.files.VolumeLock;
import comfyui.cockpit.files.Writing;
import comfyui.cockpit.json.Identities;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProcessIdentity;
import comfyui.cockpit.kernel.ProcessIdentity.Life;
import comfyui.cockpit.kernel.ProgressSink;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one gate through which files come onto a volume: whoever holds it is the only writer among all our processes there. A kernel lock
 * where the file system has real ones; on network volumes besides it a lease with a heartbeat, and a fence before every publication, so
 * that an owner that slept past its lease publishes nothing. Whoever takes the gate sweeps what dead owners left.
 */
public final class Gate implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Gate.class);
  private static final Duration POLL = Duration.ofMillis(200);
  static final Duration LEASE = Duration.ofSeconds(15);
  private static final Duration BEAT = Duration.ofSeconds(3);

  private final Path directory;
  private final Path leaseFile;
  private final VolumeLock volumeLock;
  private final Writing writing;
  private final Clock clock;
  private final ProcessIdentity self;
  private final boolean forceLease;
  private final ReentrantLock within = new ReentrantLock(true);
  private final ScheduledExecutorService heart =
      Executors.newSingleThreadScheduledExecutor(Thread.ofPlatform().daemon().name("gate-heart").factory());

  /** @param directory {@code .comfyui-cockpit} on the volume */
  public Gate(Path directory, Clock clock, ProcessIdentity self) {
    this(directory, clock, self, false);
  }

  /** @param forceLease as if the volume had no working locks */
  Gate(Path directory, Clock clock, ProcessIdentity self, boolean forceLease) {
    this.directory = directory;
    this.leaseFile = directory.resolve("lease.json");
    this.volumeLock = new VolumeLock(directory.resolve("lock"));
    this.writing = new Writing(directory.resolve("writing"), self);
    this.clock = clock;
    this.self = self;
    this.forceLease = forceLease;
  }

  public Writing writing() {
    return writing;
  }

  /** The right to write, until closed. */
  public final class Hold implements AutoCloseable {
    private final Optional<Lease> lease;

    private Hold(Optional<Lease> lease) {
      this.lease = lease;
    }

    /** @throws comfyui.cockpit.kernel.ProblemException {@code busy} if the right was lost meanwhile */
    public void fence() throws IOException {
      if (lease.isPresent() && !lease.get().stillOurs()) {
        throw Problem.of(Code.BUSY, "Another process took over this volume while this one slept; nothing was published.").toException();
      }
    }

    @Override
    public void close() {
      try {
        if (lease.isPresent()) {
          lease.get().release();
        }
        volumeLock.unlock();
      } catch (IOException e) {
        LOG.warn("the gate of {} could not be released: {}", directory, e.getMessage());
      } finally {
        within.unlock();
      }
    }
  }

  /** Waits for the right to write; says {@code waiting} while another process has it. */
  public Hold enter(CancelSignal cancel, ProgressSink progress) {
    return enter(cancel, progress, true).orElseThrow();
  }

  /** The right to write, or nothing if another process has it now. */
  public Optional<Hold> tryEnter() {
    return enter(new CancelSignal(), ProgressSink.NONE, false);
  }

  private Optional<Hold> enter(CancelSignal cancel, ProgressSink progress, boolean wait) {
    lockWithin(cancel, wait);
    if (!within.isHeldByCurrentThread()) {
      return Optional.empty();
    }
    boolean entered = false;
    try {
      Files.createDirectories(directory);
      boolean said = false;
      while (true) {
        VolumeLock.Answer answer = volumeLock.tryLock();
        if (answer != VolumeLock.Answer.HELD) {
          break;
        }
        if (!wait) {
          return Optional.empty();
        }
        if (!said) {
          progress.phase("waiting");
          progress.log("Another process is writing to this volume; waiting for it.");
          said = true;
        }
        cancel.sleep(POLL);
      }
      Optional<Lease> lease = Optional.empty();
      if (forceLease || !Disk.hasKernelLocks(directory)) {
        Lease mine = new Lease();
        if (!mine.take(cancel, progress, wait)) {
          return Optional.empty();
        }
        lease = Optional.of(mine);
      }
      entered = true;
      for (Path swept : writing.sweep(owner -> owner.life() != Life.ALIVE)) {
        LOG.info("removed {}, left by a process that is gone", swept);
      }
      return Optional.of(new Hold(lease));
    } catch (IOException e) {
      throw DiskProblems.of(e, directory).toException();
    } finally {
      if (!entered) {
        try {
          volumeLock.unlock();
        } catch (IOException e) {
          LOG.warn("the lock of {} could not be released: {}", directory, e.getMessage());
        }
        within.unlock();
      }
    }
  }

  private void lockWithin(CancelSignal cancel, boolean wait) {
    try {
      while (!within.tryLock(wait ? POLL.toMillis() : 0, TimeUnit.MILLISECONDS)) {
        if (!wait) {
          return;
        }
        cancel.throwIfCancelled();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CancelSignal.problem().toException();
    }
  }

  @Override
  public void close() throws IOException {
    heart.shutdownNow();
    volumeLock.close();
  }

  /** A file that says who writes, and a counter that goes on while he does. */
  private final class Lease {
    private final String token = UUID.randomUUID().toString();
    private long beat;
    private long lastBeatNanos;
    private Instant lastBeatTime = Instant.EPOCH;
    private volatile boolean lost;
    private Optional<ScheduledFuture<?>> beating = Optional.empty();

    boolean take(CancelSignal cancel, ProgressSink progress, boolean wait) throws IOException {
      while (true) {
        Optional<Value> seen = read();
        long since = clock.nanos();
        while (seen.isPresent() && !isGone(seen.get()) && clock.secondsSince(since) < LEASE.toSeconds()) {
          if (!wait) {
            return false;
          }
          progress.phase("waiting");
          cancel.sleep(POLL);
          Optional<Value> next = read();
          if (!next.flatMap(Lease::mark).equals(seen.flatMap(Lease::mark))) {
            since = clock.nanos();
          }
          seen = next;
        }
        write();
        // Two may have found the lease free at once: the later rename wins, and both look again.
        cancel.sleep(POLL);
        if (isOurs()) {
          beating = Optional.of(heart.scheduleWithFixedDelay(this::beat, BEAT.toMillis(), BEAT.toMillis(), TimeUnit.MILLISECONDS));
          return true;
        }
      }
    }

    private static Optional<String> mark(Value lease) {
      return lease.text("token").map(t -> t + "/" + lease.number("beat").orElse(0));
    }

    /** Dead for certain; one in another container may live, and only its silence tells. */
    private boolean isGone(Value lease) {
      return lease.get("owner").flatMap(Identities::of).map(owner -> owner.life() == Life.DEAD).orElse(true);
    }

    private synchronized void beat() {
      try {
        if (!stillOurs()) {
          lost = true;
          return;
        }
        write();
      } catch (IOException e) {
        LOG.warn("the lease of {} could not be renewed: {}", directory, e.getMessage());
      }
    }

    private void write() throws IOException {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("token", token);
      map.put("beat", ++beat);
      map.put("owner", self.toMap());
      SmallFile.write(leaseFile, Json.write(map));
      lastBeatNanos = clock.nanos();
      lastBeatTime = clock.now();
    }

    private Optional<Value> read() throws IOException {
      return SmallFile.read(leaseFile).flatMap(Json::read);
    }

    private boolean isOurs() throws IOException {
      return read().flatMap(lease -> lease.text("token")).map(token::equals).orElse(false);
    }

    /** The monotonic clock may stand still while a machine sleeps, the wall clock does not. */
    synchronized boolean stillOurs() throws IOException {
      boolean slept = clock.secondsSince(lastBeatNanos) > LEASE.toSeconds() || Duration.between(lastBeatTime, clock.now()).compareTo(LEASE) > 0;
      return !lost && !slept && isOurs();
    }

    synchronized void release() throws IOException {
      beating.ifPresent(future -> future.cancel(false));
      if (!lost && isOurs()) {
        Files.deleteIfExists(leaseFile);
      }
    }
  }
}
