package comfyui.cockpit.gcs;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import comfyui.cockpit.net.Http;
import comfyui.cockpit.net.NetSettings;
import comfyui.cockpit.net.Retry;
import comfyui.cockpit.net.Url;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A bucket's server, a server for tokens, and the accounts that it knows. */
abstract class Rig {
  static final String TOKEN = "ya29.SECRET-token";

  @TempDir Path directory;
  final MockWebServer storage = new MockWebServer();
  final MockWebServer tokens = new MockWebServer();
  final Http http = http(false);

  static Http http(boolean offline) {
    return new Http(new NetSettings(Duration.ofSeconds(2), Duration.ofSeconds(2), Map.of(), Optional.empty(), offline, "comfyui-cockpit/test"));
  }

  @BeforeEach
  void start() throws IOException {
    storage.start();
    tokens.start();
  }

  @AfterEach
  void stop() {
    http.close();
    storage.close();
    tokens.close();
  }

  Gcs gcs(String endpoint, Optional<Path> named, Http through) {
    return gcs(endpoint, named, through, 0);
  }

  static Gcs gcs(String endpoint, Optional<Path> named, Http through, int retries) {
    return new Gcs(through, new GcsSettings(Url.parse(endpoint), named, Optional.empty(), Optional.empty(), new Retry(retries, Duration.ofMillis(2))));
  }

  Gcs gcs(String credentials) throws IOException {
    return gcs(storage.url("").toString(), Optional.of(key(credentials)), http);
  }

  /** Writes the file that says who we are. */
  Path key(String credentials) throws IOException {
    return Files.writeString(directory.resolve("key.json"), credentials);
  }

  String tokenUri() {
    return tokens.url("/token").toString();
  }

  static MockResponse json(int code, String body) {
    return new MockResponse.Builder().code(code).addHeader("Content-Type", "application/json").body(body).build();
  }

  static MockResponse token() {
    return json(200, "{\"access_token\":\"" + TOKEN + "\",\"expires_in\":3599,\"token_type\":\"Bearer\"}");
  }

  String user() {
    return "{\"type\":\"authorized_user\",\"client_id\":\"me\",\"client_secret\":\"SECRET-client\",\"refresh_token\":\"SECRET-refresh\",\"token_uri\":\"" + tokenUri() + "\"}";
  }

  String service(KeyPair keys) {
    String pem = "-----BEGIN PRIVATE KEY-----\\n" + Base64.getEncoder().encodeToString(keys.getPrivate().getEncoded()) + "\\n-----END PRIVATE KEY-----\\n";
    return "{\"type\":\"service_account\",\"project_id\":\"p\",\"private_key_id\":\"k\",\"private_key\":\"" + pem + "\",\"client_email\":\"sa@p.iam\",\"client_id\":\"1\",\"token_uri\":\""
        + tokenUri() + "\"}";
  }

  static KeyPair keys() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    return generator.generateKeyPair();
  }

  static RecordedRequest taken(MockWebServer server) throws InterruptedException {
    RecordedRequest request = server.takeRequest(5, TimeUnit.SECONDS);
    assertNotNull(request);
    return request;
  }
}
