package comfyui.cockpit.net;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import javax.net.SocketFactory;
import org.jspecify.annotations.Nullable;

/**
 * Sockets that ask the kernel for much at once. OkHttp reads in segments of 8 KiB, each a system call; behind this buffer a call brings
 * what has arrived, and the segments are filled from memory. Measured in docs/explanation/speed.md.
 */
final class WideSockets extends SocketFactory {
  private static final int BUFFER = 256 << 10;

  @Override
  public Socket createSocket() {
    return new WideSocket();
  }

  @Override
  public Socket createSocket(String host, int port) throws IOException {
    throw new UnsupportedOperationException("sockets are made unconnected");
  }

  @Override
  public Socket createSocket(String host, int port, InetAddress localHost, int localPort) {
    throw new UnsupportedOperationException("sockets are made unconnected");
  }

  @Override
  public Socket createSocket(InetAddress host, int port) {
    throw new UnsupportedOperationException("sockets are made unconnected");
  }

  @Override
  public Socket createSocket(InetAddress host, int port, InetAddress localAddress, int localPort) {
    throw new UnsupportedOperationException("sockets are made unconnected");
  }

  private static final class WideSocket extends Socket {
    private @Nullable InputStream wide;

    @Override
    public synchronized InputStream getInputStream() throws IOException {
      if (wide == null) {
        wide = new BufferedInputStream(super.getInputStream(), BUFFER);
      }
      return wide;
    }
  }
}
