package comfyui.cockpit.cli;

import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.wire.CockpitApi;
import comfyui.cockpit.wire.Routes;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** The product as a running daemon offers it; needs nothing but the JDK. */
public final class DaemonClient implements CockpitApi {
  private static final Duration QUICK = Duration.ofSeconds(2);
  private static final Duration PATIENT = Duration.ofMinutes(10);

  private final ConnectionFile connection;

  private DaemonClient(ConnectionFile connection) {
    this.connection = connection;
  }

  /** A client if the daemon answers. */
  public static Optional<CockpitApi> connect(ConnectionFile connection) {
    DaemonClient client = new DaemonClient(connection);
    try {
      return client.send("GET", "/api/health", "", QUICK).isGood() ? Optional.of(client) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  @Override
  public Reply call(String method, String path, String body) {
    try {
      return send(method, path, body, PATIENT);
    } catch (IOException e) {
      return Routes.failure(Problem.of(Code.DAEMON_FAILED, "The daemon stopped answering: " + e.getMessage() + ".").withHint("Look at the lab's log, or try again."));
    }
  }

  private Reply send(String method, String path, String body, Duration readTimeout) throws IOException {
    HttpURLConnection http = (HttpURLConnection) URI.create(connection.url() + path).toURL().openConnection(Proxy.NO_PROXY);
    http.setRequestMethod(method);
    http.setRequestProperty("X-Cockpit-Secret", connection.secret());
    http.setConnectTimeout((int) QUICK.toMillis());
    http.setReadTimeout((int) readTimeout.toMillis());
    if (!body.isEmpty()) {
      http.setRequestProperty("Content-Type", "application/json");
      http.setDoOutput(true);
      http.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
    }
    int status = http.getResponseCode();
    try (InputStream in = status < 400 ? http.getInputStream() : http.getErrorStream()) {
      String text = in == null ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8);
      String type = Optional.ofNullable(http.getContentType()).orElse("");
      return new Reply(status, type, text, Map.of());
    }
  }

  @Override
  public void close() {
    // Each call is a connection of its own.
  }
}
