package comfyui.cockpit.app.versions;

import comfyui.cockpit.download.Downloads;
import comfyui.cockpit.download.WantedFile;
import comfyui.cockpit.files.Stat;
import comfyui.cockpit.git.RepoUrl;
import comfyui.cockpit.git.Repositories;
import comfyui.cockpit.git.Submodule;
import comfyui.cockpit.job.Jobs;
import comfyui.cockpit.job.Work;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.process.Children;
import comfyui.cockpit.python.Interpreter;
import comfyui.cockpit.python.LockedPackage;
import comfyui.cockpit.python.Packages;
import comfyui.cockpit.python.Requirements;
import comfyui.cockpit.python.Resolution;
import comfyui.cockpit.source.Described;
import comfyui.cockpit.source.ModelSource;
import comfyui.cockpit.version.Lock;
import comfyui.cockpit.version.LockJson;
import comfyui.cockpit.version.ModelPath;
import comfyui.cockpit.version.Place;
import comfyui.cockpit.version.Staleness;
import comfyui.cockpit.version.Staleness.Stale;
import comfyui.cockpit.version.VersionFiles.Named;
import comfyui.cockpit.version.VersionSpec;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/** Turns a spec into a lock: refs into commits, requirements into packages, models into sizes and checksums. */
public final class ResolveVersion {
  public static final String KIND = "versions.resolve";
  private static final int REQUIREMENTS_LIMIT = 1 << 20;
  private static final int INCLUDES = 5;

  private final Versions versions;
  private final Jobs jobs;

  public ResolveVersion(Versions versions, Jobs jobs) {
    this.versions = versions;
    this.jobs = jobs;
  }

  /** One pin that is another than before; empty text where there was none, or is none any more. */
  public record Change(String what, String from, String to) {}

  /** @param file the lock beside the spec */
  public record Result(Path file, String digest, List<Change> changed) {}

  /**
   * @param answers true if the lock is known to answer the spec: somebody asked, now or when this machine resolved it
   * @param sizes bytes of packages, where the index said them
   */
  record Resolved(Lock lock, boolean answers, List<Change> changed, Map<String, Long> sizes) {}

  /** @param upgrade moves every pin that the spec leaves free */
  public Jobs.Handle start(Versions.Request request, boolean upgrade) {
    versions.requireSettings();
    Named named = versions.named(request);
    VersionSpec spec = versions.files().good(named);
    return jobs.start(
        new Jobs.Order(KIND, Optional.empty(), false, List.of(named.id()), Optional.empty()),
        job -> {
          Resolved resolved = resolve(request, named, spec, upgrade ? How.UPGRADE : How.ASK, job.cancelSignal(), job.progress());
          versions.keep(named, resolved.lock(), true, true);
          versions.changed(List.of(named.id()), List.of());
          return Work.Outcome.done(new Result(named.lock(), LockJson.digest(resolved.lock()), resolved.changed()));
        });
  }

  /** How much is asked. */
  enum How {
    /** Only what makes the lock stale. A lock that came with its spec is believed. */
    TRUST,
    /** Whatever this machine has not asked itself; every pin stays that the spec allows. */
    ASK,
    /** All of it, without the pins. */
    UPGRADE
  }

  Resolved resolve(Versions.Request request, Named named, VersionSpec written, How how, CancelSignal cancel, ProgressSink progress) {
    if (request.lock().isPresent()) {
      Path file = request.lock().get();
      Lock lock =
          versions.files().lock(file).orElseThrow(() -> Problem.of(Code.FILE_MISSING, "The lock " + file + " is not there.").withHint("Name another with --lock or LOCK_PATH.").toException());
      return new Resolved(lock, false, List.of(), Map.of());
    }
    VersionSpec spec = withoutModelsIfSkipped(written);
    boolean offline = request.offline() || spec.options().offline();
    Optional<Lock> old = versions.files().lock(named);
    Optional<VersionSpec> asked = old.flatMap(lock -> versions.asked(named, lock)).map(ResolveVersion::withoutModelsIfSkipped);
    List<Stale> stale = old.map(lock -> Staleness.of(spec, lock, asked, source -> versions.source(named, source))).orElse(List.of());
    boolean upgrade = how == How.UPGRADE;
    if (old.isPresent() && stale.isEmpty() && !upgrade && (how == How.TRUST || asked.isPresent())) {
      return new Resolved(old.get(), asked.isPresent(), List.of(), Map.of());
    }
    stale.forEach(each -> progress.log(each.what() + ": " + each.why()));
    Resolver resolver = new Resolver(request, named, spec, upgrade ? Optional.empty() : old, asked, stale, offline, cancel, progress);
    Lock lock = resolver.run();
    return new Resolved(lock, true, old.map(before -> changes(before, lock)).orElseGet(() -> changes(lock)), resolver.sizes);
  }

