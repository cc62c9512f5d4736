package comfyui.cockpit.app.versions;

import comfyui.cockpit.download.Downloads;
import comfyui.cockpit.download.Presence;
import comfyui.cockpit.download.Verified;
import comfyui.cockpit.download.WantedFile;
import comfyui.cockpit.job.Jobs;
import comfyui.cockpit.job.Results;
import comfyui.cockpit.job.Work;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Checksum.Algorithm;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.version.Lock;
import comfyui.cockpit.version.Place;
import comfyui.cockpit.version.VersionFiles.Named;
import comfyui.cockpit.version.VersionSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/** Reads the models of a version, several at once, brings those that are missing and, if wanted, replaces those that differ. */
public final class VerifyVersionModels {
  private static final String REPLACE = "Run it again with --overwrite to replace it.";
  public static final String KIND = "versions.verify_models";
  public static final Duration PATIENCE = Duration.ofSeconds(120);
  private static final int AT_ONCE = 4;

  private final Versions versions;
  private final Jobs jobs;

  public VerifyVersionModels(Versions versions, Jobs jobs) {
    this.versions = versions;
    this.jobs = jobs;
  }

  public enum State {
    OK,
    MISSING,
    SIZE_DIFFERS,
    CHECKSUM_DIFFERS,
    /** Nobody says what it should be. */
    UNVERIFIABLE,
    /** It was missing or another file, and is the right one now. */
    REPAIRED
  }

  /** @param cached true if the record of an earlier reading was enough */
  public record Checked(
      String id, String path, State state, boolean cached, Optional<Checksum> expected, Optional<Checksum> actual, Optional<Problem> problem) {
    boolean isGood() {
      return switch (state) {
        case OK, UNVERIFIABLE, REPAIRED -> true;
        case MISSING, SIZE_DIFFERS, CHECKSUM_DIFFERS -> false;
      };
    }
  }

  public record Result(List<Checked> models) {
    public boolean isGood() {
      return models.stream().allMatch(Checked::isGood);
    }
  }

  /**
   * @param fast trusts the record of files that did not change since they were read
   * @param patience how long nothing may come of a file that is fetched
   */
  public Jobs.Handle start(Versions.Request request, boolean overwrite, boolean fast, Duration patience) {
    versions.requireSettings();
    Named named = versions.named(request);
    VersionSpec spec = versions.files().good(named);
    return jobs.start(new Jobs.Order(KIND, Optional.empty(), false, List.of(named.id()), Optional.empty()), job -> run(request, named, spec, overwrite, fast, patience, job));
  }

  private Work.Outcome run(Versions.Request request, Named named, VersionSpec spec, boolean overwrite, boolean fast, Duration patience, Work.Context job) {
    Place place = versions.place(request);
    VersionModels models = new VersionModels(versions, named, Optional.of(spec), place, versions.modelsDir(request, place));
    List<Lock.Model> wanted = wanted(named, spec);
    CancelSignal cancel = job.cancelSignal();
    job.progress().phase("verifying");
    List<Checked> checked = new ArrayList<>();
    Semaphore places = new Semaphore(AT_ONCE);
    try (ExecutorService readers = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Checked>> parts =
          wanted.stream()
              .map(
                  model ->
                      readers.submit(
                          () -> {
                            places.acquireUninterruptibly();
                            try {
                              return check(models, model, fast, cancel);
                            } finally {
                              places.release();
                            }
                          }))
              .toList();
      for (Future<Checked> part : parts) {
        checked.add(Results.of(part));
        job.step("", checked.size(), wanted.size());
      }
    }
    // Files are brought one at a time, as everywhere.
    for (int i = 0; i < checked.size(); i++) {
      boolean missing = checked.get(i).state() == State.MISSING;
      if (missing || overwrite && !checked.get(i).isGood()) {
        job.step(checked.get(i).path(), i, checked.size());
        checked.set(i, repair(models, wanted.get(i), checked.get(i), request.offline(), overwrite, patience, job));
      }
    }
    List<Problem> failed = checked.stream().filter(each -> each.state() == State.MISSING).flatMap(each -> each.problem().stream()).toList();
    Optional<Problem> problem = failed.isEmpty() ? Optional.empty() : Optional.of(Problem.summary(failed));
    return new Work.Outcome(new Result(checked), problem);
  }

  /** What the lock says, else what the spec says. */
  private List<Lock.Model> wanted(Named named, VersionSpec spec) {
    Optional<Lock> lock = versions.files().lock(named);
    if (lock.isPresent() && lock.get().models().size() == spec.models().size()) {
      return lock.get().models();
    }
    return spec.models().stream()
        .map(
            model ->
                new Lock.Model(
                    model.path("model"), model.source() instanceof comfyui.cockpit.source.ModelSource.Local ? model.written() : model.source().uri(), OptionalLong.empty(),
                    model.checksum().filter(checksum -> checksum.algorithm() == Algorithm.SHA256)))
        .toList();
  }

