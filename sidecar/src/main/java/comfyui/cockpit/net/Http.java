package comfyui.cockpit.net;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import okhttp3.Authenticator;
import okhttp3.Call;
import okhttp3.ConnectionPool;
import okhttp3.Credentials;
import okhttp3.Dns;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okio.BufferedSink;
import org.jspecify.annotations.Nullable;

/**
 * Sends requests, one hop or a chain of redirects, over HTTP/1.1: measured faster than HTTP/2 for one large body, each range gets a
 * connection of its own, and a body shorter than its length is an error there.
 */
public final class Http implements AutoCloseable {
  private static final int MAX_HOPS = 10;
  private static final int MAX_LOCATION = 8 << 10;

  private final NetSettings settings;
  private final Proxies proxies;
  private final ScheduledThreadPoolExecutor alarms = alarms();
  private final ConnectionPool pool = new ConnectionPool(8, 1, TimeUnit.MINUTES);
  private final AtomicReference<@Nullable OkHttpClient> plain = new AtomicReference<>();
  private final AtomicReference<@Nullable OkHttpClient> tls = new AtomicReference<>();

  public Http(NetSettings settings) {
    this.settings = settings;
    this.proxies = new Proxies(settings.proxies());
  }

  /** An alarm that is over lets go of its request at once, and so of what that sent. */
  private static ScheduledThreadPoolExecutor alarms() {
    ScheduledThreadPoolExecutor alarms = new ScheduledThreadPoolExecutor(1, Thread.ofPlatform().daemon().name("net-alarms").factory());
    alarms.setRemoveOnCancelPolicy(true);
    return alarms;
  }

  /** Which headers go to which address; asked anew for every hop, so that a secret stays with its host. */
  @FunctionalInterface
  public interface HopHeaders {
    HopHeaders NONE = url -> Map.of();

    Map<String, String> forHop(Url url);
  }

  /** Called with every answer on the way; may stop a chain by returning true, so that a redirect itself can be read. */
  @FunctionalInterface
  public interface HopCheck {
    boolean isLast(Answer answer);
  }

  /** What a request brings along; small enough to be held in memory. */
  public record Content(String type, byte[] bytes) {}

  /**
   * @param method {@code GET}, {@code HEAD}, {@code POST} or {@code PUT}
   * @param headers sent at every hop
   * @param credentials sent where they belong
   * @param bodyFollows true for a transfer that a watchdog guards itself; false ends the whole exchange at the header time-out
   * @param content of a {@code POST} or {@code PUT}; sent again at every hop
   */
  public record Ask(String method, Url url, Map<String, String> headers, HopHeaders credentials, boolean bodyFollows, Optional<Content> content) {
    public static Ask get(Url url) {
      return new Ask("GET", url, Map.of(), HopHeaders.NONE, false, Optional.empty());
    }

    public static Ask head(Url url) {
      return new Ask("HEAD", url, Map.of(), HopHeaders.NONE, false, Optional.empty());
    }

    public static Ask post(Url url, Content content) {
      return new Ask("POST", url, Map.of(), HopHeaders.NONE, false, Optional.of(content));
    }

    public static Ask put(Url url, Content content) {
      return new Ask("PUT", url, Map.of(), HopHeaders.NONE, false, Optional.of(content));
    }

    public Ask with(HopHeaders credentials) {
      return new Ask(method, url, headers, credentials, bodyFollows, content);
    }

    public Ask header(String name, String value) {
      Map<String, String> more = new LinkedHashMap<>(headers);
      more.put(name, value);
      return new Ask(method, url, more, credentials, bodyFollows, content);
    }

    public Ask forBody() {
      return new Ask(method, url, headers, credentials, true, content);
    }
  }

  /**
   * One hop, for a caller that has redirect rules of its own: a redirect is an answer like any other.
   *
   * @throws ProblemException {@code connection_failed}, {@code stalled}, {@code offline}, {@code cancelled}
   */
  public Answer once(Ask ask, CancelSignal cancel) {
    Map<String, String> headers = new LinkedHashMap<>(ask.headers());
    headers.putAll(ask.credentials().forHop(ask.url()));
    return send(ask, ask.url(), headers, cancel);
  }

