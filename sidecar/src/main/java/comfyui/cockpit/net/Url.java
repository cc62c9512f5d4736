package comfyui.cockpit.net;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import okhttp3.HttpUrl;

/** An absolute http or https address. Prints without its query, user name and fragment, any of which may be a secret. */
public final class Url {
  private static final String UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

  private final HttpUrl url;

  private Url(HttpUrl url) {
    this.url = url;
  }

  /** @throws IllegalArgumentException if it is no http(s) address or has a user name in it */
  public static Url parse(String text) {
    HttpUrl parsed = HttpUrl.parse(text.strip());
    if (parsed == null) {
      throw new IllegalArgumentException("this is not an http or https address");
    }
    if (!parsed.username().isEmpty() || !parsed.password().isEmpty()) {
      throw new IllegalArgumentException("an address must not carry a user name or password");
    }
    return new Url(parsed);
  }

  /** The address that a {@code Location} names, seen from this one; nothing if it is not http(s) or carries a user name. */
  public Optional<Url> resolve(String location) {
    return Optional.ofNullable(url.resolve(location))
        .filter(next -> next.username().isEmpty() && next.password().isEmpty())
        .map(Url::new);
  }

  /** Adds path segments, each percent-encoded but for the unreserved characters. */
  public Url append(List<String> segments) {
    HttpUrl.Builder builder = url.newBuilder();
    for (String segment : segments) {
      if (segment.equals(".") || segment.equals("..")) {
        throw new IllegalArgumentException("a part of an address is \"" + segment + "\"");
      }
      builder.addEncodedPathSegment(encode(segment));
    }
    return new Url(builder.build());
  }

  public Url append(String... segments) {
    return append(List.of(segments));
  }

  public Url withQuery(String name, String value) {
    return new Url(url.newBuilder().addQueryParameter(name, value).build());
  }

  public Optional<String> query(String name) {
    return Optional.ofNullable(url.queryParameter(name)).filter(value -> !value.isEmpty());
  }

  /** Decoded path segments. */
  public List<String> segments() {
    return url.pathSegments();
  }

  public String host() {
    return url.host();
  }

  public boolean isHttps() {
    return url.isHttps();
  }

  /** Scheme, host and port are the same: a secret for the one may go to the other. */
  public boolean sameOrigin(Url other) {
    return url.scheme().equals(other.url.scheme()) && url.host().equals(other.url.host()) && url.port() == other.url.port();
  }

  /** The whole address as it is sent, secrets and all. */
  public String reveal() {
    return url.toString();
  }

  HttpUrl okhttp() {
    return url;
  }

  /** Percent-encodes all but the unreserved characters of RFC 3986; of UTF-8, in capitals. */
  public static String encode(String segment) {
    StringBuilder out = new StringBuilder();
    for (byte b : segment.getBytes(StandardCharsets.UTF_8)) {
      char c = (char) (b & 0xff);
      if (UNRESERVED.indexOf(c) >= 0) {
        out.append(c);
      } else {
        out.append(String.format("%%%02X", (int) c));
      }
    }
    return out.toString();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Url that && url.equals(that.url);
  }

  @Override
  public int hashCode() {
    return url.hashCode();
  }

  @Override
  public String toString() {
    return url.newBuilder().query(null).fragment(null).build() + (url.query() == null ? "" : "?…");
  }
}
