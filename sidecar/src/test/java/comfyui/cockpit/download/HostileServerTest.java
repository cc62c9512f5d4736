package comfyui.cockpit.download;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.kernel.Code;
import java.io.IOException;
import java.io.OutputStream;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Servers that lie, stall and break off. The numbers are those of the catalogue of hostile cases. */
@Timeout(30)
class HostileServerTest {
  private static final String NAME = "model.safetensors";
  private static final byte[] FILE = Rig.safetensors(300_000, 1);

  @TempDir Path root;

  /** What is wanted by the address alone, or with the right checksum and size. */
  private enum Word {
    NONE,
    DECLARED
  }

  private Code failing(Word word, RawServer.Script script) throws Exception {
    try (RawServer server = new RawServer(script);
        Rig rig = new Rig(root)) {
      WantedFile wanted = rig.wanted(server.url("/" + NAME), NAME);
      Code code = rig.failure(word == Word.DECLARED ? Rig.expecting(wanted, FILE) : wanted);
      assertEquals(List.of(), rig.leftovers(), "nothing half-done may stay");
      return code;
    }
  }

  private List<RawServer.Request> arriving(Word word, byte[] content, RawServer.Script script) throws Exception {
    try (RawServer server = new RawServer(script);
        Rig rig = new Rig(root)) {
      WantedFile wanted = rig.wanted(server.url("/" + NAME), NAME);
      rig.fetch(word == Word.DECLARED ? Rig.expecting(wanted, content) : wanted);
      assertArrayEquals(content, Files.readAllBytes(root.resolve(NAME)));
      assertEquals(List.of(NAME), rig.leftovers());
      return server.gets();
    }
  }

  private static void whole(OutputStream out, byte[] content, String... more) throws IOException {
    String[] headers = java.util.Arrays.copyOf(more, more.length + 1);
    headers[more.length] = "Content-Length: " + content.length;
    RawServer.head(out, "200 OK", headers);
    out.write(content);
  }

  private static void part(OutputStream out, byte[] content, int from, int to, String... more) throws IOException {
    String[] headers = java.util.Arrays.copyOf(more, more.length + 2);
    headers[more.length] = "Content-Range: bytes " + from + "-" + (to - 1) + "/" + content.length;
    headers[more.length + 1] = "Content-Length: " + (to - from);
    RawServer.head(out, "206 Partial Content", headers);
    out.write(content, from, to - from);
  }

  /** Serves {@code FILE} rightly, ranges and all. */
  private static void rightly(RawServer.Request request, OutputStream out) throws IOException {
    if (request.headers().containsKey("range")) {
      part(out, FILE, (int) request.from(), FILE.length, "ETag: \"v1\"", "Accept-Ranges: bytes");
    } else {
      whole(out, FILE, "ETag: \"v1\"", "Accept-Ranges: bytes");
    }
  }

  /** Does something else the first time a GET comes. */
  private static RawServer.Script once(RawServer.Script first) {
    AtomicInteger gets = new AtomicInteger();
    return (request, out, socket) -> {
      if (!request.isHead() && gets.getAndIncrement() == 0) {
        first.answer(request, out, socket);
      } else {
        rightly(request, out);
      }
    };
  }

  @Test
  @DisplayName("1: a body shorter than its Content-Length, every time")
  void shouldFailOnShortBody() throws Exception {
    assertEquals(
        Code.INCOMPLETE,
        failing(Word.DECLARED, (request, out, socket) -> {
          RawServer.head(out, "200 OK", "Content-Length: " + FILE.length);
          out.write(FILE, 0, 100);
        }));
  }

  @Test
  @DisplayName("1: a body shorter than its Content-Length, once: resumed by range with the validator")
  void shouldResumeShortBody() throws Exception {
    List<RawServer.Request> gets =
        arriving(Word.NONE, FILE, once((request, out, socket) -> {
          RawServer.head(out, "200 OK", "Content-Length: " + FILE.length, "ETag: \"v1\"");
          out.write(FILE, 0, 200_000);
        }));
    assertEquals("bytes=200000-", gets.getLast().headers().get("range"));
    assertEquals("\"v1\"", gets.getLast().headers().get("if-range"));
  }

