package comfyui.cockpit.version;

import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What a build says of itself, in {@code .comfy_env}; written last, so that a build without one is not whole.
 *
 * @param modelsDir where its models lie
 */
public record Marker(String versionId, String lockDigest, String environmentDigest, String python, Path modelsDir) {
  public static final String NAME = ".comfy_env";

  /** Nothing if there is none, or it was written by another program. */
  public static Optional<Marker> of(Path build) {
    try {
      return SmallFile.read(build.resolve(NAME)).flatMap(Json::read).flatMap(Marker::read);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static Optional<Marker> read(Value json) {
    Optional<String> id = json.text("version_id");
    Optional<String> lock = json.text("lock_digest");
    Optional<String> environment = json.text("environment_digest");
    Optional<String> models = json.text("models_dir");
    return id.isPresent() && lock.isPresent() && environment.isPresent() && models.isPresent()
        ? Optional.of(new Marker(id.get(), lock.get(), environment.get(), json.text("python").orElse(""), Path.of(models.get())))
        : Optional.empty();
  }

  void write(Path build) throws IOException {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("schema_version", 1);
    map.put("version_id", versionId);
    map.put("lock_digest", lockDigest);
    map.put("environment_digest", environmentDigest);
    map.put("python", python);
    map.put("models_dir", modelsDir.toString());
    SmallFile.write(build.resolve(NAME), Json.writeIndented(map, "  ") + "\n");
  }
}
