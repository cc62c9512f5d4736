package comfyui.cockpit.app.versions;

import comfyui.cockpit.download.Downloads;
import comfyui.cockpit.download.Limits;
import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.files.Roots;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.files.Stat;
import comfyui.cockpit.git.Repositories;
import comfyui.cockpit.instance.InstanceSettings;
import comfyui.cockpit.job.Events;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProcessIdentity;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.process.Children;
import comfyui.cockpit.python.Interpreters;
import comfyui.cockpit.python.Packages;
import comfyui.cockpit.settings.Settings;
import comfyui.cockpit.settings.VersionSettings;
import comfyui.cockpit.source.Hubs;
import comfyui.cockpit.source.ModelSource;
import comfyui.cockpit.source.SourceUri;
import comfyui.cockpit.source.Sources;
import comfyui.cockpit.version.Lock;
import comfyui.cockpit.version.LockJson;
import comfyui.cockpit.version.Marker;
import comfyui.cockpit.version.Place;
import comfyui.cockpit.version.Published;
import comfyui.cockpit.version.VersionFiles.Named;
import comfyui.cockpit.version.VersionFiles;
import comfyui.cockpit.version.VersionSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/** What versions are declared and where they are realized: the ground that every verb about versions stands on. */
public final class Versions implements AutoCloseable {
  private static final Duration POLL = Duration.ofMillis(100);
  private static final String LOCK = ".lock.json";

  private final VersionFiles files;
  private final Supplier<Repositories> repositories;
  private final Packages packages;
  private final Interpreters interpreters;
  private final Sources sources;
  private final Settings settings;
  private final Events events;
  private final Clock clock;
  private final AtomicLong changes = new AtomicLong();
  private final Map<List<Path>, Downloads> downloads = new LinkedHashMap<>();
  private final Map<Path, Semaphore> turns = new ConcurrentHashMap<>();
  private final Set<WorkDirectory> inUse = ConcurrentHashMap.newKeySet();
  private Optional<Repositories> opened = Optional.empty();
  /** The spec and the lock of each version as `stat` last saw them; empty before the first look. */
  private Map<String, String> seen = Map.of();

  /** @param repositories made when first needed: the library behind it is heavy */
  public Versions(
      VersionFiles files, Supplier<Repositories> repositories, Packages packages, Interpreters interpreters, Sources sources, Settings settings, Events events, Clock clock) {
    this.files = files;
    this.repositories = repositories;
    this.packages = packages;
    this.interpreters = interpreters;
    this.sources = sources;
    this.settings = settings;
    this.events = events;
    this.clock = clock;
  }

  /**
   * Which version, and where.
   *
   * @param spec a file instead of the one in the directory of versions
   * @param lock a lock to take as it is
   * @param wheels no index, only the wheels in this directory
   * @param forTheMoment true: nobody needs to find it later
   */
  public record Request(
      String id, Optional<Path> spec, Optional<Path> target, Optional<Path> modelsDir, Optional<Path> wheels, Optional<Path> lock, boolean offline, boolean forTheMoment) {
    public static Request of(String id) {
      return new Request(id, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), false, false);
    }

    Request withWheels(Path directory) {
      return new Request(id, spec, target, modelsDir, Optional.of(directory), lock, offline, forTheMoment);
    }