  @Test
  @DisplayName("3: no length, cut early, size expected")
  void shouldFailWithoutLengthWhenSizeIsExpected() throws Exception {
    assertEquals(Code.INCOMPLETE, failing(Word.DECLARED, (request, out, socket) -> {
          RawServer.head(out, "200 OK");
          out.write(FILE, 0, 1000);
        }));
  }

  @Test
  @DisplayName("5: no length, cut early, nothing expected: the header tells")
  void shouldTrustHeaderWithoutLength() throws Exception {
    assertEquals(Code.NOT_A_MODEL, failing(Word.NONE, (request, out, socket) -> {
          RawServer.head(out, "200 OK");
          out.write(FILE, 0, 200_000);
        }));
  }

  @Test
  @DisplayName("5: no length, all there")
  void shouldTakeBodyWithoutLength() throws Exception {
    arriving(Word.NONE, FILE, (request, out, socket) -> {
      RawServer.head(out, "200 OK");
      if (!request.isHead()) {
        out.write(FILE);
      }
    });
  }

  @Test
  @DisplayName("6: a chunked body cut inside a chunk")
  void shouldFailOnCutChunk() throws Exception {
    assertEquals(Code.INCOMPLETE, failing(Word.NONE, (request, out, socket) -> {
          RawServer.head(out, "200 OK", "Transfer-Encoding: chunked");
          out.write("10000\r\n".getBytes(StandardCharsets.US_ASCII));
          out.write(FILE, 0, 5000);
        }));
  }

  @Test
  @DisplayName("7: a body longer than its Content-Length: only so much is taken")
  void shouldIgnoreWhatFollowsTheLength() throws Exception {
    arriving(Word.NONE, FILE, (request, out, socket) -> {
      whole(out, FILE);
      out.write(new byte[5000]);
    });
  }

  @Test
  @DisplayName("8, 13: an endless chunked body, size expected")
  void shouldStopEndlessBodyAtExpectedSize() throws Exception {
    assertEquals(Code.SIZE_DIFFERS, failing(Word.DECLARED, (request, out, socket) -> {
          RawServer.head(out, "200 OK", "Transfer-Encoding: chunked");
          if (request.isHead()) {
            return;
          }
          byte[] chunk = new byte[0x10000];
          System.arraycopy(FILE, 0, chunk, 0, chunk.length);
          for (int i = 0; i < 100_000; i++) {
            out.write("10000\r\n".getBytes(StandardCharsets.US_ASCII));
            out.write(chunk);
            out.write("\r\n".getBytes(StandardCharsets.US_ASCII));
          }
        }));
  }

  @Test
  @DisplayName("9: the length is not the expected one: nothing is read")
  void shouldRefuseOtherLength() throws Exception {
    assertEquals(Code.SIZE_DIFFERS, failing(Word.DECLARED, (request, out, socket) -> whole(out, Rig.safetensors(10, 1))));
  }

  @Test
  @DisplayName("10: an empty body with status 200")
  void shouldRefuseEmptyBody() throws Exception {
    assertEquals(Code.NOT_A_MODEL, failing(Word.NONE, (request, out, socket) -> whole(out, new byte[0])));
  }

  @Test
  @DisplayName("74: an empty file that is expected")
  void shouldTakeEmptyFileWhenExpected() throws Exception {
    try (RawServer server = new RawServer((request, out, socket) -> whole(out, new byte[0]));
        Rig rig = new Rig(root)) {
      rig.fetch(Rig.expecting(rig.wanted(server.url("/empty.txt"), "empty.txt"), new byte[0]));
      assertEquals(0, Files.size(root.resolve("empty.txt")));
    }
  }

  @ParameterizedTest
  @DisplayName("11: lengths that make no sense")
  @ValueSource(strings = {"-5", "abc", "10, 10", "99999999999999999999999"})
  void shouldRefuseNonsenseLength(String length) throws Exception {
    assertEquals(Code.HOST_ERROR, failing(Word.NONE, (request, out, socket) -> {
          RawServer.head(out, "200 OK", "Content-Length: " + length);
          out.write(FILE);
        }));
  }

  @Test
  @DisplayName("11: two lengths")
  void shouldRefuseTwoLengths() throws Exception {
    assertEquals(Code.HOST_ERROR, failing(Word.NONE, (request, out, socket) -> {
          RawServer.head(out, "200 OK", "Content-Length: 5", "Content-Length: " + FILE.length);
          out.write(FILE);
        }));
  }

