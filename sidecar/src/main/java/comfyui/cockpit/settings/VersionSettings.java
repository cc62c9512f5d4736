package comfyui.cockpit.settings;

import comfyui.cockpit.process.SearchPath;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Where versions are kept and realized.
 *
 * @param directory the specs and their locks
 * @param cacheRoot git objects, packages, the copies of locks; shared by all versions of this machine
 * @param cacheModels model files by checksum
 * @param targets where a version without a target of its own is realized, as {@code comfy-<id>}
 * @param modelsDir where models of versions lie, if somebody says so
 * @param comfyHome an environment that the caller works on
 * @param platform as uv names it: never what this very machine could do besides
 * @param environment the caller's variables, for children and for {@code ${NAME}} in a spec
 */
public record VersionSettings(
    Path directory,
    Path cacheRoot,
    Path cacheModels,
    Path targets,
    Optional<Path> modelsDir,
    Optional<Path> comfyHome,
    Path home,
    Optional<Path> uv,
    String platform,
    Map<String, String> environment) {
  private static final Path RUNPOD = Path.of("/runpod-volume");
  private static final Path WORKSPACE = Path.of("/workspace");

  static VersionSettings of(Path directory, Path root, Map<String, String> environment) {
    Path home = variable(environment, "HOME").or(() -> variable(environment, "USERPROFILE")).map(Path::of).orElse(root);
    Path cacheRoot =
        variable(environment, "COMFY_CACHE_ROOT")
            .map(Path::of)
            .orElseGet(
                () ->
                    Files.isWritable(RUNPOD)
                        ? RUNPOD.resolve("cache/runpod-comfy")
                        : Files.isWritable(WORKSPACE) ? WORKSPACE.resolve("cache/runpod-comfy") : home.resolve(".cache").resolve("runpod-comfy"))
            .toAbsolutePath()
            .normalize();
    Path cacheModels = variable(environment, "COMFY_CACHE_MODELS").map(Path::of).orElse(cacheRoot.resolve("models")).toAbsolutePath().normalize();
    Path targets = Files.isWritable(RUNPOD) ? RUNPOD.resolve("builds") : home;
    Optional<Path> comfyHome = variable(environment, "COMFY_HOME").map(Path::of).map(Path::toAbsolutePath).map(Path::normalize);
    Optional<Path> modelsDir =
        variable(environment, "MODELS_DIR").map(Path::of).map(Path::toAbsolutePath).map(Path::normalize).or(() -> comfyHome.map(path -> path.resolve("models")));
    return new VersionSettings(directory, cacheRoot, cacheModels, targets, modelsDir, comfyHome, home, uv(environment), platform(environment), environment);
  }

  private static Optional<String> variable(Map<String, String> environment, String name) {
    return Optional.ofNullable(environment.get(name)).map(String::strip).filter(value -> !value.isEmpty());
  }

  /** Ours, which the package's own launcher names, else the first on the path. */
  private static Optional<Path> uv(Map<String, String> environment) {
    return variable(environment, "COCKPIT_UV").map(Path::of).or(() -> SearchPath.find("uv", environment));
  }

  private static String platform(Map<String, String> environment) {
    String system = environment.getOrDefault("COCKPIT_OS", "Linux");
    boolean arm = environment.getOrDefault("COCKPIT_ARCH", "amd64").matches("aarch64|arm64");
    if (system.startsWith("Mac")) {
      return arm ? "aarch64-apple-darwin" : "x86_64-apple-darwin";
    }
    if (system.startsWith("Windows")) {
      return "x86_64-pc-windows-msvc";
    }
    return arm ? "aarch64-manylinux_2_28" : "x86_64-manylinux_2_28";
  }

  /** Where this version is realized unless the user says otherwise. */
  public Path target(String id) {
    return targets.resolve("comfy-" + id);
  }
}