  private static Checked check(VersionModels models, Lock.Model model, boolean fast, CancelSignal cancel) {
    WantedFile wanted = models.wanted(model);
    Downloads downloads = models.downloads();
    String path = model.path().toString();
    Optional<Checksum> expected = wanted.checksum();
    switch (downloads.presence(wanted)) {
      case Presence.Missing missing -> {
        return new Checked(path, path, State.MISSING, false, expected, Optional.empty(), Optional.of(Problem.of(Code.FILE_MISSING, path + " is not there.")));
      }
      case Presence.Differs differs -> {
        if (differs.problem().code() != Code.CHECKSUM_DIFFERS || fast) {
          State state = differs.problem().code() == Code.CHECKSUM_DIFFERS ? State.CHECKSUM_DIFFERS : State.SIZE_DIFFERS;
          return new Checked(path, path, state, fast, expected, differs.sha256(), Optional.of(differs.problem().withHint(REPLACE)));
        }
      }
      case Presence.Present present -> {
        if (fast && present.sha256().isPresent() && present.sha256().equals(expected)) {
          return new Checked(path, path, State.OK, true, expected, present.sha256(), Optional.empty());
        }
      }
    }
    Downloads.Sums sums = downloads.hash(wanted.target(), expected.stream().toList(), cancel, ProgressSink.NONE);
    Optional<Checksum> actual = Optional.ofNullable(sums.sums().get(expected.map(Checksum::algorithm).orElse(Algorithm.SHA256)));
    if (expected.isEmpty()) {
      downloads.remember(wanted.target(), sums, Verified.NONE);
      return new Checked(path, path, State.UNVERIFIABLE, false, expected, actual, Optional.empty());
    }
    if (expected.equals(actual)) {
      downloads.remember(wanted.target(), sums, Verified.DECLARED);
      return new Checked(path, path, State.OK, false, expected, actual, Optional.empty());
    }
    downloads.remember(wanted.target(), sums, Verified.DECLARED, expected.filter(checksum -> checksum.algorithm() == Algorithm.SHA256));
    Problem problem =
        Problem.of(Code.CHECKSUM_DIFFERS, path + " is not the file that it should be.")
            .withHint(REPLACE)
            .with("expected", expected.get().hex())
            .with("actual", Objects.requireNonNull(actual.map(Checksum::hex).orElse("")));
    return new Checked(path, path, State.CHECKSUM_DIFFERS, false, expected, actual, Optional.of(problem));
  }

  private Checked repair(VersionModels models, Lock.Model model, Checked before, boolean offline, boolean overwrite, Duration patience, Work.Context job) {
    if (offline && !models.isHere(model)) {
      Problem problem = Problem.of(Code.OFFLINE, model.path() + " is not here, and no connection may be opened.").with("missing", List.of(model.source()));
      return new Checked(before.id(), before.path(), before.state(), false, before.expected(), before.actual(), Optional.of(problem));
    }
    try (Patience watched = new Patience(patience, job)) {
      Lock.Model now = watched.bring(models, model, overwrite);
      return new Checked(before.id(), before.path(), State.REPAIRED, false, before.expected(), now.sha256(), Optional.empty());
    } catch (ProblemException e) {
      job.cancelSignal().throwIfCancelled();
      return new Checked(before.id(), before.path(), before.state(), false, before.expected(), before.actual(), Optional.of(e.problem()));
    }
  }

  /** Ends a fetch of which nothing comes any more. */
  private final class Patience implements AutoCloseable {
    private final Duration limit;
    private final Work.Context job;
    private final CancelSignal signal = new CancelSignal();
    private final CancelSignal.Registration registration;
    private final AtomicLong last = new AtomicLong(versions.clock().nanos());
    private final AtomicBoolean lost = new AtomicBoolean();
    private final Thread watcher;

    private Patience(Duration limit, Work.Context job) {
      this.limit = limit;
      this.job = job;
      this.registration = job.cancelSignal().onCancel(signal::cancel);
      this.watcher = Thread.ofVirtual().start(this::watch);
    }

    private Lock.Model bring(VersionModels models, Lock.Model model, boolean overwrite) {
      try {
        return models.bring(model, overwrite, signal, seen(job.progress()));
      } catch (ProblemException e) {
        if (lost.get() && e.problem().code() == Code.CANCELLED) {
          throw new ProblemException(Problem.of(Code.STALLED, "Nothing of " + model.path() + " came for " + limit.toMillis() / 1000.0 + " s."), e);
        }
        throw e;
      }
    }

    /** What is told again and again is no movement. */
    private ProgressSink seen(ProgressSink to) {
      return new ProgressSink() {
        private String phase = "";
        private long bytes = -1;

        @Override
        public void phase(String now) {
          if (!now.equals(phase)) {
            phase = now;
            moved();
          }
          to.phase(now);
        }

        @Override
        public void bytes(long done, long total) {
          if (done != bytes) {
            bytes = done;
            moved();
          }
          to.bytes(done, total);
        }

        @Override
        public void stalled(boolean stalled) {
          to.stalled(stalled);
        }

        @Override
        public void log(String line) {
          to.log(line);
        }
      };
    }

    private void moved() {
      last.set(versions.clock().nanos());
    }

    private void watch() {
      try {
        while (versions.clock().secondsSince(last.get()) < limit.toMillis() / 1000.0) {
          versions.clock().sleep(Duration.ofMillis(Math.max(1, Math.min(100, limit.toMillis()))));
        }
        lost.set(true);
        signal.cancel();
      } catch (InterruptedException e) {
        // It came to its end.
        Thread.currentThread().interrupt();
      }
    }

    @Override
    public void close() {
      watcher.interrupt();
      registration.close();
    }
  }
}
