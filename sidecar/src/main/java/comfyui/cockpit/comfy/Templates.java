package comfyui.cockpit.comfy;

import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The official workflow templates, where the Python package {@code comfyui-workflow-templates-json} is installed. */
public final class Templates {
  private final Optional<Path> folder;
  private final Map<String, Workflow> read = new LinkedHashMap<>();

  /** @param folder the package's {@code templates} directory */
  public Templates(Optional<Path> folder) {
    this.folder = folder.filter(path -> Files.isRegularFile(path.resolve("index.json")));
  }

  /** One template as the index has it. */
  public record Template(String name, String title, String category, String description, long sizeBytes, Optional<String> minComfyUiVersion) {}

  public Optional<Path> folder() {
    return folder;
  }

  /** @param language as the lab calls it ({@code ja_JP}); English where the package has no such index */
  public List<Template> list(Optional<String> language) throws IOException {
    if (folder.isEmpty()) {
      return List.of();
    }
    Optional<Path> localized =
        language.map(code -> code.toLowerCase(Locale.ROOT).replaceAll("[-_].*", "")).filter(code -> code.matches("[a-z]{2}")).map(code -> folder.get().resolve("index." + code + ".json")).filter(Files::isRegularFile);
    List<Template> templates = new ArrayList<>();
    Value index = Json.read(Files.readString(localized.orElse(folder.get().resolve("index.json")))).orElseThrow(() -> new IOException("the templates' index is no JSON"));
    if (index instanceof Value.Arr groups) {
      for (Value group : groups.items()) {
        String category = group.text("title").or(() -> group.text("category")).orElse("");
        for (Value template : group.items("templates")) {
          template.text("name").ifPresent(
              name ->
                  templates.add(
                      new Template(
                          name, template.text("title").orElse(name), category, template.text("description").orElse(""), template.number("size").orElse(0),
                          template.text("minComfyUIVersion"))));
        }
      }
    }
    return templates;
  }

  /** The workflow of a template; nothing if there is none of that name. */
  public synchronized Optional<Workflow> workflow(String name) throws IOException {
    if (folder.isEmpty() || !name.matches("[A-Za-z0-9._-]+")) {
      return Optional.empty();
    }
    Workflow known = read.get(name);
    if (known != null) {
      return Optional.of(known);
    }
    Path file = folder.get().resolve(name + ".json");
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    Optional<Workflow> workflow = Json.read(Files.readString(file)).flatMap(Workflow::read);
    workflow.ifPresent(found -> read.put(name, new Workflow(found.nodes().stream().filter(node -> !node.names().isEmpty() || !node.models().isEmpty()).toList())));
    return workflow;
  }
}
