package comfyui.cockpit.files;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * What tells whether a file is still the one that was looked at, without reading it.
 *
 * @param device number of the file system, 0 where unknown
 * @param inode number of the file, 0 where unknown
 * @param size bytes
 * @param modified nanoseconds since the epoch
 * @param changed nanoseconds since the epoch, of the inode; the creation time where there is no such thing
 */
public record Stat(long device, long inode, long size, long modified, long changed) {
  /** Nothing if there is no regular file, after following links. */
  public static Optional<Stat> of(Path path) {
    try {
      BasicFileAttributes basic = Files.readAttributes(path, BasicFileAttributes.class);
      if (!basic.isRegularFile()) {
        return Optional.empty();
      }
      if (path.getFileSystem().supportedFileAttributeViews().contains("unix")) {
        Map<String, Object> unix = Files.readAttributes(path, "unix:dev,ino,size,lastModifiedTime,ctime");
        return Optional.of(
            new Stat((Long) unix.get("dev"), (Long) unix.get("ino"), (Long) unix.get("size"),
                nanos((FileTime) unix.get("lastModifiedTime")), nanos((FileTime) unix.get("ctime"))));
      }
      return Optional.of(new Stat(0, 0, basic.size(), nanos(basic.lastModifiedTime()), nanos(basic.creationTime())));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static long nanos(FileTime time) {
    return time.to(TimeUnit.NANOSECONDS);
  }
}
