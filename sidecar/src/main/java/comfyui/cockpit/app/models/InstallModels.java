package comfyui.cockpit.app.models;

import comfyui.cockpit.download.Fetched;
import comfyui.cockpit.download.Verified;
import comfyui.cockpit.job.Job;
import comfyui.cockpit.job.JobState;
import comfyui.cockpit.job.Jobs;
import comfyui.cockpit.job.Lane;
import comfyui.cockpit.job.Work;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.model.Declaration;
import comfyui.cockpit.model.DeclaredModel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings the chosen models, one job for the whole and one for each file. A failure does not stop the next; a file that is already on its
 * way is shared, not fetched twice.
 */
public final class InstallModels {
  public static final String KIND = "models.install";
  public static final String PART = "models.fetch";

  private static final Logger LOG = LoggerFactory.getLogger(InstallModels.class);

  private final Models models;
  private final Jobs jobs;
  private final Map<Path, Shared> active = new LinkedHashMap<>();
  private final Map<DeclaredModel, Problem> failures = new ConcurrentHashMap<>();

  public InstallModels(Models models, Jobs jobs) {
    this.models = models;
    this.jobs = jobs;
  }

  /** How it ended for one model. */
  public enum State {
    INSTALLED,
    PRESENT,
    FAILED,
    CANCELLED,
    SKIPPED
  }

  /** One model of the result. */
  public record Installed(
      String id, State state, String path, OptionalLong size, Optional<Checksum> sha256, Verified verified, Optional<Problem> problem) {}

  /** The result of the whole. */
  public record Result(List<Installed> models) {}

  /** A file on its way, and how many jobs wait for it. */
  private static final class Shared {
    private final Jobs.Handle handle;
    private int waiting = 1;

    Shared(Jobs.Handle handle) {
      this.handle = handle;
    }

    /** False once it ended, also for one that was cancelled before its turn. */
    boolean isAlive() {
      return waiting > 0 && !handle.now().state().isFinal();
    }
  }

  /** @throws comfyui.cockpit.kernel.ProblemException if the declaration or the choice is wrong; nothing was started then */
  public Jobs.Handle start(Declaration.Selection selection, boolean overwrite) {
    List<DeclaredModel> chosen = models.declaration().select(selection);
    List<String> ids = chosen.stream().map(DeclaredModel::id).toList();
    return jobs.start(new Jobs.Order(KIND, Optional.of(Lane.DOWNLOADS), true, ids, Optional.empty()), job -> run(chosen, overwrite, job));
  }

  /** The job that brings this model just now. */
  public Optional<String> activeJob(DeclaredModel model) {
    synchronized (active) {
      return Optional.ofNullable(active.get(model.wanted().target())).filter(Shared::isAlive).map(shared -> shared.handle.id());
    }
  }

  /** Why the last try to bring this model failed. */
  public Optional<Problem> lastFailure(DeclaredModel model) {
    return Optional.ofNullable(failures.get(model));
  }

  private Work.Outcome run(List<DeclaredModel> chosen, boolean overwrite, Work.Context job) {
    job.step("", 0, chosen.size());
    List<Installed> results = new ArrayList<>();
    Map<DeclaredModel, Shared> parts = new LinkedHashMap<>();
    for (DeclaredModel model : chosen) {
      parts.put(model, part(model, overwrite, job));
    }
    if (parts.isEmpty()) {
      job.started();
    }
    try (CancelSignal.Registration ignored = job.cancelSignal().onCancel(() -> parts.forEach((model, shared) -> leave(model, shared)))) {
      long doneBytes = 0;
      for (Map.Entry<DeclaredModel, Shared> entry : parts.entrySet()) {
        Jobs.Handle handle = entry.getValue().handle;
        job.step(entry.getKey().id(), results.size(), chosen.size());
        Optional<Job> end = Optional.empty();
        while (end.isEmpty()) {
          end = handle.await(Duration.ofMillis(250));
          Job now = end.orElseGet(handle::now);
          if (now.state() == JobState.RUNNING) {
            job.started();
            job.progress().phase(now.progress().phase());
          }
          job.progress().bytes(doneBytes + now.progress().doneBytes(), totalBytes(parts, doneBytes, results.size()));
          if (job.cancelSignal().isCancelled() && !now.state().isFinal() && isShared(entry.getValue())) {
            break;
          }
        }
        results.add(result(entry.getKey(), end));
        job.progress().log(told(results.getLast()));
        doneBytes += results.getLast().state() == State.INSTALLED ? results.getLast().size().orElse(0) : 0;
      }
      job.step("", results.size(), chosen.size());
    }
    return new Work.Outcome(new Result(List.copyOf(results)), problem(results, job.cancelSignal()));
  }

