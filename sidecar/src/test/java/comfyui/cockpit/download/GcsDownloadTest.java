package comfyui.cockpit.download;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.gcs.GcsSettings;
import comfyui.cockpit.kernel.Checksum.Algorithm;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.net.Retry;
import comfyui.cockpit.net.Url;
import comfyui.cockpit.source.ModelSource.GcsObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.UnaryOperator;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import mockwebserver3.SocketEffect;
import okio.Buffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** gs:// from a bucket that does what ours tells it. */
@Timeout(60)
class GcsDownloadTest {
  @TempDir Path root;
  private final MockWebServer server = new MockWebServer();
  private final List<RecordedRequest> asked = new CopyOnWriteArrayList<>();
  private final byte[] content = Rig.safetensors(300_000, 7);
  private final Bucket bucket = new Bucket();
  private Rig rig;

  /** One object. */
  private final class Bucket extends Dispatcher {
    private byte[] bytes = content;
    private String generation = "111";
    private String crc32c = base64(Algorithm.CRC32C, content);
    private Optional<String> md5 = Optional.of(base64(Algorithm.MD5, content));
    private String more = "";
    private final List<UnaryOperator<MockResponse>> nextMedia = new ArrayList<>();
    private final List<MockResponse> nextMetadata = new ArrayList<>();
    private Runnable afterMetadata = () -> {};

    @Override
    public MockResponse dispatch(RecordedRequest request) {
      asked.add(request);
      boolean media = String.valueOf(request.getUrl()).contains("alt=media");
      if (!media && !nextMetadata.isEmpty()) {
        return nextMetadata.removeFirst();
      }
      Optional<String> wanted = Optional.ofNullable(request.getUrl().queryParameter("generation"));
      if (wanted.isPresent() && !wanted.get().equals(generation)) {
        return error(404, "notFound", "No such object: bucket/dir/a.safetensors");
      }
      if (!media) {
        String body =
            "{\"kind\":\"storage#object\",\"size\":\"" + bytes.length + "\",\"generation\":\"" + generation + "\",\"crc32c\":\"" + crc32c + "\""
                + md5.map(hash -> ",\"md5Hash\":\"" + hash + "\"").orElse("") + more + "}";
        MockResponse response = new MockResponse.Builder().addHeader("Content-Type", "application/json").body(body).build();
        afterMetadata.run();
        return response;
      }
      String range = Optional.ofNullable(request.getHeaders().get("Range")).orElse("");
      int from = range.isEmpty() ? 0 : Integer.parseInt(range.replaceAll("bytes=(\\d+)-.*", "$1"));
      MockResponse.Builder builder =
          new MockResponse.Builder()
              .addHeader("Accept-Ranges", "bytes")
              .addHeader("ETag", "CPj=")
              .addHeader("x-goog-generation", generation)
              .addHeader("x-goog-hash", "crc32c=" + crc32c);
      md5.ifPresent(hash -> builder.addHeader("x-goog-hash", "md5=" + hash));
      builder.body(new Buffer().write(bytes, from, bytes.length - from));
      if (!range.isEmpty()) {
        builder.code(206).addHeader("Content-Range", "bytes " + from + "-" + (bytes.length - 1) + "/" + bytes.length);
      }
      return nextMedia.isEmpty() ? builder.build() : nextMedia.removeFirst().apply(builder.build());
    }

    void replace(byte[] by) {
      bytes = by;
      generation = "222";
      crc32c = base64(Algorithm.CRC32C, by);
      md5 = Optional.of(base64(Algorithm.MD5, by));
    }
  }

  private static String base64(Algorithm algorithm, byte[] bytes) {
    return Base64.getEncoder().encodeToString(algorithm.newDigest().digest(bytes));
  }

  private static MockResponse error(int code, String reason, String message) {
    return new MockResponse.Builder()
        .code(code)
        .addHeader("Content-Type", "application/json")
        .body("{\"error\":{\"code\":" + code + ",\"message\":\"" + message + "\",\"errors\":[{\"domain\":\"global\",\"reason\":\"" + reason + "\",\"message\":\"" + message + "\"}]}}")
        .build();
  }

  @BeforeEach
  void start() throws IOException {
    server.setDispatcher(bucket);
    server.start();
    GcsSettings gcs = new GcsSettings(Url.parse(server.url("").toString()), Optional.empty(), Optional.empty(), Optional.empty(), new Retry(2, Duration.ofMillis(5)));
    // Retries of others do not count here.
    rig = new Rig(root, 1, 0, Map.of(), gcs);
  }

