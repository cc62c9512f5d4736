package comfyui.cockpit.wire;

import java.util.Map;

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

  /** @param headers besides the content type */
  record Reply(int status, String contentType, String body, Map<String, String> headers) {
    public static final String JSON = "application/json";
    public static final String PROBLEM = "application/problem+json";

    public boolean isGood() {
      return status < 400;
    }
  }
}