  private static String told(Installed result) {
    String why = result.problem().map(problem -> ": " + problem.detail()).orElse("");
    return result.id() + " " + result.state().name().toLowerCase(java.util.Locale.ROOT) + why;
  }

  /** Known only when every part's size is. */
  private static long totalBytes(Map<DeclaredModel, Shared> parts, long doneBytes, int finished) {
    long total = doneBytes;
    int index = 0;
    for (Map.Entry<DeclaredModel, Shared> part : parts.entrySet()) {
      if (index++ < finished) {
        continue;
      }
      OptionalLong size = part.getValue().handle.now().progress().totalBytes();
      if (size.isEmpty() && part.getKey().wanted().size().isPresent()) {
        size = part.getKey().wanted().size();
      }
      if (size.isEmpty()) {
        return -1;
      }
      total += size.getAsLong();
    }
    return total;
  }

  private Shared part(DeclaredModel model, boolean overwrite, Work.Context parent) {
    Path target = model.wanted().target();
    synchronized (active) {
      Shared running = active.get(target);
      if (running != null && running.isAlive()) {
        running.waiting++;
        return running;
      }
      Jobs.Order order = new Jobs.Order(PART, Optional.of(Lane.DOWNLOADS), false, List.of(model.id()), Optional.of(parent.id()));
      Jobs.Handle handle = jobs.start(order, job -> fetch(model, overwrite, job, parent));
      Shared shared = new Shared(handle);
      active.put(target, shared);
      return shared;
    }
  }

  private Work.Outcome fetch(DeclaredModel model, boolean overwrite, Work.Context job, Work.Context parent) {
    parent.started();
    job.step(model.id(), 0, 1);
    failures.remove(model);
    try {
      Fetched fetched = models.downloads().fetch(model.wanted(), overwrite, job.cancelSignal(), job.progress());
      LOG.info("{} {}", model.id(), fetched instanceof Fetched.Installed ? "installed" : "was there");
      return Work.Outcome.done(new Result(List.of(installed(model, fetched))));
    } catch (ProblemException e) {
      LOG.warn("{}: {}", model.id(), e.problem().detail());
      if (e.problem().code() != Code.CANCELLED) {
        failures.put(model, e.problem());
      }
      throw e;
    } finally {
      forget(model, job.id());
      models.changed(List.of(model.id()));
    }
  }

  private void forget(DeclaredModel model, String job) {
    synchronized (active) {
      active.computeIfPresent(model.wanted().target(), (target, shared) -> shared.handle.id().equals(job) ? null : shared);
    }
  }

  /** One job less waits for the file; the last one takes it with it. */
  private void leave(DeclaredModel model, Shared shared) {
    boolean last;
    synchronized (active) {
      last = --shared.waiting <= 0;
      if (last && active.get(model.wanted().target()) == shared) {
        active.remove(model.wanted().target());
      }
    }
    if (last) {
      shared.handle.cancel();
    }
  }

  private boolean isShared(Shared shared) {
    synchronized (active) {
      return shared.waiting > 0;
    }
  }

  private static Installed installed(DeclaredModel model, Fetched fetched) {
    State state =
        switch (fetched) {
          case Fetched.Installed i -> State.INSTALLED;
          case Fetched.Present p -> State.PRESENT;
        };
    return new Installed(model.id(), state, model.path(), OptionalLong.of(fetched.size()), fetched.sha256(), fetched.verified(), Optional.empty());
  }

  private static Installed result(DeclaredModel model, Optional<Job> end) {
    if (end.flatMap(Job::result).orElse("") instanceof Result done) {
      return done.models().getFirst();
    }
    Problem problem = end.flatMap(Job::problem).orElseGet(CancelSignal::problem);
    boolean cancelled = problem.code() == Code.CANCELLED;
    State state = !cancelled ? State.FAILED : end.isPresent() && end.get().startedAt().isEmpty() ? State.SKIPPED : State.CANCELLED;
    return new Installed(
        model.id(), state, model.path(), model.wanted().size(), Optional.empty(), Verified.NONE, cancelled ? Optional.empty() : Optional.of(problem));
  }

  private static Optional<Problem> problem(List<Installed> results, CancelSignal cancel) {
    if (cancel.isCancelled()) {
      return Optional.of(CancelSignal.problem());
    }
    List<Problem> problems = results.stream().flatMap(result -> result.problem().map(p -> p.with("id", result.id())).stream()).toList();
    if (!problems.isEmpty()) {
      return Optional.of(Problem.summary(problems));
    }
    return results.stream().anyMatch(result -> result.state() == State.CANCELLED || result.state() == State.SKIPPED)
        ? Optional.of(CancelSignal.problem())
        : Optional.empty();
  }
}
