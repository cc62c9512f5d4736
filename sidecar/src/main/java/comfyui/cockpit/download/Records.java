package comfyui.cockpit.download;

import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.files.Stat;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.Checksum;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What is known of files that were read whole, keyed on everything that changes when a file does (device, inode, size, both times): a
 * file that was touched since is simply not known any more.
 */
public final class Records {
  private static final int TRIES = 5;

  private final Path directory;
  private final AtomicBoolean swept = new AtomicBoolean();
  private final Map<Path, Optional<Entry>> cache = new ConcurrentHashMap<>();
  private volatile Optional<FileTime> lastModified = Optional.empty();

  /** @param directory {@code .comfyui-cockpit/verified} */
  public Records(Path directory) {
    this.directory = directory;
  }

  /**
   * @param sha256 what the file's bytes are
   * @param verified against whose word they were held
   * @param contradicts the checksum that they should have had, if they do not
   */
  public record Entry(Stat stat, Checksum sha256, Verified verified, Optional<Checksum> contradicts) {}

  /** What is known of the file as it is now. */
  public Optional<Entry> of(Path file, Stat now) {
    Optional<Entry> cached = cache.get(file);
    if (cached != null && (cached.isPresent() ? cached.get().stat().equals(now) : !changed())) {
      return cached;
    }
    Optional<Entry> read = read(file);
    cache.put(file, read);
    return read.filter(entry -> entry.stat().equals(now));
  }

  /** True if any process wrote a record since the last look; what was not there may be there now. */
  private boolean changed() {
    Optional<FileTime> now = modified();
    if (now.equals(lastModified)) {
      return false;
    }
    lastModified = now;
    cache.values().removeIf(Optional::isEmpty);
    return true;
  }

  private Optional<FileTime> modified() {
    try {
      return Optional.of(Files.getLastModifiedTime(directory));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** What the file was when it was last read whole, whether or not it changed since. */
  public Optional<Entry> last(Path file) {
    return read(file);
  }

  public void put(Path file, Entry entry) throws IOException {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("path", file.toString());
    map.put("device", entry.stat().device());
    map.put("inode", entry.stat().inode());
    map.put("size", entry.stat().size());
    map.put("modified", entry.stat().modified());
    map.put("changed", entry.stat().changed());
    map.put("sha256", entry.sha256().hex());
    map.put("verified", entry.verified().wireName());
    entry.contradicts().ifPresent(expected -> map.put("contradicts", expected.toString()));
    write(place(file), Json.write(map));
    cache.put(file, Optional.of(entry));
  }

  private static void write(Path place, String text) throws IOException {
    for (int left = TRIES; ; left--) {
      try {
        SmallFile.write(place, text);
        return;
      } catch (NoSuchFileException e) {
        // Another process swept while we wrote: its sweep cannot tell our half record from a dead one's.
        if (left == 1) {
          throw e;
        }
      }
    }
  }

  /** Removes what a kill in the middle of {@link #put} left; once in a process, by the holder of the gate. */
  void sweep() throws IOException {
    if (!swept.compareAndSet(false, true) || !Files.isDirectory(directory)) {
      return;
    }
    try (DirectoryStream<Path> halves = Files.newDirectoryStream(directory, ".*" + SmallFile.SUFFIX)) {
      for (Path half : halves) {
        Files.deleteIfExists(half);
      }
    }
  }

  public void forget(Path file) throws IOException {
    Files.deleteIfExists(place(file));
    cache.remove(file);
  }

  private Optional<Entry> read(Path file) {
    try {
      return SmallFile.read(place(file)).flatMap(Json::read).flatMap(Records::entry);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static Optional<Entry> entry(Value json) {
    Optional<String> sha256 = json.text("sha256").filter(Checksum::looksLikeSha256);
    Optional<String> verified = json.text("verified");
    if (sha256.isEmpty() || verified.isEmpty() || !verified.get().matches("declared|hub|none")) {
      return Optional.empty();
    }
    Stat stat =
        new Stat(number(json, "device"), number(json, "inode"), number(json, "size"), number(json, "modified"), number(json, "changed"));
    return Optional.of(new Entry(stat, Checksum.sha256(sha256.get()), Verified.valueOf(verified.get().toUpperCase(Locale.ROOT)), json.text("contradicts").flatMap(Records::checksum)));
  }

  private static Optional<Checksum> checksum(String text) {
    try {
      int colon = text.indexOf(':');
      return Optional.of(new Checksum(Checksum.Algorithm.valueOf(text.substring(0, Math.max(0, colon)).toUpperCase(Locale.ROOT)), text.substring(colon + 1)));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private static long number(Value json, String key) {
    return json.number(key).orElse(-1);
  }

  private Path place(Path file) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(file.toString().getBytes(StandardCharsets.UTF_8));
      return directory.resolve(Checksum.of(Checksum.Algorithm.SHA256, digest).hex().substring(0, 32) + ".json");
    } catch (NoSuchAlgorithmException e) {
      throw new UncheckedIOException(new IOException(e));
    }
  }
}