  @Test
  @DisplayName("12: the right size and one flipped bit")
  void shouldRefuseFlippedBit() throws Exception {
    byte[] flipped = FILE.clone();
    flipped[200_000] ^= 1;
    assertEquals(Code.CHECKSUM_DIFFERS, failing(Word.DECLARED, (request, out, socket) -> whole(out, flipped)));
  }

  @ParameterizedTest
  @DisplayName("14: an answer without a body")
  @ValueSource(strings = {"204 No Content", "205 Reset Content"})
  void shouldRefuseAnswerWithoutBody(String status) throws Exception {
    assertEquals(Code.HOST_ERROR, failing(Word.NONE, (request, out, socket) -> RawServer.head(out, status)));
  }

  @ParameterizedTest
  @DisplayName("15, 16: a Content-Encoding nobody asked for")
  @ValueSource(strings = {"gzip", "br", "zstd"})
  void shouldRefuseEncodedBody(String encoding) throws Exception {
    assertEquals(Code.HOST_ERROR, failing(Word.NONE, (request, out, socket) -> whole(out, FILE, "Content-Encoding: " + encoding)));
  }

  @Test
  @DisplayName("16: Content-Encoding identity")
  void shouldTakeIdentityEncoding() throws Exception {
    arriving(Word.NONE, FILE, (request, out, socket) -> whole(out, FILE, "Content-Encoding: identity"));
  }

  @Test
  @DisplayName("17: takes the connection and never answers")
  void shouldGiveUpOnSilence() throws Exception {
    try (ServerSocket silent = new ServerSocket(0);
        Rig rig = new Rig(root, 1, 1, Map.of())) {
      assertEquals(Code.STALLED, rig.failure(rig.wanted("http://127.0.0.1:" + silent.getLocalPort() + "/" + NAME, NAME)));
    }
  }

  @Test
  @DisplayName("18: headers, then nothing, once: resumed")
  void shouldResumeAfterStall() throws Exception {
    arriving(Word.DECLARED, FILE, once((request, out, socket) -> {
      RawServer.head(out, "200 OK", "Content-Length: " + FILE.length, "ETag: \"v1\"");
      out.flush();
      Thread.sleep(3000);
    }));
  }

  @Test
  @DisplayName("19: a byte now and then")
  void shouldGiveUpOnTrickle() throws Exception {
    assertEquals(Code.STALLED, failing(Word.DECLARED, (request, out, socket) -> {
          RawServer.head(out, "200 OK", "Content-Length: " + FILE.length);
          for (int i = 0; i < 100; i++) {
            out.write(FILE[i]);
            out.flush();
            Thread.sleep(100);
          }
        }));
  }

  @Test
  @DisplayName("20: stalls shortly before the end, once: resumed from there")
  void shouldResumeNearTheEnd() throws Exception {
    List<RawServer.Request> gets =
        arriving(Word.DECLARED, FILE, once((request, out, socket) -> {
          RawServer.head(out, "200 OK", "Content-Length: " + FILE.length, "ETag: \"v1\"");
          out.write(FILE, 0, FILE.length - 10);
          out.flush();
          Thread.sleep(3000);
        }));
    assertTrue(gets.getLast().from() > FILE.length - 20_000, "it goes on where it was");
  }

  @Test
  @DisplayName("21: reset in the middle, once: resumed")
  void shouldResumeAfterReset() throws Exception {
    arriving(Word.DECLARED, FILE, once((request, out, socket) -> {
      RawServer.head(out, "200 OK", "Content-Length: " + FILE.length, "ETag: \"v1\"");
      out.write(FILE, 0, 100_000);
      out.flush();
      socket.setSoLinger(true, 0);
    }));
  }

  @Test
  @DisplayName("22: nobody listens; an unknown name")
  void shouldSayThatThereIsNoConnection() throws Exception {
    int port;
    try (ServerSocket gone = new ServerSocket(0)) {
      port = gone.getLocalPort();
    }
    try (Rig rig = new Rig(root, 1, 1, Map.of())) {
      assertEquals(Code.CONNECTION_FAILED, rig.failure(rig.wanted("http://127.0.0.1:" + port + "/" + NAME, NAME)));
      assertEquals(Code.CONNECTION_FAILED, rig.failure(rig.wanted("http://no-such-host.invalid/" + NAME, NAME)));
    }
  }

