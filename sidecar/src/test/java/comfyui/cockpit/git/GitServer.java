package comfyui.cockpit.git;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BooleanSupplier;

/** {@code git http-backend} behind a small server: all repositories below one directory. */
final class GitServer implements AutoCloseable {
  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Path root;
  private final List<String> asked = new CopyOnWriteArrayList<>();
  private volatile Optional<String> login = Optional.empty();
  private volatile boolean oldProtocol;
  private volatile int longest = Integer.MAX_VALUE;
  private volatile BooleanSupplier breaks = () -> false;
  private volatile Optional<Answering> instead = Optional.empty();

  /** Answers a request itself, or says false. */
  @FunctionalInterface
  interface Answering {
    boolean answer(HttpExchange exchange) throws IOException;
  }

  GitServer(Path root) throws IOException {
    this.root = root;
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/", this::serve);
    server.start();
  }

  String url(String path) {
    return "http://127.0.0.1:" + port() + "/" + path;
  }

  int port() {
    return server.getAddress().getPort();
  }

  /** {@code METHOD path?query} of each request so far. */
  List<String> asked() {
    return asked;
  }

  long fetches() {
    return asked.stream().filter(line -> line.startsWith("POST") && line.endsWith("git-upload-pack")).count();
  }

  void wantLogin(String userAndPassword) {
    login = Optional.of("Basic " + Base64.getEncoder().encodeToString(userAndPassword.getBytes(StandardCharsets.UTF_8)));
  }

  /** As servers before 2018: no protocol version 2, and no commit that is not a tip. */
  void speakOldProtocol() {
    oldProtocol = true;
  }

  void insteadAnswer(Answering answering) {
    instead = Optional.of(answering);
  }

  /** Ends answers that are longer than that in their middle, as long as the condition says so. */
  void breakAfter(int bytes, BooleanSupplier when) {
    longest = bytes;
    breaks = when;
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      asked.add(exchange.getRequestMethod() + " " + exchange.getRequestURI());
      if (login.isPresent() && !login.get().equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
        exchange.getResponseHeaders().add("WWW-Authenticate", "Basic realm=\"here\"");
        send(exchange, 401, "you sent " + exchange.getRequestHeaders().getFirst("Authorization"));
        return;
      }
      if (instead.isPresent() && instead.get().answer(exchange)) {
        return;
      }
      backend(exchange);
    }
  }

  static void send(HttpExchange exchange, int status, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  private void backend(HttpExchange exchange) throws IOException {
    ProcessBuilder builder = new ProcessBuilder("git", "-c", "safe.directory=*", "http-backend");
    Map<String, String> environment = builder.environment();
    Git.environment(environment);
    environment.put("GIT_PROJECT_ROOT", root.toString());
    environment.put("GIT_HTTP_EXPORT_ALL", "1");
    environment.put("REQUEST_METHOD", exchange.getRequestMethod());
    environment.put("PATH_INFO", exchange.getRequestURI().getPath());
    environment.put("QUERY_STRING", Optional.ofNullable(exchange.getRequestURI().getQuery()).orElse(""));
    environment.put("CONTENT_TYPE", Optional.ofNullable(exchange.getRequestHeaders().getFirst("Content-Type")).orElse(""));
    environment.put("REMOTE_ADDR", "127.0.0.1");
    Optional.ofNullable(exchange.getRequestHeaders().getFirst("Content-Encoding"))
        .ifPresent(value -> environment.put("HTTP_CONTENT_ENCODING", value));
    Optional<String> protocol = Optional.ofNullable(exchange.getRequestHeaders().getFirst("Git-Protocol"));
    if (!oldProtocol) {
      protocol.ifPresent(value -> environment.put("GIT_PROTOCOL", value));
    }
    Process process = builder.redirectError(ProcessBuilder.Redirect.DISCARD).start();
    byte[] request = exchange.getRequestBody().readAllBytes();
    threads.execute(
        () -> {
          try (OutputStream in = process.getOutputStream()) {
            in.write(request);
          } catch (IOException e) {
            // It has seen enough.
          }
        });
    try (InputStream out = process.getInputStream()) {
      int status = 200;
      for (String line = line(out); !line.isEmpty(); line = line(out)) {
        String[] header = line.split(": ", 2);
        if (header[0].equals("Status")) {
          status = Integer.parseInt(header[1].substring(0, 3));
        } else {
          exchange.getResponseHeaders().add(header[0], header[1]);
        }
      }
      byte[] body = out.readAllBytes();
      if (body.length > longest && breaks.getAsBoolean()) {
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body, 0, longest);
        return;
      }
      exchange.sendResponseHeaders(status, 0);
      exchange.getResponseBody().write(body);
    }
  }

  private static String line(InputStream in) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c >= 0 && c != '\n'; c = in.read()) {
      if (c != '\r') {
        line.append((char) c);
      }
    }
    return line.toString();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
