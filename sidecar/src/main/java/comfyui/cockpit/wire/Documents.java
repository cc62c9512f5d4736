package comfyui.cockpit.wire;

import comfyui.cockpit.app.models.DeclareModel;
import comfyui.cockpit.app.Doctor;
import comfyui.cockpit.app.models.FromWorkflow;
import comfyui.cockpit.app.workflows.HashWorkflow;
import comfyui.cockpit.app.models.InstallModels;
import comfyui.cockpit.app.models.Models;
import comfyui.cockpit.app.models.PinModels;
import comfyui.cockpit.app.models.RemoveModels;
import comfyui.cockpit.app.workflows.RunWorkflow;
import comfyui.cockpit.app.models.VerifyModels;
import comfyui.cockpit.download.Downloads;
import comfyui.cockpit.download.Presence;
import comfyui.cockpit.download.Verified;
import comfyui.cockpit.job.Events;
import comfyui.cockpit.job.Job;
import comfyui.cockpit.job.JobState;
import comfyui.cockpit.job.Lane;
import comfyui.cockpit.job.Progress;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.model.Bundle;
import comfyui.cockpit.model.DeclaredModel;
import comfyui.cockpit.model.ModelPlan;
import comfyui.cockpit.model.ModelsFile;
import comfyui.cockpit.model.NewModel;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.Function;

/** Turns what the rooms below know into the documents of {@link Shapes}. */
public final class Documents {
  private Documents() {}

  public static Shapes.Problem problem(Problem problem) {
    return new Shapes.Problem(
        "urn:comfyui-cockpit:" + problem.code().wireName(),
        problem.code().title(),
        problem.code().status(),
        problem.detail(),
        problem.code().wireName(),
        problem.hint(),
        problem.args(),
        problem.where().map(where -> new Shapes.Where(where.file(), where.pointer(), where.line(), where.column())),
        problem.retryable(),
        problem.link().map(Object::toString),
        problems(problem.errors()));
  }

  static List<Shapes.Problem> problems(List<Problem> problems) {
    return problems.stream().map(Documents::problem).toList();
  }

  public static Shapes.Failure failure(Problem problem) {
    return new Shapes.Failure(false, problem(problem));
  }

  static Shapes.Job job(Job job) {
    return new Shapes.Job(
        job.id(), job.kind(), job.lane().map(Lane::wireName), job.state().wireName(), job.subjects(), job.parent(), job.queuePlace(), progress(job.progress()),
        time(job.createdAt()), job.startedAt().map(Documents::time), job.endedAt().map(Documents::time), job.log(), job.result().map(result -> result(job, result)),
        job.problem().map(Documents::problem));
  }

  static Shapes.JobEvent jobEvent(Job job) {
    return new Shapes.JobEvent(
        job.id(), job.kind(), job.lane().map(Lane::wireName), job.state().wireName(), job.subjects(), job.parent(), job.queuePlace(), progress(job.progress()),
        time(job.createdAt()), job.startedAt().map(Documents::time), job.endedAt().map(Documents::time), job.result().map(result -> result(job, result)),
        job.problem().map(Documents::problem));
  }

  private static Shapes.Progress progress(Progress progress) {
    return new Shapes.Progress(
        progress.phase(), progress.current(), progress.doneBytes(), optional(progress.totalBytes()), progress.doneSteps(), progress.totalSteps(),
        rounded(progress.bytesPerSecond()), rounded(progress.secondsLeft()), progress.stalled());
  }

  private static Optional<Long> rounded(OptionalDouble number) {
    return number.isPresent() ? Optional.of(Math.round(number.getAsDouble())) : Optional.empty();
  }

  static Object result(Job job, Object result) {
    return switch (result) {
      case InstallModels.Result install -> install(install, job.state() == JobState.DONE);
      case VerifyModels.Result verify -> verify(verify);
      case PinModels.Result pin -> pin(pin);
      case RunWorkflow.Result run -> WorkflowDocuments.run(run);
      case HashWorkflow.Result hash -> WorkflowDocuments.hash(hash);
      default -> VersionDocuments.result(result);
    };
  }

  /** The event stream's first document. */
  public static Shapes.Snapshot snapshot(int api, List<Job> jobs, String modelsRevision, String versionsRevision) {
    return new Shapes.Snapshot(api, jobs.stream().map(Documents::jobEvent).toList(), modelsRevision, versionsRevision);
  }

