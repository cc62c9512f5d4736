package comfyui.cockpit.app.versions;

import comfyui.cockpit.download.Downloads;
import comfyui.cockpit.download.Fetched;
import comfyui.cockpit.download.WantedFile;
import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.files.Roots;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.files.Trees;
import comfyui.cockpit.git.RepoUrl;
import comfyui.cockpit.job.Jobs;
import comfyui.cockpit.job.Work;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProcessIdentity;
import comfyui.cockpit.net.Url;
import comfyui.cockpit.process.Children;
import comfyui.cockpit.python.Interpreter;
import comfyui.cockpit.python.LockedPackage;
import comfyui.cockpit.python.Packages;
import comfyui.cockpit.source.ModelSource;
import comfyui.cockpit.version.Lock;
import comfyui.cockpit.version.LockJson;
import comfyui.cockpit.version.Place;
import comfyui.cockpit.version.VersionFiles.Named;
import comfyui.cockpit.version.VersionSpec;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Carries a version to a machine without a network: spec, lock, git bundles, wheels and, if wanted, models in one directory. Whoever
 * realizes the spec in that directory takes them from there.
 */
public final class PackVersion {
  public static final String KIND = "versions.pack";

  private final Versions versions;
  private final ResolveVersion resolve;
  private final Jobs jobs;

  public PackVersion(Versions versions, ResolveVersion resolve, Jobs jobs) {
    this.versions = versions;
    this.resolve = resolve;
    this.jobs = jobs;
  }

  public record PackedFile(String path, long size, Checksum sha256) {}

  public record Result(Path path, List<PackedFile> files) {}

  /**
   * @param output empty or absent
   * @param models the model files too
   */
  public Jobs.Handle start(Versions.Request request, Path output, boolean models) {
    versions.requireSettings();
    Named named = versions.named(request);
    VersionSpec spec = versions.files().good(named);
    if (Files.isRegularFile(output) || holdsSomething(output)) {
      throw Problem.of(Code.PATH_TAKEN, output + " is not empty.").withHint("Name an empty or new directory.").with("path", output.toString()).toException();
    }
    return jobs.start(
        new Jobs.Order(KIND, Optional.empty(), false, List.of(named.id()), Optional.empty()), job -> Work.Outcome.done(run(request, named, spec, output, models, job)));
  }

