package comfyui.cockpit.git;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.List;
import org.eclipse.jgit.lib.Constants;

/**
 * The index of a fresh checkout, version 2. JGit's own marks every file that is as young as the index for another look, and such a look
 * would find the LFS files changed.
 */
final class GitIndex {
  private static final int NAME_LENGTH = 0xfff;

  private GitIndex() {}

  /** @param entries in git's order, as a tree gives them; the files are on the disk */
  static void write(Path root, List<Entry> entries) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    out.writeBytes("DIRC");
    out.writeInt(2);
    out.writeInt(entries.size());
    for (Entry entry : entries) {
      writeEntry(out, root, entry);
    }
    byte[] content = bytes.toByteArray();
    try {
      bytes.write(MessageDigest.getInstance("SHA-1").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
    Files.write(root.resolve(".git").resolve("index"), bytes.toByteArray());
  }

  private static void writeEntry(DataOutputStream out, Path root, Entry entry) throws IOException {
    int begin = out.size();
    long size = 0;
    Instant modified = Instant.EPOCH;
    if (!entry.isGitlink()) {
      BasicFileAttributes attributes = Files.readAttributes(root.resolve(entry.inner()), BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      size = attributes.size();
      modified = attributes.lastModifiedTime().toInstant();
    }
    // Change time, device, inode and owner stay 0: core.checkStat=minimal does not look at them.
    out.writeLong(0);
    out.writeInt((int) modified.getEpochSecond());
    out.writeInt(modified.getNano());
    out.writeLong(0);
    out.writeInt(entry.type().getBits());
    out.writeLong(0);
    out.writeInt((int) size);
    byte[] id = new byte[Constants.OBJECT_ID_LENGTH];
    entry.id().copyRawTo(id, 0);
    out.write(id);
    byte[] name = entry.inner().getBytes(StandardCharsets.UTF_8);
    out.writeShort(Math.min(name.length, NAME_LENGTH));
    out.write(name);
    // At least one zero, up to a multiple of eight.
    do {
      out.write(0);
    } while ((out.size() - begin) % 8 != 0);
  }
}
