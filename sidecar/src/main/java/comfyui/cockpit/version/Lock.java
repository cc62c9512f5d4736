package comfyui.cockpit.version;

import comfyui.cockpit.git.RepoUrl;
import comfyui.cockpit.git.Submodule;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.python.LockedPackage;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * Everything that decides what a version is, and nothing else: no times, no paths of a machine, no secrets, no version's name.
 *
 * @param platform as uv names it: {@code x86_64-manylinux_2_28}
 * @param python exact
 * @param buildPackages what source distributions among the packages are built with
 * @param torchBackend which of PyTorch's indexes
 * @param places other indexes, as requirement files name them
 */
public record Lock(
    String platform,
    String python,
    Checkout comfy,
    List<Node> nodes,
    List<LockedPackage> packages,
    List<LockedPackage> buildPackages,
    Optional<String> torchBackend,
    List<String> places,
    List<Model> models,
    Map<String, String> env) {
  public Lock {
    nodes = List.copyOf(nodes);
    packages = List.copyOf(packages);
    buildPackages = List.copyOf(buildPackages);
    places = List.copyOf(places);
    models = List.copyOf(models);
    env = java.util.Collections.unmodifiableMap(new TreeMap<>(env));
  }

  /**
   * A repository at a commit.
   *
   * @param written its address as the spec writes it
   */
  public record Checkout(String written, RepoUrl repo, CommitId commit, String tree, List<Submodule> submodules) {
    public Checkout {
      submodules = List.copyOf(submodules);
    }
  }

  /** @param dir {@code custom_nodes/<folder>} */
  public record Node(String name, String dir, Checkout checkout, boolean runInstallScript) {}

  /**
   * @param source pinned where its host can pin
   * @param sha256 nothing until somebody has seen a file whose host publishes no hash
   */
  public record Model(ModelPath path, String source, OptionalLong size, Optional<Checksum> sha256) {}

  public Lock withModels(List<Model> models) {
    return new Lock(platform, python, comfy, nodes, packages, buildPackages, torchBackend, places, models, env);
  }
}
