package comfyui.cockpit.download;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.source.ModelSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class DownloadsTest {
  @TempDir Path root;
  @TempDir Path elsewhere;

  private WantedFile local(Path from, String name) {
    return new WantedFile("m", root.resolve(name), new ModelSource.Local(from), Optional.empty(), OptionalLong.empty());
  }

  @Test
  void shouldCopyLocalFile() throws Exception {
    byte[] content = Rig.safetensors(2_000_000, 3);
    Path from = Files.write(elsewhere.resolve("a.safetensors"), content);
    try (Rig rig = new Rig(root)) {
      Fetched fetched = rig.fetch(local(from, "x/y/a.safetensors"));
      assertEquals(Rig.sha256(content), fetched.sha256().orElseThrow());
      assertArrayEquals(content, Files.readAllBytes(root.resolve("x/y/a.safetensors")));
      assertInstanceOf(Fetched.Present.class, rig.fetch(local(from, "x/y/a.safetensors")));
    }
  }

  @Test
  void shouldRefuseLocalSourcesThatAreNoFiles() throws Exception {
    try (Rig rig = new Rig(root)) {
      Path fifo = elsewhere.resolve("fifo");
      assertEquals(0, new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor());
      assertEquals(Code.SOURCE_UNSUPPORTED, rig.failure(local(fifo, "a.bin")));
      assertEquals(Code.SOURCE_UNSUPPORTED, rig.failure(local(Path.of("/dev/zero"), "a.bin")));
      assertEquals(Code.SOURCE_UNSUPPORTED, rig.failure(local(elsewhere, "a.bin")));
      assertEquals(Code.FILE_MISSING, rig.failure(local(elsewhere.resolve("none"), "a.bin")));
      Path loop = Files.createSymbolicLink(elsewhere.resolve("loop"), elsewhere.resolve("loop"));
      assertEquals(Code.FILE_MISSING, rig.failure(local(loop, "a.bin")));
      assertEquals(List.of(), rig.leftovers());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"waiting", "asking", "downloading", "verifying", "publishing"})
  void shouldLeaveNothingWhenCancelledInAnyPhase(String phase) throws Exception {
    byte[] content = Rig.safetensors(5_000_000, 4);
    CancelSignal cancel = new CancelSignal();
    ProgressSink atPhase =
        new ProgressSink() {
          @Override
          public void phase(String now) {
            if (now.equals(phase)) {
              cancel.cancel();
            }
          }
        };
    try (RawServer server = new RawServer((request, out, socket) -> {
          RawServer.head(out, "200 OK", "Content-Length: " + content.length);
          if (!request.isHead()) {
            out.write(content);
          }
        });
        Rig rig = new Rig(root)) {
      WantedFile wanted = rig.wanted(server.url("/deep/model.safetensors"), "deep/er/model.safetensors");
      if (phase.equals("waiting")) {
        cancel.cancel();
      }
      ProblemException e = assertThrows(ProblemException.class, () -> rig.downloads.fetch(wanted, false, cancel, atPhase));
      assertEquals(Code.CANCELLED, e.problem().code());
      assertEquals(List.of(), rig.leftovers());
    }
  }

  @Test
  void shouldUseMoreConnectionsWhereThatPays() throws Exception {
    byte[] content = Rig.safetensors(60_000_000, 5);
    Set<String> ranges = ConcurrentHashMap.newKeySet();
    try (RawServer server = new RawServer((request, out, socket) -> {
          int from = (int) request.from();
          String range = request.headers().getOrDefault("range", "");
          int to = range.matches("bytes=\\d+-\\d+") ? Integer.parseInt(range.substring(range.indexOf('-') + 1)) + 1 : content.length;
          if (range.isEmpty()) {
            RawServer.head(out, "200 OK", "Content-Length: " + content.length, "Accept-Ranges: bytes", "ETag: \"v\"");
          } else {
            ranges.add(range);
            RawServer.head(out, "206 Partial Content", "Content-Length: " + (to - from), "Content-Range: bytes " + from + "-" + (to - 1) + "/" + content.length, "ETag: \"v\"");
          }
          for (int at = from; !request.isHead() && at < to; at += 100_000) {
            out.write(content, at, Math.min(100_000, to - at));
            Thread.sleep(10);
          }
        });
        Rig rig = new Rig(root, 4, 2, Map.of())) {
      rig.fetch(rig.wanted(server.url("/model.safetensors"), "model.safetensors"));
      assertArrayEquals(content, Files.readAllBytes(root.resolve("model.safetensors")));
      assertTrue(!ranges.isEmpty(), "ranges that were asked for: " + ranges);
    }
  }

  @Test
  void shouldKeepToOneConnectionWhereRangesAreNotOffered() throws Exception {
    byte[] content = Rig.safetensors(30_000_000, 6);
    try (RawServer server = new RawServer((request, out, socket) -> {
          RawServer.head(out, "200 OK", "Content-Length: " + content.length, "ETag: \"v\"");
          for (int at = 0; !request.isHead() && at < content.length; at += 100_000) {
            out.write(content, at, Math.min(100_000, content.length - at));
            Thread.sleep(10);
          }
        });
        Rig rig = new Rig(root, 4, 2, Map.of())) {
      rig.fetch(rig.wanted(server.url("/model.safetensors"), "model.safetensors"));
      assertEquals(1, server.gets().size());
    }
  }

  @Test
  void shouldReplaceOnlyWhenToldTo() throws Exception {
    byte[] good = Rig.safetensors(1000, 7);
    byte[] bad = good.clone();
    bad[500] ^= 1;
    Path from = Files.write(elsewhere.resolve("a.safetensors"), good);
    Files.write(root.resolve("a.safetensors"), bad);
    try (Rig rig = new Rig(root)) {
      WantedFile wanted = Rig.expecting(local(from, "a.safetensors"), good);
      assertInstanceOf(Fetched.Present.class, rig.fetch(wanted), "a file of the right size that nobody read is trusted");
      assertInstanceOf(Fetched.Installed.class, rig.downloads.fetch(wanted, true, new CancelSignal(), ProgressSink.NONE));
      assertArrayEquals(good, Files.readAllBytes(root.resolve("a.safetensors")));
      assertInstanceOf(Fetched.Present.class, rig.downloads.fetch(wanted, true, new CancelSignal(), ProgressSink.NONE), "the right file is not fetched again");
    }
  }

  @Test
  void shouldMakeFilesThatOthersMayRead() throws Exception {
    Path from = Files.write(elsewhere.resolve("a.bin"), new byte[600]);
    try (Rig rig = new Rig(root)) {
      rig.fetch(local(from, "a.bin"));
      Path probe = Files.createFile(root.resolve("probe"));
      assertEquals(Files.getPosixFilePermissions(probe), Files.getPosixFilePermissions(root.resolve("a.bin")));
    }
  }
}
