package comfyui.cockpit.files;

import comfyui.cockpit.json.Identities;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProcessIdentity;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * The files being written on a volume, each noted in a directory before its first byte, so that whoever comes after a kill finds what
 * to sweep without a search. A file bears a name of ours until it is published under its own in one step.
 */
public final class Writing {
  static final String SUFFIX = ".cockpit-part";

  private final Path list;
  private final ProcessIdentity self;

  /** @param list the directory of the notes, {@code .comfyui-cockpit/writing} */
  public Writing(Path list, ProcessIdentity self) {
    this.list = list;
    this.self = self;
  }

  /**
   * A file under our name, beside where it will stand: in the nearest directory that exists, so that a failure leaves no new directory.
   */
  public final class Draft implements AutoCloseable {
    private final Path note;
    private final Path temp;
    private final Path target;
    private final FileChannel channel;
    private boolean published;

    private Draft(Path note, Path temp, Path target, FileChannel channel) {
      this.note = note;
      this.temp = temp;
      this.target = target;
      this.channel = channel;
    }

    public FileChannel channel() {
      return channel;
    }

    public Path path() {
      return temp;
    }

    /** Forces the bytes to the disk and checks that nobody replaced or shortened the file meanwhile. */
    public void force(long size) throws IOException {
      channel.force(true);
      Optional<Stat> onDisk = Stat.of(temp);
      if (onDisk.isEmpty() || onDisk.get().size() != size) {
        throw Problem.of(Code.INCOMPLETE, "The temporary file of " + target + " was changed by somebody else while it was written.").toException();
      }
    }

    /**
     * Gives the file its own name in one step and forces the directory.
     *
     * @param replace whether a file that is there may be replaced; without it an existing one makes {@code path_taken}
     */
    public void publish(boolean replace) throws IOException {
      channel.close();
      Files.createDirectories(target.getParent());
      if (replace) {
        if (Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS)) {
          throw new FileAlreadyExistsException(target.toString());
        }
        Files.move(temp, target, StandardCopyOption.ATOMIC_MOVE);
      } else {
        publishNew();
      }
      published = true;
      forceDirectory(target.getParent());
    }

    private void publishNew() throws IOException {
      try {
        // A link is refused where the name exists; a rename would replace silently.
        Files.createLink(target, temp);
        Files.delete(temp);
      } catch (FileAlreadyExistsException e) {
        throw e;
      } catch (IOException | UnsupportedOperationException e) {
        if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
          throw new FileAlreadyExistsException(target.toString());
        }
        Files.move(temp, target, StandardCopyOption.ATOMIC_MOVE);
      }
    }

    /** Whatever was not published is gone afterwards. */
    @Override
    public void close() throws IOException {
      channel.close();
      if (!published) {
        Files.deleteIfExists(temp);
        removeEmptyDirectories(target.getParent(), temp.getParent());
      }
      Files.deleteIfExists(note);
    }
  }

  /** Notes and opens a new file for the target. */
  public Draft open(Path target) throws IOException {
    Path existing = Roots.nearestExisting(target.getParent());
    Path directory = existing.toRealPath();
    Path real = directory.resolve(existing.relativize(target));
    String id = UUID.randomUUID().toString().substring(0, 13);
    Path temp = directory.resolve("." + target.getFileName() + "." + id + SUFFIX);
    Files.createDirectories(list);
    Path note = list.resolve(id + ".json");
    Map<String, Object> content = new LinkedHashMap<>();
    content.put("temp", temp.toString());
    content.put("target", real.toString());
    content.put("owner", self.toMap());
    SmallFile.write(note, Json.write(content));
    FileChannel channel;
    try {
      channel = FileChannel.open(temp, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);
    } catch (IOException e) {
      Files.deleteIfExists(note);
      throw e;
    }
    return new Draft(note, temp, real, channel);
  }

  /**
   * Removes what dead processes left.
   *
   * @param isDead whether the owner that a note names is gone for good
   * @return the temporary files that were there and are gone
   */
  public List<Path> sweep(Predicate<ProcessIdentity> isDead) throws IOException {
    if (!Files.isDirectory(list)) {
      return List.of();
    }
    List<Path> notes;
    try (Stream<Path> files = Files.list(list)) {
      notes = files.toList();
    }
    List<Path> swept = new ArrayList<>();
    for (Path note : notes) {
      Optional<Value> content = SmallFile.read(note).flatMap(Json::read);
      if (content.isEmpty()) {
        // Half a note of ours: its own rename never came, so its file was never made.
        if (note.getFileName().toString().endsWith(SmallFile.SUFFIX)) {
          Files.deleteIfExists(note);
        }
        continue;
      }
      Optional<ProcessIdentity> owner = content.get().get("owner").flatMap(Identities::of);
      Optional<Path> temp = content.get().text("temp").map(Path::of).filter(path -> path.getFileName().toString().endsWith(SUFFIX));
      Optional<Path> target = content.get().text("target").map(Path::of);
      if (owner.isEmpty() || temp.isEmpty() || target.isEmpty() || owner.get().equals(self) || !isDead.test(owner.get())) {
        continue;
      }
      if (Files.deleteIfExists(temp.get())) {
        swept.add(temp.get());
      }
      removeEmptyDirectories(target.get().getParent(), temp.get().getParent());
      Files.deleteIfExists(note);
    }
    return swept;
  }

  /** Removes directories that a publication made and did not fill, from the innermost up to, without, {@code above}. */
  private static void removeEmptyDirectories(Path innermost, Path above) throws IOException {
    for (Path at = innermost; at != null && at.startsWith(above) && !at.equals(above); at = at.getParent()) {
      try {
        Files.delete(at);
      } catch (DirectoryNotEmptyException e) {
        return;
      } catch (NoSuchFileException e) {
        // Further up one may still be there.
      }
    }
  }

  static void forceDirectory(Path directory) throws IOException {
    if (directory.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
        channel.force(true);
      }
    }
  }
}
