package comfyui.cockpit.net;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProxiesTest {
  private static final Proxies PROXIES =
      new Proxies(
          Map.of("https_proxy", "http://user:pw@proxy.example:3128", "HTTPS_PROXY", "http://wrong:1", "HTTP_PROXY", "plain.example:8080", "NO_PROXY", "internal.example,.corp,10.0.0.0/8,only.example:8443"));

  private static String of(String uri) {
    Proxy proxy = PROXIES.select(URI.create(uri)).getFirst();
    return proxy.type() == Proxy.Type.DIRECT ? "direct" : ((InetSocketAddress) proxy.address()).getHostString() + ":" + ((InetSocketAddress) proxy.address()).getPort();
  }

  @ParameterizedTest
  @CsvSource({
    "https://huggingface.co/x, proxy.example:3128",
    "http://huggingface.co/x, plain.example:8080",
    "https://internal.example/x, direct",
    "https://a.internal.example/x, direct",
    "https://notinternal.example/x, proxy.example:3128",
    "https://a.corp/x, direct",
    "https://10.1.2.3/x, direct",
    "https://11.1.2.3/x, proxy.example:3128",
    "https://only.example:8443/x, direct",
    "https://only.example/x, proxy.example:3128",
    "http://127.0.0.1:99/x, direct",
    "http://localhost/x, direct",
    "http://[::1]/x, direct"
  })
  void shouldReadVariablesAsCurlDoes(String uri, String proxy) {
    assertEquals(proxy, of(uri));
  }

  @Test
  void shouldKnowItsCredentials() {
    assertEquals("user:pw", PROXIES.credentials("proxy.example").orElseThrow());
  }
}
