package comfyui.cockpit.version;

import java.nio.file.Path;

/**
 * Where a model lies, without naming a machine.
 *
 * @param inModels true: relative to the directory of models; false: to the version's own root
 * @param relative with {@code /}, empty for the directory itself
 */
public record ModelPath(boolean inModels, String relative) {
  private static final String HOME = "$COMFY_HOME/";

  /** What a lock says. */
  static ModelPath parse(String text) {
    return text.startsWith(HOME) ? new ModelPath(false, text.substring(HOME.length())) : new ModelPath(true, text);
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
