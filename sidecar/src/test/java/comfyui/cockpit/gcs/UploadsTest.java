package comfyui.cockpit.gcs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.net.Http;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import mockwebserver3.SocketEffect;
import okio.ByteString;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How a file becomes an object, and what is said if it does not. */
@Timeout(60)
class UploadsTest extends Rig {
  private static final String SESSION = "/upload/storage/v1/b/bucket/o?uploadType=resumable&upload_id=SECRET-session";
  private static final String READ_WRITE = "https://www.googleapis.com/auth/devstorage.read_write";
  private static final int CHUNK = 8 << 20;

  private final CancelSignal cancel = new CancelSignal();
  private final List<Long> progress = new ArrayList<>();

  private Uploads uploads(int retries) {
    return uploads(Optional.empty(), retries);
  }

  private Uploads uploads(Optional<Path> key, int retries) {
    return new Uploads(http, gcs(storage.url("").toString(), key, http, retries), Clock.system());
  }

  private byte[] file(int size) throws IOException {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    Files.write(directory.resolve("a.png"), bytes);
    return bytes;
  }

  private Stored upload(Uploads uploads) {
    ProgressSink sink =
        new ProgressSink() {
          @Override
          public void bytes(long done, long total) {
            progress.add(done);
          }
        };
    return uploads.upload(directory.resolve("a.png"), "bucket", "out/a b.png", "image/png", false, cancel, sink);
  }

  private Problem refused(Runnable work) {
    ProblemException e = assertThrows(ProblemException.class, work::run);
    for (Throwable at = e; at != null; at = at.getCause()) {
      assertFalse(at instanceof ProblemException p && (p.problem().toString() + p.getMessage()).contains("SECRET"), String.valueOf(at));
    }
    return e.problem();
  }

  private MockResponse opened() {
    return new MockResponse.Builder().code(200).addHeader("Location", storage.url(SESSION)).build();
  }

  private static MockResponse kept(long bytes) {
    MockResponse.Builder answer = new MockResponse.Builder().code(308);
    return (bytes > 0 ? answer.addHeader("Range", "bytes=0-" + (bytes - 1)) : answer).build();
  }

  private static MockResponse written(byte[] bytes) {
    return json(200, "{\"generation\":\"7\",\"size\":\"" + bytes.length + "\",\"crc32c\":\"" + crc32c(bytes) + "\",\"md5Hash\":\"" + md5(bytes) + "\"}");
  }

  private static MockResponse error(int code, String reason, String message) {
    return json(code, "{\"error\":{\"code\":" + code + ",\"message\":\"" + message + "\",\"errors\":[{\"reason\":\"" + reason + "\"}]}}");
  }

  private static String crc32c(byte[] bytes) {
    CRC32C sum = new CRC32C();
    sum.update(bytes);
    return Base64.getEncoder().encodeToString(ByteBuffer.allocate(4).putInt((int) sum.getValue()).array());
  }

