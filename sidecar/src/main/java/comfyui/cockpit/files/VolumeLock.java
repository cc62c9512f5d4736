package comfyui.cockpit.files;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A kernel lock on one file, which this process opens once and never again: a POSIX lock is lost as soon as any other channel to the
 * file closes.
 */
public final class VolumeLock implements AutoCloseable {
  private final Path file;
  private @Nullable FileChannel channel;

  public VolumeLock(Path file) {
    this.file = file;
  }

  /** What the kernel said. */
  public enum Answer {
    TAKEN,
    /** Another process has it. */
    HELD,
    /** The file system has no locks. */
    UNSUPPORTED
  }

  private Optional<FileLock> held = Optional.empty();

  /** Asks once. The owner serialises calls within this process. */
  public synchronized Answer tryLock() throws IOException {
    if (channel == null || !channel.isOpen()) {
      Files.createDirectories(file.getParent());
      channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    }
    try {
      held = Optional.ofNullable(channel.tryLock());
      return held.isPresent() ? Answer.TAKEN : Answer.HELD;
    } catch (OverlappingFileLockException e) {
      // Somebody else in this very process.
      return Answer.HELD;
    } catch (IOException e) {
      return Answer.UNSUPPORTED;
    }
  }

  public synchronized void unlock() throws IOException {
    if (held.isPresent()) {
      held.get().release();
      held = Optional.empty();
    }
  }

  @Override
  public synchronized void close() throws IOException {
    if (channel != null) {
      channel.close();
    }
  }
}
