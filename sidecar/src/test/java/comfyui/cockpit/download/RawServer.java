package comfyui.cockpit.download;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** Answers with exactly the bytes that a test wants, for what no well-behaved server can be made to send. */
final class RawServer implements AutoCloseable {
  /** A request as it came. */
  record Request(String line, Map<String, String> headers) {
    boolean isHead() {
      return line.startsWith("HEAD ");
    }

    /** The first byte that is asked for. */
    long from() {
      String range = headers.getOrDefault("range", "bytes=0-");
      return Long.parseLong(range.substring(6, range.indexOf('-')));
    }
  }

  /** Writes an answer; the connection closes afterwards. */
  @FunctionalInterface
  interface Script {
    void answer(Request request, OutputStream out, Socket socket) throws Exception;
  }

  private final ServerSocket server;
  private final List<Request> requests = new CopyOnWriteArrayList<>();

  RawServer(Script script) throws IOException {
    server = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
    Thread.ofVirtual()
        .start(
            () -> {
              while (!server.isClosed()) {
                try {
                  Socket socket = server.accept();
                  Thread.ofVirtual().start(() -> serve(socket, script));
                } catch (IOException e) {
                  return;
                }
              }
            });
  }

  private void serve(Socket socket, Script script) {
    try (socket) {
      BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.ISO_8859_1));
      String line = in.readLine();
      if (line == null) {
        return;
      }
      Map<String, String> headers = new TreeMap<>();
      for (String header = in.readLine(); header != null && !header.isEmpty(); header = in.readLine()) {
        headers.put(header.substring(0, header.indexOf(':')).toLowerCase(Locale.ROOT), header.substring(header.indexOf(':') + 1).strip());
      }
      Request request = new Request(line, headers);
      requests.add(request);
      script.answer(request, socket.getOutputStream(), socket);
      socket.getOutputStream().flush();
    } catch (Exception e) {
      // The client went away, which is what many tests are about.
    }
  }

  String url(String path) {
    return "http://127.0.0.1:" + server.getLocalPort() + path;
  }

  int port() {
    return server.getLocalPort();
  }

  /** All but the HEADs. */
  List<Request> gets() {
    return requests.stream().filter(request -> !request.isHead()).toList();
  }

  static void head(OutputStream out, String status, String... headers) throws IOException {
    StringBuilder text = new StringBuilder("HTTP/1.1 ").append(status).append("\r\n");
    for (String header : headers) {
      text.append(header).append("\r\n");
    }
    out.write(text.append("Connection: close\r\n\r\n").toString().getBytes(StandardCharsets.ISO_8859_1));
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
