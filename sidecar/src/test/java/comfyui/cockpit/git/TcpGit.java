package comfyui.cockpit.git;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** git:// as servers of old spoke it: protocol version 0, which gives tips and nothing else. Without a root it says nothing at all. */
final class TcpGit implements AutoCloseable {
  private final ServerSocket socket = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
  private final Path root;
  private final boolean silent;

  TcpGit(Path root, boolean silent) throws IOException {
    this.root = root;
    this.silent = silent;
    Thread.ofVirtual().start(this::accept);
  }

  RepoUrl url(String name) {
    return new RepoUrl("git://127.0.0.1:" + socket.getLocalPort() + "/" + name);
  }

  int port() {
    return socket.getLocalPort();
  }

  private void accept() {
    try {
      while (true) {
        Socket client = socket.accept();
        if (!silent) {
          Thread.ofVirtual().start(() -> serve(client));
        }
      }
    } catch (IOException e) {
      // Closed.
    }
  }

  private void serve(Socket client) {
    try (client) {
      InputStream in = client.getInputStream();
      int length = Integer.parseInt(new String(in.readNBytes(4), StandardCharsets.US_ASCII), 16);
      String request = new String(in.readNBytes(length - 4), StandardCharsets.UTF_8);
      String path = request.substring(request.indexOf(' ') + 2, request.indexOf('\0'));
      ProcessBuilder builder = new ProcessBuilder("git", "-c", "safe.directory=*", "upload-pack", root.resolve(path).toString())
          .redirectError(ProcessBuilder.Redirect.DISCARD);
      Git.environment(builder.environment());
      Process process = builder.start();
      Thread.ofVirtual().start(
          () -> {
            try (OutputStream out = process.getOutputStream()) {
              for (int read = in.read(); read >= 0; read = in.read()) {
                out.write(read);
                if (in.available() == 0) {
                  out.flush();
                }
              }
            } catch (IOException e) {
              // Either has gone.
            }
          });
      OutputStream out = client.getOutputStream();
      process.getInputStream().transferTo(out);
    } catch (IOException e) {
      // The client has gone.
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