  private static boolean holdsSomething(Path directory) {
    if (!Files.isDirectory(directory)) {
      return false;
    }
    try (Stream<Path> files = Files.list(directory)) {
      return files.findAny().isPresent();
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, directory), e);
    }
  }

  private Result run(Versions.Request request, Named named, VersionSpec spec, Path output, boolean withModels, Work.Context job) {
    CancelSignal cancel = job.cancelSignal();
    boolean done = false;
    boolean wasThere = Files.exists(output);
    try {
      job.progress().phase("resolving");
      ResolveVersion.Resolved resolved = resolve.resolve(request, named, spec, ResolveVersion.How.TRUST, cancel, job.progress());
      Lock lock = resolved.lock();
      if (withModels && lock.models().stream().anyMatch(model -> model.sha256().isEmpty())) {
        throw Problem.of(Code.ENVIRONMENT_NOT_REALIZED, "A model of this version has no checksum yet; only a realization can see it.").toException();
      }
      versions.keep(named, lock, request.lock().isEmpty(), resolved.answers());
      Files.createDirectories(output);
      job.step("commits", 0, 3);
      commits(lock, output, job);
      job.step("packages", 1, 3);
      wheels(named, lock, output, request.offline(), job);
      job.step("models", 2, 3);
      if (withModels) {
        models(request, named, spec, lock, output, job);
      }
      SmallFile.write(output.resolve(named.id() + ".json"), versions.files().text(named));
      SmallFile.write(output.resolve(named.id() + ".lock.json"), LockJson.write(lock));
      Map<String, Object> pack = new LinkedHashMap<>();
      pack.put("schema_version", 1);
      pack.put("version_id", named.id());
      pack.put("lock_digest", LockJson.digest(lock));
      SmallFile.write(output.resolve(Pack.FILE), Json.writeIndented(pack, "  ") + "\n");
      List<PackedFile> files = list(output, job);
      done = true;
      return new Result(output, files);
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, output), e);
    } finally {
      if (!done && !wasThere) {
        try {
          Trees.delete(output);
        } catch (IOException e) {
          job.progress().log("could not remove " + output + ": " + DiskProblems.of(e, output).detail());
        }
      }
    }
  }

  private void commits(Lock lock, Path output, Work.Context job) throws IOException {
    for (Pack.Commit commit : Pack.commits(lock)) {
      job.cancelSignal().throwIfCancelled();
      RepoUrl repo = commit.repo();
      if (!versions.repositories().has(repo, commit.commit())) {
        versions.repositories().fetch(repo, commit.commit(), Optional.empty(), job.cancelSignal(), job.progress());
      }
      Path bundle = output.resolve(commit.bundle());
      Files.createDirectories(bundle.getParent());
      job.progress().log("packing " + repo + " at " + commit.commit().abbreviated());
      versions.repositories().bundle(repo, commit.commit(), bundle);
      for (Map.Entry<String, Path> file : versions.repositories().lfsFiles(repo, commit.commit()).entrySet()) {
        Path copy = output.resolve(commit.lfs()).resolve(file.getKey());
        Files.createDirectories(copy.getParent());
        Files.copy(file.getValue(), copy);
      }
    }
  }

  private void wheels(Named named, Lock lock, Path output, boolean offline, Work.Context job) throws IOException {
    Set<LockedPackage> all = new LinkedHashSet<>(lock.packages());
    all.addAll(lock.buildPackages());
    if (all.isEmpty()) {
      return;
    }
    List<LockedPackage.Dist> dists = all.stream().filter(LockedPackage.Dist.class::isInstance).map(LockedPackage.Dist.class::cast).toList();
    Path wheels = Files.createDirectories(output.resolve(Pack.WHEELS));
    // A pack of a pack takes what lies there.
    Optional<Path> near = Pack.around(named.spec()).flatMap(Pack::wheels);
    List<LockedPackage> far = all.stream().filter(each -> near.flatMap(directory -> Packages.in(directory, each)).isEmpty()).toList();
    Map<String, Packages.Located> located;
    try (WorkDirectory temporary = versions.workDirectory()) {
      Children children = temporary.children();
      Path work = temporary.path();
      Interpreter python = versions.interpreters().require(Optional.of(lock.python()), offline, children, work, job.cancelSignal(), job.progress());
      Packages.Origin origin = new Packages.Origin(offline, Optional.empty(), lock.torchBackend(), lock.places());
      located = versions.packages().locate(far.stream().filter(LockedPackage.Dist.class::isInstance).toList(), python, lock.platform(), origin, children, work, job.cancelSignal());
      for (LockedPackage each : all) {
        Optional<Path> built = near.flatMap(directory -> Packages.in(directory, each));
        if (each instanceof LockedPackage.Git && built.isPresent()) {
          Files.copy(built.get(), wheels.resolve(built.get().getFileName()));
        } else if (each instanceof LockedPackage.Git git) {
          job.progress().log("building " + git.requirement());
          Path own = Files.createDirectories(work.resolve(git.name()));
          Path wheel = versions.packages().wheel(git, lock.buildPackages(), python, origin, children, own, job.cancelSignal(), job.progress());
          Files.copy(wheel, wheels.resolve(wheel.getFileName()));
        }
      }
    }
    try (Downloads downloads = downloads(wheels)) {
      for (LockedPackage.Dist dist : dists) {
        String address =
            near.flatMap(directory -> Packages.in(directory, dist))
                .map(file -> file.toUri().toString())
                .or(() -> Optional.ofNullable(located.get(dist.sha256())).map(Packages.Located::address))
                .orElseThrow(() -> Problem.of(Code.WHEEL_MISSING, "No index has " + dist.file() + " any more.").with("missing", List.of(dist.file())).toException());
        ModelSource source = address.startsWith("file:") ? new ModelSource.Local(Path.of(URI.create(address))) : new ModelSource.Web(Url.parse(address));
        WantedFile wanted = new WantedFile(dist.file(), wheels.resolve(dist.file()), source, Optional.of(Checksum.sha256(dist.sha256())), OptionalLong.empty());
        downloads.fetch(wanted, false, job.cancelSignal(), job.progress());
      }
    }
    Trees.delete(wheels.resolve(Downloads.OWN_DIRECTORY));
  }

  private Downloads downloads(Path directory) {
    return new Downloads(new Roots(directory, List.of()), versions.sources(), versions.limits(), versions.clock(), ProcessIdentity.current());
  }

  private void models(Versions.Request request, Named named, VersionSpec spec, Lock lock, Path output, Work.Context job) throws IOException {
    Place place = versions.place(request);
    VersionModels here = new VersionModels(versions, named, Optional.of(spec), place, versions.modelsDir(request, place));
    try (Downloads downloads = downloads(output.resolve(Pack.MODELS))) {
      for (Lock.Model model : lock.models()) {
        Path blob = Versions.blobPlace(output.resolve(Pack.MODELS), model.sha256().orElseThrow());
        WantedFile wanted = here.wanted(model);
        Optional<Path> there = here.isThere(model) ? Optional.of(wanted.target()) : here.blob(wanted);
        ModelSource source = there.<ModelSource>map(ModelSource.Local::new).orElse(wanted.source());
        Fetched fetched = downloads.fetch(new WantedFile(model.path().toString(), blob, source, model.sha256(), model.size()), false, job.cancelSignal(), job.progress());
        job.progress().log(model.path() + ": " + comfyui.cockpit.kernel.Sizes.bytes(fetched.size()));
      }
    }
    Trees.delete(output.resolve(Pack.MODELS).resolve(Downloads.OWN_DIRECTORY));
  }

  private List<PackedFile> list(Path output, Work.Context job) throws IOException {
    List<Path> files;
    try (Stream<Path> walked = Files.walk(output)) {
      files = walked.filter(Files::isRegularFile).sorted().toList();
    }
    List<PackedFile> packed = new ArrayList<>();
    try (Downloads reader = downloads(output)) {
      for (Path file : files) {
        Downloads.Sums sums = reader.hash(file, List.of(), job.cancelSignal(), comfyui.cockpit.kernel.ProgressSink.NONE);
        packed.add(
            new PackedFile(
                output.relativize(file).toString().replace('\\', '/'), sums.stat().size(), java.util.Objects.requireNonNull(sums.sums().get(Checksum.Algorithm.SHA256))));
      }
    }
    return packed;
  }

  /** A directory that {@link PackVersion} wrote. */
  record Pack(Path directory) {
    static final String FILE = "pack.json";
    static final String WHEELS = "wheels";
    static final String MODELS = "models";

    record Commit(RepoUrl repo, CommitId commit) {
      String bundle() {
        return "git/" + repo.slug() + "-" + commit.abbreviated() + ".bundle";
      }

      String lfs() {
        return "lfs/" + repo.slug() + "-" + commit.abbreviated();
      }
    }

    /** The pack in which a spec lies, if it lies in one. */
    static Optional<Pack> around(Path spec) {
      Path directory = spec.toAbsolutePath().getParent();
      return Files.isRegularFile(directory.resolve(FILE)) ? Optional.of(new Pack(directory)) : Optional.empty();
    }

    static Set<Commit> commits(Lock lock) {
      Set<Commit> commits = new LinkedHashSet<>();
      List<Lock.Checkout> checkouts = new ArrayList<>(List.of(lock.comfy()));
      lock.nodes().forEach(node -> checkouts.add(node.checkout()));
      for (Lock.Checkout checkout : checkouts) {
        commits.add(new Commit(checkout.repo(), checkout.commit()));
        checkout.submodules().forEach(sub -> commits.add(new Commit(sub.repo(), sub.commit())));
      }
      return commits;
    }

    Optional<Path> wheels() {
      return Optional.of(directory.resolve(WHEELS)).filter(Files::isDirectory);
    }

    Path models() {
      return directory.resolve(MODELS);
    }

    /** Takes into the shared cache what it lacks. */
    void unpackCommits(Versions versions, Lock lock) {
      for (Commit commit : commits(lock)) {
        Path bundle = directory.resolve(commit.bundle());
        if (!versions.repositories().has(commit.repo(), commit.commit()) && Files.isRegularFile(bundle)) {
          versions.repositories().unbundle(commit.repo(), bundle, commit.commit());
        }
        Path lfs = directory.resolve(commit.lfs());
        if (Files.isDirectory(lfs)) {
          try (Stream<Path> files = Files.walk(lfs)) {
            files.filter(Files::isRegularFile).forEach(file -> versions.repositories().addLfsFile(commit.repo(), commit.commit(), lfs.relativize(file).toString().replace('\\', '/'), file));
          } catch (IOException e) {
            throw new ProblemException(DiskProblems.of(e, lfs), e);
          }
        }
      }
    }
  }
}
