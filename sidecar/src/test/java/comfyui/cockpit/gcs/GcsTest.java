package comfyui.cockpit.gcs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.net.Answer;
import comfyui.cockpit.net.Http;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.KeyPair;
import java.security.Signature;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who we are to Google, and who gets to know. */
@Timeout(60)
class GcsTest extends Rig {
  private static final String READ_ONLY = "https://www.googleapis.com/auth/devstorage.read_only";

  private void ask(Gcs gcs) {
    try (Answer answer = http.follow(gcs.metadata("bucket", "a/b", Optional.empty(), new CancelSignal()), hop -> false, new CancelSignal())) {
      assertEquals(200, answer.status());
    }
  }

  private Problem refused(Gcs gcs) {
    ProblemException e = assertThrows(ProblemException.class, () -> ask(gcs));
    for (Throwable at = e; at != null; at = at.getCause()) {
      assertFalse(at instanceof ProblemException p && (p.problem().toString() + p.getMessage()).contains("SECRET"), String.valueOf(at));
    }
    return e.problem();
  }

  @Test
  void shouldAskAnonymouslyWithoutAnAccount() throws Exception {
    storage.enqueue(json(200, "{}"));
    Gcs gcs = gcs(storage.url("").toString(), Optional.empty(), http);
    ask(gcs);
    RecordedRequest request = taken(storage);
    assertNull(request.getHeaders().get("Authorization"));
    assertEquals("/storage/v1/b/bucket/o/a%2Fb", request.getTarget());
    assertFalse(gcs.isSigned());
  }

  @Test
  void shouldKeepEveryNameWhole() {
    Gcs gcs = gcs(storage.url("").toString(), Optional.empty(), http);
    String url = gcs.media("under_score", "a/../b//c #?+%ü", Optional.of(12L), new CancelSignal()).url().reveal();
    assertTrue(url.endsWith("/storage/v1/b/under_score/o/a%2F..%2Fb%2F%2Fc%20%23%3F%2B%25%C3%BC?generation=12&alt=media"), url);
  }

  @Test
  void shouldSignForAServiceAccount() throws Exception {
    KeyPair keys = keys();
    tokens.enqueue(token());
    storage.enqueue(json(200, "{}"));
    storage.enqueue(json(200, "{}"));
    Gcs gcs = gcs(service(keys));
    ask(gcs);
    ask(gcs);
    String form = taken(tokens).getBody().utf8();
    String jwt = form.substring(form.indexOf("assertion=") + "assertion=".length());
    String[] parts = jwt.split("\\.");
    Value claims = Json.read(new String(Base64.getUrlDecoder().decode(parts[1]), StandardCharsets.UTF_8)).orElseThrow();
    assertEquals(Optional.of("sa@p.iam"), claims.text("iss"));
    assertEquals(Optional.of("https://oauth2.googleapis.com/token"), claims.text("aud"));
    assertEquals(Optional.of(READ_ONLY), claims.text("scope"));
    Signature signature = Signature.getInstance("SHA256withRSA");
    signature.initVerify(keys.getPublic());
    signature.update((parts[0] + "." + parts[1]).getBytes(StandardCharsets.US_ASCII));
    assertTrue(signature.verify(Base64.getUrlDecoder().decode(parts[2])));
    assertEquals("Bearer " + TOKEN, taken(storage).getHeaders().get("Authorization"));
    assertEquals("Bearer " + TOKEN, taken(storage).getHeaders().get("Authorization"));
    assertEquals(1, tokens.getRequestCount(), "a token lasts");
    assertTrue(gcs.isSigned());
  }

  @Test
  void shouldRefreshForAUser() throws Exception {
    tokens.enqueue(token());
    storage.enqueue(json(200, "{}"));
    ask(gcs(user()));
    RecordedRequest request = taken(tokens);
    assertTrue(request.getBody().utf8().contains("refresh_token=SECRET-refresh"));
    assertEquals("comfyui-cockpit/test", request.getHeaders().get("User-Agent"), "it goes through our own HTTP");
    assertEquals("Bearer " + TOKEN, taken(storage).getHeaders().get("Authorization"));
  }

  @Test
  void shouldImpersonate() throws Exception {
    tokens.enqueue(json(200, "{\"access_token\":\"ya29.SECRET-source\",\"expires_in\":3599,\"token_type\":\"Bearer\"}"));
    tokens.enqueue(json(200, "{\"accessToken\":\"" + TOKEN + "\",\"expireTime\":\"2100-01-01T00:00:00Z\"}"));
    storage.enqueue(json(200, "{}"));
    String url = tokens.url("/v1/projects/-/serviceAccounts/other@p.iam:generateAccessToken").toString();
    ask(gcs("{\"type\":\"impersonated_service_account\",\"service_account_impersonation_url\":\"" + url + "\",\"source_credentials\":" + user() + "}"));
    assertEquals("/token", taken(tokens).getTarget());
    assertEquals("Bearer ya29.SECRET-source", taken(tokens).getHeaders().get("Authorization"));
    assertEquals("Bearer " + TOKEN, taken(storage).getHeaders().get("Authorization"));
  }

