package comfyui.cockpit.version;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.ProgressSink;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContentsTest {
  @TempDir Path root;

  @BeforeEach
  void files() throws IOException {
    Files.writeString(root.resolve("a"), "one");
    Files.writeString(root.resolve("b.sh"), "two");
    Files.setPosixFilePermissions(root.resolve("b.sh"), PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.createSymbolicLink(root.resolve("c"), Path.of("a"));
  }

  private Contents read() throws IOException {
    return Contents.read(root, Set.of("a", "b.sh", "c"), new Contents.Known(), new CancelSignal(), ProgressSink.NONE);
  }

  @Test
  void shouldDigestPathsModesAndBytes() throws IOException {
    // printf 'a\0100644\0…\n' and so on, through sha256sum.
    assertEquals(
        LockJson.sha256(
            "a\000100644\0" + LockJson.sha256("one") + "\nb.sh\000100755\0" + LockJson.sha256("two") + "\nc\000120000\0" + LockJson.sha256("a") + "\n"),
        read().digest());
  }

  @Test
  void shouldComeBackFromDiskAsItWas() throws IOException {
    Contents contents = read();
    contents.write(root.resolve("list"));
    assertEquals(contents, Contents.readBack(root.resolve("list")).orElseThrow());
    assertEquals(List.of(), contents.changed(root));
  }

  @Test
  void shouldSeeAByteThatChangedUnderTheSameTime() throws IOException {
    Contents before = read();
    FileTime time = Files.getLastModifiedTime(root.resolve("a"));
    Files.writeString(root.resolve("a"), "eno");
    Files.setLastModifiedTime(root.resolve("a"), time);
    assertEquals(List.of(), before.changed(root));
    Contents now = read();
    assertNotEquals(before.digest(), now.digest());
    assertEquals("a has other bytes.", before.differences(now).getFirst().detail());
  }

  @Test
  void shouldReadAHardLinkOnce() throws IOException {
    Contents before = read();
    Contents.Known known = new Contents.Known();
    known.add(before);
    Path other = Files.createDirectories(root.resolve("other"));
    Files.createLink(other.resolve("a"), root.resolve("a"));
    Contents shared = Contents.read(other, Set.of("a"), known, new CancelSignal(), ProgressSink.NONE);
    assertEquals(LockJson.sha256("one"), shared.entries().getFirst().sha256());
    Files.writeString(root.resolve("a"), "three");
    Contents again = Contents.read(other, Set.of("a"), known, new CancelSignal(), ProgressSink.NONE);
    assertEquals(LockJson.sha256("three"), again.entries().getFirst().sha256());
  }
}