  /** True if a request to there would end with {@code offline}. */
  public boolean isCutOff(Url url) {
    return settings.offline() && !Proxies.isLoopback(url.host());
  }

  /**
   * The SSRF guard for a caller that follows redirects itself.
   *
   * @throws ProblemException {@code redirect_refused} if {@code next} lies further inside a network than {@code first}
   */
  public void refuseFurtherIn(Url next, Url first) {
    if (!next.host().equals(first.host())) {
      guard(next, addressOf(first), first);
    }
  }

  /**
   * Follows redirects until an answer that is none, or one that the check wants.
   *
   * @throws ProblemException {@code connection_failed}, {@code redirect_refused}, {@code stalled}, {@code offline}, {@code cancelled}
   */
  public Answer follow(Ask ask, HopCheck check, CancelSignal cancel) {
    Url url = ask.url();
    Optional<Addresses> allowed = Optional.empty();
    boolean secretSent = false;
    for (int hop = 0; hop <= MAX_HOPS; hop++) {
      Map<String, String> secrets = ask.credentials().forHop(url);
      Map<String, String> headers = new LinkedHashMap<>(ask.headers());
      headers.putAll(secrets);
      secretSent |= !secrets.isEmpty();
      Addresses where = allowed.isPresent() ? guard(url, allowed.get(), ask.url()) : addressOf(url);
      if (allowed.isEmpty()) {
        allowed = Optional.of(where);
      }
      Answer answer = send(ask, url, headers, cancel);
      boolean kept = false;
      try {
        if (!answer.isRedirect() || check.isLast(answer)) {
          kept = true;
          return answer;
        }
        url = next(url, answer, secretSent);
      } finally {
        if (!kept) {
          answer.close();
        }
      }
    }
    throw refused(ask.url(), "it leads through more than " + MAX_HOPS + " redirects");
  }

  private static Url next(Url url, Answer answer, boolean secretSent) {
    String location = answer.location().orElseThrow(() -> refused(url, "a redirect names no address"));
    if (location.length() > MAX_LOCATION) {
      throw refused(url, "a redirect's address is longer than 8 kB");
    }
    Url next = url.resolve(location).orElseThrow(() -> refused(url, "a redirect leads to something that is not a plain http or https address"));
    if (url.isHttps() && !next.isHttps()) {
      throw refused(url, secretSent ? "after a token was sent it leads from https to http" : "it leads from https to http");
    }
    return next;
  }

  /** The SSRF guard: a redirect must not lead further into a network than the address that the user wrote. */
  private Addresses guard(Url url, Addresses allowed, Url first) {
    Addresses where = addressOf(url);
    if (where.compareTo(allowed) > 0) {
      throw refused(first, "it redirects to " + url.host() + ", an address inside this network");
    }
    return where;
  }

  private Addresses addressOf(Url url) {
    if (proxies.select(url.okhttp().uri()).getFirst().type() != java.net.Proxy.Type.DIRECT) {
      return Addresses.PUBLIC;
    }
    try {
      return Addresses.innermost(Addresses.lookup(url.host()));
    } catch (UnknownHostException e) {
      // The request itself says what is wrong with the name.
      return Addresses.PUBLIC;
    }
  }

  private static ProblemException refused(Url url, String why) {
    return Problem.of(Code.REDIRECT_REFUSED, "The address " + url + " was not followed: " + why + ".").with("url", url.toString()).toException();
  }