  static VersionSpec withoutModelsIfSkipped(VersionSpec spec) {
    return spec.options().skipModels()
        ? new VersionSpec(spec.id(), spec.comfy(), spec.nodes(), List.of(), spec.packages(), spec.python(), spec.env(), spec.options())
        : spec;
  }

  /** One resolution at work. */
  private final class Resolver {
    private final Versions.Request request;
    private final Named named;
    private final VersionSpec spec;
    private final Optional<Lock> old;
    private final Optional<VersionSpec> asked;
    private final Set<String> stale = new LinkedHashSet<>();
    private final boolean offline;
    private final CancelSignal cancel;
    private final ProgressSink progress;
    private final List<Problem> missing = new ArrayList<>();
    private final Map<String, Long> sizes = new LinkedHashMap<>();

    private Resolver(
        Versions.Request request, Named named, VersionSpec spec, Optional<Lock> old, Optional<VersionSpec> asked, List<Stale> stale, boolean offline, CancelSignal cancel,
        ProgressSink progress) {
      this.request = request;
      this.named = named;
      this.spec = spec;
      this.old = old;
      this.asked = asked;
      stale.forEach(each -> this.stale.add(each.what()));
      this.offline = offline;
      this.cancel = cancel;
      this.progress = progress;
    }

    private Lock run() {
      progress.phase("asking");
      Optional<Lock.Checkout> comfy = checkout("comfy", spec.comfy(), old.map(Lock::comfy));
      List<Lock.Node> nodes = new ArrayList<>();
      for (VersionSpec.Node node : spec.nodes()) {
        Optional<Lock.Checkout> before = old.flatMap(lock -> lock.nodes().stream().filter(own -> own.dir().equals(node.dir())).findFirst()).map(Lock.Node::checkout);
        checkout(node.dir(), node.repo(), before).ifPresent(checkout -> nodes.add(new Lock.Node(node.name(), node.dir(), checkout, node.runInstallScript())));
      }
      List<Lock.Model> models = models();
      throwIfMissing();
      nodes.sort(Comparator.comparing(Lock.Node::dir));
      Lock.Checkout core = comfy.orElseThrow();
      if (old.isPresent() && keepsPackages(core, nodes)) {
        Lock before = old.get();
        return new Lock(
            before.platform(), before.python(), core, nodes, before.packages(), before.buildPackages(), before.torchBackend(), before.places(), models, spec.env());
      }
      return withPackages(core, nodes, models);
    }

    private void orMissing(Runnable fetch) {
      try {
        fetch.run();
      } catch (ProblemException e) {
        if (e.problem().code() != Code.OFFLINE) {
          throw e;
        }
        missing.add(e.problem());
      }
    }

    private void throwIfMissing() {
      if (!missing.isEmpty()) {
        throw summary(missing).toException();
      }
    }

    private boolean keepsPackages(Lock.Checkout comfy, List<Lock.Node> nodes) {
      Lock before = old.orElseThrow();
      return asked.isPresent() && stale.stream().allMatch(what -> what.equals("models") || what.equals("env"))
          && before.comfy().equals(comfy) && before.nodes().equals(nodes) && before.platform().equals(versions.settings().platform());
    }

    // Repositories

    private Optional<Lock.Checkout> checkout(String what, VersionSpec.Repo repo, Optional<Lock.Checkout> before) {
      Repositories repositories = versions.repositories();
      boolean keep = before.isPresent() && !stale.contains(what);
      try {
        CommitId commit = repo.commit().or(() -> keep ? before.map(Lock.Checkout::commit) : Optional.empty()).orElseGet(() -> resolveRef(repo));
        if (keep && before.get().commit().equals(commit)) {
          return Optional.of(new Lock.Checkout(repo.written(), repo.url(), commit, before.get().tree(), before.get().submodules()));
        }
        bring(repo.url(), commit, repo.ref());
        List<Submodule> submodules = repositories.submodules(repo.url(), commit, cancel, progress);
        return Optional.of(new Lock.Checkout(repo.written(), repo.url(), commit, repositories.tree(repo.url(), commit), submodules));
      } catch (ProblemException e) {
        if (e.problem().code() != Code.OFFLINE) {
          throw e;
        }
        missing.add(e.problem());
        return Optional.empty();
      }
    }

