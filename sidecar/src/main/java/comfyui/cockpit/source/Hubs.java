package comfyui.cockpit.source;

import comfyui.cockpit.kernel.Secret;
import comfyui.cockpit.net.Url;
import java.util.Map;
import java.util.Optional;

/**
 * The hubs as configured, and their tokens. A token goes to its hub's own origin (scheme, host and port) and nowhere else.
 */
public record Hubs(Url huggingFace, Url civitai, Optional<Secret> huggingFaceToken, Optional<Secret> civitaiToken) {
  public static final String HUGGING_FACE = "https://huggingface.co";
  public static final String CIVITAI = "https://civitai.com";

  Map<String, String> huggingFaceHeaders(Url hop) {
    return bearer(huggingFace, huggingFaceToken, hop);
  }

  Map<String, String> civitaiHeaders(Url hop) {
    return bearer(civitai, civitaiToken, hop);
  }

  private static Map<String, String> bearer(Url home, Optional<Secret> token, Url hop) {
    return token.filter(t -> home.sameOrigin(hop)).map(t -> Map.of("Authorization", "Bearer " + t.reveal())).orElse(Map.of());
  }
}