  @Test
  @DisplayName("25: 206 with a wrong start: from the beginning")
  void shouldStartAgainOnWrongStart() throws Exception {
    AtomicInteger gets = new AtomicInteger();
    List<RawServer.Request> requests =
        arriving(Word.DECLARED, FILE, (request, out, socket) -> {
          switch (request.isHead() ? 9 : gets.getAndIncrement()) {
            case 0 -> {
              RawServer.head(out, "200 OK", "Content-Length: " + FILE.length, "ETag: \"v1\"");
              out.write(FILE, 0, 100_000);
            }
            case 1 -> part(out, FILE, 5, FILE.length);
            default -> rightly(request, out);
          }
        });
    assertFalse(requests.getLast().headers().containsKey("range"));
  }

  @Test
  @DisplayName("27, 28, 30, 32: answers to a range that are none: from the beginning")
  void shouldStartAgainOnUnusableRangeAnswer() throws Exception {
    for (String answer : List.of("206 without Content-Range", "200", "multipart")) {
      Files.deleteIfExists(root.resolve(NAME));
      AtomicInteger gets = new AtomicInteger();
      arriving(Word.DECLARED, FILE, (request, out, socket) -> {
        int n = request.isHead() ? 9 : gets.getAndIncrement();
        if (n == 0) {
          RawServer.head(out, "200 OK", "Content-Length: " + FILE.length, "ETag: \"v1\"");
          out.write(FILE, 0, 100_000);
        } else if (n == 1 && answer.startsWith("206")) {
          RawServer.head(out, "206 Partial Content", "Content-Length: 10");
          out.write(FILE, 0, 10);
        } else if (n == 1 && answer.equals("multipart")) {
          RawServer.head(out, "206 Partial Content", "Content-Type: multipart/byteranges; boundary=x", "Content-Length: 10");
          out.write(FILE, 0, 10);
        } else {
          whole(out, FILE, "ETag: \"v2\"");
        }
      });
    }
  }

  @Test
  @DisplayName("26, 31: another total, or a 416: from the beginning")
  void shouldStartAgainWhenTheFileChanged() throws Exception {
    for (String status : List.of("206", "416")) {
      Files.deleteIfExists(root.resolve(NAME));
      AtomicInteger gets = new AtomicInteger();
      arriving(Word.NONE, FILE, (request, out, socket) -> {
        int n = request.isHead() ? 9 : gets.getAndIncrement();
        if (n == 0) {
          RawServer.head(out, "200 OK", "Content-Length: " + (FILE.length + 1000), "ETag: \"v1\"");
          out.write(Rig.safetensors(301_000, 2), 0, 100_000);
        } else if (n == 1 && status.equals("416")) {
          RawServer.head(out, "416 Range Not Satisfiable", "Content-Range: bytes */50", "Content-Length: 0");
        } else if (n == 1) {
          part(out, FILE, 100_000, FILE.length);
        } else {
          rightly(request, out);
        }
      });
    }
  }

  @Test
  @DisplayName("29: 206 to a request for the whole file")
  void shouldRefusePartWhenWholeWasAsked() throws Exception {
    assertEquals(Code.HOST_ERROR, failing(Word.NONE, (request, out, socket) -> part(out, FILE, 0, FILE.length)));
  }

  @Test
  @DisplayName("32: a weak ETag is no validator, and without a word nothing is resumed")
  void shouldNotResumeWithWeakValidator() throws Exception {
    List<RawServer.Request> gets =
        arriving(Word.NONE, FILE, once((request, out, socket) -> {
          RawServer.head(out, "200 OK", "Content-Length: " + FILE.length, "ETag: W/\"v1\"");
          out.write(FILE, 0, 100_000);
        }));
    assertFalse(gets.getLast().headers().containsKey("if-range"));
    assertFalse(gets.getLast().headers().containsKey("range"));
  }

