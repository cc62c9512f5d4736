package comfyui.cockpit.app.versions;

import comfyui.cockpit.download.Downloads;
import comfyui.cockpit.download.Fetched;
import comfyui.cockpit.download.Presence;
import comfyui.cockpit.download.Verified;
import comfyui.cockpit.download.WantedFile;
import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.files.Stat;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.kernel.RelativePath;
import comfyui.cockpit.source.ModelSource;
import comfyui.cockpit.source.SourceUri;
import comfyui.cockpit.version.Lock;
import comfyui.cockpit.version.ModelPath;
import comfyui.cockpit.version.Place;
import comfyui.cockpit.version.VersionFiles.Named;
import comfyui.cockpit.version.VersionSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** The models of one version as wanted files: present, in the cache by checksum, or to be fetched. */
final class VersionModels {
  private static final String OUTSIDE_MODELS = "files";

  private final Versions versions;
  private final Place place;
  private final Path modelsDir;
  private final Downloads downloads;
  private final SourceUri sources;
  private final Path spec;
  private final Map<ModelPath, Checksum> declared = new LinkedHashMap<>();

  /** @param declaration for checksums that a lock cannot hold */
  VersionModels(Versions versions, Named named, Optional<VersionSpec> declaration, Place place, Path modelsDir) {
    this.versions = versions;
    this.place = place;
    this.modelsDir = modelsDir;
    this.downloads = versions.downloads(modelsDir, place);
    this.sources = new SourceUri(versions.hubs(), named.spec().toAbsolutePath().getParent());
    this.spec = named.spec();
    declaration.ifPresent(s -> s.models().forEach(model -> model.target().ifPresent(target -> model.checksum().ifPresent(checksum -> declared.put(target, checksum)))));
  }

  Downloads downloads() {
    return downloads;
  }

  Path modelsDir() {
    return modelsDir;
  }

  /** Where a model that lies outside the models is kept, since builds come and go; the build has a link to it. */
  static Path outside(Place place, ModelPath path) {
    return place.data().resolve(OUTSIDE_MODELS).resolve(path.relative());
  }

  WantedFile wanted(Lock.Model model) {
    RelativePath relative = new RelativePath(model.path().relative());
    Path target = model.path().inModels() ? downloads.roots().resolve(relative) : downloads.roots().resolve(outside(place, model.path()));
    ModelSource source;
    try {
      source = sources.parse(model.source());
    } catch (IllegalArgumentException e) {
      throw Problem.of(Code.SOURCE_UNSUPPORTED, "\"" + model.source() + "\": " + e.getMessage() + ".").toException();
    }
    return new WantedFile(model.path().toString(), target, source, model.sha256().or(() -> Optional.ofNullable(declared.get(model.path()))), model.size());
  }

  Presence presence(Lock.Model model) {
    return downloads.presence(wanted(model));
  }

  /** True if nothing would have to be fetched or read: somebody has read the file as it is now, and it was the right one. */
  boolean isThere(Lock.Model model) {
    return model.sha256().isPresent() && presence(model) instanceof Presence.Present present && present.sha256().equals(model.sha256());
  }

  Optional<Path> blob(WantedFile wanted) {
    return wanted.checksum().flatMap(checksum -> versions.blob(checksum, spec)).filter(blob -> wanted.size().isEmpty() || Stat.of(blob).map(Stat::size).equals(Optional.of(wanted.size().getAsLong())));
  }

  /** Says so if a model is nowhere on this machine and its source was a file of this machine. */
  Optional<Problem> lost(Lock.Model model) {
    WantedFile wanted = wanted(model);
    if (wanted.source() instanceof ModelSource.Local local && !Files.exists(local.path()) && blob(wanted).isEmpty() && downloads.presence(wanted) instanceof Presence.Missing) {
      return Optional.of(
          Problem.of(Code.FILE_MISSING, "The source of " + model.path() + " is not there: " + local.path() + ".").withHint("Put it there, or correct the source.").with("path", local.path().toString()));
    }
    return Optional.empty();
  }

  /** True if the model can be brought without asking a host. */
  boolean isHere(Lock.Model model) {
    WantedFile wanted = wanted(model);
    return versions.sources().isLocal(wanted.source()) || blob(wanted).isPresent() || !(downloads.presence(wanted) instanceof Presence.Missing);
  }