  @AfterEach
  void stop() throws IOException {
    rig.close();
    server.close();
  }

  private WantedFile wanted(Optional<Long> generation) {
    return new WantedFile("m", root.resolve("a.safetensors"), new GcsObject("bucket", "dir/a.safetensors", generation), Optional.empty(), OptionalLong.empty());
  }

  private Fetched fetch() {
    return rig.fetch(wanted(Optional.empty()));
  }

  private Problem problem(Optional<Long> generation) throws IOException {
    Problem problem = assertThrows(ProblemException.class, () -> rig.fetch(wanted(generation))).problem();
    assertEquals(List.of(), rig.leftovers());
    return problem;
  }

  private List<RecordedRequest> media() {
    return asked.stream().filter(request -> String.valueOf(request.getUrl()).contains("alt=media")).toList();
  }

  private void assertThere(byte[] expected) throws IOException {
    assertArrayEquals(expected, Files.readAllBytes(root.resolve("a.safetensors")));
  }

  @Test
  void shouldFetchExactlyTheGenerationDescribed() throws Exception {
    Fetched fetched = fetch();
    assertEquals(Verified.HUB, fetched.verified());
    assertThere(content);
    assertEquals("/storage/v1/b/bucket/o/dir%2Fa.safetensors?generation=111&alt=media", media().getFirst().getTarget());
    assertEquals("identity", media().getFirst().getHeaders().get("Accept-Encoding"));
  }

  @Test
  void shouldResumeThatGenerationWithoutAValidator() throws Exception {
    bucket.nextMedia.add(answer -> answer.newBuilder().onResponseBody(SocketEffect.ShutdownConnection.INSTANCE).build());
    fetch();
    assertThere(content);
    assertEquals(2, media().size());
    RecordedRequest second = media().getLast();
    assertTrue(String.valueOf(second.getHeaders().get("Range")).matches("bytes=[1-9]\\d*-"));
    assertNull(second.getHeaders().get("If-Range"));
    assertEquals("111", second.getUrl().queryParameter("generation"));
  }

  /** Case 57. */
  @Test
  void shouldHoldACompositeAgainstItsCrc32c() throws Exception {
    bucket.md5 = Optional.empty();
    fetch();
    assertThere(content);
    Files.delete(root.resolve("a.safetensors"));
    bucket.crc32c = "AAAAAA==";
    Problem problem = problem(Optional.empty());
    assertEquals(Code.CHECKSUM_OF_HOST_DIFFERS, problem.code());
    assertEquals("00000000", problem.args().get("expected"));
  }

  /** Each of the two sums is enough to refuse. */
  @ParameterizedTest
  @CsvSource({"true", "false"})
  void shouldEnforceBothSums(boolean crc) throws Exception {
    byte[] other = content.clone();
    other[other.length - 1] ^= 1;
    bucket.bytes = other;
    if (crc) {
      bucket.md5 = Optional.of(base64(Algorithm.MD5, other));
    } else {
      bucket.crc32c = base64(Algorithm.CRC32C, other);
    }
    assertEquals(Code.CHECKSUM_OF_HOST_DIFFERS, problem(Optional.empty()).code());
  }

  @Test
  void shouldStopAtOnceWhenTheAnswerNamesOtherSums() throws Exception {
    bucket.nextMedia.add(answer -> answer.newBuilder().setHeader("x-goog-hash", "md5=AAAAAAAAAAAAAAAAAAAAAA==").build());
    fetch();
    assertEquals(2, media().size(), "that host is asked once more");
    assertThere(content);
  }

  /** Case 57: between the description and the bytes, and in the middle of them. */
  @Test
  void shouldStartAgainWhenTheObjectIsReplaced() throws Exception {
    byte[] newer = Rig.safetensors(200_000, 8);
    bucket.afterMetadata = () -> bucket.replace(newer);
    fetch();
    assertThere(newer);
    assertEquals("222", media().getLast().getUrl().queryParameter("generation"));
  }

  @Test
  void shouldStartAgainWhenTheObjectIsReplacedMidway() throws Exception {
    byte[] newer = Rig.safetensors(200_000, 9);
    bucket.nextMedia.add(
        answer -> {
          bucket.replace(newer);
          return answer.newBuilder().onResponseBody(SocketEffect.ShutdownConnection.INSTANCE).build();
        });
    fetch();
    assertThere(newer);
  }

  @Test
  void shouldNoticeAServerThatIgnoresTheGeneration() throws Exception {
    bucket.nextMedia.add(answer -> answer.newBuilder().setHeader("x-goog-generation", "999").build());
    fetch();
    assertThere(content);
    assertEquals(4, asked.size());
  }

