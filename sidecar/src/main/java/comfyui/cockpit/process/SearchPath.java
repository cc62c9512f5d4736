package comfyui.cockpit.process;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Programs by their names. */
public final class SearchPath {
  private SearchPath() {}

  /** The first of this name on the caller's PATH. */
  public static Optional<Path> find(String name, Map<String, String> environment) {
    String program = environment.containsKey("SYSTEMROOT") ? name + ".exe" : name;
    for (String directory : environment.getOrDefault("PATH", "").split(File.pathSeparator)) {
      Path file = Path.of(directory).resolve(program);
      if (!directory.isEmpty() && Files.isRegularFile(file) && Files.isExecutable(file)) {
        return Optional.of(file.toAbsolutePath());
      }
    }
    return Optional.empty();
  }
}
