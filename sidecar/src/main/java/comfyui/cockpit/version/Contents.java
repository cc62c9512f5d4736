package comfyui.cockpit.version;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.python.Environment;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The files of a realized version and what each was when it was read: from them comes the environment digest, and with them one can see,
 * without reading again, whether something changed.
 *
 * @param entries sorted by path
 */
public record Contents(List<Entry> entries) {
  private static final int FORMAT = 1;
  private static final int DIFFERENCES = 100;

  public Contents {
    entries = List.copyOf(entries);
  }

  /**
   * One file.
   *
   * @param path relative to the version's root, with {@code /}
   * @param mode git's: 100644, 100755, 120000
   * @param modified nanoseconds since the epoch
   * @param inode 0 where there is none
   */
  public record Entry(String path, int mode, String sha256, long size, long modified, long inode) {}

  /** What other builds know of files that they share with this one by hard links; nothing is known of a file whose size or time is another. */
  public static final class Known {
    private final Map<Long, Entry> byInode = new HashMap<>();

    public void add(Contents contents) {
      contents.entries().stream().filter(entry -> entry.inode() != 0).forEach(entry -> byInode.put(entry.inode(), entry));
    }

    private Optional<String> sha256(Meta meta) {
      return Optional.ofNullable(byInode.get(meta.inode())).filter(entry -> entry.size() == meta.size() && entry.modified() == meta.modified()).map(Entry::sha256);
    }
  }

  /**
   * Reads files, on as many threads as there are processors.
   *
   * @param paths relative to the root
   * @param known hashes that need no second reading
   */
  public static Contents read(Path root, Set<String> paths, Known known, CancelSignal cancel, ProgressSink progress) throws IOException {
    List<String> sorted = paths.stream().sorted().toList();
    boolean posix = isPosix(root);
    AtomicLong bytes = new AtomicLong();
    int threads = Math.max(2, Runtime.getRuntime().availableProcessors());
    List<Entry> entries = new ArrayList<>(sorted.size());
    try (ExecutorService readers = Executors.newFixedThreadPool(threads, Thread.ofPlatform().daemon().name("hash-", 0).factory())) {
      List<Future<List<Entry>>> parts = new ArrayList<>();
      int each = 256;
      for (int from = 0; from < sorted.size(); from += each) {
        List<String> part = sorted.subList(from, Math.min(sorted.size(), from + each));
        parts.add(
            readers.submit(
                () -> {
                  List<Entry> read = new ArrayList<>(part.size());
                  for (String path : part) {
                    cancel.throwIfCancelled();
                    read.add(readEntry(root, path, posix, known));
                  }
                  bytes.addAndGet(read.stream().mapToLong(Entry::size).sum());
                  progress.bytes(bytes.get(), -1);
                  return read;
                }));
      }
      for (Future<List<Entry>> part : parts) {
        entries.addAll(part.get());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CancelSignal.problem().toException();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException io -> throw io;
        case RuntimeException runtime -> throw runtime;
        case null, default -> throw new IllegalStateException(e.getCause());
      }
    }
    return new Contents(entries);
  }

  private static Entry readEntry(Path root, String path, boolean posix, Known known) throws IOException {
    Path file = root.resolve(path);
    MessageDigest digest = sha256();
    if (Files.isSymbolicLink(file)) {
      byte[] target = Files.readSymbolicLink(file).toString().getBytes(StandardCharsets.UTF_8);
      return new Entry(path, 0120000, HexFormat.of().formatHex(digest.digest(target)), target.length, 0, 0);
    }
    Meta meta = Meta.of(file, posix);
    Optional<String> read = known.sha256(meta);
    if (read.isPresent()) {
      return new Entry(path, meta.mode(), read.get(), meta.size(), meta.modified(), meta.inode());
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      ByteBuffer buffer = ByteBuffer.allocate((int) Math.max(1, Math.min(1 << 18, meta.size())));
      while (channel.read(buffer.clear()) > 0) {
        digest.update(buffer.flip());
      }
    }
    return new Entry(path, meta.mode(), HexFormat.of().formatHex(digest.digest()), meta.size(), meta.modified(), meta.inode());
  }

  private record Meta(int mode, long size, long modified, long inode) {
    private static final String INODE = "ino=";

    /** One look at the disk; the usual map of attributes costs several times as much. */
    static Meta of(Path file, boolean posix) throws IOException {
      if (posix) {
        PosixFileAttributes attributes = Files.readAttributes(file, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        boolean executable = attributes.permissions().contains(PosixFilePermission.OWNER_EXECUTE);
        return new Meta(executable ? 0100755 : 0100644, attributes.size(), attributes.lastModifiedTime().to(TimeUnit.NANOSECONDS), inode(String.valueOf(attributes.fileKey())));
      }
      return new Meta(0100644, Files.size(file), Files.getLastModifiedTime(file).to(TimeUnit.NANOSECONDS), 0);
    }

    /** {@code (dev=fe00,ino=123)}: the device's number may be another after a restart, the file's is not. */
    private static long inode(String key) {
      int at = key.indexOf(INODE);
      return at < 0 ? 0 : Long.parseLong(key.substring(at + INODE.length(), key.length() - 1));
    }
  }

