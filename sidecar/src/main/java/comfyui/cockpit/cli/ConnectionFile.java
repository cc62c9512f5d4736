package comfyui.cockpit.cli;

import com.fasterxml.jackson.databind.JsonNode;
import comfyui.cockpit.wire.WireJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Where a running daemon of the same root says how to reach it. */
public record ConnectionFile(String url, String secret) {
  /** Nothing if there is no such file, or it is about another root. */
  public static Optional<ConnectionFile> read(Path file, Path root) {
    try {
      if (!Files.isRegularFile(file)) {
        return Optional.empty();
      }
      JsonNode json = WireJson.read(Files.readString(file));
      boolean ours = json.path("root").asText().equals(root.toString()) && json.path("api").asInt() == 1;
      return ours ? Optional.of(new ConnectionFile(json.path("url").asText(), json.path("secret").asText())) : Optional.empty();
    } catch (IOException | IllegalArgumentException e) {
      // Half a file, or one we may not read: as if there were none.
      return Optional.empty();
    }
  }
}
