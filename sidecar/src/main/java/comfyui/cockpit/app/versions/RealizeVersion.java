package comfyui.cockpit.app.versions;

import comfyui.cockpit.comfy.ModelFolders;
import comfyui.cockpit.files.Disk;
import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.git.RepoUrl;
import comfyui.cockpit.git.Repositories;
import comfyui.cockpit.git.Submodule;
import comfyui.cockpit.job.Jobs;
import comfyui.cockpit.job.Lane;
import comfyui.cockpit.job.Work;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.process.Children;
import comfyui.cockpit.python.Interpreter;
import comfyui.cockpit.python.Interpreters;
import comfyui.cockpit.python.LockedPackage;
import comfyui.cockpit.python.Packages;
import comfyui.cockpit.version.Build;
import comfyui.cockpit.version.Contents;
import comfyui.cockpit.version.Lock;
import comfyui.cockpit.version.LockJson;
import comfyui.cockpit.version.Marker;
import comfyui.cockpit.version.Place;
import comfyui.cockpit.version.Published;
import comfyui.cockpit.version.VersionFiles.Named;
import comfyui.cockpit.version.VersionPlan;
import comfyui.cockpit.version.VersionPlan.From;
import comfyui.cockpit.version.VersionPlan.Kind;
import comfyui.cockpit.version.VersionPlan.Need;
import comfyui.cockpit.version.VersionPlan.Step;
import comfyui.cockpit.version.VersionSpec;
import java.io.IOException;
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

/** Builds a version aside, as its lock says, and switches to it in one step. */
public final class RealizeVersion {
  public static final String KIND = "versions.realize";
  static final String MODELS_PART = "versions.models";
  static final String BUILD_PART = "versions.build";

  private final Versions versions;
  private final ResolveVersion resolve;
  private final Jobs jobs;

  public RealizeVersion(Versions versions, ResolveVersion resolve, Jobs jobs) {
    this.versions = versions;
    this.resolve = resolve;
    this.jobs = jobs;
  }

  /**
   * @param unchanged true if everything was as it should be already
   * @param previous the key of the build before
   */
  public record Result(boolean unchanged, Path target, String lockDigest, String environmentDigest, Optional<String> previous) {
    private Result changed() {
      return new Result(false, target, lockDigest, environmentDigest, previous);
    }
  }

  /** A part of a realization that came to its end. */
  public record PartDone() {}

  /** One realization, before anything was decided. */
  private record Task(Versions.Request request, Named named, VersionSpec spec, Place place, Path modelsDir, boolean offline) {}

  public Jobs.Handle start(Versions.Request request) {
    return start(request, Optional.empty());
  }

  /** @param parent the job that this is a part of */
  public Jobs.Handle start(Versions.Request request, Optional<String> parent) {
    Task task = task(request);
    return jobs.start(new Jobs.Order(KIND, Optional.of(Lane.ENVIRONMENTS), true, List.of(task.named().id()), parent), job -> Work.Outcome.done(run(task, job)));
  }

  private Task task(Versions.Request request) {
    versions.requireSettings();
    Named named = versions.named(request);
    VersionSpec spec = versions.files().good(named);
    Place place = versions.place(request);
    place.requireFree();
    request.wheels().filter(wheels -> !Files.isDirectory(wheels)).ifPresent(wheels -> {
          throw Problem.of(Code.FILE_MISSING, "There is no directory of wheels at " + wheels + ".").withHint("Name a directory that is there with --wheels-dir.").toException();
        });
    Versions.Request with = PackVersion.Pack.around(named.spec()).flatMap(PackVersion.Pack::wheels).filter(wheels -> request.wheels().isEmpty()).map(request::withWheels).orElse(request);
    return new Task(with, named, spec, place, versions.modelsDir(request, place), request.offline() || spec.options().offline());
  }

  /** What would be done; writes nothing but what a cache keeps. */
  public VersionPlan plan(Versions.Request request, CancelSignal cancel, ProgressSink progress) {
    Task task = task(request);
    ResolveVersion.Resolved resolved = resolve(task, cancel, progress);
    return plan(task, resolved, cancel);
  }

