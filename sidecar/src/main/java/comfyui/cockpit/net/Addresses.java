package comfyui.cockpit.net;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;

/** How far inside a network an address lies. A host outside must not send us further in than where we asked. */
enum Addresses {
  PUBLIC,
  PRIVATE,
  LOOPBACK,
  LINK_LOCAL;

  static Addresses of(InetAddress address) {
    if (address.isLinkLocalAddress()) {
      return LINK_LOCAL;
    }
    if (address.isLoopbackAddress() || address.isAnyLocalAddress()) {
      return LOOPBACK;
    }
    byte[] bytes = address.getAddress();
    boolean uniqueLocal = bytes.length == 16 && (bytes[0] & 0xfe) == 0xfc;
    boolean shared = bytes.length == 4 && (bytes[0] & 0xff) == 100 && (bytes[1] & 0xc0) == 64;
    return address.isSiteLocalAddress() || uniqueLocal || shared ? PRIVATE : PUBLIC;
  }

  static boolean isLiteral(String host) {
    return host.matches("[0-9.]+") || host.contains(":");
  }

  /** The innermost of a host's addresses. */
  static Addresses innermost(List<InetAddress> addresses) {
    return addresses.stream().map(Addresses::of).max(Enum::compareTo).orElse(PUBLIC);
  }

  static List<InetAddress> lookup(String host) throws UnknownHostException {
    return List.of(InetAddress.getAllByName(host));
  }
}
