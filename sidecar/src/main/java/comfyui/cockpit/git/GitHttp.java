package comfyui.cockpit.git;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.net.Answer;
import comfyui.cockpit.net.Http;
import comfyui.cockpit.net.Url;
import java.io.ByteArrayOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.MalformedURLException;
import java.net.Proxy;
import java.net.URL;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import javax.net.ssl.HostnameVerifier;
import javax.net.ssl.KeyManager;
import javax.net.ssl.TrustManager;
import org.eclipse.jgit.transport.http.HttpConnection;
import org.eclipse.jgit.transport.http.HttpConnectionFactory;
import org.jspecify.annotations.Nullable;

/**
 * JGit's HTTP over ours, so that proxies, certificates, time-outs and the guards against redirects are the same for repositories as for
 * downloads. Logins are added here, after a 401 and only for the exact host; JGit never sees one. Lives as long as one operation.
 */
final class GitHttp implements HttpConnectionFactory, AutoCloseable {
  private static final long SMALL = 64 << 10;

  private final Http http;
  private final Netrc netrc;
  private final CancelSignal cancel;
  private final ProgressSink progress;
  private final List<Answer> open = new ArrayList<>();
  private final Set<String> withLogin = new HashSet<>();
  private Optional<Url> first = Optional.empty();
  private OptionalInt lastStatus = OptionalInt.empty();
  private boolean notSmart;
  private long received;

  GitHttp(Http http, Netrc netrc, CancelSignal cancel, ProgressSink progress) {
    this.http = http;
    this.netrc = netrc;
    this.cancel = cancel;
    this.progress = progress;
  }

  /** The status of the last answer, if there was one. */
  OptionalInt lastStatus() {
    return lastStatus;
  }

  /** True if a login of the user's was sent. */
  boolean loginWasSent() {
    return !withLogin.isEmpty();
  }

  /** True if no pack can have come: what came is less than any pack of files is likely to be. */
  boolean receivedNothing() {
    return received < SMALL;
  }

  /** True if what answered is no repository: a page, or files that only a dumb client would walk. */
  boolean notSmart() {
    return notSmart;
  }

  @Override
  public HttpConnection create(URL url) throws IOException {
    return new Exchange(url);
  }

  @Override
  public HttpConnection create(URL url, @Nullable Proxy javaDefault) throws IOException {
    return new Exchange(url);
  }

  /** One hop, with the login of its host if the host wants one and the user has it. */
  Answer once(Http.Ask ask) {
    return send(ask, asking -> http.once(asking, cancel));
  }

  /** The same through redirects; a login goes only to the host that it is for, wherever the way leads. */
  Answer follow(Http.Ask ask) {
    return send(ask, asking -> http.follow(asking, hop -> false, cancel));
  }

  private Answer send(Http.Ask ask, Function<Http.Ask, Answer> way) {
    Http.Ask withLogins = ask.with(this::login);
    Answer answer = way.apply(withLogins);
    String host = answer.url().host();
    if (answer.status() == 401 && netrc.authorization(host).isPresent() && withLogin.add(host)) {
      answer.close();
      answer = way.apply(withLogins);
    }
    lastStatus = OptionalInt.of(answer.status());
    return answer;
  }

  private Map<String, String> login(Url hop) {
    return withLogin.contains(hop.host()) ? netrc.authorization(hop.host()).map(value -> Map.of("Authorization", value)).orElse(Map.of()) : Map.of();
  }

  @Override
  public void close() {
    open.forEach(Answer::close);
    open.clear();
  }

  /** One request of JGit's; sent when its answer is asked for. */
  private final class Exchange implements HttpConnection {
    private final URL address;
    private final Url url;
    private final Map<String, String> headers = new LinkedHashMap<>();
    private final ByteArrayOutputStream content = new ByteArrayOutputStream();
    private String method = "GET";
    private Optional<Answer> answer = Optional.empty();

    Exchange(URL address) throws IOException {
      this.address = address;
      try {
        this.url = Url.parse(address.toString());
      } catch (IllegalArgumentException e) {
        throw new MalformedURLException("an address is not http or https, or carries a login");
      }
      if (first.isEmpty()) {
        first = Optional.of(url);
      }
      http.refuseFurtherIn(url, first.get());
    }

