package comfyui.cockpit.model;

import java.util.List;

/** Models that belong together. */
public record Bundle(String id, String description, List<String> models, boolean autoInstall, boolean enabled) {
  public Bundle {
    models = List.copyOf(models);
  }
}
