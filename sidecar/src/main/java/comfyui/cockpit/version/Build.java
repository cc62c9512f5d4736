package comfyui.cockpit.version;

import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.files.Trees;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.python.Environment;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/** One build of a version, aside from the target; whole as soon as its marker is there. */
public final class Build {
  /** ComfyUI's folders of the user's own work. */
  private static final List<String> USERS = List.of("input", "output", "user");

  private final Place place;
  private final String key;
  private final Path root;
  private Optional<Contents> contents = Optional.empty();

  public Build(Place place, String key) {
    this.place = place;
    this.key = key;
    this.root = place.build(key);
  }

  public String key() {
    return key;
  }

  public Path root() {
    return root;
  }

  public Path core() {
    return root.resolve(Place.CORE);
  }

  public Path venv() {
    return root.resolve(Place.VENV);
  }

  public Path work() {
    return root.resolve(".work");
  }

  public Optional<Marker> marker() {
    return Marker.of(root);
  }

  public boolean isWhole() {
    return marker().isPresent();
  }

  /** The lock that it was built from. */
  public Optional<Lock> lock() throws IOException {
    return SmallFile.read(root.resolve(Place.LOCK_COPY)).map(text -> LockJson.read(text, Place.LOCK_COPY, root));
  }

  /** Begins with nothing: what a killed process left is not trusted, and the caches make a second try quick. */
  public void begin() throws IOException {
    Trees.delete(root);
    Files.createDirectories(work());
  }

  /** What changed since it was built, seen without reading a file, or when somebody last read all of them. */
  public List<Problem> changed() {
    List<Problem> changed = stored().map(stored -> stored.changed(root)).orElseGet(() -> List.of(Contents.differs(Place.FILES, "is not there any more")));
    return changed.isEmpty() ? seen() : changed;
  }

  /**
   * Every byte, read again.
   *
   * @param digest what the environment digest is now, where nothing differs
   */
  public record Reading(List<Problem> differences, Optional<String> digest) {
    private static Reading of(List<Problem> differences) {
      return new Reading(differences, Optional.empty());
    }
  }

  private List<Problem> seen() {
    try {
      return SmallFile.read(root.resolve(Place.BROKEN)).map(text -> text.lines().map(path -> Contents.differs(path, "was found changed")).toList()).orElse(List.of());
    } catch (IOException e) {
      return List.of(Contents.differs(Place.BROKEN, "cannot be read"));
    }
  }

  /**
   * What differs, with every byte read. The record of the files is renewed where nothing does; where something does, that is noted, since
   * a byte may have changed behind the back of sizes and times.
   */
  public Reading readAgain(CancelSignal cancel, ProgressSink progress) throws IOException {
    Reading reading = compare(cancel, progress);
    List<Problem> differences = reading.differences();
    Path note = root.resolve(Place.BROKEN);
    if (differences.isEmpty()) {
      Files.deleteIfExists(note);
    } else {
      SmallFile.write(note, String.join("\n", differences.stream().map(each -> String.valueOf(each.args().get("path"))).toList()) + "\n");
    }
    return reading;
  }

  private Reading compare(CancelSignal cancel, ProgressSink progress) throws IOException {
    Optional<Contents> stored = stored();
    if (stored.isEmpty()) {
      return Reading.of(List.of(Contents.differs(Place.FILES, "is not there any more")));
    }
    Set<String> paths = new LinkedHashSet<>();
    stored.get().entries().forEach(entry -> paths.add(entry.path()));
    List<Problem> gone = paths.stream().filter(path -> !Files.exists(root.resolve(path), LinkOption.NOFOLLOW_LINKS)).map(path -> Contents.differs(path, "is not there any more")).toList();
    if (!gone.isEmpty()) {
      return Reading.of(gone.subList(0, Math.min(100, gone.size())));
    }
    try {
      // A package that somebody installed besides is a difference too.
      installed().forEach(file -> paths.add(Contents.relative(root, file.path())));
      Contents now = Contents.read(root, existing(paths), new Contents.Known(), cancel, progress);
      List<Problem> differences = stored.get().differences(now);
      if (differences.isEmpty() && !stored.get().equals(now)) {
        now.write(root.resolve(Place.FILES));
      }
      return new Reading(differences, differences.isEmpty() ? Optional.of(now.digest()) : Optional.empty());
    } catch (NoSuchFileException e) {
      return Reading.of(List.of(Contents.differs(Contents.relative(root, Path.of(e.getFile())), "is not there any more")));
    }
  }

  /** The files as they were when it was built. */
  public Contents contents() {
    return stored().orElseThrow(() -> Contents.differs(Place.FILES, "is not there").toException());
  }

  private Optional<Contents> stored() {
    if (contents.isEmpty()) {
      contents = Contents.readBack(root.resolve(Place.FILES));
    }
    return contents;
  }

  private List<Environment.Installed> installed() throws IOException {
    return Files.isDirectory(venv()) ? Environment.files(venv()) : List.of();
  }

