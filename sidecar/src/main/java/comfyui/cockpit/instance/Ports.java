package comfyui.cockpit.instance;

import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The ports that instances may take.
 *
 * @param first and {@code last} are both among them
 */
public record Ports(int first, int last) {
  public static final Ports USUAL = new Ports(8890, 8999);

  public Ports {
    if (first < 1 || last > 65_535 || first > last) {
      throw new IllegalArgumentException("\"" + first + "-" + last + "\" is no range of ports");
    }
  }

  /** @throws IllegalArgumentException if it is not {@code 8890-8999} or the like */
  public static Ports parse(String text) {
    if (!text.matches("\\d{1,5}-\\d{1,5}")) {
      throw new IllegalArgumentException("\"" + text + "\" is no range of ports");
    }
    String[] ends = text.split("-");
    return new Ports(Integer.parseInt(ends[0]), Integer.parseInt(ends[1]));
  }

  /**
   * One that nobody listens on at this moment; two who ask at once rarely get the same.
   *
   * @throws comfyui.cockpit.kernel.ProblemException {@code port_taken} if all are taken
   */
  public int free() {
    int size = last - first + 1;
    int start = ThreadLocalRandom.current().nextInt(size);
    for (int i = 0; i < size; i++) {
      int port = first + (start + i) % size;
      if (isFree(port)) {
        return port;
      }
    }
    throw Problem.of(Code.PORT_TAKEN, "Every port from " + first + " to " + last + " is taken.")
        .withHint("Stop an instance, or give instances.port_range of cockpit.json more ports.")
        .toException();
  }

  /** @throws comfyui.cockpit.kernel.ProblemException {@code port_taken} if somebody listens there */
  public static void require(int port) {
    if (port < 1 || port > 65_535) {
      throw Problem.of(Code.BAD_REQUEST, port + " is no port.").withHint("Write a number from 1 to 65535.").toException();
    }
    if (!isFree(port)) {
      throw Problem.of(Code.PORT_TAKEN, "Port " + port + " is taken.").toException();
    }
  }

  private static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
      return socket.isBound();
    } catch (IOException e) {
      return false;
    }
  }
}
