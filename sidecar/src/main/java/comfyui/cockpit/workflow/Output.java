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
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A file that a workflow saved.
 *
 * @param name its path below the directory of outputs, with slashes
 * @param nodeId nothing for a file of a node that saves and does not tell
 * @param file where it lies now
 */
public record Output(String name, Optional<String> nodeId, Media media, long sizeBytes, Checksum sha256, Path file) {
  private static final int BLOCK = 1 << 20;

  /**
   * Where ComfyUI saves what is kept, and what only the editor shows; and where texts become files.
   *
   * @param api gives what lies elsewhere, where a node keeps its files in a place of its own
   */
  public record Folders(Path output, Path temp, Path texts, ComfyApi api, CancelSignal cancel) {
    private Path of(String type) {
      return type.equals("temp") ? temp : output;
    }
  }

  /**
   * Everything that was saved: the files that nodes tell of, in the order that the nodes have in the workflow (a history has them as they
   * ran, which is another order each time); then files that nobody tells of, such as saved models; previews only where there is nothing of
   * these; and at last the texts that nodes show, as files of their own.
   *
   * @param outputs of a history: under each node lists of {@code {filename, subfolder, type}}, whatever they are called
   * @param nodes the ids of the workflow's nodes
   * @throws ProblemException {@code workflow_failed} for a file that is not there, {@code path_outside_root} for one that lies elsewhere
   */
  public static List<Output> collect(Obj outputs, List<String> nodes, Folders folders) {
    try {
      Map<Path, String> kept = new LinkedHashMap<>();
      Map<Path, String> previews = new LinkedHashMap<>();
      List<Member> told = outputs.members().values().stream().sorted(Comparator.comparingInt(member -> place(member.key(), nodes))).toList();
      for (Member node : told) {
        for (Value file : files(node.value())) {
          String type = file.text("type").orElse("output");
          if (!type.equals("input")) {
            (type.equals("temp") ? previews : kept).putIfAbsent(inside(folders, file, node.key()), node.key());
          }
        }
      }
      List<Output> all = new ArrayList<>();
      for (Map.Entry<Path, String> each : kept.entrySet()) {
        all.add(of(folders.output(), each.getKey(), Optional.of(each.getValue())));
      }
      below(folders.output()).stream().filter(output -> kept.keySet().stream().noneMatch(output.file()::equals)).forEach(all::add);
      for (Map.Entry<Path, String> each : all.isEmpty() ? previews.entrySet() : Set.<Map.Entry<Path, String>>of()) {
        all.add(of(folders.temp(), each.getKey(), Optional.of(each.getValue())));
      }
      for (Member node : told) {
        String text = text(node.value());
        if (!text.isEmpty()) {
          Path path = Files.createDirectories(folders.texts()).resolve("text-" + node.key().replaceAll("[^A-Za-z0-9.:-]", "_").replace(':', '.') + ".txt");
          Files.writeString(path, text);
          all.add(of(folders.texts(), path, Optional.of(node.key())));
        }
      }
      return all;
    } catch (IOException e) {
      throw new ProblemException(Problem.of(Code.WORKFLOW_FAILED, "What the workflow saved cannot be read: " + e.getMessage() + "."), e);
    }
  }

  /** Every file in a directory of outputs, whoever saved it. */
  public static List<Output> below(Path output) throws IOException {
    List<Path> paths;
    try (Stream<Path> walk = Files.walk(output)) {
      paths = walk.filter(path -> Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)).sorted().toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    List<Output> all = new ArrayList<>();
    for (Path path : paths) {
      all.add(of(output, path, Optional.empty()));
    }
    return all;
  }

  /** A node inside of another one has that one's id before its own. */
  private static int place(String node, List<String> nodes) {
    int at = nodes.indexOf(node);
    int outer = nodes.indexOf(node.split("[:.]", 2)[0]);
    return at >= 0 ? at : outer >= 0 ? outer : nodes.size();
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

  private static Output of(Path root, Path file, Optional<String> node) throws IOException {
    String name = root.relativize(file).toString().replace('\\', '/');
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