  private Answer send(Ask ask, Url url, Map<String, String> headers, CancelSignal cancel) {
    if (isCutOff(url)) {
      throw Problem.of(Code.OFFLINE, "--offline: no connection to " + url.host() + " was opened.").with("missing", List.of(url.toString())).toException();
    }
    cancel.throwIfCancelled();
    HeaderWatch watch = new HeaderWatch(settings.headerTimeout().plus(settings.connectTimeout()));
    RequestBody body = ask.content().map(content -> new Outgoing(content, watch::restart)).orElse(null);
    Request.Builder builder = new Request.Builder().url(url.okhttp()).method(ask.method(), body);
    builder.header("User-Agent", settings.userAgent()).header("Accept-Encoding", "identity");
    headers.forEach(builder::header);
    Call call = client(url.isHttps(), ask.bodyFollows()).newCall(builder.build());
    // Lives as long as the answer: a body can be cancelled too.
    CancelSignal.Registration onCancel = cancel.onCancel(call::cancel);
    boolean kept = false;
    try (watch) {
      Response response;
      try {
        watch.start(call);
        response = call.execute();
        watch.answered();
      } catch (IOException e) {
        cancel.throwIfCancelled();
        throw watch.ended() ? stalled(url) : failure(e, url);
      }
      Answer answer = new Answer(url, response, onCancel);
      kept = true;
      if (cancel.isCancelled() || answer.status() == 407) {
        answer.close();
        cancel.throwIfCancelled();
        throw proxyFailed(url, "it wants other credentials (407)");
      }
      return answer;
    } finally {
      if (!kept) {
        onCancel.close();
      }
    }
  }

  /** Goes out in pieces, each of them a sign of life: a long body on a slow line is no silent host. */
  private static final class Outgoing extends RequestBody {
    private static final int PIECE = 128 << 10;

    private final Content content;
    private final Runnable onPiece;

    Outgoing(Content content, Runnable onPiece) {
      this.content = content;
      this.onPiece = onPiece;
    }

    @Override
    public @Nullable MediaType contentType() {
      return MediaType.parse(content.type());
    }

    @Override
    public long contentLength() {
      return content.bytes().length;
    }

    @Override
    public void writeTo(BufferedSink sink) throws IOException {
      byte[] bytes = content.bytes();
      for (int sent = 0; sent < bytes.length; sent += PIECE) {
        sink.write(bytes, sent, Math.min(PIECE, bytes.length - sent));
        onPiece.run();
      }
    }
  }

  /** Cancels a call whose headers do not come, counted from the last piece that went out. */
  private final class HeaderWatch implements AutoCloseable {
    private final Duration limit;
    private @Nullable Call call;
    private @Nullable ScheduledFuture<?> alarm;
    private boolean over;
    private boolean ended;

    HeaderWatch(Duration limit) {
      this.limit = limit;
    }

    synchronized void start(Call guarded) {
      call = guarded;
      restart();
    }

    synchronized void restart() {
      stop();
      if (!over) {
        alarm = alarms.schedule(this::end, limit.toMillis(), TimeUnit.MILLISECONDS);
      }
    }

    private synchronized void end() {
      if (!over && call != null) {
        ended = true;
        call.cancel();
      }
    }

    private void stop() {
      if (alarm != null) {
        alarm.cancel(false);
      }
    }

    synchronized void answered() {
      over = true;
    }

    synchronized boolean ended() {
      return ended;
    }

    @Override
    public synchronized void close() {
      over = true;
      stop();
    }
  }

  private static ProblemException stalled(Url url) {
    return Problem.of(Code.STALLED, url.host() + " took the connection and answered nothing.").with("host", url.host()).toException();
  }

  private ProblemException proxyFailed(Url url, String why) {
    return Problem.of(Code.CONNECTION_FAILED, "The proxy on the way to " + url.host() + " refused: " + why + ".")
        .withHint("Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY: address, user name and password.")
        .with("host", url.host())
        .with("proxy", true)
        .toException();
  }