  /**
   * Makes the model be there, and knows afterwards what it is.
   *
   * @param overwrite replace a file that is not the right one
   * @return the model with its size and checksum
   */
  Lock.Model bring(Lock.Model model, boolean overwrite, CancelSignal cancel, ProgressSink progress) {
    WantedFile wanted = wanted(model);
    Presence presence = downloads.presence(wanted);
    if (presence instanceof Presence.Present present) {
      return check(model, wanted, present, overwrite, cancel, progress);
    }
    if (presence instanceof Presence.Differs differs && !overwrite) {
      throw differs.problem().withHint("Run `comfyui-cockpit version verify-models --overwrite` to replace it, or correct the spec.").toException();
    }
    Optional<Path> blob = blob(wanted);
    if (blob.isPresent() && link(blob.get(), wanted, cancel, progress)) {
      return seen(model, wanted);
    }
    Fetched fetched = downloads.fetch(wanted, overwrite, cancel, progress);
    Lock.Model known = new Lock.Model(model.path(), model.source(), java.util.OptionalLong.of(fetched.size()), fetched.sha256().or(model::sha256));
    known.sha256().ifPresent(sha256 -> shareAsBlob(wanted.target(), sha256, fetched.verified()));
    return known;
  }

  /** A file that nobody has read may be another one: what was realized must be the same everywhere. */
  private Lock.Model check(Lock.Model model, WantedFile wanted, Presence.Present present, boolean overwrite, CancelSignal cancel, ProgressSink progress) {
    if (present.sha256().isPresent() && model.sha256().equals(present.sha256())) {
      return model;
    }
    progress.phase("verifying");
    progress.log("reading " + model.path() + ", which was here already");
    Downloads.Sums sums = downloads.hash(wanted.target(), wanted.checksum().stream().toList(), cancel, progress);
    Optional<Checksum> expected = wanted.checksum();
    if (expected.isPresent() && !expected.get().equals(sums.sums().get(expected.get().algorithm()))) {
      downloads.remember(wanted.target(), sums, Verified.DECLARED, expected.filter(checksum -> checksum.algorithm() == Checksum.Algorithm.SHA256));
      if (overwrite) {
        return bring(model, true, cancel, progress);
      }
      throw Problem.of(Code.CHECKSUM_DIFFERS, model.path() + " is there and is another file than the one that this version wants.")
          .withHint("Run `comfyui-cockpit version verify-models --overwrite` to replace it, or move it away.")
          .with("id", model.path().toString())
          .with("expected", expected.get().hex())
          .with("actual", String.valueOf(Optional.ofNullable(sums.sums().get(expected.get().algorithm())).map(Checksum::hex).orElse("")))
          .toException();
    }
    downloads.remember(wanted.target(), sums, expected.isPresent() ? Verified.DECLARED : Verified.NONE);
    return new Lock.Model(model.path(), model.source(), java.util.OptionalLong.of(sums.stat().size()), Optional.ofNullable(sums.sums().get(Checksum.Algorithm.SHA256)));
  }

  private Lock.Model seen(Lock.Model model, WantedFile wanted) {
    return downloads.presence(wanted) instanceof Presence.Present present
        ? new Lock.Model(model.path(), model.source(), java.util.OptionalLong.of(present.stat().size()), present.sha256().or(model::sha256))
        : model;
  }

  /** @return false if the cached file is not what its name says */
  private boolean link(Path blob, WantedFile wanted, CancelSignal cancel, ProgressSink progress) {
    Checksum expected = wanted.checksum().orElseThrow();
    progress.phase("verifying");
    Downloads.Sums sums = downloads.hash(blob, List.of(expected), cancel, progress);
    if (!expected.equals(sums.sums().get(expected.algorithm()))) {
      progress.log("the cached " + blob + " is not what its name says; it is not used");
      return false;
    }
    try {
      Files.createDirectories(wanted.target().getParent());
      Path link = wanted.target().resolveSibling("." + wanted.target().getFileName() + "." + UUID.randomUUID().toString().substring(0, 8) + SmallFile.SUFFIX);
      try {
        Files.createLink(link, blob);
      } catch (IOException | UnsupportedOperationException e) {
        // Another file system: a symbolic link leads as well.
        Files.createSymbolicLink(link, blob);
      }
      Files.move(link, wanted.target(), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, wanted.target()), e);
    }
    remember(wanted.target(), sums.sums().get(Checksum.Algorithm.SHA256), Verified.DECLARED);
    return true;
  }

  /** The cache gets a hard link where it can have one; a second copy of many gigabytes would be no favour. */
  private void shareAsBlob(Path file, Checksum sha256, Verified verified) {
    Path blob = versions.blobPlace(sha256);
    try {
      if (Files.exists(blob) || Files.isSymbolicLink(file)) {
        return;
      }
      Files.createDirectories(blob.getParent());
      Files.createLink(blob, file);
    } catch (IOException | UnsupportedOperationException e) {
      return;
    }
    remember(file, sha256, verified);
  }

  /** A new hard link changes the file's times: what is known of it is noted anew. */
  private void remember(Path file, Checksum sha256, Verified verified) {
    Stat.of(file).ifPresent(stat -> downloads.remember(file, new Downloads.Sums(stat, Map.of(Checksum.Algorithm.SHA256, sha256)), verified));
  }
}