    private CommitId resolveRef(VersionSpec.Repo repo) {
      progress.log("asking " + repo.url() + " for " + repo.ref().orElse("its default"));
      if (offline && !repo.url().isLocal()) {
        throw Problem.of(Code.OFFLINE, "Which commit " + repo.ref().orElse("the default branch") + " of " + repo.url() + " is cannot be asked.")
            .with("missing", List.of(repo.url() + " " + repo.ref().orElse("HEAD")))
            .toException();
      }
      return versions.repositories().resolve(repo.url(), repo.ref(), cancel).commit();
    }

    private void bring(RepoUrl url, CommitId commit, Optional<String> hint) {
      if (versions.repositories().has(url, commit)) {
        return;
      }
      if (offline && !url.isLocal()) {
        throw Problem.of(Code.OFFLINE, url + " at " + commit.abbreviated() + " is not in the cache.").with("missing", List.of(url + " " + commit)).toException();
      }
      progress.log("fetching " + url + " at " + commit.abbreviated());
      versions.repositories().fetch(url, commit, hint, cancel, progress);
    }

    // Packages

    private Lock withPackages(Lock.Checkout comfy, List<Lock.Node> nodes, List<Lock.Model> models) {
      // A lock that came with its spec names commits that nobody has fetched here.
      List<Lock.Checkout> read = new ArrayList<>(List.of(comfy));
      nodes.forEach(node -> read.add(node.checkout()));
      for (Lock.Checkout checkout : read) {
        orMissing(() -> bring(checkout.repo(), checkout.commit(), Optional.empty()));
      }
      throwIfMissing();
      List<Requirements> inputs = new ArrayList<>();
      requirements("ComfyUI", comfy).ifPresent(inputs::add);
      for (Lock.Node node : nodes) {
        boolean install = spec.nodes().stream().anyMatch(own -> own.dir().equals(node.dir()) && own.installRequirements());
        if (install) {
          requirements(node.name(), node.checkout()).ifPresent(inputs::add);
        }
      }
      boolean prereleases = spec.packages().contains("--pre");
      List<String> own = spec.packages().stream().filter(line -> !line.equals("--pre")).toList();
      if (!own.isEmpty()) {
        inputs.add(new Requirements("python_packages", String.join("\n", own) + "\n", Map.of()));
      }
      progress.phase("resolving");
      progress.log("resolving the packages of " + String.join(", ", inputs.stream().map(Requirements::requester).toList()));
      try (WorkDirectory temporary = versions.workDirectory()) {
        Children children = temporary.children();
        Path work = temporary.path();
        Optional<String> wanted = old.map(Lock::python).filter(python -> !stale.contains("python")).or(spec::python);
        Interpreter python = versions.interpreters().require(wanted, offline, children, work, cancel, progress);
        List<String> places = inputs.stream().flatMap(input -> input.places().stream()).distinct().toList();
        for (Requirements input : inputs) {
          input.places().stream().filter(place -> !Requirements.isPlace(place)).findFirst().ifPresent(place -> {
                throw Problem.of(Code.SOURCE_UNSUPPORTED, "The requirements of " + input.requester() + " name an index with a login in its address, which would come to stand in the lock.")
                    .withHint("Leave its requirements out with \"install_requirements\": false, and name the index in python_packages; logins stand in ~/.netrc.")
                    .toException();
              });
        }
        Packages.Origin origin = new Packages.Origin(offline, request.wheels(), spec.options().torchBackend(), places);
        List<LockedPackage> pins = old.map(Lock::packages).orElse(List.of());
        Resolution resolution =
            versions.packages().resolve(new Packages.Order(inputs, python, versions.settings().platform(), origin, pins, prereleases), children, work, cancel, progress);
        resolution.packages().forEach(found -> found.size().ifPresent(size -> sizes.put(found.locked().name(), size)));
        return new Lock(
            versions.settings().platform(), python.version(), comfy, nodes, locked(resolution.packages()), locked(resolution.buildPackages()), spec.options().torchBackend(), places,
            models, spec.env());
      }
    }

    private static List<LockedPackage> locked(List<Resolution.Found> found) {
      return found.stream().map(Resolution.Found::locked).toList();
    }

