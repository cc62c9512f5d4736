package comfyui.cockpit.app.models;

import comfyui.cockpit.download.Downloads;
import comfyui.cockpit.download.Presence;
import comfyui.cockpit.download.Verified;
import comfyui.cockpit.job.Jobs;
import comfyui.cockpit.job.Work;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Checksum.Algorithm;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.model.Declaration;
import comfyui.cockpit.model.DeclaredModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads every byte of what is there and holds it against the declared checksum, else against what the host says. */
public final class VerifyModels {
  public static final String KIND = "models.verify";

  private final Models models;
  private final Jobs jobs;
  private final boolean offline;

  public VerifyModels(Models models, Jobs jobs, boolean offline) {
    this.models = models;
    this.jobs = jobs;
    this.offline = offline;
  }

  /** How a file is. */
  public enum State {
    OK,
    MISSING,
    SIZE_DIFFERS,
    CHECKSUM_DIFFERS,
    /** Nobody says what it should be. */
    UNVERIFIABLE
  }

  /**
   * One model.
   *
   * @param cached true if the record of an earlier reading was enough
   */
  public record Checked(
      String id, String path, State state, boolean cached, Optional<Checksum> expected, Optional<Checksum> actual, Optional<Problem> problem) {}

  public record Result(List<Checked> models) {}

  /** @param fast trust the record of files that did not change since they were read */
  public Jobs.Handle start(Declaration.Selection selection, boolean fast) {
    Declaration.Selection which = selection.isEmpty() ? new Declaration.Selection(List.of(), List.of(), true) : selection;
    List<DeclaredModel> chosen = models.declaration().select(which);
    List<String> ids = chosen.stream().map(DeclaredModel::id).toList();
    return jobs.start(new Jobs.Order(KIND, Optional.empty(), false, ids, Optional.empty()), job -> run(chosen, fast, job));
  }

  private Work.Outcome run(List<DeclaredModel> chosen, boolean fast, Work.Context job) {
    List<Checked> results = new ArrayList<>();
    for (DeclaredModel model : chosen) {
      job.step(model.id(), results.size(), chosen.size());
      job.progress().phase("verifying");
      results.add(check(model, fast, job.cancelSignal(), job.progress()));
      if (!results.getLast().cached()) {
        models.changed(List.of(model.id()));
      }
    }
    job.step("", results.size(), chosen.size());
    return Work.Outcome.done(new Result(List.copyOf(results)));
  }

  private Checked check(DeclaredModel model, boolean fast, CancelSignal cancel, ProgressSink progress) {
    Downloads downloads = models.downloads();
    Optional<Checksum> declared = model.wanted().checksum();
    switch (downloads.presence(model.wanted())) {
      case Presence.Missing missing -> {
        Problem problem = Problem.of(Code.FILE_MISSING, model.path() + " is not there.");
        return new Checked(model.id(), model.path(), State.MISSING, false, declared, Optional.empty(), Optional.of(problem));
      }
      case Presence.Differs differs -> {
        State state = differs.problem().code() == Code.CHECKSUM_DIFFERS ? State.CHECKSUM_DIFFERS : State.SIZE_DIFFERS;
        if (state == State.SIZE_DIFFERS || fast) {
          return new Checked(model.id(), model.path(), state, fast, declared, differs.sha256(), Optional.of(differs.problem()));
        }
      }
      case Presence.Present present -> {
        if (fast && (present.verified() == Verified.DECLARED || present.verified() == Verified.HUB)) {
          return new Checked(model.id(), model.path(), State.OK, true, declared.or(present::sha256), present.sha256(), Optional.empty());
        }
      }
    }
    Optional<Checksum> expected = declared.or(() -> downloads.lastVerified(model.wanted().target())).or(() -> askHost(model, cancel));
    Downloads.Sums sums = downloads.hash(model.wanted().target(), expected.stream().toList(), cancel, progress);
    Optional<Checksum> actual = Optional.ofNullable(sums.sums().get(expected.map(Checksum::algorithm).orElse(Algorithm.SHA256)));
    if (expected.isEmpty()) {
      downloads.remember(model.wanted().target(), sums, Verified.NONE);
      return new Checked(model.id(), model.path(), State.UNVERIFIABLE, false, expected, actual, Optional.empty());
    }
    Verified word = declared.isPresent() ? Verified.DECLARED : Verified.HUB;
    if (expected.equals(actual)) {
      downloads.remember(model.wanted().target(), sums, word);
      return new Checked(model.id(), model.path(), State.OK, false, expected, actual, Optional.empty());
    }
    downloads.remember(model.wanted().target(), sums, word, expected);
    Problem problem =
        Problem.of(Code.CHECKSUM_DIFFERS, model.path() + " is not the file that it should be: its checksum is " + actual.map(Checksum::hex).orElse("?") + ".")
            .with("expected", expected.get().hex())
            .with("actual", actual.map(Checksum::hex).orElse(""));
    return new Checked(model.id(), model.path(), State.CHECKSUM_DIFFERS, false, expected, actual, Optional.of(problem));
  }

  private Optional<Checksum> askHost(DeclaredModel model, CancelSignal cancel) {
    if (offline) {
      return Optional.empty();
    }
    try {
      return models.downloads().sources().describe(model.wanted().source(), Optional.empty(), cancel).checksum();
    } catch (ProblemException e) {
      cancel.throwIfCancelled();
      // A host that says nothing leaves the file unverifiable, which is what the result says.
      return Optional.empty();
    }
  }
}