  @Test
  @DisplayName("35: HEAD is refused or lies: GET decides")
  void shouldLetGetDecide() throws Exception {
    for (String head : List.of("405 Method Not Allowed", "403 Forbidden", "501 Not Implemented", "200 OK", "200 OK, and a lie")) {
      Files.deleteIfExists(root.resolve(NAME));
      arriving(Word.NONE, FILE, (request, out, socket) -> {
        if (request.isHead()) {
          RawServer.head(out, head, "Content-Length: " + (head.startsWith("200 OK, ") ? 12345 : 0));
        } else {
          rightly(request, out);
        }
      });
    }
  }

  @Test
  @DisplayName("40: redirects in a circle, to nowhere, to other kinds of address, with a user name, much too long")
  void shouldRefuseBadRedirects() throws Exception {
    for (String location : List.of("/" + NAME, "", "file:///etc/passwd", "ftp://127.0.0.1/x", "javascript:1", "http://user:pw@127.0.0.1/x", "/" + "x".repeat(9000))) {
      Code code =
          failing(Word.NONE, (request, out, socket) -> {
            String[] headers = location.isEmpty() ? new String[] {"Content-Length: 0"} : new String[] {"Location: " + location, "Content-Length: 0"};
            RawServer.head(out, "302 Found", headers);
          });
      assertEquals(Code.REDIRECT_REFUSED, code, location);
    }
  }

  @Test
  @DisplayName("41: a redirect to the cloud's metadata address")
  void shouldRefuseRedirectFurtherIn() throws Exception {
    assertEquals(
        Code.REDIRECT_REFUSED,
        failing(Word.NONE, (request, out, socket) -> RawServer.head(out, "302 Found", "Location: http://169.254.169.254/latest", "Content-Length: 0")));
  }

  @Test
  @DisplayName("50: 5xx and then success; 501 is final")
  void shouldRetryServerErrors() throws Exception {
    AtomicInteger n = new AtomicInteger();
    arriving(Word.NONE, FILE, (request, out, socket) -> {
      if (n.getAndIncrement() % 2 == 0) {
        RawServer.head(out, n.get() < 3 ? "503 Service Unavailable" : "522 Origin", "Content-Length: 0");
      } else {
        rightly(request, out);
      }
    });
    Files.delete(root.resolve(NAME));
    AtomicInteger gets = new AtomicInteger();
    assertEquals(Code.HOST_ERROR, failing(Word.NONE, (request, out, socket) -> {
          gets.addAndGet(request.isHead() ? 0 : 1);
          RawServer.head(out, "505 HTTP Version Not Supported", "Content-Length: 0");
        }));
    assertTrue(gets.get() <= 1);
  }

  @Test
  @DisplayName("49: told to wait an hour: fails at once")
  void shouldNotWaitForAnHour() throws Exception {
    AtomicInteger requests = new AtomicInteger();
    assertEquals(Code.RATE_LIMITED, failing(Word.NONE, (request, out, socket) -> {
          requests.incrementAndGet();
          RawServer.head(out, "429 Too Many Requests", "Retry-After: 3600", "Content-Length: 0");
        }));
    assertEquals(1, requests.get());
  }

  @Test
  @DisplayName("53: a challenge page for browsers")
  void shouldNameChallengePage() throws Exception {
    assertEquals(Code.BLOCKED, failing(Word.NONE, (request, out, socket) -> {
          byte[] page = "<html>Just a moment...</html>".getBytes(StandardCharsets.UTF_8);
          RawServer.head(out, "403 Forbidden", "Content-Type: text/html", "cf-mitigated: challenge", "Content-Length: " + page.length);
          if (!request.isHead()) {
            out.write(page);
          }
        }));
  }

  @Test
  @DisplayName("59-61: a web page, a git-lfs pointer, a JSON error as 200")
  void shouldRefuseWhatIsNoModel() throws Exception {
    for (String body :
        List.of(
            "<!DOCTYPE html><html><body>Please log in</body></html>", "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0".repeat(64) + "\nsize 12\n",
            "{\"error\": \"Unauthorized\"}", "Temporary Redirect. Redirecting to /x")) {
      assertEquals(Code.NOT_A_MODEL, failing(Word.NONE, (request, out, socket) -> whole(out, body.getBytes(StandardCharsets.UTF_8))), body);
    }
  }

