package comfyui.cockpit.gcs;

import com.google.api.client.http.HttpTransport;
import com.google.api.client.http.LowLevelHttpRequest;
import com.google.api.client.http.LowLevelHttpResponse;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.net.Answer;
import comfyui.cockpit.net.Http;
import comfyui.cockpit.net.Http.Ask;
import comfyui.cockpit.net.Url;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Carries the requests of Google's library for tokens: by our proxies and certificates, and not at all when offline. */
final class TokenTransport extends HttpTransport {
  private static final int LARGEST_ANSWER = 1 << 20;

  private final Http http;

  TokenTransport(Http http) {
    this.http = http;
  }

  @Override
  protected LowLevelHttpRequest buildRequest(String method, String url) {
    return new Request(method, url);
  }

  private final class Request extends LowLevelHttpRequest {
    private final String method;
    private final String url;
    private final Map<String, String> headers = new LinkedHashMap<>();

    Request(String method, String url) {
      this.method = method;
      this.url = url;
    }

    @Override
    public void addHeader(String name, String value) {
      // Our own are sent: the product's name, and no compression.
      if (!name.equalsIgnoreCase("User-Agent") && !name.equalsIgnoreCase("Accept-Encoding")) {
        headers.put(name, value);
      }
    }

    @Override
    public LowLevelHttpResponse execute() throws IOException {
      try (Answer answer = http.once(ask(), new CancelSignal())) {
        if (answer.isRedirect()) {
          // The library would send the signed request on.
          throw Problem.of(Code.REDIRECT_REFUSED, answer.url().host() + " redirects a request for a token.")
              .withHint("Check the addresses in the credentials file.")
              .toException();
        }
        String flavor = headers.entrySet().stream().filter(e -> e.getKey().equalsIgnoreCase(GoogleTokens.FLAVOR)).map(Map.Entry::getValue).findFirst().orElse("");
        if (!flavor.isEmpty() && !answer.header(GoogleTokens.FLAVOR).orElse("").equals(flavor)) {
          throw Problem.of(Code.TOKEN_REJECTED, answer.url().host() + " does not answer as Google's metadata server does; its token is not used.")
              .withHint("Set NO_GCE_CHECK=true if this is no machine of Google's.")
              .toException();
        }
        return new Response(answer);
      }
    }

    private Ask ask() throws IOException {
      Url to;
      try {
        to = Url.parse(url);
      } catch (IllegalArgumentException e) {
        throw new IOException("no address for a token: " + e.getMessage(), e);
      }
      Ask ask =
          switch (method) {
            case "GET" -> Ask.get(to);
            case "POST" -> Ask.post(to, content());
            default -> throw new IOException("no request for a token is a " + method);
          };
      for (Map.Entry<String, String> header : headers.entrySet()) {
        ask = ask.header(header.getKey(), header.getValue());
      }
      return ask;
    }

    private Http.Content content() throws IOException {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      if (getStreamingContent() != null) {
        getStreamingContent().writeTo(bytes);
      }
      return new Http.Content(getContentType() == null ? "application/x-www-form-urlencoded" : getContentType(), bytes.toByteArray());
    }
  }

  private static final class Response extends LowLevelHttpResponse {
    private static final List<String> HEADERS = List.of("Content-Type", GoogleTokens.FLAVOR);

    private final int status;
    private final Map<String, String> headers = new LinkedHashMap<>();
    private final byte[] content;

    Response(Answer answer) throws IOException {
      status = answer.status();
      HEADERS.forEach(name -> answer.header(name).ifPresent(value -> headers.put(name, value)));
      content = answer.body().readNBytes(LARGEST_ANSWER);
    }

    @Override
    public InputStream getContent() {
      return new ByteArrayInputStream(content);
    }

    @Override
    public @Nullable String getContentEncoding() {
      return null;
    }

    @Override
    public long getContentLength() {
      return content.length;
    }

    @Override
    public @Nullable String getContentType() {
      return headers.get("Content-Type");
    }

    @Override
    public String getStatusLine() {
      return "HTTP/1.1 " + status;
    }

    @Override
    public int getStatusCode() {
      return status;
    }

    @Override
    public String getReasonPhrase() {
      return "";
    }

    @Override
    public int getHeaderCount() {
      return headers.size();
    }

    @Override
    public String getHeaderName(int index) {
      return List.copyOf(headers.keySet()).get(index);
    }

    @Override
    public String getHeaderValue(int index) {
      return List.copyOf(headers.values()).get(index);
    }
  }
}
