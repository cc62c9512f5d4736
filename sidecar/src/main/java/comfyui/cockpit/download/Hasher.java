package comfyui.cockpit.download;

import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Checksum.Algorithm;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Hashes a file on a thread of its own while it is written: always what is there without a gap from the start, in large steps, out of
 * the page cache.
 */
final class Hasher implements AutoCloseable {
  private static final int STEP = 1 << 20;

  private final FileChannel file;
  private final Map<Algorithm, MessageDigest> digests = new EnumMap<>(Algorithm.class);
  private final CompletableFuture<Map<Algorithm, Checksum>> result = new CompletableFuture<>();
  private long available;
  private long hashed;
  private boolean ended;
  private boolean stopped;

  /**
   * @param sizeForGit the file's size where a git blob hash is wanted, which begins with it
   */
  Hasher(FileChannel file, Set<Algorithm> algorithms, long sizeForGit) {
    this.file = file;
    Set<Algorithm> all = new LinkedHashSet<>(algorithms);
    all.add(Algorithm.SHA256);
    for (Algorithm algorithm : all) {
      digests.put(algorithm, digest(algorithm, sizeForGit));
    }
    Thread.ofPlatform().daemon().name("hasher").start(this::run);
  }

  static MessageDigest digest(Algorithm algorithm, long sizeForGit) {
    MessageDigest digest = algorithm.newDigest();
    if (algorithm == Algorithm.GIT_BLOB_SHA1) {
      digest.update(("blob " + sizeForGit + "\0").getBytes(StandardCharsets.US_ASCII));
    }
    return digest;
  }

  /** Bytes from the start up to here are written and will not change. */
  synchronized void upTo(long position) {
    if (position > available) {
      available = position;
      notifyAll();
    }
  }

  /** Waits for the rest and gives the checksums. */
  Map<Algorithm, Checksum> finish(long length) throws IOException {
    synchronized (this) {
      available = length;
      ended = true;
      notifyAll();
    }
    try {
      return result.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof IOException io) {
        throw io;
      }
      throw e;
    }
  }

  @Override
  public synchronized void close() {
    stopped = true;
    notifyAll();
  }

  private void run() {
    ByteBuffer buffer = ByteBuffer.allocateDirect(STEP);
    try {
      while (true) {
        long upTo;
        synchronized (this) {
          while (available - hashed < STEP && !ended && !stopped) {
            wait();
          }
          if (stopped || ended && hashed >= available) {
            break;
          }
          upTo = available;
        }
        long at = hashed;
        while (at < upTo) {
          buffer.clear().limit((int) Math.min(STEP, upTo - at));
          int n = file.read(buffer, at);
          if (n < 0) {
            throw new IOException("the file became shorter while it was written");
          }
          buffer.flip();
          for (MessageDigest digest : digests.values()) {
            digest.update(buffer.duplicate());
          }
          at += n;
        }
        synchronized (this) {
          hashed = at;
        }
      }
      Map<Algorithm, Checksum> sums = new EnumMap<>(Algorithm.class);
      digests.forEach((algorithm, digest) -> sums.put(algorithm, Checksum.of(algorithm, digest.digest())));
      result.complete(sums);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      result.completeExceptionally(new IOException("interrupted", e));
    } catch (IOException | RuntimeException e) {
      result.completeExceptionally(e);
    }
  }
}