  private Set<String> existing(Set<String> paths) {
    Set<String> there = new LinkedHashSet<>();
    paths.stream().filter(path -> Files.exists(root.resolve(path), LinkOption.NOFOLLOW_LINKS)).forEach(there::add);
    return there;
  }

  /**
   * Reads every file that the environment digest covers.
   *
   * @param tracked what git tracks, relative to the build
   * @param known what other builds know of the same files
   * @return what is not as its package's RECORD says
   */
  public List<Contents.Deviation> read(Set<String> tracked, Contents.Known known, CancelSignal cancel, ProgressSink progress) throws IOException {
    List<Environment.Installed> installed = installed();
    Set<String> paths = new LinkedHashSet<>();
    tracked.stream().filter(path -> !isUsers(path)).forEach(paths::add);
    installed.forEach(file -> paths.add(Contents.relative(root, file.path())));
    Contents read = Contents.read(root, existing(paths), known, cancel, progress);
    contents = Optional.of(read);
    return read.deviations(root, installed);
  }

  /** What the user's own work may change at any time is no part of the environment. */
  private static boolean isUsers(String path) {
    return path.startsWith(Place.CORE + "/" + Place.MODELS + "/") || USERS.stream().anyMatch(folder -> path.startsWith(Place.CORE + "/" + folder + "/"));
  }

  /**
   * Links what outlives builds: models, outputs, inputs, settings.
   *
   * @param yaml ComfyUI's list of model folders
   * @param outside models that lie at other places of the version's root
   */
  public void link(Path modelsDir, Lock lock, String yaml, List<ModelPath> outside, Function<ModelPath, Path> kept) throws IOException {
    Files.createDirectories(modelsDir);
    Files.createSymbolicLink(root.resolve(Place.MODELS), modelsDir.startsWith(place.store()) ? root.relativize(modelsDir) : modelsDir);
    Files.writeString(root.resolve(Place.MODEL_PATHS), yaml);
    Path own = core().resolve(Place.MODEL_PATHS);
    if (!Files.exists(own, LinkOption.NOFOLLOW_LINKS)) {
      Files.createSymbolicLink(own, Path.of("..", Place.MODEL_PATHS));
    }
    linkModelsInCore();
    // ComfyUI does not start without it, and a repository may have nothing in it.
    Files.createDirectories(core().resolve("custom_nodes"));
    for (String folder : USERS) {
      Path shared = place.data().resolve(folder);
      Path inCore = core().resolve(folder);
      Files.createDirectories(shared);
      if (Files.isDirectory(inCore, LinkOption.NOFOLLOW_LINKS)) {
        moveMissing(inCore, shared);
        Trees.delete(inCore);
      }
      if (!Files.exists(inCore, LinkOption.NOFOLLOW_LINKS)) {
        Files.createSymbolicLink(inCore, inCore.getParent().relativize(shared));
      }
    }
    for (ModelPath path : outside) {
      Path at = root.resolve(path.relative());
      Path model = kept.apply(path);
      Files.createDirectories(at.getParent());
      // A folder of the user's own work is one link further.
      Path real = at.getParent().toRealPath().resolve(at.getFileName());
      Path led = place.store().toRealPath().resolve(place.store().relativize(model));
      boolean linked = Files.isSymbolicLink(real) && real.resolveSibling(Files.readSymbolicLink(real)).normalize().equals(led);
      if (!linked && Files.exists(real, LinkOption.NOFOLLOW_LINKS)) {
        throw Problem.of(Code.PATH_TAKEN, "A model should lie at " + path + ", and something else is there.")
            .withHint("Give the model another target_path.")
            .with("path", path.toString())
            .toException();
      }
      if (!linked) {
        Files.createSymbolicLink(real, real.getParent().relativize(led));
      }
    }
  }

  /** Many nodes look for models in ComfyUI's own folder, and save what they fetch there: that is the shared one, in every build. */
  private void linkModelsInCore() throws IOException {
    Path inCore = core().resolve(Place.MODELS);
    if (Files.isDirectory(inCore, LinkOption.NOFOLLOW_LINKS)) {
      Files.move(inCore, root.resolve(Place.TRACKED_MODELS));
    }
    if (!Files.exists(inCore, LinkOption.NOFOLLOW_LINKS)) {
      Files.createSymbolicLink(inCore, Path.of("..", Place.MODELS));
    }
  }

  /** What comes with ComfyUI, where the user has nothing of that name. */
  private static void moveMissing(Path from, Path to) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(from)) {
      for (Path file : files) {
        Path target = to.resolve(file.getFileName());
        if (Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS)) {
          Files.createDirectories(target);
          moveMissing(file, target);
        } else if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
          Files.move(file, target);
        }
      }
    }
  }

  /** The marker comes last: from here on the build is whole. */
  public void finish(String versionId, Lock lock, Path modelsDir) throws IOException {
    Contents read = contents.orElseThrow(() -> new IllegalStateException("not read yet"));
    Trees.delete(work());
    read.write(root.resolve(Place.FILES));
    SmallFile.write(root.resolve(Place.LOCK_COPY), LockJson.write(lock));
    new Marker(versionId, LockJson.digest(lock), read.digest(), lock.python(), modelsDir).write(root);
  }
}
