package comfyui.cockpit.app.models;

import comfyui.cockpit.download.Presence;
import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.job.Jobs;
import comfyui.cockpit.job.Work;
import comfyui.cockpit.json.Edit;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Checksum.Algorithm;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.model.Declaration;
import comfyui.cockpit.model.DeclaredModel;
import comfyui.cockpit.source.Described;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;

/** Writes into models.json what is not there yet: sha256 and size, from the host, else from the file that is there. */
public final class PinModels {
  public static final String KIND = "models.pin";

  private final Models models;
  private final Jobs jobs;
  private final boolean offline;

  public PinModels(Models models, Jobs jobs, boolean offline) {
    this.models = models;
    this.jobs = jobs;
    this.offline = offline;
  }

  /** @param fromHub false: from the file on disk */
  public record Changed(String id, Checksum sha256, long size, boolean fromHub) {}

  public record Result(List<Changed> changed, List<String> unchanged, List<Problem> problems) {}

  public Jobs.Handle start(Declaration.Selection selection) {
    Declaration.Selection which = selection.isEmpty() ? new Declaration.Selection(List.of(), List.of(), true) : selection;
    List<DeclaredModel> chosen = models.declaration().select(which);
    return jobs.start(
        new Jobs.Order(KIND, Optional.empty(), false, chosen.stream().map(DeclaredModel::id).toList(), Optional.empty()), job -> run(chosen, job));
  }

  private Work.Outcome run(List<DeclaredModel> chosen, Work.Context job) {
    List<Changed> changed = new ArrayList<>();
    List<String> unchanged = new ArrayList<>();
    List<Problem> problems = new ArrayList<>();
    int done = 0;
    for (DeclaredModel model : chosen) {
      job.step(model.id(), done++, chosen.size());
      if (model.wanted().checksum().isPresent() && model.wanted().size().isPresent()) {
        unchanged.add(model.id());
        continue;
      }
      try {
        changed.add(find(model, job));
      } catch (ProblemException e) {
        job.cancelSignal().throwIfCancelled();
        problems.add(e.problem().with("id", model.id()));
      }
    }
    write(changed);
    return new Work.Outcome(
        new Result(changed, unchanged, problems), problems.isEmpty() ? Optional.empty() : Optional.of(Problem.summary(problems)));
  }

  private Changed find(DeclaredModel model, Work.Context job) {
    Optional<Described> described = Optional.empty();
    Optional<Problem> refused = Optional.empty();
    if (!offline || models.downloads().sources().isLocal(model.wanted().source())) {
      job.progress().phase("asking");
      try {
        described = Optional.of(models.downloads().sources().describe(model.wanted().source(), model.wanted().checksum(), job.cancelSignal()));
      } catch (ProblemException e) {
        refused = Optional.of(e.problem());
      }
    }
    Optional<Checksum> hub = described.flatMap(Described::checksum).filter(c -> c.algorithm() == Algorithm.SHA256);
    OptionalLong size = described.filter(d -> d.tolerance() == 0).map(Described::size).orElseGet(OptionalLong::empty);
    if (hub.isPresent() && size.isPresent()) {
      return new Changed(model.id(), hub.get(), size.getAsLong(), true);
    }
    if (!(models.downloads().presence(model.wanted()) instanceof Presence.Present present)) {
      throw refused
          .orElseGet(
              () ->
                  Problem.of(Code.FILE_MISSING, "The host of " + model.id() + " publishes no SHA-256 and exact size, and its file is not there to be read.")
                      .withHint("Install it first, then pin."))
          .toException();
    }
    job.progress().phase("verifying");
    Checksum sha256 =
        present.sha256().orElseGet(
            () -> Objects.requireNonNull(models.downloads().hash(model.wanted().target(), List.of(), job.cancelSignal(), job.progress()).sums().get(Algorithm.SHA256)));
    if (hub.isPresent() && !hub.get().equals(sha256)) {
      throw Problem.of(Code.CHECKSUM_DIFFERS, model.path() + " is not the file that its host has.")
          .with("expected", hub.get().hex())
          .with("actual", sha256.hex())
          .toException();
    }
    return new Changed(model.id(), sha256, present.stat().size(), hub.isPresent());
  }

  private void write(List<Changed> changed) {
    if (changed.isEmpty()) {
      return;
    }
    try {
      String text = SmallFile.read(models.file().path()).orElseThrow(() -> new IOException("it is gone"));
      Edit edit = new Edit(text);
      for (Changed model : changed) {
        edit = edit.set(List.of("models", model.id(), "sha256"), model.sha256().hex()).set(List.of("models", model.id(), "size_bytes"), model.size());
      }
      SmallFile.write(models.file().path(), edit.text());
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, models.file().path()), e);
    }
    models.changed(changed.stream().map(Changed::id).toList());
  }
}
