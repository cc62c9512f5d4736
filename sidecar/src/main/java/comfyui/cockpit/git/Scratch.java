package comfyui.cockpit.git;

import comfyui.cockpit.kernel.Clock;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Directories for a moment, beside the caches; what a kill leaves there is taken away a day later. */
final class Scratch {
  static final String NAME = ".scratch";
  private static final Duration NOBODYS = Duration.ofDays(1);

  private final Path directory;
  private final Clock clock;

  Scratch(Path directory, Clock clock) {
    this.directory = directory;
    this.clock = clock;
  }

  Clock clock() {
    return clock;
  }

  /** A name that nothing has yet. */
  Path fresh() throws IOException {
    Files.createDirectories(directory);
    Instant old = clock.now().minus(NOBODYS);
    List<Path> all;
    try (Stream<Path> entries = Files.list(directory)) {
      all = entries.toList();
    }
    for (Path entry : all) {
      try {
        if (Files.getLastModifiedTime(entry).toInstant().isBefore(old)) {
          delete(entry);
        }
      } catch (NoSuchFileException e) {
        // Another process sweeps too.
      }
    }
    return directory.resolve(UUID.randomUUID().toString());
  }

  /** With all that is in it; symbolic links are removed, not followed. */
  static void delete(Path root) throws IOException {
    deleteBelow(root);
    Files.deleteIfExists(root);
  }

  /** All that is in a directory, the directory itself stays. */
  static void deleteBelow(Path root) throws IOException {
    if (!Files.isDirectory(root)) {
      return;
    }
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException e) throws IOException {
            if (!visited.equals(root)) {
              Files.deleteIfExists(visited);
            }
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