  @Test
  @DisplayName("61: a JSON text where the path asks for one")
  void shouldTakeJsonWhereAsked() throws Exception {
    byte[] json = "{\"a\": 1}".getBytes(StandardCharsets.UTF_8);
    try (RawServer server = new RawServer((request, out, socket) -> whole(out, json));
        Rig rig = new Rig(root)) {
      rig.fetch(rig.wanted(server.url("/config.json"), "config.json"));
      assertArrayEquals(json, Files.readAllBytes(root.resolve("config.json")));
    }
  }

  @Test
  @DisplayName("62: safetensors headers that contradict themselves or the length")
  void shouldRefuseBrokenSafetensors() throws Exception {
    byte[] data = new byte[2000];
    List<byte[]> broken =
        List.of(
            Rig.safetensors("", data),
            Rig.safetensors("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1000]}}", data),
            Rig.safetensors("{\"a\":{\"data_offsets\":[0,900]},\"b\":{\"data_offsets\":[1000,2000]}}", data),
            Rig.safetensors("{\"a\":{\"data_offsets\":[0,1100]},\"b\":{\"data_offsets\":[1000,2000]}}", data),
            Rig.safetensors("{\"a\":{\"data_offsets\":[0,2000]", data),
            Rig.safetensors("[1, 2, 3, 4, 5, 6, 7, 8, 9]", data),
            Rig.safetensors("{\"a\":{\"dtype\":\"U8\"}}", data),
            "PK\u0003\u0004 a zip file under a wrong name ....".repeat(50).getBytes(StandardCharsets.ISO_8859_1));
    for (byte[] content : broken) {
      assertEquals(Code.NOT_A_MODEL, failing(Word.NONE, (request, out, socket) -> whole(out, content)));
    }
  }

  @Test
  @DisplayName("62: tensors of no size and unknown types are fine")
  void shouldTakeUnusualSafetensors() throws Exception {
    byte[] content = Rig.safetensors("{\"__metadata__\":{\"x\":\"y\"},\"z\":{\"dtype\":\"F4\",\"shape\":[0],\"data_offsets\":[0,0]},\"a\":{\"dtype\":\"F8_X\",\"data_offsets\":[0,10]}}   ", new byte[10]);
    arriving(Word.NONE, content, (request, out, socket) -> whole(out, content));
  }

  @Test
  @DisplayName("66: a directory at the target; another file that must not be replaced")
  void shouldLeaveWhatIsThere() throws Exception {
    try (RawServer server = new RawServer((request, out, socket) -> rightly(request, out));
        Rig rig = new Rig(root)) {
      Files.createDirectory(root.resolve(NAME));
      assertEquals(Code.PATH_TAKEN, rig.failure(rig.wanted(server.url("/" + NAME), NAME)));
      Files.delete(root.resolve(NAME));
      Files.writeString(root.resolve(NAME), "mine");
      assertEquals(Code.SIZE_DIFFERS, rig.failure(Rig.expecting(rig.wanted(server.url("/" + NAME), NAME), FILE)));
      assertEquals("mine", Files.readString(root.resolve(NAME)));
    }
  }

  @Test
  @DisplayName("70: the temporary file is shortened by somebody")
  void shouldNoticeTamperedTemporaryFile() throws Exception {
    assertEquals(Code.INCOMPLETE, failing(Word.NONE, (request, out, socket) -> {
          RawServer.head(out, "200 OK", "Content-Length: " + FILE.length);
          if (request.isHead()) {
            return;
          }
          out.write(FILE, 0, FILE.length - 1);
          out.flush();
          Thread.sleep(300);
          try (var files = Files.list(root)) {
            for (Path temp : files.filter(path -> path.toString().endsWith(".cockpit-part")).toList()) {
              Files.delete(temp);
            }
          }
          out.write(FILE, FILE.length - 1, 1);
        }));
  }

  @Test
  @DisplayName("75: the proxy refuses")
  void shouldNameTheProxy() throws Exception {
    try (RawServer proxy = new RawServer((request, out, socket) -> RawServer.head(out, "407 Proxy Authentication Required", "Proxy-Authenticate: Basic", "Content-Length: 0"));
        Rig rig = new Rig(root, 1, 1, Map.of("http_proxy", proxy.url("")))) {
      assertEquals(Code.CONNECTION_FAILED, rig.failure(rig.wanted("http://models.example/" + NAME, NAME)));
    }
  }
}
