package comfyui.cockpit.gcs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.MessageDigest;
import java.security.Signature;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** V4 signatures: what is signed is put together here anew, as Google's documentation says it. */
@Timeout(60)
class SignedUrlTest extends Rig {
  private static final Clock CLOCK =
      new Clock() {
        @Override
        public Instant now() {
          return Instant.parse("2026-02-03T04:05:06Z");
        }

        @Override
        public long nanos() {
          return 0;
        }

        @Override
        public void sleep(Duration duration) {}
      };

  private Uploads uploads(String endpoint, Optional<Path> key) {
    return new Uploads(http, gcs(endpoint, key, http), CLOCK);
  }

  @Test
  void shouldBeSignedByTheKeyOfTheAccount() throws Exception {
    KeyPair keys = keys();
    String url = uploads(GcsSettings.ENDPOINT, Optional.of(key(service(keys)))).signedUrl("gs://bucket", "out/ü a+b.png", Duration.ofMinutes(10));
    String[] parts = url.split("\\?");
    assertEquals("https://storage.googleapis.com/bucket/out/%C3%BC%20a%2Bb.png", parts[0]);
    Map<String, String> query = query(parts[1]);
    String signature = query.remove("X-Goog-Signature");
    assertEquals(
        Map.of(
            "X-Goog-Algorithm", "GOOG4-RSA-SHA256", "X-Goog-Credential", "sa%40p.iam%2F20260203%2Fauto%2Fstorage%2Fgoog4_request", "X-Goog-Date", "20260203T040506Z",
            "X-Goog-Expires", "600", "X-Goog-SignedHeaders", "host"),
        query);
    String request =
        """
        GET
        /bucket/out/%C3%BC%20a%2Bb.png
        X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=sa%40p.iam%2F20260203%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=20260203T040506Z&X-Goog-Expires=600&X-Goog-SignedHeaders=host
        host:storage.googleapis.com

        host
        UNSIGNED-PAYLOAD""";
    byte[] hash = MessageDigest.getInstance("SHA-256").digest(request.getBytes(StandardCharsets.UTF_8));
    String text = "GOOG4-RSA-SHA256\n20260203T040506Z\n20260203/auto/storage/goog4_request\n" + HexFormat.of().formatHex(hash);
    Signature check = Signature.getInstance("SHA256withRSA");
    check.initVerify(keys.getPublic());
    check.update(text.getBytes(StandardCharsets.UTF_8));
    assertTrue(check.verify(HexFormat.of().parseHex(signature)));
    assertEquals(0, tokens.getRequestCount(), "a key needs nobody");
  }

  @ParameterizedTest
  @CsvSource({"P30D, 604800", "PT0S, 1", "PT-5S, 1", "PT90S, 90"})
  void shouldEnd(Duration ttl, String seconds) throws Exception {
    String url = uploads("http://127.0.0.1:4443", Optional.of(key(service(keys())))).signedUrl("bucket", "a", ttl);
    assertTrue(url.startsWith("http://127.0.0.1:4443/bucket/a?"), url);
    assertEquals(seconds, query(url.split("\\?")[1]).get("X-Goog-Expires"));
  }

  @Test
  void shouldSayThatAUserCannotSign() throws Exception {
    for (Optional<Path> key : java.util.List.of(Optional.of(key(user())), Optional.<Path>empty())) {
      Uploads uploads = uploads(storage.url("").toString(), key);
      Problem problem = assertThrows(ProblemException.class, () -> uploads.signedUrl("bucket", "a", Duration.ofMinutes(1))).problem();
      assertEquals(problem, assertThrows(ProblemException.class, uploads::requireSigner).problem());
      assertEquals(Code.TOKEN_MISSING, problem.code());
      assertTrue(problem.hint().contains("key file of a service account"), problem.hint());
      assertFalse(problem.toString().contains("SECRET"), problem.toString());
    }
  }

  private static Map<String, String> query(String text) {
    Map<String, String> query = new LinkedHashMap<>();
    for (String each : text.split("&")) {
      String[] pair = each.split("=", 2);
      query.put(pair[0], pair[1]);
    }
    return query;
  }
}
