package comfyui.cockpit.json;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;

/** Reads YAML as if it were JSON. */
public final class YamlJson {
  private YamlJson() {}

  /** @throws IllegalArgumentException if it is no YAML */
  public static Value read(String text) {
    try {
      JsonNode tree = new YAMLMapper().readTree(text);
      return Json.read(tree == null || tree.isMissingNode() ? "null" : tree.toString()).orElseThrow(() -> new IllegalArgumentException("it nests too deeply"));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e.getOriginalMessage(), e);
    }
  }
}