  private static boolean isPosix(Path root) {
    return root.getFileSystem().supportedFileAttributeViews().contains("posix");
  }

  /** SHA-256 over the sorted lines {@code path NUL mode NUL sha256}. */
  public String digest() {
    MessageDigest digest = sha256();
    for (Entry entry : entries) {
      digest.update((entry.path() + "\0" + Integer.toOctalString(entry.mode()) + "\0" + entry.sha256() + "\n").getBytes(StandardCharsets.UTF_8));
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** What is not as it was read, seen from the files' size, time and number only. */
  public List<Problem> changed(Path root) {
    boolean posix = isPosix(root);
    // Looking is waiting: several threads wait at once.
    return entries.parallelStream().flatMap(entry -> changed(root, entry, posix).stream()).limit(DIFFERENCES).toList();
  }

  private static Optional<Problem> changed(Path root, Entry entry, boolean posix) {
    Path file = root.resolve(entry.path());
    try {
      if (entry.mode() == 0120000) {
        return Files.isSymbolicLink(file) ? Optional.empty() : Optional.of(differs(entry.path(), "is no symbolic link any more"));
      }
      Meta now = Meta.of(file, posix);
      boolean same = now.size() == entry.size() && now.modified() == entry.modified() && now.inode() == entry.inode() && now.mode() == entry.mode();
      return same ? Optional.empty() : Optional.of(differs(entry.path(), "was changed"));
    } catch (IOException e) {
      return Optional.of(differs(entry.path(), "is not there any more"));
    }
  }

  /** What differs from another reading. */
  public List<Problem> differences(Contents now) {
    Map<String, Entry> others = new LinkedHashMap<>();
    now.entries().forEach(entry -> others.put(entry.path(), entry));
    List<Problem> differences = new ArrayList<>();
    for (Entry entry : entries) {
      Entry other = others.remove(entry.path());
      if (other == null) {
        differences.add(differs(entry.path(), "is not there any more"));
      } else if (!other.sha256().equals(entry.sha256()) || other.mode() != entry.mode()) {
        differences.add(differs(entry.path(), "has other bytes").with("expected", entry.sha256()).with("actual", other.sha256()));
      }
    }
    others.keySet().forEach(path -> differences.add(differs(path, "is new")));
    return differences.size() > DIFFERENCES ? differences.subList(0, DIFFERENCES) : differences;
  }

  static Problem differs(String path, String how) {
    return Problem.of(Code.ENVIRONMENT_BROKEN, path + " " + how + ".").with("path", path);
  }

  /**
   * A file that is not what its package's RECORD says.
   *
   * @param recorded SHA-256, hexadecimal
   * @param actual the same; empty if the file is not there
   */
  public record Deviation(String distribution, String recorded, String actual) {}

  /** Files that are not what their package's RECORD says. */
  public List<Deviation> deviations(Path root, List<Environment.Installed> installed) {
    Map<String, String> read = new HashMap<>();
    entries.forEach(entry -> read.put(entry.path(), entry.sha256()));
    List<Deviation> deviations = new ArrayList<>();
    for (Environment.Installed file : installed) {
      String actual = read.getOrDefault(relative(root, file.path()), "");
      file.sha256().map(Checksum::hex).filter(hex -> !hex.equals(actual)).ifPresent(hex -> deviations.add(new Deviation(file.distribution(), hex, actual)));
    }
    return deviations;
  }

  static String relative(Path root, Path file) {
    return root.relativize(file).toString().replace('\\', '/');
  }

  void write(Path file) throws IOException {
    Path temp = file.resolveSibling(file.getFileName() + ".new");
    try (DataOutputStream out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(temp)))) {
      out.writeInt(FORMAT);
      out.writeInt(entries.size());
      for (Entry entry : entries) {
        byte[] path = entry.path().getBytes(StandardCharsets.UTF_8);
        out.writeInt(path.length);
        out.write(path);
        out.writeInt(entry.mode());
        out.write(HexFormat.of().parseHex(entry.sha256()));
        out.writeLong(entry.size());
        out.writeLong(entry.modified());
        out.writeLong(entry.inode());
      }
    }
    Files.move(temp, file, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
  }

  /** Nothing if there is no such file, or it is not whole. */
  static Optional<Contents> readBack(Path file) {
    try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file), 1 << 16))) {
      if (in.readInt() != FORMAT) {
        return Optional.empty();
      }
      int count = in.readInt();
      List<Entry> entries = new ArrayList<>(Math.min(count, 1 << 16));
      byte[] sum = new byte[32];
      for (int i = 0; i < count; i++) {
        byte[] path = in.readNBytes(Math.min(in.readInt(), 1 << 16));
        int mode = in.readInt();
        in.readFully(sum);
        entries.add(new Entry(new String(path, StandardCharsets.UTF_8), mode, HexFormat.of().formatHex(sum), in.readLong(), in.readLong(), in.readLong()));
      }
      return Optional.of(new Contents(entries));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new UncheckedIOException(new IOException(e));
    }
  }
}
