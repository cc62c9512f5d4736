package comfyui.cockpit.version;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.files.Trees;
import comfyui.cockpit.files.VolumeLock;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * Where a version is realized. The target that the user names is one symbolic link; what it leads to was built aside under the name of
 * its digest, in {@code .comfy-builds/<name>} beside it, and one rename of the link switches. What the user's own work leaves (outputs,
 * inputs, settings) lies beside the builds, so that it outlives them.
 */
public final class Place {
  public static final String CORE = "ComfyUI";
  public static final String VENV = ".venv";
  public static final String MODELS = "models";
  public static final String MODEL_PATHS = "extra_model_paths.yaml";
  /** What git tracks in ComfyUI's folder of models: the configurations of old checkpoints. */
  public static final String TRACKED_MODELS = ".comfy_models";
  static final String FILES = ".comfy_files";
  static final String BROKEN = ".comfy_broken";
  static final String LOCK_COPY = ".comfy_lock.json";

  private static final String STORE = ".comfy-builds";
  private static final String DATA = "data";
  private static final String HISTORY = "history";
  private static final String LOCK = "lock";
  /** What lies in the store beside the builds when nobody works there. */
  private static final Set<String> LASTING = Set.of(DATA, HISTORY, LOCK);
  private static final Duration POLL = Duration.ofMillis(200);

  private final Path target;
  private final Path store;

  /** @param target absolute */
  public Place(Path target) {
    this.target = target.toAbsolutePath().normalize();
    if (this.target.getParent() == null) {
      throw Problem.of(Code.BAD_REQUEST, "A version cannot be realized at " + target + ".").withHint("Name a directory below it with --target.").toException();
    }
    this.store = this.target.resolveSibling(STORE).resolve(this.target.getFileName());
  }

  /** What is at the target. */
  public enum State {
    NOTHING,
    /** Our link. */
    REALIZED,
    /** A directory that holds ComfyUI or our marker, made by {@code init} or a predecessor. */
    PLAIN,
    EMPTY_DIRECTORY,
    OTHER
  }

  public Path target() {
    return target;
  }

  public Path store() {
    return store;
  }

  /** Outputs, inputs and settings of the user. */
  public Path data() {
    return store.resolve(DATA);
  }

  public Path build(String key) {
    return store.resolve(key);
  }

