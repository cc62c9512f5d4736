package comfyui.cockpit.version;

import comfyui.cockpit.git.RepoUrl;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.source.ModelSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What {@code versions/<id>.json} declares (schema v2).
 *
 * @param packages requirements and option lines, as requirement files have them
 * @param python {@code 3.12} or exact
 * @param env values may hold {@code ${NAME}}, which only the caller's environment fills
 */
public record VersionSpec(
    String id, Repo comfy, List<Node> nodes, List<Model> models, List<String> packages, Optional<String> python, Map<String, String> env, Options options) {
  public VersionSpec {
    nodes = List.copyOf(nodes);
    models = List.copyOf(models);
    packages = List.copyOf(packages);
    env = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(env));
  }

  /**
   * A repository at some state.
   *
   * @param written its address as the spec writes it: a relative path names no machine
   * @param ref a branch, tag or abbreviated commit; nothing for the repository's own default
   * @param commit exact; comes before the ref
   */
  public record Repo(String written, RepoUrl url, Optional<String> ref, Optional<CommitId> commit) {}

  /**
   * A custom node.
   *
   * @param dir where it lies in ComfyUI: {@code custom_nodes/<folder>}
   * @param runInstallScript whether its {@code install.py}, other people's code, is run
   */
  public record Node(String name, String dir, Repo repo, boolean installRequirements, boolean runInstallScript) {}

  /**
   * A model file.
   *
   * @param written the source as the spec writes it
   * @param target nothing where only the host knows the file's name
   * @param folder where it lies once the name is known
   */
  public record Model(ModelSource source, String written, Optional<ModelPath> target, ModelPath folder, Optional<Checksum> checksum) {
    /** Where a file of this name comes to lie. */
    public ModelPath path(String fileName) {
      return target.orElseGet(() -> folder.child(fileName));
    }
  }

  /** @param torchBackend {@code cpu}, {@code cu128}: which index PyTorch comes from */
  public record Options(boolean offline, boolean skipModels, Optional<String> torchBackend) {}
}
