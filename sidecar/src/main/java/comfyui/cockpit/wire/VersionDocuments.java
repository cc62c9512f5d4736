package comfyui.cockpit.wire;

import comfyui.cockpit.app.versions.ChangeVersion;
import comfyui.cockpit.app.versions.InitComfy;
import comfyui.cockpit.app.versions.PackVersion;
import comfyui.cockpit.app.versions.RealizeVersion;
import comfyui.cockpit.app.versions.ReproduceVersion;
import comfyui.cockpit.app.versions.ResolveVersion;
import comfyui.cockpit.app.versions.VerifyVersionModels;
import comfyui.cockpit.app.versions.VersionStates;
import comfyui.cockpit.json.Diff;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.version.LockJson;
import comfyui.cockpit.version.VersionPlan;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Turns what is known of versions into the documents of {@link Shapes}. */
final class VersionDocuments {
  private VersionDocuments() {}

  /** The result of a job about versions. */
  static Object result(Object result) {
    return switch (result) {
      case ResolveVersion.Result resolve -> resolve(resolve);
      case RealizeVersion.Result realize -> realize(realize);
      case RealizeVersion.PartDone part -> new Shapes.PartDone(true);
      case VerifyVersionModels.Result verify -> verify(verify);
      case ReproduceVersion.Result reproduce -> reproduce(reproduce);
      case PackVersion.Result pack -> pack(pack);
      case ChangeVersion.Deleted freed -> freed(freed);
      case InitComfy.Result init -> new Shapes.Init(true, init.path().toString(), init.venv().toString(), init.commit(), init.python(), init.torch());
      default -> throw new IllegalArgumentException("no document for " + result.getClass());
    };
  }

  static Shapes.VersionPlan plan(VersionPlan plan) {
    return new Shapes.VersionPlan(
        plan.missing().isEmpty(),
        plan.versionId(),
        LockJson.digest(plan.lock()),
        plan.nothingToDo() ? "nothing" : "realize",
        plan.steps().stream()
            .map(step -> new Shapes.VersionStep(word(step.kind()), step.subject(), step.from().map(VersionDocuments::word), Documents.optional(step.size())))
            .toList(),
        plan.fileSystems().stream().map(need -> new Shapes.FileSystem(need.path().toString(), need.freeBytes(), need.neededBytes(), need.shortfallBytes())).toList(),
        Documents.problems(plan.missing()));
  }

  private static String word(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  static Shapes.WrittenVersion written(ChangeVersion.Written written) {
    return new Shapes.WrittenVersion(true, written.id(), written.file().toString());
  }

  static Shapes.Resolve resolve(ResolveVersion.Result result) {
    return new Shapes.Resolve(
        true, result.file().toString(), result.digest(), result.changed().stream().map(change -> new Shapes.LockChange(change.what(), some(change.from()), some(change.to()))).toList());
  }

  private static Optional<String> some(String text) {
    return Optional.of(text).filter(t -> !t.isEmpty());
  }

  static Shapes.Realize realize(RealizeVersion.Result result) {
    return new Shapes.Realize(
        true, result.unchanged() ? "unchanged" : "realized", result.target().toString(), result.lockDigest(), result.environmentDigest(), result.previous());
  }

  static Shapes.VersionStatus status(VersionStates.Status status) {
    boolean ok = status.state() == VersionStates.State.REALIZED;
    return new Shapes.VersionStatus(
        ok, status.id(), word(status.state()), status.target().toString(), status.lockDigest(), status.environmentDigest(), Documents.problems(status.differences()));
  }

  static Shapes.Versions versions(String revision, Path directory, Path cacheRoot, List<VersionStates.Status> all) {
    return new Shapes.Versions(true, revision, directory.toString(), cacheRoot.toString(), all.stream().map(VersionDocuments::status).toList());
  }

  static Shapes.VersionDiff diff(List<Diff.Difference> differences) {
    return new Shapes.VersionDiff(
        differences.isEmpty(), differences.isEmpty(), differences.stream().map(each -> new Shapes.Difference(each.pointer(), each.a(), each.b())).toList());
  }

  static Shapes.Freed freed(ChangeVersion.Deleted deleted) {
    return new Shapes.Freed(
        true,
        deleted.dryRun(),
        deleted.removed().stream().map(each -> new Shapes.FreedPath(each.path().toString(), each.freedBytes())).toList(),
        deleted.kept().stream().map(each -> new Shapes.KeptPath(each.path().toString(), each.reason())).toList());
  }

  private static Shapes.Verify verify(VerifyVersionModels.Result result) {
    return new Shapes.Verify(
        result.isGood(),
        result.models().stream()
            .map(
                model ->
                    new Shapes.Checked(
                        model.id(), model.path(), word(model.state()), model.cached() ? "cached" : "full", model.expected().map(Checksum::hex), model.actual().map(Checksum::hex),
                        model.problem().map(Documents::problem)))
            .toList());
  }

  private static Shapes.Reproduce reproduce(ReproduceVersion.Result result) {
    return new Shapes.Reproduce(
        result.isEqual(),
        result.isEqual(),
        result.runs().stream().map(run -> new Shapes.ReproduceRun(run.lockDigest(), run.environmentDigest())).toList(),
        Documents.problems(result.differences()));
  }

  private static Shapes.Pack pack(PackVersion.Result result) {
    return new Shapes.Pack(
        true, result.path().toString(), result.files().stream().map(file -> new Shapes.PackedFile(file.path(), file.size(), file.sha256().hex())).toList());
  }
}