  private static String md5(byte[] bytes) {
    try {
      return Base64.getEncoder().encodeToString(MessageDigest.getInstance("MD5").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The next request; its part of the file is what it says. */
  private void sent(byte[] file, long from, long to) throws InterruptedException {
    RecordedRequest request = taken(storage);
    assertEquals("PUT " + SESSION, request.getMethod() + " " + request.getTarget());
    assertEquals("bytes " + from + "-" + (to - 1) + "/" + file.length, request.getHeaders().get("Content-Range"));
    assertArrayEquals(Arrays.copyOfRange(file, (int) from, (int) to), request.getBody().toByteArray());
  }

  private void asked(String range) throws InterruptedException {
    RecordedRequest request = taken(storage);
    assertEquals("PUT " + SESSION, request.getMethod() + " " + request.getTarget());
    assertEquals(range, request.getHeaders().get("Content-Range"));
    assertEquals("0", request.getHeaders().get("Content-Length"));
  }

  @Test
  void shouldSendChunksAndItsChecksums() throws Exception {
    byte[] bytes = file(CHUNK + 3);
    storage.enqueue(opened());
    storage.enqueue(kept(CHUNK));
    storage.enqueue(written(bytes));
    Stored stored = upload(uploads(0));
    assertEquals(new Stored("bucket", "out/a b.png", 7, CHUNK + 3, storage.url("/bucket/out/a%20b.png").toString()), stored);
    assertEquals("gs://bucket/out/a b.png", stored.uri());
    RecordedRequest opening = taken(storage);
    assertEquals("POST /upload/storage/v1/b/bucket/o?uploadType=resumable&name=out%2Fa%20b.png", opening.getMethod() + " " + opening.getTarget());
    assertEquals("image/png", opening.getHeaders().get("X-Upload-Content-Type"));
    assertEquals(String.valueOf(bytes.length), opening.getHeaders().get("X-Upload-Content-Length"));
    Value metadata = Json.read(opening.getBody().utf8()).orElseThrow();
    assertEquals(Optional.of("image/png"), metadata.text("contentType"));
    assertEquals(Optional.of(crc32c(bytes)), metadata.text("crc32c"));
    assertEquals(Optional.of(md5(bytes)), metadata.text("md5Hash"));
    sent(bytes, 0, CHUNK);
    sent(bytes, CHUNK, CHUNK + 3);
    assertEquals(List.of(0L, (long) CHUNK, CHUNK + 3L), progress);
  }

  @Test
  void shouldWriteAnEmptyFile() throws Exception {
    byte[] bytes = file(0);
    storage.enqueue(opened());
    storage.enqueue(written(bytes));
    assertEquals(0, upload(uploads(0)).sizeBytes());
    taken(storage);
    asked("bytes */0");
  }

  @Test
  void shouldGoOnWhereTheConnectionBroke() throws Exception {
    byte[] bytes = file(CHUNK + 3);
    storage.enqueue(opened());
    // The server goes away in the middle, and keeps this answer for the next request.
    storage.enqueue(kept(1 << 20).newBuilder().onRequestBody(new SocketEffect.CloseSocket()).build());
    storage.enqueue(written(bytes));
    upload(uploads(1));
    taken(storage);
    RecordedRequest next = taken(storage);
    assertEquals(CHUNK / 2, next.getBodySize(), "half of it came");
    while (next.getBodySize() == CHUNK / 2) {
      // OkHttp tried it on other connections.
      next = taken(storage);
    }
    assertEquals("bytes */" + bytes.length, next.getHeaders().get("Content-Range"));
    sent(bytes, 1 << 20, bytes.length);
  }

  @Test
  void shouldBelieveASessionThatIsDone() throws Exception {
    byte[] bytes = file(5);
    storage.enqueue(opened());
    storage.enqueue(new MockResponse.Builder().code(200).body("{\"generation\"").setHeader("Content-Length", "99").onResponseEnd(new SocketEffect.CloseSocket()).build());
    storage.enqueue(written(bytes));
    assertEquals(7, upload(uploads(1)).generation());
    taken(storage);
    sent(bytes, 0, 5);
    asked("bytes */5");
  }

  @ParameterizedTest
  @ValueSource(ints = {429, 500, 503})
  void shouldWaitForAHostInTrouble(int status) throws Exception {
    byte[] bytes = file(5);
    storage.enqueue(json(status, "{}"));
    storage.enqueue(opened());
    storage.enqueue(json(status, "{}"));
    storage.enqueue(kept(0));
    storage.enqueue(written(bytes));
    upload(uploads(2));
    taken(storage);
    taken(storage);
    sent(bytes, 0, 5);
    asked("bytes */5");
    sent(bytes, 0, 5);
  }

  @ParameterizedTest
  @ValueSource(ints = {404, 410})
  void shouldBeginAnewAfterALostSession(int status) throws Exception {
    byte[] bytes = file(5);
    storage.enqueue(opened());
    storage.enqueue(json(status, "{}"));
    storage.enqueue(opened());
    storage.enqueue(written(bytes));
    upload(uploads(1));
    taken(storage);
    sent(bytes, 0, 5);
    assertEquals("POST", taken(storage).getMethod());
    sent(bytes, 0, 5);
  }

  @Test
  void shouldCountOnlyFailuresWithoutProgress() throws Exception {
    byte[] bytes = file(3 * CHUNK);
    storage.enqueue(opened());
    for (long at : new long[] {CHUNK, 2L * CHUNK}) {
      storage.enqueue(kept(at));
      storage.enqueue(json(503, "{}"));
      storage.enqueue(kept(at));
    }
    storage.enqueue(written(bytes));
    upload(uploads(1));
    assertEquals(8, storage.getRequestCount());
  }

  @Test
  void shouldGiveUpOnASessionThatTakesNothing() throws Exception {
    file(5);
    storage.enqueue(opened());
    for (int i = 0; i < 6; i++) {
      storage.enqueue(kept(0));
    }
    Problem problem = refused(() -> upload(uploads(2)));
    assertEquals(Code.HOST_ERROR, problem.code());
    assertTrue(problem.detail().contains("took nothing"), problem.detail());
    assertEquals(1 + 1 + 2 + 2, storage.getRequestCount());
  }

  @Test
  void shouldRefuseARangeThatCannotBe() throws Exception {
    file(5);
    storage.enqueue(opened());
    storage.enqueue(kept(9));
    Problem problem = refused(() -> upload(uploads(2)));
    assertEquals(Code.HOST_ERROR, problem.code());
    assertFalse(problem.retryable());
  }

  @Test
  void shouldSayThatTheChecksumDiffers() throws Exception {
    byte[] bytes = file(5);
    byte[] other = "other".getBytes(StandardCharsets.US_ASCII);
    storage.enqueue(opened());
    storage.enqueue(written(other));
    Problem problem = refused(() -> upload(uploads(0)));
    assertEquals(Code.CHECKSUM_OF_HOST_DIFFERS, problem.code());
    assertTrue(problem.detail().contains("gs://bucket/out/a b.png"), problem.detail());
    storage.enqueue(opened());
    storage.enqueue(error(400, "invalid", "Provided MD5 hash 'a' doesn't match calculated MD5 hash 'b'."));
    storage.enqueue(opened());
    storage.enqueue(written(bytes));
    assertEquals(7, upload(uploads(1)).generation());
  }

  @Test
  void shouldTakeAnAnswerWithoutChecksums() throws Exception {
    file(5);
    storage.enqueue(opened());
    storage.enqueue(json(200, "{\"generation\":\"7\",\"size\":\"5\"}"));
    assertEquals(7, upload(uploads(0)).generation());
    storage.enqueue(opened());
    storage.enqueue(json(200, "{\"generation\":\"7\",\"size\":\"6\"}"));
    assertEquals(Code.CHECKSUM_OF_HOST_DIFFERS, refused(() -> upload(uploads(0))).code());
    storage.enqueue(opened());
    storage.enqueue(json(200, "{}"));
    assertEquals(Code.HOST_ERROR, refused(() -> upload(uploads(0))).code());
  }

  @Test
  void shouldKeepTheSessionAtTheEndpoint() throws Exception {
    file(5);
    tokens.enqueue(token());
    try (MockWebServer other = new MockWebServer()) {
      other.start();
      storage.enqueue(new MockResponse.Builder().code(200).addHeader("Location", other.url(SESSION)).build());
      Problem problem = refused(() -> upload(uploads(Optional.of(keyOrThrow(user())), 3)));
      assertEquals(Code.REDIRECT_REFUSED, problem.code());
      assertEquals(0, other.getRequestCount());
    }
  }

  private Path keyOrThrow(String credentials) {
    try {
      return key(credentials);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @CsvSource({"false, read_write, ''", "true, full_control, &predefinedAcl=publicRead"})
  void shouldAskForNoMoreThanItNeeds(boolean publicRead, String scope, String query) throws Exception {
    byte[] bytes = file(5);
    for (int i = 0; i < 2; i++) {
      tokens.enqueue(token());
    }
    storage.enqueue(json(200, "{\"permissions\":[\"storage.objects.create\"]}"));
    storage.enqueue(opened());
    storage.enqueue(written(bytes));
    Uploads uploads = uploads(Optional.of(key(service(keys()))), 0);
    uploads.requireWritable("gs://bucket/", cancel);
    uploads.upload(directory.resolve("a.png"), "gs://bucket", "a", "image/png", publicRead, cancel, ProgressSink.NONE);
    assertEquals(READ_WRITE, scope(taken(tokens)));
    assertEquals(publicRead ? 2 : 1, tokens.getRequestCount());
    if (publicRead) {
      assertTrue(scope(taken(tokens)).endsWith(scope));
    }
    RecordedRequest check = taken(storage);
    assertEquals("GET /storage/v1/b/bucket/iam/testPermissions?permissions=storage.objects.create", check.getMethod() + " " + check.getTarget());
    RecordedRequest opening = taken(storage);
    assertEquals("/upload/storage/v1/b/bucket/o?uploadType=resumable&name=a" + query, opening.getTarget());
    for (RecordedRequest each : List.of(check, opening, taken(storage))) {
      assertEquals("Bearer " + TOKEN, each.getHeaders().get("Authorization"));
    }
  }

  private static String scope(RecordedRequest request) {
    String form = request.getBody().utf8();
    String claims = form.substring(form.indexOf("assertion=") + "assertion=".length()).split("\\.")[1];
    return Json.read(new String(Base64.getUrlDecoder().decode(claims), StandardCharsets.UTF_8)).flatMap(json -> json.text("scope")).orElseThrow();
  }

  @Test
  void shouldSayThatTheAccountMayNotWrite() throws Exception {
    tokens.enqueue(token());
    Uploads uploads = uploads(Optional.of(key(user())), 3);
    storage.enqueue(json(200, "{\"kind\":\"storage#testIamPermissionsResponse\"}"));
    Problem lacks = refused(() -> uploads.requireWritable("bucket", cancel));
    storage.enqueue(error(403, "forbidden", "me does not have storage.objects.create access."));
    file(5);
    Problem refused = refused(() -> upload(uploads));
    for (Problem each : List.of(lacks, refused)) {
      assertEquals(Code.BUCKET_NOT_WRITABLE, each.code());
      assertTrue(each.detail().startsWith("The bucket gs://bucket cannot be written: the account of the file " + directory.resolve("key.json")), each.detail());
      assertTrue(each.hint().contains("Storage Object User"), each.hint());
    }
    assertTrue(refused.detail().contains("me does not have storage.objects.create access."), refused.detail());
    assertEquals(2, storage.getRequestCount(), "a refusal is final");
  }

  @Test
  void shouldTellWhoSaysNotWhoHeIs() throws Exception {
    file(5);
    storage.enqueue(json(200, "{}"));
    storage.enqueue(error(401, "required", "Anonymous caller does not have storage.buckets.get access."));
    for (Problem each : List.of(refused(() -> uploads(3).requireWritable("bucket", cancel)), refused(() -> upload(uploads(3))))) {
      assertEquals(Code.TOKEN_MISSING, each.code());
      assertTrue(each.detail().contains("gs://bucket"), each.detail());
      assertTrue(each.hint().contains("GOOGLE_APPLICATION_CREDENTIALS"), each.hint());
    }
    assertNull(taken(storage).getHeaders().get("Authorization"));
  }

  @Test
  void shouldTellABucketThatIsMissingFromAStandIn() throws Exception {
    storage.enqueue(new MockResponse.Builder().code(404).body("404 page not found").build());
    storage.enqueue(json(200, "{\"name\":\"bucket\"}"));
    uploads(0).requireWritable("bucket", cancel);
    taken(storage);
    assertEquals("/storage/v1/b/bucket?fields=name", taken(storage).getTarget());
    storage.enqueue(error(404, "notFound", "The specified bucket does not exist."));
    storage.enqueue(error(404, "notFound", "The specified bucket does not exist."));
    Problem missing = refused(() -> uploads(0).requireWritable("bucket", cancel));
    assertEquals(Code.BUCKET_NOT_WRITABLE, missing.code());
    assertTrue(missing.detail().contains("no such bucket"), missing.detail());
  }

  @Test
  void shouldLeaveOtherTroubleItsName() throws Exception {
    storage.enqueue(error(403, "rateLimitExceeded", "Slow down."));
    assertEquals(Code.RATE_LIMITED, refused(() -> uploads(0).requireWritable("bucket", cancel)).code());
    storage.enqueue(new MockResponse.Builder().code(429).addHeader("Retry-After", "90").build());
    Problem limited = refused(() -> uploads(5).requireWritable("bucket", cancel));
    assertEquals(90L, limited.args().get("retry_after"));
    storage.enqueue(json(503, "{}"));
    storage.enqueue(json(200, "{\"permissions\":[\"storage.objects.create\"]}"));
    uploads(1).requireWritable("bucket", cancel);
    tokens.enqueue(token());
    storage.enqueue(error(401, "authError", "Invalid Credentials"));
    assertEquals(Code.TOKEN_REJECTED, refused(() -> uploads(Optional.of(keyOrThrow(user())), 0).requireWritable("bucket", cancel)).code());
    assertEquals(Code.TOKEN_MISSING, refused(() -> uploads(Optional.of(directory.resolve("none")), 0).requireWritable("bucket", cancel)).code());
    try (Http offline = http(true)) {
      Uploads cutOff = new Uploads(offline, gcs(GcsSettings.ENDPOINT, Optional.empty(), offline), Clock.system());
      Problem problem = refused(() -> cutOff.requireWritable("bucket", cancel));
      assertEquals(Code.OFFLINE, problem.code());
      assertEquals(List.of("gs://bucket"), problem.args().get("missing"));
    }
    storage.close();
    assertEquals(Code.CONNECTION_FAILED, refused(() -> uploads(1).requireWritable("bucket", cancel)).code());
  }

  @Test
  void shouldNameWhatForbidsPublicObjects() throws Exception {
    file(5);
    storage.enqueue(error(400, "invalid", "Cannot insert legacy ACL for an object when uniform bucket-level access is enabled."));
    Problem problem = refused(() -> upload(uploads(3)));
    assertEquals(Code.BUCKET_NOT_WRITABLE, problem.code());
    assertTrue(problem.hint().contains("GCS_PUBLIC=false"), problem.hint());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "gs://", "A", "my bucket", "gs://bucket/path", "../x"})
  void shouldRefuseWhatIsNoBucket(String name) {
    assertEquals(Code.BAD_REQUEST, refused(() -> uploads(0).requireWritable(name, cancel)).code());
    assertEquals(0, storage.getRequestCount());
  }

  @Test
  void shouldSayThatTheFileIsMissing() {
    assertEquals(Code.FILE_MISSING, refused(() -> upload(uploads(3))).code());
    assertEquals(0, storage.getRequestCount());
  }

  @Test
  void shouldNoticeAFileThatShrinks() throws Exception {
    byte[] bytes = file(CHUNK + 3);
    storage.setDispatcher(
        new Dispatcher() {
          @Override
          public MockResponse dispatch(RecordedRequest request) {
            if (request.getMethod().equals("POST")) {
              return opened();
            }
            try {
              Files.write(directory.resolve("a.png"), Arrays.copyOf(bytes, CHUNK));
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
            return kept(CHUNK);
          }
        });
    assertEquals(Code.SIZE_DIFFERS, refused(() -> upload(uploads(3))).code());
  }

  @Test
  void shouldStopAtOnceWhenCancelled() throws Exception {
    file(CHUNK);
    storage.enqueue(opened());
    storage.enqueue(new MockResponse.Builder().headersDelay(30, TimeUnit.SECONDS).build());
    Thread.ofVirtual().start(
        () -> {
          try {
            taken(storage);
            taken(storage);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          cancel.cancel();
        });
    long start = System.nanoTime();
    assertEquals(Code.CANCELLED, refused(() -> upload(uploads(3))).code());
    assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(10));
  }

  @Test
  void shouldKeepEveryByteOfAName() throws Exception {
    byte[] bytes = file(1);
    storage.enqueue(opened());
    storage.enqueue(written(bytes));
    Stored stored = uploads(0).upload(directory.resolve("a.png"), "bucket", "ü/a+b&c=#?%", "image/png", false, cancel, ProgressSink.NONE);
    assertEquals("/upload/storage/v1/b/bucket/o?uploadType=resumable&name=%C3%BC%2Fa%2Bb%26c%3D%23%3F%25", taken(storage).getTarget());
    assertEquals(storage.url("/bucket/").toString() + "%C3%BC/a%2Bb%26c%3D%23%3F%25", stored.publicUrl());
    assertTrue(ByteString.of(bytes).equals(taken(storage).getBody()));
  }
}