    /** The same version at a place that goes again. */
    Request aside(Path target, Path modelsDir) {
      return new Request(id, spec, Optional.of(target), Optional.of(modelsDir), wheels, lock, offline, true);
    }
  }

  public VersionFiles files() {
    return files;
  }

  public Repositories repositories() {
    synchronized (downloads) {
      if (opened.isEmpty()) {
        opened = Optional.of(repositories.get());
      }
      return opened.get();
    }
  }

  public Packages packages() {
    return packages;
  }

  /** The lab's root. */
  public Path root() {
    return settings.root();
  }

  Published published() {
    return new Published(settings().cacheRoot().resolve("published.txt"));
  }

  public Interpreters interpreters() {
    return interpreters;
  }

  public Sources sources() {
    return sources;
  }

  public VersionSettings settings() {
    return settings.versions();
  }

  public InstanceSettings instances() {
    return settings.instances();
  }

  public Hubs hubs() {
    return settings.hubs();
  }

  Limits limits() {
    return settings.limits();
  }

  public Clock clock() {
    return clock;
  }

  public Named named(Request request) {
    return files.named(request.id(), request.spec());
  }

  /** The place that the user names; else the usual one; where nothing is realized there, the one where this spec was realized last. */
  public Place place(Request request) {
    if (request.target().isPresent()) {
      return new Place(request.target().get());
    }
    Place usual = new Place(settings().target(request.id()));
    return usual.current().isPresent() ? usual : remembered(request).orElse(usual);
  }

  /** Where models of a version lie: what the user says, else what its last build says, else beside its builds. */
  public Path modelsDir(Request request, Place place) {
    return request.modelsDir()
        .or(settings()::modelsDir)
        .or(() -> place.marker().map(Marker::modelsDir))
        .orElse(place.data().resolve(Place.MODELS))
        .toAbsolutePath()
        .normalize();
  }

  /** Files come onto one directory of models through one gate. */
  public Downloads downloads(Path modelsDir, Place place) {
    synchronized (downloads) {
      return downloads.computeIfAbsent(
          List.of(modelsDir, place.store()),
          key -> new Downloads(new Roots(modelsDir, List.of(place.store(), settings().cacheModels())), sources, settings.limits(), clock, ProcessIdentity.current()));
    }
  }

  /** The right to change a place, until closed. */
  public interface Turn extends AutoCloseable {
    @Override
    void close();
  }

  /** One after the other within this process, then one among processes: a lock's file must be open once only. */
  public Turn enter(Place place, CancelSignal cancel, ProgressSink progress) {
    Semaphore turn = turns.computeIfAbsent(place.store(), path -> new Semaphore(1));
    while (!turn.tryAcquire()) {
      cancel.sleep(POLL);
    }
    boolean entered = false;
    try {
      Place.Hold hold = place.enter(cancel, progress);
      entered = true;
      return () -> {
        try {
          hold.close();
        } finally {
          turn.release();
        }
      };
    } finally {
      if (!entered) {
        turn.release();
      }
    }
  }

  /** Children of one piece of work; whatever a killed process left of it is ended first. */
  public Children children(Path ledger) {
    Children children = new Children(ledger, clock);
    try {
      children.endLeftovers();
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, ledger), e);
    }
    return children;
  }

  /** For files that are needed for a moment, and the children that work on them. */
  public WorkDirectory workDirectory() {
    WorkDirectory temporary = WorkDirectory.in(works(), clock, inUse::remove);
    inUse.add(temporary);
    return temporary;
  }

  /** Ends what killed processes left, and removes their files. */
  public void sweep() {
    WorkDirectory.sweep(works(), clock);
  }

  private Path works() {
    return settings().cacheRoot().resolve("work");
  }

  // Models by checksum

  /** Where the cache keeps the file of this checksum. */
  Path blobPlace(Checksum checksum) {
    return blobPlace(settings().cacheModels(), checksum);
  }

  static Path blobPlace(Path cache, Checksum checksum) {
    String algorithm = checksum.algorithm() == Checksum.Algorithm.MD5 ? "md5" : "sha256";
    return cache.resolve(algorithm).resolve(checksum.hex().substring(0, 2)).resolve(checksum.hex()).resolve("blob");
  }

  /** The cached file of this checksum, also in a predecessor's cache, and in the pack that a spec lies in. */
  Optional<Path> blob(Checksum checksum, Path spec) {
    List<Path> caches = new ArrayList<>(List.of(settings().cacheModels()));
    settings().comfyHome().ifPresent(home -> caches.add(home.resolve(".cache").resolve("models")));
    PackVersion.Pack.around(spec).ifPresent(pack -> caches.add(pack.models()));
    return caches.stream().map(cache -> blobPlace(cache, checksum)).filter(Files::isRegularFile).findFirst();
  }

  // What this machine remembers of a version

  private Path resolved(String id, String what) {
    return settings().cacheRoot().resolve("resolved").resolve(id + what);
  }

  /** The spec as it was when this machine resolved this very lock. */
  Optional<VersionSpec> asked(Named named, Lock lock) {
    try {
      Optional<String> of = SmallFile.read(resolved(named.id(), ".spec.digest")).map(String::strip);
      if (!of.equals(Optional.of(LockJson.digest(lock)))) {
        return Optional.empty();
      }
      return SmallFile.read(resolved(named.id(), ".spec.json")).flatMap(text -> files.parse(named, text).spec());
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** What a lock's source means; nothing if it cannot be read. */
  Optional<ModelSource> source(Named named, String written) {
    try {
      return Optional.of(new SourceUri(hubs(), named.spec().toAbsolutePath().getParent()).parse(written));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /**
   * Writes what differs from what is there already, and nothing else.
   *
   * @param answers whether the lock is known to answer the spec; what was only believed is not remembered as asked
   */
  void keep(Named named, Lock lock, boolean besideSpec, boolean answers) {
    String text = LockJson.write(lock);
    try {
      if (besideSpec) {
        writeIfOther(named.lock(), text);
      }
      writeIfOther(resolved(named.id(), LOCK), text);
      if (answers) {
        writeIfOther(resolved(named.id(), ".spec.json"), files.text(named));
        writeIfOther(resolved(named.id(), ".spec.digest"), LockJson.sha256(text) + "\n");
      }
      writeIfOther(resolved(named.id(), ".spec.path"), named.spec().toAbsolutePath().normalize() + "\n");
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, named.lock()), e);
    }
  }

  /** The lock that was kept of a version of this machine; nothing if its spec is not there any more, whichever root it belonged to. */
  Optional<Lock> kept(String id) throws IOException {
    Optional<String> spec = SmallFile.read(resolved(id, ".spec.path")).map(String::strip);
    return spec.isPresent() && !Files.exists(Path.of(spec.get())) ? Optional.empty() : files.lock(resolved(id, LOCK));
  }

  /** The versions of which something is kept. */
  List<String> keptIds() throws IOException {
    Path directory = settings().cacheRoot().resolve("resolved");
    List<String> ids = new ArrayList<>();
    if (Files.isDirectory(directory)) {
      try (var copies = Files.newDirectoryStream(directory, "*" + LOCK)) {
        copies.forEach(copy -> ids.add(copy.getFileName().toString().replaceFirst("\\.lock\\.json$", "")));
      }
    }
    return ids;
  }

  /** Forgets a version whose spec is gone. */
  void forget(String id) throws IOException {
    for (String what : List.of(LOCK, ".spec.json", ".spec.digest", ".spec.path", ".target")) {
      Files.deleteIfExists(resolved(id, what));
    }
  }

  private static void writeIfOther(Path file, String text) throws IOException {
    if (!SmallFile.read(file).equals(Optional.of(text))) {
      SmallFile.write(file, text);
    }
  }

  /** Notes where a version was realized, so that it need not be named each time, and `gc` finds it. */
  void remember(String id, Place place) {
    try {
      if (place.target().equals(settings().target(id).toAbsolutePath().normalize())) {
        Files.deleteIfExists(resolved(id, ".target"));
      } else {
        writeIfOther(resolved(id, ".target"), place.target() + "\n");
      }
      writeIfOther(settings().cacheRoot().resolve("targets").resolve(LockJson.sha256(place.target().toString()).substring(0, 16)), place.target() + "\n");
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, settings().cacheRoot()), e);
    }
  }

  private Optional<Place> remembered(Request request) {
    try {
      String spec = named(request).spec().toAbsolutePath().normalize().toString();
      boolean ours = SmallFile.read(resolved(request.id(), ".spec.path")).map(String::strip).equals(Optional.of(spec));
      return ours ? SmallFile.read(resolved(request.id(), ".target")).map(text -> new Place(Path.of(text.strip()))).filter(place -> place.current().isPresent()) : Optional.empty();
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, settings().cacheRoot()), e);
    }
  }

  /** Every place where this machine realized something that is still there. */
  List<Place> places() {
    List<Place> places = new ArrayList<>();
    Path directory = settings().cacheRoot().resolve("targets");
    if (Files.isDirectory(directory)) {
      try (var notes = Files.newDirectoryStream(directory)) {
        for (Path note : notes) {
          SmallFile.read(note).map(String::strip).map(Path::of).map(Place::new).filter(place -> Files.isDirectory(place.store())).ifPresent(places::add);
        }
      } catch (IOException e) {
        throw new ProblemException(DiskProblems.of(e, directory), e);
      }
    }
    return places;
  }

  // What others are told

  public String revision() {
    return LockJson.sha256(look().toString()).substring(0, 12) + "-" + changes.get();
  }

  private Map<String, String> look() {
    Map<String, String> all = new LinkedHashMap<>();
    for (Named named : files.list()) {
      all.put(named.id(), comfyui.cockpit.files.Stat.of(named.spec()) + " " + comfyui.cockpit.files.Stat.of(named.lock()));
    }
    return all;
  }

  public void changed(List<String> ids, List<String> removed) {
    synchronized (changes) {
      seen = look();
    }
    changes.incrementAndGet();
    events.publish("versions", new Events.Changed(revision(), ids, removed));
  }

  /** Looks once, so that {@link #lookAgain} knows what changed since. */
  public void lookFirst() {
    synchronized (changes) {
      seen = look();
    }
  }

  /** Tells others of specs and locks that somebody else wrote or removed: an editor, git. */
  public void lookAgain() {
    List<String> changed;
    List<String> removed;
    synchronized (changes) {
      Map<String, String> before = seen;
      Map<String, String> now = look();
      changed = now.keySet().stream().filter(id -> !Objects.equals(now.get(id), before.get(id))).toList();
      removed = before.keySet().stream().filter(id -> !now.containsKey(id)).toList();
    }
    if (!changed.isEmpty() || !removed.isEmpty()) {
      changed(changed, removed);
    }
  }

  /** @throws ProblemException {@code declaration_invalid} if cockpit.json is wrong */
  public void requireSettings() {
    if (!settings.errors().isEmpty()) {
      Problem first = settings.errors().getFirst();
      throw Problem.of(Code.DECLARATION_INVALID, Settings.FILE + " or a token is wrong: " + first.detail()).withHint(first.hint()).gathering(settings.errors()).toException();
    }
  }

  @Override
  public void close() throws IOException {
    // Whoever is still at work was told to end; its children are not left to themselves.
    List.copyOf(inUse).forEach(WorkDirectory::close);
    synchronized (downloads) {
      for (Downloads each : downloads.values()) {
        each.close();
      }
    }
    opened.ifPresent(Repositories::close);
  }
}
