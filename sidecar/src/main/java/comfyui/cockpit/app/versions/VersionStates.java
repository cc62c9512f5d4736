package comfyui.cockpit.app.versions;

import comfyui.cockpit.download.Presence;
import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.json.Diff;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.version.Build;
import comfyui.cockpit.version.Lock;
import comfyui.cockpit.version.LockJson;
import comfyui.cockpit.version.Marker;
import comfyui.cockpit.version.Place;
import comfyui.cockpit.version.Staleness;
import comfyui.cockpit.version.VersionFiles.Named;
import comfyui.cockpit.version.VersionJson;
import comfyui.cockpit.version.VersionSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** How versions are: declared, resolved, realized; and where two of them differ. */
public final class VersionStates {
  private final Versions versions;

  public VersionStates(Versions versions) {
    this.versions = versions;
  }

  public enum State {
    DECLARED,
    RESOLVED,
    /** The lock does not answer the spec, or another lock is realized. */
    STALE,
    REALIZED,
    BROKEN
  }

  /** @param differences what makes it stale or broken, or keeps the spec from being read */
  public record Status(String id, State state, Path target, Optional<String> lockDigest, Optional<String> environmentDigest, List<Problem> differences) {}

  public List<Status> list() {
    return versions.files().list().stream().map(named -> of(Versions.Request.of(named.id()), false, new CancelSignal())).toList();
  }

  /** @param full reads every byte, also of the models */
  public Status status(Versions.Request request, boolean full, CancelSignal cancel) {
    versions.files().text(versions.named(request));
    return of(request, full, cancel);
  }

  private Status of(Versions.Request request, boolean full, CancelSignal cancel) {
    Named named = versions.named(request);
    Place place = versions.place(request);
    Optional<Marker> marker = place.marker();
    Optional<String> environment = marker.map(Marker::environmentDigest);
    Optional<Lock> lock;
    VersionJson.Parsed parsed;
    try {
      parsed = versions.files().parse(named);
      lock = request.lock().isPresent() ? versions.files().lock(request.lock().get()) : versions.files().lock(named);
    } catch (ProblemException e) {
      return new Status(named.id(), marker.isPresent() ? State.STALE : State.DECLARED, place.target(), marker.map(Marker::lockDigest), environment, List.of(e.problem()));
    }
    if (parsed.spec().isEmpty()) {
      return new Status(named.id(), marker.isPresent() ? State.STALE : State.DECLARED, place.target(), lock.map(LockJson::digest), environment, parsed.errors());
    }
    if (lock.isEmpty()) {
      List<Problem> differences = marker.isPresent() ? List.of(stale("There is no lock beside the spec any more.")) : List.of();
      return new Status(named.id(), marker.isPresent() ? State.STALE : State.DECLARED, place.target(), Optional.empty(), environment, differences);
    }
    String digest = LockJson.digest(lock.get());
    VersionSpec spec = ResolveVersion.withoutModelsIfSkipped(parsed.spec().get());
    List<Problem> stale = new ArrayList<>();
    if (request.lock().isEmpty()) {
      Optional<VersionSpec> asked = versions.asked(named, lock.get()).map(ResolveVersion::withoutModelsIfSkipped);
      Staleness.of(spec, lock.get(), asked, source -> versions.source(named, source)).forEach(each -> stale.add(stale(each.what() + ": " + each.why() + ".")));
    }
    if (marker.isPresent() && !marker.get().lockDigest().equals(digest)) {
      stale.add(stale("What is realized was built from the lock " + marker.get().lockDigest().substring(0, 12) + ", not from " + digest.substring(0, 12) + "."));
    }
    if (!stale.isEmpty()) {
      return new Status(named.id(), State.STALE, place.target(), Optional.of(digest), environment, stale);
    }
    if (marker.isEmpty()) {
      return new Status(named.id(), State.RESOLVED, place.target(), Optional.of(digest), environment, List.of());
    }
    List<Problem> differences = new ArrayList<>();
    Build build = new Build(place, place.current().orElseThrow());
    try {
      if (full) {
        Build.Reading reading = build.readAgain(cancel, ProgressSink.NONE);
        differences.addAll(reading.differences());
        environment = reading.digest().or(() -> marker.map(Marker::environmentDigest));
      } else {
        differences.addAll(build.changed());
      }
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, build.root()), e);
    }
    differences.addAll(models(request, named, spec, lock.get(), place, full, cancel));
    return new Status(named.id(), differences.isEmpty() ? State.REALIZED : State.BROKEN, place.target(), Optional.of(digest), environment, differences);
  }

  private static Problem stale(String detail) {
    return Problem.of(Code.LOCK_STALE, detail);
  }

  private List<Problem> models(Versions.Request request, Named named, VersionSpec spec, Lock lock, Place place, boolean full, CancelSignal cancel) {
    List<Problem> differences = new ArrayList<>();
    VersionModels models = new VersionModels(versions, named, Optional.of(spec), place, versions.modelsDir(request, place));
    for (Lock.Model model : lock.models()) {
      switch (models.presence(model)) {
        case Presence.Missing missing -> differences.add(Problem.of(Code.FILE_MISSING, "The model " + model.path() + " is not there.").with("path", model.path().toString()));
        case Presence.Differs differs -> differences.add(differs.problem().withHint("Run `comfyui-cockpit version verify-models --overwrite` to replace it."));
        case Presence.Present present -> {
          Optional<Checksum> actual =
              full ? Optional.ofNullable(models.downloads().hash(models.wanted(model).target(), List.of(), cancel, ProgressSink.NONE).sums().get(Checksum.Algorithm.SHA256)) : present.sha256();
          if (model.sha256().isPresent() && actual.isPresent() && !actual.equals(model.sha256())) {
            differences.add(
                Problem.of(Code.CHECKSUM_DIFFERS, "The model " + model.path() + " is not the file that it should be.").with("expected", model.sha256().get().hex()).with("actual", actual.get().hex()));
          }
        }
      }
    }
    return differences;
  }

  /** Specs, and locks where both have one. */
  public List<Diff.Difference> diff(Versions.Request a, Versions.Request b) {
    Named first = versions.named(a);
    Named second = versions.named(b);
    versions.files().good(first);
    versions.files().good(second);
    Set<String> names = Set.of("version_id", "$schema");
    List<Diff.Difference> differences = new ArrayList<>(Diff.of(json(versions.files().text(first)), json(versions.files().text(second)), names));
    Optional<Lock> left = versions.files().lock(first);
    Optional<Lock> right = versions.files().lock(second);
    if (left.isPresent() && right.isPresent()) {
      Diff.of(json(LockJson.write(left.get())), json(LockJson.write(right.get())), Set.of())
          .forEach(each -> differences.add(new Diff.Difference("/lock" + each.pointer(), each.a(), each.b())));
    }
    return differences;
  }

  private static Value json(String text) {
    return Json.read(text).orElseThrow();
  }

  /** Every error of a spec with its place; asks nobody. */
  public VersionJson.Parsed validate(Versions.Request request, Optional<String> text) {
    Named named = versions.named(request);
    return text.map(given -> versions.files().parse(named, given)).orElseGet(() -> versions.files().parse(named));
  }
}