  /** The content of one event. */
  public static Object event(Object content) {
    return switch (content) {
      case Job job -> jobEvent(job);
      case Events.LogLines lines -> new Shapes.LogEvent(lines.jobId(), lines.lines());
      case Events.Changed changed -> new Shapes.ChangedEvent(changed.revision(), changed.changed(), changed.removed());
      default -> throw new IllegalArgumentException("no document for " + content.getClass());
    };
  }

  static Shapes.Status status(Models.Status status, Function<DeclaredModel, String> hosts, Function<DeclaredModel, Optional<String>> activeJob,
      Function<DeclaredModel, Optional<Problem>> lastFailure) {
    List<Shapes.Model> models = new ArrayList<>();
    for (DeclaredModel model : status.declaration().models().values()) {
      Presence presence = java.util.Objects.requireNonNull(status.models().get(model.id()));
      OptionalLong size = model.wanted().size();
      Optional<Checksum> sha256 = model.wanted().checksum();
      String state = "missing";
      Verified verified = Verified.UNCHECKED;
      Optional<Problem> problem = Models.problem(presence);
      switch (presence) {
        case Presence.Missing missing -> problem = lastFailure.apply(model);
        case Presence.Present present -> {
          state = "installed";
          size = OptionalLong.of(present.stat().size());
          sha256 = present.sha256().or(() -> model.wanted().checksum());
          verified = present.verified();
        }
        case Presence.Differs differs -> {
          state = "invalid";
          size = differs.stat().isPresent() ? OptionalLong.of(differs.stat().get().size()) : size;
          sha256 = differs.sha256().or(() -> model.wanted().checksum());
        }
      }
      models.add(
          new Shapes.Model(
              model.id(), model.displayName().orElse(model.id()), model.version(), model.type(), model.path(), hosts.apply(model), state, optional(size), sha256.map(Checksum::hex),
              verified.wireName(), Downloads.executesCode(model.path()), activeJob.apply(model), problem.map(Documents::problem)));
    }
    List<Shapes.Bundle> bundles = status.declaration().bundles().values().stream().map(bundle -> bundle(bundle, status)).toList();
    String state = status.errors().isEmpty() ? status.file().state().name().toLowerCase(Locale.ROOT) : "invalid";
    return new Shapes.Status(
        status.errors().isEmpty(), status.revision(), status.modelsDir(), new Shapes.DeclarationState(status.fileName(), state, problems(status.errors())), bundles, models);
  }

  private static Shapes.Bundle bundle(Bundle bundle, Models.Status status) {
    long missing = 0;
    boolean known = true;
    for (String id : bundle.models()) {
      if (status.models().get(id) instanceof Presence.Missing) {
        OptionalLong size = status.declaration().model(id).wanted().size();
        missing += size.orElse(0);
        known &= size.isPresent();
      }
    }
    return new Shapes.Bundle(
        bundle.id(), bundle.description(), bundle.models(), bundle.autoInstall(), bundle.enabled(), known ? Optional.of(missing) : Optional.empty());
  }

  static Shapes.Plan plan(ModelPlan plan) {
    List<Shapes.Step> steps =
        plan.steps().stream()
            .map(
                step ->
                    new Shapes.Step(
                        step.model().id(), step.action().name().toLowerCase(Locale.ROOT), step.host(), step.model().path(), optional(step.size()),
                        step.checksum().filter(sum -> sum.algorithm() == Checksum.Algorithm.SHA256).map(Checksum::hex), step.expectedFrom().map(from -> from.name().toLowerCase(Locale.ROOT)), step.executesCode(),
                        step.problem().map(Documents::problem)))
            .toList();
    List<Shapes.FileSystem> systems =
        plan.fileSystems().stream()
            .map(system -> new Shapes.FileSystem(system.path().toString(), system.freeBytes(), system.neededBytes(), system.shortfallBytes()))
            .toList();
    return new Shapes.Plan(plan.problems().isEmpty(), steps, systems, plan.unknownSizes(), problems(plan.problems()));
  }

  static Shapes.Install install(InstallModels.Result result, boolean ok) {
    return new Shapes.Install(
        ok,
        result.models().stream()
            .map(
                model ->
                    new Shapes.Installed(
                        model.id(), model.state().name().toLowerCase(Locale.ROOT), model.path(), optional(model.size()), model.sha256().map(Checksum::hex),
                        model.verified().wireName(), model.problem().map(Documents::problem)))
            .toList());
  }