    private Answer answer() throws IOException {
      if (answer.isPresent()) {
        return answer.get();
      }
      Http.Ask ask = method.equals("POST")
          ? Http.Ask.post(url, new Http.Content(headers.getOrDefault("Content-Type", "application/octet-stream"), content.toByteArray()))
          : Http.Ask.get(url);
      for (Map.Entry<String, String> header : headers.entrySet()) {
        ask = ask.header(header.getKey(), header.getValue());
      }
      Answer came = once(ask);
      open.add(came);
      answer = Optional.of(came);
      if (came.status() == 200 && method.equals("GET") && address.getPath().endsWith("/info/refs")
          && !came.header("Content-Type").orElse("").startsWith("application/x-git-")) {
        notSmart = true;
        throw new IOException("what answers is not a repository");
      }
      return came;
    }

    @Override
    public int getResponseCode() throws IOException {
      return answer().status();
    }

    @Override
    public URL getURL() {
      return address;
    }

    @Override
    public String getResponseMessage() {
      return "";
    }

    /** Asked for only to find ways to log in, which are not JGit's business. */
    @Override
    public Map<String, List<String>> getHeaderFields() {
      return Map.of();
    }

    @Override
    public List<String> getHeaderFields(String name) {
      return answer.map(came -> isLogin(name) ? List.<String>of() : came.headers(name)).orElse(List.of());
    }

    @Override
    public @Nullable String getHeaderField(String name) {
      return isLogin(name) ? null : answer.flatMap(came -> came.header(name)).orElse(null);
    }

    private boolean isLogin(String header) {
      return header.equalsIgnoreCase("WWW-Authenticate");
    }

    @Override
    public void setRequestProperty(String name, String value) {
      // Who we are is said by our own HTTP.
      if (!name.equalsIgnoreCase("User-Agent") && !name.equalsIgnoreCase("Authorization")) {
        headers.put(name, value);
      }
    }

    @Override
    public void setRequestMethod(String name) {
      method = name;
    }

    @Override
    public String getRequestMethod() {
      return method;
    }

    @Override
    public @Nullable String getContentType() {
      return getHeaderField("Content-Type");
    }

    @Override
    public int getContentLength() {
      return answer.flatMap(came -> came.header("Content-Length")).filter(text -> text.matches("\\d{1,9}")).map(Integer::parseInt).orElse(-1);
    }

    @Override
    public InputStream getInputStream() throws IOException {
      Answer came = answer();
      return new FilterInputStream(came.body()) {
        @Override
        public int read() throws IOException {
          int value = super.read();
          count(value < 0 ? 0 : 1);
          return value;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
          int read = super.read(bytes, offset, length);
          count(read);
          return read;
        }

        @Override
        public void close() {
          came.close();
        }
      };
    }

    private void count(int bytes) {
      if (bytes > 0) {
        received += bytes;
        progress.bytes(received, -1);
      }
    }

    @Override
    public OutputStream getOutputStream() {
      return content;
    }

    @Override
    public void connect() throws IOException {
      answer();
    }

    @Override
    public void setUseCaches(boolean use) {
      // There is no cache.
    }

    @Override
    public void setConnectTimeout(int milliseconds) {
      // Ours are set for all requests.
    }

    @Override
    public void setReadTimeout(int milliseconds) {
      // Ours are set for all requests.
    }

    @Override
    public void setInstanceFollowRedirects(boolean follow) {
      // Never here: JGit has git's own rules, and each step passes the guard.
    }

    @Override
    public void setDoOutput(boolean output) {
      // The method says it.
    }

    @Override
    public void setFixedLengthStreamingMode(int length) {
      // The content is held until it is complete.
    }

    @Override
    public void setChunkedStreamingMode(int length) {
      // The content is held until it is complete.
    }

    @Override
    public boolean usingProxy() {
      return false;
    }

    @Override
    public void configure(KeyManager @Nullable [] keys, TrustManager @Nullable [] trust, @Nullable SecureRandom random) {
      throw new UnsupportedOperationException("certificates are always checked");
    }

    @Override
    public void setHostnameVerifier(HostnameVerifier verifier) {
      throw new UnsupportedOperationException("certificates are always checked");
    }
  }
}
