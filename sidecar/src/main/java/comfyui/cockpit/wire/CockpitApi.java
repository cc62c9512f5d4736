package comfyui.cockpit.wire;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** The whole product behind one method. Two stand behind it: this process itself, and a daemon that runs already. */
public interface CockpitApi extends AutoCloseable {
  /**
   * @param method as in HTTP
   * @param path with the query, beginning with {@code /api/}
   * @param body JSON, empty for none
   */
  Reply call(String method, String path, String body);

  @Override
  void close();

  /**
   * @param headers besides the content type
   * @param file whose bytes are the answer instead of a body, if there is one
   */
  record Reply(int status, String contentType, String body, Map<String, String> headers, Optional<Path> file) {
    public static final String JSON = "application/json";
    public static final String PROBLEM = "application/problem+json";

    public Reply(int status, String contentType, String body, Map<String, String> headers) {
      this(status, contentType, body, headers, Optional.empty());
    }

    /** A file of somebody else's making: a browser keeps it, and does not run what may be in it. */
    public static Reply file(Path file, String contentType) {
      return new Reply(200, contentType, "", Map.of("Content-Disposition", "attachment", "X-Content-Type-Options", "nosniff"), Optional.of(file));
    }

    public boolean isGood() {
      return status < 400;
    }
  }
}