  public State state() {
    if (current().isPresent()) {
      return State.REALIZED;
    }
    if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      return State.NOTHING;
    }
    if (Files.isSymbolicLink(target)) {
      return pointsIntoStore() ? State.NOTHING : State.OTHER;
    }
    if (Files.exists(target.resolve(Marker.NAME)) || Files.isDirectory(target.resolve(CORE))) {
      return State.PLAIN;
    }
    try (DirectoryStream<Path> inside = Files.newDirectoryStream(target)) {
      return inside.iterator().hasNext() ? State.OTHER : State.EMPTY_DIRECTORY;
    } catch (IOException e) {
      return State.OTHER;
    }
  }

  private boolean pointsIntoStore() {
    try {
      return target.resolveSibling(Files.readSymbolicLink(target)).normalize().startsWith(store);
    } catch (IOException e) {
      return false;
    }
  }

  /** The key of the build that the target leads to. */
  public Optional<String> current() {
    try {
      if (!Files.isSymbolicLink(target)) {
        return Optional.empty();
      }
      Path led = target.resolveSibling(Files.readSymbolicLink(target)).normalize();
      return store.equals(led.getParent()) && Files.isDirectory(led) ? Optional.of(led.getFileName().toString()) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** What the build that the target leads to says of itself. */
  public Optional<Marker> marker() {
    return current().flatMap(key -> Marker.of(build(key)));
  }

  /** The build before the one that the target leads to, if it is still there and whole. */
  public Optional<String> previous() {
    List<String> history = history();
    Optional<String> current = current();
    int at = current.map(history::lastIndexOf).orElse(-1);
    for (int i = at - 1; i >= 0; i--) {
      String key = history.get(i);
      if (!key.equals(current.orElse("")) && Marker.of(build(key)).isPresent()) {
        return Optional.of(key);
      }
    }
    return Optional.empty();
  }

  /** Every build there is, whole or not. */
  public List<String> builds() {
    List<String> keys = new ArrayList<>();
    if (Files.isDirectory(store)) {
      try (DirectoryStream<Path> inside = Files.newDirectoryStream(store, path -> Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS))) {
        for (Path path : inside) {
          String name = path.getFileName().toString();
          if (name.matches("[0-9a-f]{16}")) {
            keys.add(name);
          }
        }
      } catch (IOException e) {
        throw new ProblemException(DiskProblems.of(e, store), e);
      }
    }
    return keys;
  }

  private List<String> history() {
    try {
      return SmallFile.read(store.resolve(HISTORY)).map(text -> text.lines().toList()).orElse(List.of());
    } catch (IOException e) {
      return List.of();
    }
  }

  /** One rename: before it the old build is reached under the target, after it the new one. */
  public void switchTo(String key) throws IOException {
    List<String> history = new ArrayList<>(history());
    current().filter(now -> history.isEmpty() || !history.contains(now)).ifPresent(history::add);
    // What lay after the present one was left by a rollback.
    current().ifPresent(now -> history.subList(history.lastIndexOf(now) + 1, history.size()).clear());
    history.add(key);
    SmallFile.write(store.resolve(HISTORY), String.join("\n", history) + "\n");
    point(key);
  }

  /** Goes back without forgetting what was before. */
  public void switchBack(String key) throws IOException {
    point(key);
  }

  private void point(String key) throws IOException {
    Files.createDirectories(target.getParent());
    if (state() == State.EMPTY_DIRECTORY) {
      Files.delete(target);
    }
    Path link = store.resolve("pointer-" + UUID.randomUUID().toString().substring(0, 8));
    Files.createSymbolicLink(link, target.getParent().relativize(build(key)));
    // A link resolves from where it lies: it is right only at the target, whose directory is two above.
    Files.move(link, target, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Takes the link away; builds and data stay. */
  public void removePointer() throws IOException {
    if (Files.isSymbolicLink(target) && pointsIntoStore()) {
      Files.delete(target);
    }
  }

  /** @throws ProblemException {@code path_taken} if something else is at the target */
  public void requireFree() {
    switch (state()) {
      case NOTHING, REALIZED, EMPTY_DIRECTORY -> {}
      case PLAIN ->
          throw Problem.of(Code.PATH_TAKEN, target + " is a directory with a ComfyUI that was not realized by us.")
              .withHint("Name another --target, or move the directory away.")
              .with("path", target.toString())
              .toException();
      case OTHER -> throw Problem.of(Code.PATH_TAKEN, "Something else is at " + target + ".").withHint("Name another --target.").with("path", target.toString()).toException();
    }
  }

  /** The right to change what is here, until closed. */
  public Hold enter(CancelSignal cancel, ProgressSink progress) {
    try {
      Files.createDirectories(store);
      VolumeLock lock = new VolumeLock(store.resolve(LOCK));
      boolean entered = false;
      try {
        boolean said = false;
        while (lock.tryLock() == VolumeLock.Answer.HELD) {
          if (!said) {
            progress.phase("waiting");
            progress.log("Another process works on " + target + "; waiting for it.");
            said = true;
          }
          cancel.sleep(POLL);
        }
        entered = true;
        sweepPointers();
        return new Hold(lock);
      } finally {
        if (!entered) {
          lock.close();
        }
      }
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, store), e);
    }
  }

  private void sweepPointers() throws IOException {
    try (DirectoryStream<Path> left = Files.newDirectoryStream(store, "pointer-*")) {
      for (Path link : left) {
        Files.deleteIfExists(link);
      }
    }
    SmallFile.sweep(store, java.time.Instant.MAX);
  }

  /** True while somebody works here, and after somebody was killed who did. */
  public boolean isUntidy() {
    if (!Files.isDirectory(store)) {
      return false;
    }
    List<String> whole = builds().stream().filter(key -> Marker.of(build(key)).isPresent()).toList();
    try (DirectoryStream<Path> others =
        Files.newDirectoryStream(store, path -> !LASTING.contains(path.getFileName().toString()) && !whole.contains(path.getFileName().toString()))) {
      return others.iterator().hasNext();
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, store), e);
    }
  }

  /** Where the children of whoever works here are noted. */
  public Path ledger() {
    return store.resolve("children.json");
  }

  /** Removes what killed processes left of builds; call it once their children are ended. */
  public void sweepHalves() throws IOException {
    Optional<String> current = current();
    for (String key : builds()) {
      if (!current.equals(Optional.of(key)) && Marker.of(build(key)).isEmpty()) {
        Trees.delete(build(key));
      }
    }
  }

  /** Removes a build; the one that the target leads to never. */
  public void removeBuild(String key) throws IOException {
    if (current().map(key::equals).orElse(false)) {
      throw new IllegalStateException("the build " + key + " is in use");
    }
    // Without its marker it is not whole, should the rest not come to an end.
    Files.deleteIfExists(build(key).resolve(Marker.NAME));
    Trees.delete(build(key));
  }

  /** See {@link #enter}. */
  public static final class Hold implements AutoCloseable {
    private final VolumeLock lock;

    private Hold(VolumeLock lock) {
      this.lock = lock;
    }

    @Override
    public void close() {
      try {
        lock.unlock();
        lock.close();
      } catch (IOException e) {
        throw new ProblemException(Problem.of(Code.NOT_WRITABLE, "A lock could not be released: " + e.getMessage() + "."), e);
      }
    }
  }
}
