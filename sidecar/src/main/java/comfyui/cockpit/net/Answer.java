package comfyui.cockpit.net;

import comfyui.cockpit.kernel.CancelSignal;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import okhttp3.Response;

/** What one hop answered: the status, the headers, and the body as it comes. */
public final class Answer implements AutoCloseable {
  private final Url url;
  private final Response response;
  private final CancelSignal.Registration onCancel;

  Answer(Url url, Response response, CancelSignal.Registration onCancel) {
    this.url = url;
    this.response = response;
    this.onCancel = onCancel;
  }

  /** The address that gave this answer. */
  public Url url() {
    return url;
  }

  public int status() {
    return response.code();
  }

  public Optional<String> header(String name) {
    return Optional.ofNullable(response.header(name)).map(String::strip);
  }

  public List<String> headers(String name) {
    return response.headers(name);
  }

  /** Where a redirect points; nothing if this is none. */
  public Optional<String> location() {
    return switch (status()) {
      case 301, 302, 303, 307, 308 -> header("Location");
      default -> Optional.empty();
    };
  }

  public boolean isRedirect() {
    return switch (status()) {
      case 301, 302, 303, 307, 308 -> true;
      default -> false;
    };
  }

  /**
   * The length that the headers promise. OkHttp itself takes the last of several and lets nonsense pass.
   *
   * @throws IllegalArgumentException if the header lines contradict each other or are no length
   */
  public OptionalLong contentLength() {
    List<String> lines = headers("Content-Length").stream().map(String::strip).distinct().toList();
    if (header("Transfer-Encoding").isPresent() || lines.isEmpty()) {
      return OptionalLong.empty();
    }
    if (lines.size() > 1 || !lines.getFirst().matches("\\d{1,18}")) {
      throw new IllegalArgumentException("its Content-Length is \"" + String.join("\" and \"", lines) + "\"");
    }
    return OptionalLong.of(Long.parseLong(lines.getFirst()));
  }

  /** The body as it comes; reading fails with an {@link IOException} when the connection breaks or is cancelled. */
  public InputStream body() {
    return response.body().byteStream();
  }

  /** The beginning of the body as text, for error messages and small documents. */
  public String text(int limit) throws IOException {
    return new String(body().readNBytes(limit), StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    onCancel.close();
    response.close();
  }
}