    private Optional<Requirements> requirements(String requester, Lock.Checkout checkout) {
      Optional<String> text = text(checkout, "requirements.txt");
      if (text.isEmpty()) {
        return Optional.empty();
      }
      Map<String, String> included = new LinkedHashMap<>();
      include(requester, checkout, "requirements.txt", text.get(), included, INCLUDES);
      return Optional.of(new Requirements(requester, text.get(), included));
    }

    /** What a file names begins where that file lies; it must not be a file of this machine. */
    private void include(String requester, Lock.Checkout checkout, String file, String text, Map<String, String> included, int depth) {
      for (String name : Requirements.includes(text)) {
        if (name.contains("://")) {
          continue;
        }
        Path path = Path.of(file).resolveSibling(name).normalize();
        if (path.isAbsolute() || path.startsWith("..")) {
          throw Problem.of(Code.PATH_OUTSIDE_ROOT, file + " of " + requester + " includes \"" + name + "\", which leads out of its repository.")
              .withHint("Leave its requirements out with \"install_requirements\": false, and write those it needs into python_packages.")
              .toException();
        }
        String inside = path.toString().replace('\\', '/');
        if (depth > 0 && !included.containsKey(inside)) {
          text(checkout, inside).ifPresent(
              other -> {
                included.put(inside, other);
                include(requester, checkout, inside, other, included, depth - 1);
              });
        }
      }
    }

    private Optional<String> text(Lock.Checkout checkout, String path) {
      return versions.repositories().read(checkout.repo(), checkout.commit(), path, REQUIREMENTS_LIMIT)
          .map(bytes -> new String(bytes, StandardCharsets.UTF_8))
          .map(text -> text.startsWith("\uFEFF") ? text.substring(1) : text);
    }

    // Models

    private List<Lock.Model> models() {
      List<Lock.Model> models = new ArrayList<>();
      int done = 0;
      for (VersionSpec.Model model : spec.models()) {
        progress.log("asking for " + model.source().uri() + " (" + ++done + " of " + spec.models().size() + ")");
        Optional<Lock.Model> before = keptModel(model);
        if (before.isPresent()) {
          models.add(before.get());
          continue;
        }
        try {
          models.add(model(model));
        } catch (ProblemException e) {
          if (e.problem().code() != Code.OFFLINE && !(e.problem().code() == Code.FILE_MISSING && model.source() instanceof ModelSource.Local)) {
            throw e;
          }
          missing.add(e.problem());
        }
      }
      models.sort(Comparator.comparing(model -> model.path().toString()));
      Set<String> paths = new LinkedHashSet<>();
      for (Lock.Model model : models) {
        if (!paths.add(model.path().toString())) {
          throw Problem.of(Code.PATH_TAKEN, "Two models come to lie at " + model.path() + ".").withHint("Give one of them a \"name\" or \"target_path\".").toException();
        }
      }
      return models;
    }

    /** A pin stays as long as the spec asks for the same thing. */
    private Optional<Lock.Model> keptModel(VersionSpec.Model model) {
      if (old.isEmpty()) {
        return Optional.empty();
      }
      if (asked.isPresent() && asked.get().models().stream().noneMatch(before -> before.source().equals(model.source()) && before.checksum().equals(model.checksum()))) {
        return Optional.empty();
      }
      return old.get().models().stream()
          .filter(locked -> model.target().map(target -> target.equals(locked.path())).orElse(true) && versions.source(named, locked.source()).map(source -> Staleness.same(model.source(), source)).orElse(false))
          .filter(locked -> sha256(model).isEmpty() || locked.sha256().isEmpty() || locked.sha256().equals(sha256(model)))
          .findFirst();
    }

    private Lock.Model model(VersionSpec.Model model) {
      Optional<Checksum> declared = sha256(model);
      if (model.source() instanceof ModelSource.Local local) {
        return local(model, local);
      }
      if (offline) {
        Optional<Path> blob = model.checksum().flatMap(checksum -> versions.blob(checksum, named.spec()));
        if (declared.isPresent() && blob.isPresent() && model.target().isPresent()) {
          OptionalLong size = Stat.of(blob.get()).map(Stat::size).map(OptionalLong::of).orElseGet(OptionalLong::empty);
          return new Lock.Model(model.target().get(), model.source().uri(), size, declared);
        }
        throw Problem.of(Code.OFFLINE, model.source().uri() + " cannot be asked, and its file is not in the cache.").with("missing", List.of(model.source().uri())).toException();
      }
      Described described = versions.sources().describe(model.source(), model.checksum(), cancel);
      ModelPath path = model.path(described.filename());
      WantedFile wanted = new WantedFile(path.toString(), Path.of("/"), model.source(), model.checksum(), OptionalLong.empty());
      Downloads.contradiction(wanted, described).ifPresent(problem -> {
            throw problem.with("id", path.toString()).toException();
          });
      Optional<Checksum> hub = described.checksum().filter(checksum -> checksum.algorithm() == Checksum.Algorithm.SHA256);
      OptionalLong size = described.tolerance() == 0 ? described.size() : OptionalLong.empty();
      return new Lock.Model(path, described.source().uri(), size, declared.or(() -> hub));
    }

