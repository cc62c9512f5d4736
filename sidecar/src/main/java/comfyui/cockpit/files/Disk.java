package comfyui.cockpit.files;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;

/** File systems: which one a path lies on, what is free there, whether its locks are the kernel's own. */
public final class Disk {
  private static final Set<String> LOCAL_TYPES =
      Set.of("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "overlay", "tmpfs", "ramfs", "apfs", "hfs", "ntfs", "exfat", "vfat", "jfs");

  private Disk() {}

  /**
   * One file system and what ordinary users may still write there; a hint, not a promise (quotas, other writers).
   *
   * @param key equal for paths on one file system
   * @param path its nearest directory that exists
   */
  public record Space(String key, Path path, long freeBytes) {}

  public static Space spaceAt(Path path) {
    Path there = Roots.nearestExisting(path.toAbsolutePath());
    Path existing = !Files.isDirectory(there) && there.getParent() instanceof Path parent ? parent : there;
    try {
      Path real = existing.toRealPath();
      FileStore store = Files.getFileStore(real);
      Object device = real.getFileSystem().supportedFileAttributeViews().contains("unix") ? Files.getAttribute(real, "unix:dev") : store.name();
      return new Space(String.valueOf(device), existing, store.getUsableSpace());
    } catch (IOException e) {
      throw DiskProblems.of(e, existing).toException();
    }
  }

  /** False for network file systems, where a lock may be refused or, worse, given to everybody. */
  public static boolean hasKernelLocks(Path path) {
    try {
      return LOCAL_TYPES.contains(Files.getFileStore(Roots.nearestExisting(path)).type().toLowerCase(Locale.ROOT));
    } catch (IOException e) {
      return false;
    }
  }
}
