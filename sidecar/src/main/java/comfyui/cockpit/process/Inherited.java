package comfyui.cockpit.process;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What any child may have of the caller's variables: where things are, and how to get out. No secret is among them but a proxy's password. */
public final class Inherited {
  private static final List<String> NAMES =
      List.of(
          "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "APPDATA", "LOCALAPPDATA", "USERPROFILE", "HTTP_PROXY",
          "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "CUDA_HOME", "CUDA_PATH",
          "LD_LIBRARY_PATH", "XDG_CONFIG_HOME", "XDG_DATA_HOME");

  private Inherited() {}

  /**
   * @param more names that this child may have besides
   * @param prefixes beginnings of such names
   */
  public static Map<String, String> of(Map<String, String> caller, List<String> more, List<String> prefixes) {
    Map<String, String> made = new LinkedHashMap<>();
    caller.forEach(
        (name, value) -> {
          if (NAMES.contains(name) || more.contains(name) || prefixes.stream().anyMatch(name::startsWith)) {
            made.put(name, value);
          }
        });
    if (!made.containsKey("SSL_CERT_FILE") && caller.containsKey("REQUESTS_CA_BUNDLE")) {
      made.put("SSL_CERT_FILE", caller.getOrDefault("REQUESTS_CA_BUNDLE", ""));
    }
    return made;
  }
}