  /** What an error before the answer means. */
  public ProblemException failure(IOException e, Url url) {
    String host = url.host();
    Problem base = Problem.of(Code.CONNECTION_FAILED, "").with("host", host);
    String text = String.valueOf(e.getMessage());
    if (e instanceof SocketTimeoutException && !text.toLowerCase(java.util.Locale.ROOT).contains("connect")) {
      return stalled(url);
    }
    boolean proxied = proxies.select(url.okhttp().uri()).getFirst().type() != java.net.Proxy.Type.DIRECT;
    if (text.contains("response code for CONNECT") || text.contains("authenticate with proxy") || proxied && e instanceof ConnectException) {
      return proxyFailed(url, text);
    }
    boolean certificate = e instanceof SSLPeerUnverifiedException || e instanceof SSLHandshakeException && hasCertificateCause(e);
    String detail =
        switch (e) {
          case UnknownHostException u -> "The name " + host + " is unknown to this machine's DNS.";
          case SSLException s when certificate -> "The certificate of " + host + " is not trusted: " + text + ".";
          case SSLException s -> "TLS with " + host + " failed: " + text + ".";
          case ConnectException c -> host + " refused the connection.";
          case NoRouteToHostException n -> "There is no route to " + host + ".";
          case SocketTimeoutException s -> host + " did not take the connection in time.";
          case InterruptedIOException i -> host + " did not answer in time.";
          default -> "The connection to " + host + " broke: " + text + ".";
        };
    Problem problem = new Problem(base.code(), detail, base.hint(), base.args(), base.where(), !certificate, base.link(), List.of());
    return new ProblemException(
        certificate ? problem.withHint("If a company's proxy inspects TLS, name its certificates in SSL_CERT_FILE.") : problem, e);
  }

  private static boolean hasCertificateCause(Throwable e) {
    for (Throwable at = e; at != null; at = at.getCause()) {
      if (at instanceof java.security.cert.CertificateException || at instanceof java.security.cert.CertPathValidatorException) {
        return true;
      }
    }
    return false;
  }

  private OkHttpClient client(boolean https, boolean bodyFollows) {
    OkHttpClient base = (https ? tls : plain).updateAndGet(client -> client == null ? build(https) : client);
    // A transfer has its own watchdog, and a read time-out of OkHttp's costs a lock for every segment.
    return bodyFollows ? base.newBuilder().readTimeout(Duration.ZERO).build() : base;
  }

  private OkHttpClient build(boolean https) {
    OkHttpClient.Builder builder =
        new OkHttpClient.Builder()
            .followRedirects(false)
            .followSslRedirects(false)
            .retryOnConnectionFailure(true)
            .protocols(List.of(Protocol.HTTP_1_1))
            .connectionPool(pool)
            .dns(lookup())
            .connectTimeout(settings.connectTimeout())
            .readTimeout(settings.headerTimeout())
            .proxySelector(proxies)
            .proxyAuthenticator(proxyAuthenticator())
            .socketFactory(new WideSockets());
    if (https) {
      try {
        X509TrustManager trust = Trust.union(settings.certificates());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {trust}, new SecureRandom());
        builder.sslSocketFactory(context.getSocketFactory(), trust);
      } catch (IOException | GeneralSecurityException e) {
        throw new ProblemException(
            Problem.of(Code.CONNECTION_FAILED, "The certificates cannot be loaded: " + e.getMessage() + ".").withHint("Check SSL_CERT_FILE and REQUESTS_CA_BUNDLE."),
            e);
      }
    }
    return builder.build();
  }

  private static Dns lookup() {
    return host -> {
      List<InetAddress> all = new ArrayList<>(Addresses.lookup(host));
      if (all.isEmpty()) {
        throw new UnknownHostException(host);
      }
      return all;
    };
  }

  private Authenticator proxyAuthenticator() {
    return (route, response) -> {
      if (route == null || response.request().header("Proxy-Authorization") != null) {
        return null;
      }
      java.net.InetSocketAddress address = (java.net.InetSocketAddress) route.proxy().address();
      return proxies
          .credentials(address.getHostString())
          .map(
              userInfo -> {
                int colon = userInfo.indexOf(':');
                String user = colon < 0 ? userInfo : userInfo.substring(0, colon);
                String password = colon < 0 ? "" : userInfo.substring(colon + 1);
                return response.request().newBuilder().header("Proxy-Authorization", Credentials.basic(user, password)).build();
              })
          .orElse(null);
    };
  }

  @Override
  public void close() {
    for (AtomicReference<@Nullable OkHttpClient> reference : List.of(plain, tls)) {
      OkHttpClient client = reference.get();
      if (client != null) {
        client.dispatcher().cancelAll();
        client.dispatcher().executorService().shutdown();
      }
    }
    pool.evictAll();
    alarms.shutdownNow();
  }
}