  private Result run(Task task, Work.Context job) {
    job.started();
    CancelSignal cancel = job.cancelSignal();
    ResolveVersion.Resolved resolved = resolve(task, cancel, job.progress());
    Optional<Result> unchanged = unchanged(task, resolved.lock());
    if (unchanged.isPresent() && task.place().isUntidy()) {
      sweep(task, cancel, job.progress());
      // Whoever was waited for may have changed it.
      unchanged = unchanged(task, resolved.lock());
    }
    if (unchanged.isPresent()) {
      if (task.request().lock().isEmpty() && !Files.exists(task.named().lock())) {
        // The build was made from another root.
        versions.keep(task.named(), resolved.lock(), true, resolved.answers());
      }
      return unchanged.get();
    }
    VersionModels models = new VersionModels(versions, task.named(), Optional.of(task.spec()), task.place(), task.modelsDir());
    job.progress().phase("checking");
    List<Problem> missing =
        task.offline() || task.request().wheels().isPresent()
            ? plan(task, resolved, cancel).missing()
            : resolved.lock().models().stream().map(models::lost).flatMap(Optional::stream).toList();
    if (!missing.isEmpty()) {
      throw ResolveVersion.summary(missing).toException();
    }
    Lock[] lock = {resolved.lock()};
    // A model whose host publishes no hash decides the lock, and with it the build's name.
    if (lock[0].models().stream().anyMatch(model -> model.sha256().isEmpty())) {
      part(job, MODELS_PART, Lane.DOWNLOADS, task, part -> lock[0] = bring(models, lock[0], part));
    }
    versions.keep(task.named(), lock[0], task.request().lock().isEmpty(), resolved.answers());
    Result[] result = new Result[1];
    boolean complete = lock[0].models().stream().allMatch(models::isThere);
    part(job, BUILD_PART, Lane.ENVIRONMENTS, task, part -> result[0] = build(task, lock[0], part, !complete));
    if (!complete) {
      part(job, MODELS_PART, Lane.DOWNLOADS, task, part -> bring(models, lock[0], part));
      part(job, BUILD_PART, Lane.ENVIRONMENTS, task, part -> result[0] = build(task, lock[0], part, false));
    }
    if (!task.request().forTheMoment()) {
      versions.remember(task.named().id(), task.place());
    }
    versions.changed(List.of(task.named().id()), List.of());
    return complete ? result[0] : result[0].changed();
  }

  private ResolveVersion.Resolved resolve(Task task, CancelSignal cancel, ProgressSink progress) {
    ResolveVersion.Resolved resolved = resolve.resolve(task.request(), task.named(), task.spec(), ResolveVersion.How.TRUST, cancel, progress);
    PackVersion.Pack.around(task.named().spec()).ifPresent(pack -> pack.unpackCommits(versions, resolved.lock()));
    return resolved;
  }

  // Parts

  private void part(Work.Context parent, String kind, Lane lane, Task task, java.util.function.Consumer<Work.Context> work) {
    Jobs.Handle part =
        jobs.start(
            new Jobs.Order(kind, Optional.of(lane), false, List.of(task.named().id()), Optional.of(parent.id())),
            context -> {
              work.accept(context);
              return Work.Outcome.done(new PartDone());
            });
    Parts.follow(parent, part);
  }

  private static Lock bring(VersionModels models, Lock lock, Work.Context job) {
    List<Lock.Model> brought = new ArrayList<>();
    for (Lock.Model model : lock.models()) {
      job.step(model.path().toString(), brought.size(), lock.models().size());
      brought.add(models.bring(model, false, job.cancelSignal(), job.progress()));
    }
    return lock.withModels(brought);
  }

  // What is there

