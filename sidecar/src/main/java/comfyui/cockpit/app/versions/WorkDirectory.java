package comfyui.cockpit.app.versions;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.files.Trees;
import comfyui.cockpit.json.Identities;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProcessIdentity;
import comfyui.cockpit.process.Children;
import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A directory for what is needed for a moment, and the children that work there. Closing it ends them and removes it; what a killed
 * process left goes when the next one is made.
 */
public final class WorkDirectory implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WorkDirectory.class);
  private static final String OWNER = ".owner";
  /** After so long, one without an owner (half made, or left on purpose) goes, and one whose owner is out of sight. */
  private static final Duration OLD = Duration.ofDays(1);

  private final Path path;
  private final Children children;

  private final Clock clock;
  private final Consumer<WorkDirectory> onClose;
  private volatile boolean left;

  private WorkDirectory(Path path, Clock clock, Consumer<WorkDirectory> onClose) {
    this.path = path;
    this.children = new Children(ledger(path), clock);
    this.clock = clock;
    this.onClose = onClose;
  }

  /**
   * @param all where those of every process lie
   * @param onClose told when it goes
   */
  static WorkDirectory in(Path all, Clock clock, Consumer<WorkDirectory> onClose) {
    sweep(all, clock);
    try {
      Path path = Files.createDirectories(all.resolve(UUID.randomUUID().toString().substring(0, 13)));
      Files.writeString(path.resolve(OWNER), Json.write(ProcessIdentity.current().toMap()));
      return new WorkDirectory(path, clock, onClose);
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, all), e);
    }
  }

  /** Ends the children of killed processes, and removes what they left. */
  static void sweep(Path all, Clock clock) {
    if (!Files.isDirectory(all)) {
      return;
    }
    try (DirectoryStream<Path> each = Files.newDirectoryStream(all)) {
      for (Path path : each) {
        sweepOne(path, clock);
      }
    } catch (IOException e) {
      LOG.warn("{} could not be looked at: {}", all, e.getMessage());
    }
  }

  /** One that cannot go (it is somebody else's, or another one is just removing it) keeps nobody from working. */
  private static void sweepOne(Path path, Clock clock) {
    try {
      if (isLeft(path, clock)) {
        new Children(ledger(path), clock).endLeftovers();
        Trees.delete(path);
      }
    } catch (NoSuchFileException | DirectoryNotEmptyException e) {
      LOG.debug("{} is removed by somebody else", path);
    } catch (IOException e) {
      LOG.warn("{} could not be removed: {}", path, e.getMessage());
    }
  }

  /** One of a process that nobody here can see may be at work in another container on the same volume; for so long nobody is. */
  private static boolean isLeft(Path path, Clock clock) throws IOException {
    Optional<ProcessIdentity.Life> owner = SmallFile.read(path.resolve(OWNER)).flatMap(Json::read).flatMap(Identities::of).map(ProcessIdentity::life);
    boolean old = Files.getLastModifiedTime(path).toInstant().isBefore(clock.now().minus(OLD));
    return owner.equals(Optional.of(ProcessIdentity.Life.DEAD)) || old && !owner.equals(Optional.of(ProcessIdentity.Life.ALIVE));
  }

  private static Path ledger(Path path) {
    return path.resolve("children.json");
  }

  public Path path() {
    return path;
  }

  public Children children() {
    return children;
  }

  /** What lies here is not to be lost: unless {@link #discard} follows, it stays until a day has gone by. */
  public void leave() throws IOException {
    left = true;
    Files.deleteIfExists(path.resolve(OWNER));
    Files.setLastModifiedTime(path, FileTime.from(clock.now()));
  }

  /** It is needed no more after all. */
  public void discard() {
    left = false;
  }

  @Override
  public void close() {
    onClose.accept(this);
    children.close();
    if (left) {
      return;
    }
    try {
      Trees.delete(path);
    } catch (IOException e) {
      // The work itself is done; the next one that is made tries again once this process is gone.
      LOG.warn("{} could not be removed: {}", path, e.getMessage());
    }
  }
}
