package comfyui.cockpit.net;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The proxy variables, as curl and Python read them; Java itself ignores them. Loopback is always reached directly. */
final class Proxies extends ProxySelector {
  private final Map<String, String> variables;

  Proxies(Map<String, String> variables) {
    this.variables = variables;
  }

  @Override
  public List<Proxy> select(URI uri) {
    String scheme = uri.getScheme().equalsIgnoreCase("https") ? "https" : "http";
    Optional<URI> proxy = variable(scheme + "_proxy").or(() -> variable("all_proxy")).map(Proxies::asUri);
    if (proxy.isEmpty() || isLoopback(uri.getHost()) || isExempt(uri)) {
      return List.of(Proxy.NO_PROXY);
    }
    boolean socks = proxy.get().getScheme().startsWith("socks");
    int port = proxy.get().getPort() > 0 ? proxy.get().getPort() : socks ? 1080 : 80;
    return List.of(new Proxy(socks ? Proxy.Type.SOCKS : Proxy.Type.HTTP, InetSocketAddress.createUnresolved(proxy.get().getHost(), port)));
  }

  @Override
  public void connectFailed(URI uri, SocketAddress address, IOException e) {
    // The request that wanted the connection reports it.
  }

  /** {@code user:password} of the proxy at that address, if its variable has one. */
  Optional<String> credentials(String host) {
    return List.of("https_proxy", "http_proxy", "all_proxy").stream()
        .flatMap(name -> variable(name).map(Proxies::asUri).stream())
        .filter(uri -> host.equalsIgnoreCase(uri.getHost()) && uri.getUserInfo() != null)
        .map(URI::getUserInfo)
        .findFirst();
  }

  private Optional<String> variable(String lower) {
    return Optional.ofNullable(variables.get(lower))
        .or(() -> Optional.ofNullable(variables.get(lower.toUpperCase(Locale.ROOT))))
        .map(String::strip)
        .filter(value -> !value.isEmpty());
  }

  private static URI asUri(String value) {
    return URI.create(value.contains("://") ? value : "http://" + value);
  }

  private boolean isExempt(URI uri) {
    String host = uri.getHost().toLowerCase(Locale.ROOT);
    for (String raw : variable("no_proxy").orElse("").split("[,\\s]+")) {
      String rule = raw.toLowerCase(Locale.ROOT);
      int colon = rule.lastIndexOf(':');
      if (colon > 0 && rule.indexOf(':') == colon && rule.substring(colon + 1).matches("\\d+")) {
        if (Integer.parseInt(rule.substring(colon + 1)) != uri.getPort()) {
          continue;
        }
        rule = rule.substring(0, colon);
      }
      String bare = rule.startsWith("*.") ? rule.substring(2) : rule.startsWith(".") ? rule.substring(1) : rule;
      if (rule.equals("*") || !bare.isEmpty() && (host.equals(bare) || host.endsWith("." + bare)) || inNetwork(host, rule)) {
        return true;
      }
    }
    return false;
  }

  /** {@code 10.0.0.0/8} against an address given in numbers. */
  private static boolean inNetwork(String host, String rule) {
    int slash = rule.indexOf('/');
    if (slash < 0 || !Addresses.isLiteral(host)) {
      return false;
    }
    try {
      byte[] network = InetAddress.getByName(rule.substring(0, slash)).getAddress();
      byte[] address = InetAddress.getByName(host).getAddress();
      int bits = Integer.parseInt(rule.substring(slash + 1));
      if (network.length != address.length) {
        return false;
      }
      for (int i = 0; i < bits; i++) {
        int mask = 0x80 >> i % 8;
        if ((network[i / 8] & mask) != (address[i / 8] & mask)) {
          return false;
        }
      }
      return true;
    } catch (UnknownHostException | NumberFormatException e) {
      return false;
    }
  }

  static boolean isLoopback(String host) {
    String bare = host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
    return bare.equalsIgnoreCase("localhost") || bare.equals("::1") || bare.matches("127(\\.\\d+){3}");
  }
}