  private Optional<Result> unchanged(Task task, Lock lock) {
    Optional<Marker> marker = task.place().marker();
    String digest = LockJson.digest(lock);
    if (marker.isEmpty() || !marker.get().lockDigest().equals(digest) || !marker.get().modelsDir().equals(task.modelsDir())) {
      return Optional.empty();
    }
    VersionModels models = new VersionModels(versions, task.named(), Optional.of(task.spec()), task.place(), task.modelsDir());
    Build build = new Build(task.place(), task.place().current().orElseThrow());
    if (!lock.models().stream().allMatch(models::isThere) || !build.changed().isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(new Result(true, task.place().target(), digest, marker.get().environmentDigest(), task.place().previous()));
  }

  private void sweep(Task task, CancelSignal cancel, ProgressSink progress) {
    try (Versions.Turn turn = versions.enter(task.place(), cancel, progress);
        Children children = versions.children(task.place().ledger())) {
      task.place().sweepHalves();
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, task.place().store()), e);
    }
  }

  // The plan

  private VersionPlan plan(Task task, ResolveVersion.Resolved resolved, CancelSignal cancel) {
    Lock lock = resolved.lock();
    if (unchanged(task, lock).isPresent()) {
      return new VersionPlan(task.named().id(), lock, true, List.of(), List.of(), List.of());
    }
    Planner planner = new Planner(task, lock, resolved.sizes(), cancel);
    return planner.plan();
  }

  /** Looks at caches and disks, and writes down what would happen. */
  private final class Planner {
    private final Task task;
    private final Lock lock;
    private final Map<String, Long> sizes;
    private final CancelSignal cancel;
    private final List<Step> steps = new ArrayList<>();
    private final List<Problem> missing = new ArrayList<>();
    private final Map<String, Need> needs = new LinkedHashMap<>();

    private Planner(Task task, Lock lock, Map<String, Long> sizes, CancelSignal cancel) {
      this.task = task;
      this.lock = lock;
      this.sizes = sizes;
      this.cancel = cancel;
    }

    private VersionPlan plan() {
      commit(lock.comfy().repo(), lock.comfy().commit(), lock.comfy().submodules());
      lock.nodes().forEach(node -> commit(node.checkout().repo(), node.checkout().commit(), node.checkout().submodules()));
      steps.add(new Step(Kind.CHECKOUT, Place.CORE, Optional.of(From.CACHE), OptionalLong.empty()));
      lock.nodes().forEach(node -> steps.add(new Step(Kind.CHECKOUT, Place.CORE + "/" + node.dir(), Optional.of(From.CACHE), OptionalLong.empty())));
      packages();
      lock.models().forEach(this::model);
      steps.add(new Step(Kind.LINK, Place.MODELS + " -> " + task.modelsDir(), Optional.empty(), OptionalLong.empty()));
      steps.add(new Step(Kind.LINK, Place.MODEL_PATHS, Optional.empty(), OptionalLong.empty()));
      steps.add(new Step(Kind.SWITCH, task.place().target().toString(), Optional.empty(), OptionalLong.empty()));
      List<Need> list = List.copyOf(needs.values());
      for (Need need : list) {
        if (need.shortfallBytes() > 0) {
          missing.add(
              Problem.of(Code.DISK_FULL, "The file system of " + need.path() + " lacks " + comfyui.cockpit.kernel.Sizes.bytes(need.shortfallBytes()) + ".")
                  .with("shortfall_bytes", need.shortfallBytes())
                  .with("file_system", need.path().toString()));
        }
      }
      return new VersionPlan(task.named().id(), lock, false, steps, list, missing);
    }

    private void need(Path at, long bytes) {
      Disk.Space space = Disk.spaceAt(at);
      needs.merge(space.key(), new Need(space.path(), space.freeBytes(), bytes), (a, b) -> new Need(a.path(), a.freeBytes(), a.neededBytes() + b.neededBytes()));
    }

    private void commit(RepoUrl repo, CommitId commit, List<Submodule> submodules) {
      Map<RepoUrl, CommitId> all = new LinkedHashMap<>();
      all.put(repo, commit);
      submodules.forEach(sub -> all.put(sub.repo(), sub.commit()));
      all.forEach(
          (url, id) -> {
            boolean cached = versions.repositories().has(url, id);
            if (!cached && task.offline() && !url.isLocal()) {
              missing.add(Problem.of(Code.OFFLINE, url + " at " + id.abbreviated() + " is not in the cache.").with("missing", List.of(url + " " + id)));
            }
            steps.add(new Step(Kind.COMMIT, url + " " + id.abbreviated(), Optional.of(cached ? From.CACHE : url.isLocal() ? From.FILE : From.NETWORK), OptionalLong.empty()));
          });
    }

    private void packages() {
      try (WorkDirectory temporary = versions.workDirectory()) {
        Children children = temporary.children();
        Path work = temporary.path();
        Optional<Interpreter> python = versions.interpreters().find(Optional.of(lock.python()), children, work, cancel);
        steps.add(new Step(Kind.ENVIRONMENT, "Python " + lock.python(), Optional.of(python.isPresent() ? From.FILE : From.NETWORK), OptionalLong.empty()));
        if (python.isEmpty() && task.offline()) {
          missing.add(Interpreters.missing(lock.python(), List.of()));
        }
        Packages.Origin origin = new Packages.Origin(task.offline(), task.request().wheels(), lock.torchBackend(), lock.places());
        Set<String> absent =
            python.isEmpty()
                ? lock.packages().stream().map(RealizeVersion::called).collect(java.util.stream.Collectors.toCollection(LinkedHashSet::new))
                : new LinkedHashSet<>(versions.packages().absent(python.get(), new Packages.Locked(lock.packages(), lock.buildPackages()), origin, children, work, cancel));
        if (python.isPresent() && !absent.isEmpty() && (task.offline() || task.request().wheels().isPresent())) {
          missing.add(Packages.missing(List.copyOf(absent), origin));
        }
        Map<String, Packages.Located> located =
            python.isEmpty() || task.offline() || task.request().wheels().isPresent()
                ? Map.of()
                : versions.packages().locate(
                    lock.packages().stream().filter(each -> each instanceof LockedPackage.Dist && absent.contains(called(each)) && !sizes.containsKey(each.name())).toList(),
                    python.get(), lock.platform(), origin, children, work, cancel);
        for (LockedPackage each : lock.packages()) {
          boolean there = !absent.contains(called(each)) && !(each instanceof LockedPackage.Dist dist && absent.contains(dist.file()));
          From from = task.request().wheels().isPresent() ? From.WHEELS : there ? From.CACHE : From.NETWORK;
          Optional<Long> size = Optional.ofNullable(sizes.get(each.name())).or(() -> sizeOf(each, located));
          steps.add(new Step(Kind.PACKAGE, called(each), Optional.of(from), size.map(OptionalLong::of).orElseGet(OptionalLong::empty)));
          if (from == From.NETWORK && size.isPresent()) {
            need(versions.settings().cacheRoot(), size.get());
          }
        }
      }
    }

    private void model(Lock.Model model) {
      VersionModels models = new VersionModels(versions, task.named(), Optional.of(task.spec()), task.place(), task.modelsDir());
      boolean there = models.isThere(model);
      boolean here = there || models.isHere(model);
      boolean local = versions.sources().isLocal(models.wanted(model).source());
      models.lost(model).ifPresent(missing::add);
      if (!here && task.offline() && !local) {
        missing.add(Problem.of(Code.OFFLINE, model.path() + " is not here.").with("missing", List.of(model.source())));
      }
      steps.add(new Step(Kind.MODEL, model.path().toString(), Optional.of(there || here && !local ? From.CACHE : local ? From.FILE : From.NETWORK), model.size()));
      if (!there && (local || !here)) {
        need(models.wanted(model).target(), model.size().orElse(0));
      }
    }
  }

  private static Optional<Long> sizeOf(LockedPackage each, Map<String, Packages.Located> located) {
    return each instanceof LockedPackage.Dist dist
        ? Optional.ofNullable(located.get(dist.sha256())).filter(at -> at.size().isPresent()).map(at -> at.size().getAsLong())
        : Optional.empty();
  }

  private static String called(LockedPackage each) {
    return each instanceof LockedPackage.Dist dist ? dist.name() + "==" + dist.version() : each.requirement();
  }

  // The build

  /** @param modelsMissing true: everything but the last step, which waits for the models */
  private Result build(Task task, Lock lock, Work.Context job, boolean modelsMissing) {
    Place place = task.place();
    CancelSignal cancel = job.cancelSignal();
    ProgressSink progress = job.progress();
    place.requireFree();
    String digest = LockJson.digest(lock);
    try (Versions.Turn turn = versions.enter(place, cancel, progress);
        Children children = versions.children(place.ledger())) {
      place.sweepHalves();
      Build build = whole(task, digest, cancel, progress).orElseGet(() -> new Build(place, freshKey(task, digest)));
      // Whoever was waited for may have made it.
      boolean there = build.isWhole();
      if (!there) {
        make(task, lock, build, children, job);
      }
      String environmentDigest = build.marker().orElseThrow().environmentDigest();
      boolean current = place.current().equals(Optional.of(build.key()));
      if (!current && !modelsMissing) {
        cancel.throwIfCancelled();
        progress.phase("publishing");
        Optional<String> before = place.current();
        place.switchTo(build.key());
        // A build that was mended is of no use any more.
        if (before.isPresent() && Marker.of(place.build(before.get())).map(Marker::lockDigest).equals(Optional.of(digest)) && !new Build(place, before.get()).changed().isEmpty()) {
          place.removeBuild(before.get());
        }
      }
      return new Result(there && current, place.target(), digest, environmentDigest, place.previous());
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, place.store()), e);
    }
  }

  /** A build of this lock that is there and as it was: the one in use, or one that was before. */
  private Optional<Build> whole(Task task, String digest, CancelSignal cancel, ProgressSink progress) throws IOException {
    List<String> keys = new ArrayList<>(task.place().current().stream().toList());
    task.place().builds().stream().filter(key -> !keys.contains(key)).forEach(keys::add);
    for (String key : keys) {
      Build build = new Build(task.place(), key);
      Optional<Marker> marker = build.marker();
      if (marker.isPresent() && marker.get().lockDigest().equals(digest) && marker.get().modelsDir().equals(task.modelsDir())) {
        // Other times or numbers alone mean a volume that was copied: then the bytes decide.
        if (build.changed().isEmpty() || build.readAgain(cancel, progress).differences().isEmpty()) {
          return Optional.of(build);
        }
        progress.log("the build " + key + " is not what it was; it is built anew");
      }
    }
    return Optional.empty();
  }

  /** A name that no whole build has. */
  private String freshKey(Task task, String digest) {
    for (int number = 0; ; number++) {
      String key = LockJson.sha256(digest + "\n" + task.modelsDir() + "\n" + number).substring(0, 16);
      if (Marker.of(task.place().build(key)).isEmpty()) {
        return key;
      }
    }
  }

  private void make(Task task, Lock lock, Build build, Children children, Work.Context job) throws IOException {
    CancelSignal cancel = job.cancelSignal();
    ProgressSink progress = job.progress();
    Repositories repositories = versions.repositories();
    int total = 6 + lock.nodes().size();
    int done = 0;
    progress.phase("fetching");
    job.step(Place.CORE, done++, total);
    bring(task, lock.comfy(), cancel, progress);
    for (Lock.Node node : lock.nodes()) {
      job.step(node.dir(), done++, total);
      bring(task, node.checkout(), cancel, progress);
    }
    build.begin();
    progress.phase("checkout");
    job.step(Place.CORE, done++, total);
    progress.log("checking out ComfyUI at " + lock.comfy().commit().abbreviated());
    repositories.checkout(lock.comfy().repo(), lock.comfy().commit(), lock.comfy().submodules(), build.core(), cancel, progress);
    for (Lock.Node node : lock.nodes()) {
      progress.log("checking out " + node.dir() + " at " + node.checkout().commit().abbreviated());
      repositories.checkout(node.checkout().repo(), node.checkout().commit(), node.checkout().submodules(), build.core().resolve(node.dir()), cancel, progress);
    }
    progress.phase("installing");
    job.step("Python " + lock.python(), done++, total);
    Path work = build.work();
    Interpreter python = versions.interpreters().require(Optional.of(lock.python()), task.offline(), children, work, cancel, progress);
    versions.packages().createEnvironment(python, build.venv(), children, cancel, progress);
    job.step(lock.packages().size() + " packages", done++, total);
    Packages.Origin origin = new Packages.Origin(task.offline(), task.request().wheels(), lock.torchBackend(), lock.places());
    Packages.Locked locked = new Packages.Locked(lock.packages(), lock.buildPackages());
    versions.packages().install(build.venv(), locked, origin, children, work, cancel, progress);
    for (Lock.Node node : lock.nodes()) {
      if (node.runInstallScript()) {
        progress.log("running " + node.dir() + "/install.py");
        versions.packages().runScript(build.venv(), build.core().resolve(node.dir()), "install.py", children, cancel, progress);
      }
    }
    progress.phase("verifying");
    job.step("files", done++, total);
    build.link(task.modelsDir(), lock, modelPaths(task, lock), lock.models().stream().filter(model -> !model.path().inModels()).map(Lock.Model::path).toList(), path -> VersionModels.outside(task.place(), path));
    Published published = versions.published();
    List<String> corrupt = packages(published.unknown(build.read(tracked(lock), known(task, lock), cancel, progress)));
    if (!corrupt.isEmpty()) {
      String names = String.join(", ", corrupt);
      if (task.offline() && task.request().wheels().isEmpty()) {
        throw Problem.of(Code.ENVIRONMENT_BROKEN, "The cache's files of " + names + " are not what the packages say: somebody changed them, here or in another version.")
            .withHint("Realize it once without --offline: they are fetched anew.")
            .with("packages", corrupt)
            .toException();
      }
      progress.log("the cache's files of " + names + " are not what the packages say; they are fetched anew");
      versions.packages().forget(corrupt, children, work, cancel, progress);
      versions.packages().createEnvironment(python, build.venv(), children, cancel, progress);
      versions.packages().install(build.venv(), locked, origin, children, work, cancel, progress);
      List<Contents.Deviation> still = published.unknown(build.read(tracked(lock), new Contents.Known(), cancel, progress));
      if (!still.isEmpty()) {
        progress.log("the RECORD of " + String.join(", ", packages(still)) + " is wrong as it was published");
        published.add(still);
      }
    }
    job.step("done", total, total);
    cancel.throwIfCancelled();
    build.finish(task.named().id(), lock, task.modelsDir());
  }

  private static List<String> packages(List<Contents.Deviation> deviations) {
    return deviations.stream().map(Contents.Deviation::distribution).distinct().toList();
  }

  /** What builds of this machine know of files in the shared cache of packages. */
  private Contents.Known known(Task task, Lock lock) {
    Contents.Known known = new Contents.Known();
    boolean mending = task.place().builds().stream().map(key -> Marker.of(task.place().build(key))).flatMap(Optional::stream).anyMatch(marker -> marker.lockDigest().equals(LockJson.digest(lock)));
    if (task.request().forTheMoment() || mending) {
      // Two builds that are compared must each be read; and where a build is not what it was, what others know of shared files is worth nothing.
      return known;
    }
    List<Place> places = new ArrayList<>(versions.places());
    places.add(task.place());
    for (Place place : places) {
      place.current().map(key -> new Build(place, key)).filter(Build::isWhole).ifPresent(build -> known.add(build.contents()));
    }
    return known;
  }

  private void bring(Task task, Lock.Checkout checkout, CancelSignal cancel, ProgressSink progress) {
    fetch(task, checkout.repo(), checkout.commit(), cancel, progress);
    checkout.submodules().forEach(sub -> fetch(task, sub.repo(), sub.commit(), cancel, progress));
  }

  private void fetch(Task task, RepoUrl repo, CommitId commit, CancelSignal cancel, ProgressSink progress) {
    if (versions.repositories().has(repo, commit)) {
      return;
    }
    if (task.offline() && !repo.isLocal()) {
      throw Problem.of(Code.OFFLINE, repo + " at " + commit.abbreviated() + " is not in the cache.").with("missing", List.of(repo + " " + commit)).toException();
    }
    progress.log("fetching " + repo + " at " + commit.abbreviated());
    versions.repositories().fetch(repo, commit, Optional.empty(), cancel, progress);
  }

  /** Every file that git tracks, under its path in the build. */
  private Set<String> tracked(Lock lock) {
    Set<String> paths = new LinkedHashSet<>();
    versions.repositories().tracked(lock.comfy().repo(), lock.comfy().commit(), lock.comfy().submodules()).forEach(file -> paths.add(Place.CORE + "/" + file.path()));
    for (Lock.Node node : lock.nodes()) {
      versions.repositories()
          .tracked(node.checkout().repo(), node.checkout().commit(), node.checkout().submodules())
          .forEach(file -> paths.add(Place.CORE + "/" + node.dir() + "/" + file.path()));
    }
    return paths;
  }

  /** Where ComfyUI finds the shared models: every folder of its own, and those that this version's models lie in; and what git tracks of them. */
  private static String modelPaths(Task task, Lock lock) {
    Set<String> folders = new LinkedHashSet<>(ModelFolders.all());
    lock.models().stream()
        .filter(model -> model.path().inModels() && model.path().relative().contains("/"))
        .map(model -> model.path().relative().substring(0, model.path().relative().indexOf('/')))
        .filter(folder -> folder.matches("[A-Za-z0-9_-]+"))
        .forEach(folders::add);
    StringBuilder yaml = new StringBuilder("# Written by ComfyUI Cockpit when it realizes the version.\ncomfyui_cockpit:\n");
    yaml.append("  base_path: ").append(Json.write(task.modelsDir().toString())).append("\n  is_default: true\n");
    for (String folder : folders) {
      String others = folder.equals("text_encoders") ? "text_encoders\n    clip\n" : folder.equals("diffusion_models") ? "diffusion_models\n    unet\n" : "";
      if (!folder.equals("clip") && !folder.equals("unet")) {
        yaml.append("  ").append(folder).append(": ").append(others.isEmpty() ? folder + "\n" : "|\n    " + others);
      }
    }
    Path tracked = task.place().target().resolve(Place.TRACKED_MODELS);
    return yaml.append("comfyui_cockpit_tracked:\n  base_path: ").append(Json.write(tracked.toString())).append("\n  configs: configs\n").toString();
  }

}
