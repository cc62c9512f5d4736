package comfyui.cockpit.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/** Small files of ours or the user's, written whole or not at all. */
public final class SmallFile {
  /** How a file ends that is not whole yet. */
  public static final String SUFFIX = ".cockpit-new";

  /** Nothing that people write by hand is larger. */
  private static final long LARGEST = 8 << 20;

  private SmallFile() {}

  /** A file that is hardly what its name says. */
  public static final class TooLarge extends IOException {
    private static final long serialVersionUID = 1;

    private TooLarge(long size) {
      super("it has " + size + " bytes; at most " + LARGEST + " are read");
    }
  }

  /** A directory, or a pipe, which would keep its reader waiting. */
  public static final class NotAFile extends IOException {
    private static final long serialVersionUID = 1;

    private NotAFile() {
      super("a directory or a device is there");
    }
  }

  /**
   * Nothing if the file is not there.
   *
   * @throws NotAFile if something else is there
   * @throws TooLarge before a byte of it is read
   */
  public static Optional<String> read(Path path) throws IOException {
    try {
      if (!Files.isRegularFile(path) && Files.exists(path)) {
        throw new NotAFile();
      }
      long size = Files.size(path);
      if (size > LARGEST) {
        throw new TooLarge(size);
      }
      return Optional.of(Files.readString(path));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  /** Replaces atomically and durably; a symbolic link stays one and its target is replaced. */
  public static void write(Path path, String text) throws IOException {
    write(path, text, false);
  }

  /** The same, readable and writable by this user only, from its first moment. */
  public static void writePrivate(Path path, String text) throws IOException {
    write(path, text, true);
  }

  /** Removes what kills in the middle of a write left; a write takes milliseconds, so an old half is nobody's. */
  public static void sweep(Path directory, Instant olderThan) throws IOException {
    if (!Files.isDirectory(directory)) {
      return;
    }
    try (DirectoryStream<Path> halves = Files.newDirectoryStream(directory, ".*" + SUFFIX)) {
      for (Path half : halves) {
        if (Files.getLastModifiedTime(half).toInstant().isBefore(olderThan)) {
          Files.deleteIfExists(half);
        }
      }
    }
  }

  private static void write(Path path, String text, boolean onlyOurs) throws IOException {
    Path target = Files.isSymbolicLink(path) ? path.toRealPath() : path;
    Path parent = target.toAbsolutePath().getParent();
    Files.createDirectories(parent);
    Path temp = parent.resolve("." + target.getFileName() + "." + UUID.randomUUID().toString().substring(0, 8) + SUFFIX);
    boolean posix = parent.getFileSystem().supportedFileAttributeViews().contains("posix");
    try {
      if (onlyOurs && posix) {
        Files.createFile(temp, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      } else {
        Files.createFile(temp);
        if (posix && Files.exists(target)) {
          Files.setPosixFilePermissions(temp, Files.getPosixFilePermissions(target));
        }
      }
      try (FileChannel channel = FileChannel.open(temp, StandardOpenOption.WRITE)) {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(true);
      }
      Files.move(temp, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temp);
    }
  }
}