    private Lock.Model local(VersionSpec.Model model, ModelSource.Local local) {
      Path file = local.path();
      // Refuses what is not a regular file, before anything is read.
      versions.sources().describe(local, Optional.empty(), cancel);
      progress.phase("verifying");
      Place place = versions.place(request);
      Downloads.Sums sums = versions.downloads(versions.modelsDir(request, place), place).hash(file, model.checksum().stream().toList(), cancel, progress);
      progress.phase("asking");
      if (model.checksum().isPresent() && !model.checksum().get().equals(sums.sums().get(model.checksum().get().algorithm()))) {
        throw Problem.of(Code.CHECKSUM_DIFFERS, "The source " + file + " is not the file that the spec declares.")
            .withHint("Correct its checksum in the spec, or name the right file.")
            .with("expected", model.checksum().get().hex())
            .with("actual", Objects.requireNonNull(sums.sums().get(model.checksum().get().algorithm())).hex())
            .toException();
      }
      ModelPath path = model.path(file.getFileName().toString());
      return new Lock.Model(path, model.written(), OptionalLong.of(sums.stat().size()), Optional.ofNullable(sums.sums().get(Checksum.Algorithm.SHA256)));
    }

    private static Optional<Checksum> sha256(VersionSpec.Model model) {
      return model.checksum().filter(checksum -> checksum.algorithm() == Checksum.Algorithm.SHA256);
    }
  }

  /** All that is missing, in one problem. */
  static Problem summary(List<Problem> missing) {
    return missing.stream().allMatch(problem -> problem.code() == Code.OFFLINE) ? offlineProblem(missing) : missing.size() == 1 ? missing.getFirst() : Problem.summary(missing);
  }

  /** Everything that is missing, as one problem. */
  private static Problem offlineProblem(List<Problem> missing) {
    List<Object> all = new ArrayList<>();
    for (Problem problem : missing) {
      if (problem.args().get("missing") instanceof List<?> list) {
        all.addAll(list);
      } else {
        all.add(problem.detail());
      }
    }
    String names = String.join(", ", all.stream().limit(20).map(String::valueOf).toList());
    return Problem.of(Code.OFFLINE, "Missing without a connection: " + names + (all.size() > 20 ? " and " + (all.size() - 20) + " more" : "") + ".").with("missing", all).gathering(missing);
  }

  private static List<Change> changes(Lock lock) {
    return changes(Map.of(), pins(lock));
  }

  private static List<Change> changes(Lock before, Lock after) {
    return changes(pins(before), pins(after));
  }

  private static List<Change> changes(Map<String, String> before, Map<String, String> after) {
    List<Change> changes = new ArrayList<>();
    Set<String> names = new LinkedHashSet<>(after.keySet());
    names.addAll(before.keySet());
    for (String name : names) {
      String from = before.getOrDefault(name, "");
      String to = after.getOrDefault(name, "");
      if (!from.equals(to)) {
        changes.add(new Change(name, from, to));
      }
    }
    return changes;
  }

  /** What a lock pins, each under a name that people know it by. */
  private static Map<String, String> pins(Lock lock) {
    Map<String, String> pins = new LinkedHashMap<>();
    pins.put("comfy", lock.comfy().commit().hex());
    lock.nodes().forEach(node -> pins.put(node.dir(), node.checkout().commit().hex()));
    pins.put("python", lock.python());
    for (LockedPackage each : lock.packages()) {
      pins.put("packages/" + each.name(), each instanceof LockedPackage.Dist dist ? dist.version() : each.requirement());
    }
    lock.models().forEach(model -> pins.put("models/" + model.path(), model.sha256().map(Checksum::hex).orElse("unpinned")));
    return pins;
  }
}
