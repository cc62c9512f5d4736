package comfyui.cockpit.version;

import comfyui.cockpit.download.Downloads;
import comfyui.cockpit.kernel.RelativePath;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * Where a model lies, without naming a machine.
 *
 * @param inModels true: relative to the directory of models; false: to the version's own root
 * @param relative with {@code /}, empty for the directory itself
 */
public record ModelPath(boolean inModels, String relative) {
  private static final String HOME = "$COMFY_HOME/";
  /** In every build this leads to the models. */
  private static final String IN_CORE = Place.CORE + "/" + Place.MODELS + "/";

  /** What a realization itself puts there. */
  private static final Set<String> OURS = Set.of(Place.CORE, Place.MODELS, Place.MODEL_PATHS);

  /**
   * What a lock says.
   *
   * @throws IllegalArgumentException what is wrong with it
   */
  static ModelPath parse(String text) {
    return text.startsWith(HOME) ? of(false, text.substring(HOME.length())) : of(true, text);
  }

  /** @throws IllegalArgumentException what is wrong with it: it leaves its place, or is where something of ours lies */
  static ModelPath of(boolean inModels, String text) {
    if (!inModels && text.startsWith(IN_CORE)) {
      return of(true, text.substring(IN_CORE.length()));
    }
    RelativePath path = new RelativePath(text);
    List<String> parts = path.parts();
    boolean ours = parts.stream().anyMatch(part -> part.equalsIgnoreCase(".git")) || parts.getFirst().equalsIgnoreCase(Downloads.OWN_DIRECTORY);
    if (ours || text.startsWith("$") || !inModels && (parts.getFirst().startsWith(".") || OURS.contains(path.value()))) {
      throw new IllegalArgumentException("\"" + (inModels ? "" : HOME) + path + "\" is no place for a model");
    }
    return new ModelPath(inModels, path.value());
  }

  ModelPath child(String name) {
    return new ModelPath(inModels, relative.isEmpty() ? name : relative + "/" + name);
  }

  /** @param modelsDir where models lie on this machine; @param home the version's root */
  public Path on(Path modelsDir, Path home) {
    return (inModels ? modelsDir : home).resolve(relative);
  }

  @Override
  public String toString() {
    return inModels ? relative : HOME + relative;
  }
}
