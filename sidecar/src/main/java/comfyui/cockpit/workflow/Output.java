package comfyui.cockpit.workflow;

import comfyui.cockpit.comfy.ComfyApi;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.json.Value.Arr;
import comfyui.cockpit.json.Value.Member;
import comfyui.cockpit.json.Value.Obj;
import comfyui.cockpit.json.Value.Str;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A file that a workflow saved.
 *
 * @param name its path below the directory of outputs, with slashes
 * @param file where it lies now
 */
public record Output(String name, String nodeId, Media media, long sizeBytes, Checksum sha256, Path file) {
  private static final int BLOCK = 1 << 20;

  /**
   * Where ComfyUI saves: what is kept, and what only the editor shows.
   *
   * @param api gives what lies elsewhere, where a node keeps its files in a place of its own
   */
  public record Folders(Path output, Path temp, ComfyApi api, CancelSignal cancel) {
    private Path of(String type) {
      return type.equals("temp") ? temp : output;
    }
  }

  /**
   * Everything that the nodes say they saved, in the order of the nodes; previews only where nothing else was saved. Texts that a node shows
   * become files of their own.
   *
   * @param outputs of a history: under each node lists of {@code {filename, subfolder, type}}, whatever they are called
   * @throws ProblemException {@code workflow_failed} for a file that is not there, {@code path_outside_root} for one that lies elsewhere
   */
  public static List<Output> collect(Obj outputs, Folders folders) {
    try {
      Map<Path, String> kept = new LinkedHashMap<>();
      Map<Path, String> previews = new LinkedHashMap<>();
      for (Member node : outputs.members().values()) {
        for (Value file : files(node.value())) {
          String type = file.text("type").orElse("output");
          if (!type.equals("input")) {
            Path path = inside(folders, file, node.key());
            (type.equals("temp") ? previews : kept).putIfAbsent(path, node.key());
          }
        }
        String text = text(node.value());
        if (!text.isEmpty()) {
          Path path = folders.output().resolve("text-" + node.key().replaceAll("[^A-Za-z0-9_-]", "_") + ".txt");
          Files.writeString(path, text);
          kept.put(path, node.key());
        }
      }
      List<Output> all = new ArrayList<>();
      for (Map.Entry<Path, String> entry : (kept.isEmpty() ? previews : kept).entrySet()) {
        Path root = kept.isEmpty() ? folders.temp() : folders.output();
        all.add(of(root.toRealPath().relativize(entry.getKey().toRealPath()).toString().replace('\\', '/'), entry.getValue(), entry.getKey()));
      }
      return all;
    } catch (IOException e) {
      throw new ProblemException(Problem.of(Code.WORKFLOW_FAILED, "What the workflow saved cannot be read: " + e.getMessage() + "."), e);
    }
  }

  /** Not everything that has a file name is a list: some nodes tell one file alone. */
  private static List<Value> files(Value node) {
    List<Value> files = new ArrayList<>();
    if (node instanceof Obj obj) {
      for (Member member : obj.members().values()) {
        List<Value> items = member.value() instanceof Arr list ? list.items() : List.of(member.value());
        items.stream().filter(item -> item.text("filename").isPresent()).forEach(files::add);
      }
    }
    return files;
  }

  private static String text(Value node) {
    return String.join("\n", node.items("text").stream().map(item -> item instanceof Str str ? str.text() : "").filter(text -> !text.isEmpty()).toList());
  }

  private static Path inside(Folders folders, Value told, String node) throws IOException {
    String type = told.text("type").orElse("output");
    String subfolder = told.text("subfolder").orElse("");
    String name = told.text("filename").orElse("");
    Path root = folders.of(type);
    Path path = root.resolve(subfolder).resolve(name).normalize();
    boolean below = path.startsWith(root) && !path.equals(root);
    if (!Files.isRegularFile(path) && !(below && folders.api().view(name, subfolder, type, path, folders.cancel()))) {
      throw Problem.of(Code.WORKFLOW_FAILED, "Node " + node + " says that it saved " + name + ", and the file is not there.").with("node_id", node).toException();
    }
    if (!below || !path.toRealPath().startsWith(root.toRealPath())) {
      throw Problem.of(Code.PATH_OUTSIDE_ROOT, "Node " + node + " saved " + name + " outside the directory of outputs.")
          .withHint("Save it with a filename_prefix inside that directory.")
          .with("node_id", node)
          .toException();
    }
    return path;
  }

  private static Output of(String name, String node, Path file) throws IOException {
    return new Output(name, node, Media.of(name), Files.size(file), sha256(file), file);
  }

  private static Checksum sha256(Path file) throws IOException {
    MessageDigest digest = Checksum.Algorithm.SHA256.newDigest();
    try (InputStream in = Files.newInputStream(file)) {
      byte[] block = new byte[BLOCK];
      for (int count = in.read(block); count >= 0; count = in.read(block)) {
        digest.update(block, 0, count);
      }
    }
    return Checksum.of(Checksum.Algorithm.SHA256, digest.digest());
  }
}