  @Test
  void shouldGiveUpOnWhatIsAlwaysReplaced() throws Exception {
    for (int i = 0; i < 3; i++) {
      bucket.nextMedia.add(answer -> error(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold."));
    }
    assertEquals(Code.REVISION_NOT_FOUND, problem(Optional.empty()).code());
    assertEquals(3, media().size());
  }

  @Test
  void shouldNotTakeAnotherGenerationThanTheOneDeclared() throws Exception {
    assertEquals(Code.REVISION_NOT_FOUND, problem(Optional.of(5L)).code());
    bucket.nextMedia.add(answer -> error(404, "notFound", "No such object: bucket/dir/a.safetensors"));
    assertEquals(Code.REVISION_NOT_FOUND, problem(Optional.of(111L)).code());
    assertEquals(1, media().size());
  }

  /** Case 57. */
  @Test
  void shouldRefuseWhatIsStoredCompressed() throws Exception {
    bucket.more = ",\"contentEncoding\":\"gzip\"";
    Problem described = problem(Optional.empty());
    assertEquals(Code.HOST_ERROR, described.code());
    assertTrue(described.detail().contains("stored compressed"), described.detail());
    assertEquals(1, asked.size(), "nothing gets better by asking again");
    bucket.more = "";
    bucket.nextMedia.add(answer -> answer.newBuilder().setHeader("x-goog-stored-content-encoding", "gzip").build());
    assertTrue(problem(Optional.empty()).detail().contains("stored compressed"));
  }

  /** Case 56, and facts 3.2. */
  @ParameterizedTest
  @CsvSource({
    "401, required, Anonymous caller does not have storage.objects.get access to the Google Cloud Storage object., token_missing, private or missing",
    "403, forbidden, Anonymous caller does not have storage.objects.get access to the Google Cloud Storage object., token_missing, private or missing",
    "404, notFound, No such object: bucket/dir/a.safetensors, file_not_found, no object gs://bucket/dir/a.safetensors",
    "404, notFound, The specified bucket does not exist., repository_not_found, no bucket bucket",
    "400, required, Bucket is a requester pays bucket but no user project provided., access_denied, requester pays",
    "501, x, Not implemented, host_error, 501"
  })
  void shouldSayWhatARefusalMeans(int status, String reason, String message, String code, String says) throws Exception {
    bucket.nextMetadata.add(error(status, reason, message));
    Problem problem = problem(Optional.empty());
    assertEquals(code, problem.code().wireName());
    assertTrue(problem.detail().contains(says), problem.detail());
    assertEquals(1, asked.size());
  }

  @ParameterizedTest
  @CsvSource({"429, rate_limited", "503, host_error", "500, host_error", "504, host_error"})
  void shouldTryAsOftenAsTheVariablesSay(int status, String code) throws Exception {
    bucket.nextMetadata.add(error(status, "backendError", "later"));
    bucket.nextMetadata.add(error(status, "backendError", "later"));
    bucket.nextMedia.add(answer -> error(status, "backendError", "later"));
    bucket.nextMedia.add(answer -> error(status, "backendError", "later"));
    fetch();
    assertThere(content);
    Files.delete(root.resolve("a.safetensors"));
    asked.clear();
    for (int i = 0; i < 3; i++) {
      bucket.nextMetadata.add(error(status, "backendError", "later"));
    }
    assertEquals(code, problem(Optional.empty()).code().wireName());
    assertEquals(3, asked.size());
    asked.clear();
    for (int i = 0; i < 3; i++) {
      bucket.nextMedia.add(answer -> error(status, "backendError", "later"));
    }
    assertEquals(code, problem(Optional.empty()).code().wireName());
    assertEquals(3, media().size());
  }

  @Test
  void shouldTakeAnEmptyObject() throws Exception {
    bucket.replace(new byte[0]);
    WantedFile empty = new WantedFile("m", root.resolve("a.bin"), new GcsObject("bucket", "dir/a.bin", Optional.empty()), Optional.empty(), OptionalLong.empty());
    assertEquals(0, rig.fetch(empty).size());
  }

  @Test
  void shouldAnswerNonsenseWithAnError() throws Exception {
    bucket.nextMetadata.add(new MockResponse.Builder().body("<html>").build());
    bucket.nextMetadata.add(new MockResponse.Builder().body("{\"kind\":\"storage#bucket\"}").build());
    bucket.nextMetadata.add(new MockResponse.Builder().body("[]").build());
    assertEquals(Code.HOST_ERROR, problem(Optional.empty()).code());
  }
}