  static Shapes.Verify verify(VerifyModels.Result result) {
    boolean ok = result.models().stream().allMatch(model -> model.state() == VerifyModels.State.OK || model.state() == VerifyModels.State.UNVERIFIABLE);
    return new Shapes.Verify(
        ok,
        result.models().stream()
            .map(
                model ->
                    new Shapes.Checked(
                        model.id(), model.path(), model.state().name().toLowerCase(Locale.ROOT), model.cached() ? "cached" : "full",
                        model.expected().map(Checksum::hex), model.actual().map(Checksum::hex), model.problem().map(Documents::problem)))
            .toList());
  }

  static Shapes.Pin pin(PinModels.Result result) {
    return new Shapes.Pin(
        result.problems().isEmpty(),
        result.changed().stream().map(model -> new Shapes.Pinned(model.id(), model.sha256().hex(), model.size(), model.fromHub() ? "hub" : "file")).toList(),
        result.unchanged(),
        problems(result.problems()));
  }

  static Shapes.Declare declare(DeclareModel.Result result) {
    return new Shapes.Declare(
        true,
        result.model().id(),
        result.written(),
        result.model().entry(),
        List.of(),
        result.described().gate().map(gate -> new Shapes.Gate(gate.kind(), gate.url().map(Object::toString), gate.until())),
        result.described().licence(),
        result.bundle());
  }

  static Shapes.FromWorkflow fromWorkflow(FromWorkflow.Result result) {
    boolean ok = result.files().stream().allMatch(file -> file.state() == FromWorkflow.State.INSTALLED || file.state() == FromWorkflow.State.DECLARED);
    return new Shapes.FromWorkflow(
        ok,
        result.files().stream()
            .map(
                file ->
                    new Shapes.WorkflowFile(
                        file.workflow(), file.nodeId(), file.nodeType(), file.input(), file.name(), file.folder(), file.state().name().toLowerCase(Locale.ROOT),
                        file.modelId(), file.link(), file.sha256(), file.declaration().map(NewModel::entry)))
            .toList(),
        result.unread().stream().map(unread -> new Shapes.UnreadNode(unread.workflow(), unread.nodeId(), unread.nodeType(), unread.name())).toList());
  }

  static Shapes.Templates templates(Optional<Path> source, List<FromWorkflow.TemplateState> states) {
    return new Shapes.Templates(
        true,
        source.map(Path::toString),
        states.stream()
            .map(
                state ->
                    new Shapes.Template(
                        state.template().name(), state.template().title(), state.template().category(), state.template().description(), state.template().sizeBytes(),
                        state.missingBytes(), state.template().minComfyUiVersion()))
            .toList());
  }

  static Shapes.Remove remove(RemoveModels.Result result) {
    return new Shapes.Remove(
        result.kept().stream().allMatch(RemoveModels.Kept::gone),
        result.removed().stream().map(model -> new Shapes.Removed(model.id(), model.path(), model.freedBytes())).toList(),
        result.kept().stream().map(model -> new Shapes.Kept(model.id(), model.path(), model.reason())).toList());
  }

  static Shapes.Validate validate(String file, ModelsFile.State state, List<Problem> errors, List<Problem> warnings) {
    return new Shapes.Validate(errors.isEmpty() && state != ModelsFile.State.MISSING, file, problems(errors), problems(warnings));
  }

  static Shapes.Doctor doctor(List<Doctor.Check> checks) {
    return new Shapes.Doctor(
        checks.stream().noneMatch(check -> check.state() == Doctor.State.FAILED),
        checks.stream()
            .map(check -> new Shapes.Check(check.name(), check.state().name().toLowerCase(Locale.ROOT), check.code(), check.args(), check.detail(), check.hint()))
            .toList());
  }

  /** The problem of a request that names nothing we have. */
  static Problem notFound(String path) {
    return Problem.of(Code.NOT_FOUND, "There is nothing at " + path + ".").withHint("The OpenAPI document lists every route.");
  }

  static Optional<Long> optional(OptionalLong number) {
    return number.isPresent() ? Optional.of(number.getAsLong()) : Optional.empty();
  }

  static String time(Instant time) {
    return time.truncatedTo(ChronoUnit.MILLIS).toString();
  }
}