  @Test
  void shouldGiveTheTokenToTheEndpointOnly() throws Exception {
    tokens.enqueue(token());
    try (MockWebServer other = new MockWebServer()) {
      other.start();
      storage.enqueue(new MockResponse.Builder().code(302).addHeader("Location", other.url("/x")).build());
      other.enqueue(json(200, "{}"));
      ask(gcs(user()));
      assertEquals("Bearer " + TOKEN, taken(storage).getHeaders().get("Authorization"));
      assertNull(taken(other).getHeaders().get("Authorization"));
    }
  }

  @Test
  void shouldNoticeANewLogin() throws Exception {
    tokens.enqueue(token());
    tokens.enqueue(token());
    storage.enqueue(json(200, "{}"));
    storage.enqueue(json(200, "{}"));
    Gcs gcs = gcs(user());
    ask(gcs);
    Files.writeString(directory.resolve("key.json"), user().replace("SECRET-refresh", "SECRET-renewed"));
    ask(gcs);
    assertTrue(taken(tokens).getBody().utf8().contains("SECRET-refresh"));
    assertTrue(taken(tokens).getBody().utf8().contains("SECRET-renewed"));
  }

  /** Case 56: a broken account is an error, and the object is not asked for without one. */
  @Test
  void shouldNeverBecomeAnonymous() throws Exception {
    for (String broken : List.of("{\"type\":\"service_account\"}", service(keys()).replace("PRIVATE KEY-----\\n", "PRIVATE KEY-----\\nSECRET"), "{\"type\":\"authorized_user\",\"client_id\":\"SECRET\"}")) {
      assertEquals(Code.TOKEN_REJECTED, refused(gcs(broken)).code());
    }
    tokens.enqueue(json(400, "{\"error\":\"invalid_grant\",\"error_description\":\"Token has been expired or revoked.\"}"));
    Problem revoked = refused(gcs(user()));
    assertEquals(Code.TOKEN_REJECTED, revoked.code());
    assertTrue(revoked.detail().contains("(400, \"invalid_grant: Token has been expired or revoked.\")"), revoked.detail());
    assertEquals(0, storage.getRequestCount());
  }

  @Test
  void shouldSayWhoFailed() throws Exception {
    tokens.enqueue(json(503, "{}"));
    Problem trouble = refused(gcs(service(keys())));
    assertEquals(Code.HOST_ERROR, trouble.code());
    assertTrue(trouble.retryable());
    tokens.enqueue(json(200, "{\"expires_in\":3599}"));
    assertEquals(Code.HOST_ERROR, refused(gcs(service(keys()))).code());
    tokens.enqueue(new MockResponse.Builder().code(307).addHeader("Location", storage.url("/x")).build());
    assertEquals(Code.REDIRECT_REFUSED, refused(gcs(service(keys()))).code());
    tokens.close();
    assertEquals(Code.CONNECTION_FAILED, refused(gcs(service(keys()))).code());
    assertEquals(0, storage.getRequestCount());
  }

  @Test
  void shouldOpenNoConnectionWhenOffline() {
    try (Http offline = http(true)) {
      Gcs gcs = gcs(GcsSettings.ENDPOINT, Optional.of(directory.resolve("none.json")), offline);
      ProblemException e = assertThrows(ProblemException.class, () -> gcs.metadata("bucket", "a/b", Optional.empty(), new CancelSignal()));
      assertEquals(Code.OFFLINE, e.problem().code());
      assertEquals(List.of("gs://bucket/a/b"), e.problem().args().get("missing"));
    }
  }

  @Test
  void shouldStopWaitingWhenCancelled() throws Exception {
    tokens.enqueue(new MockResponse.Builder().headersDelay(30, TimeUnit.SECONDS).build());
    Gcs gcs = gcs(user());
    CancelSignal cancel = new CancelSignal();
    Thread.ofVirtual().start(
        () -> {
          try {
            taken(tokens);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          cancel.cancel();
        });
    ProblemException e = assertThrows(ProblemException.class, () -> http.follow(gcs.metadata("bucket", "a", Optional.empty(), cancel), hop -> false, cancel));
    assertEquals(Code.CANCELLED, e.problem().code());
  }
}
