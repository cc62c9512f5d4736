package comfyui.cockpit.comfy;

import comfyui.cockpit.json.Value;
import comfyui.cockpit.json.Value.Arr;
import comfyui.cockpit.json.Value.Member;
import comfyui.cockpit.json.Value.Obj;
import comfyui.cockpit.json.Value.Str;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * The nodes of a workflow that name model files, in the editor's format (with subgraphs) or the API's.
 *
 * @param nodes every node, subgraphs' nodes with the subgraph's id before their own
 */
public record Workflow(List<Node> nodes) {

  /**
   * @param names model files that its inputs or widgets name
   * @param models links that newer workflows carry
   */
  public record Node(String id, String type, List<Named> names, List<Linked> models) {}

  /** A file name in an input; in the editor's format widgets have no names, so the input is their number. */
  public record Named(String input, String name) {}

  /** A model as {@code properties.models} has it. */
  public record Linked(String name, String url, String directory, Optional<String> sha256) {}

  /** Nothing if this is no workflow. */
  public static Optional<Workflow> read(Value root) {
    List<Node> nodes = new ArrayList<>();
    if (root.get("nodes").orElse(root) instanceof Arr && root.get("nodes").isPresent()) {
      graph(root, "", nodes);
      return Optional.of(new Workflow(List.copyOf(nodes)));
    }
    Value prompt = root.get("prompt").orElse(root);
    if (prompt instanceof Obj obj && !obj.members().isEmpty() && obj.members().values().stream().allMatch(member -> member.value().text("class_type").isPresent())) {
      for (Member member : obj.members().values()) {
        List<Named> names = new ArrayList<>();
        member.value().get("inputs").ifPresent(inputs -> names(inputs, "", (input, name) -> names.add(new Named(input, name))));
        nodes.add(new Node(member.key(), member.value().text("class_type").orElse(""), names, linked(member.value().get("_meta"))));
      }
      return Optional.of(new Workflow(List.copyOf(nodes)));
    }
    return Optional.empty();
  }

  private static void graph(Value graph, String prefix, List<Node> nodes) {
    for (Value node : graph.items("nodes")) {
      String id = prefix + node.get("id").map(Workflow::plain).orElse("?");
      List<Named> names = new ArrayList<>();
      node.get("widgets_values").ifPresent(widgets -> names(widgets, "", (input, name) -> names.add(new Named(input, name))));
      nodes.add(new Node(id, node.text("type").orElse(""), names, linked(node.get("properties"))));
    }
    graph.get("definitions").ifPresent(
        definitions -> {
          for (Value subgraph : definitions.items("subgraphs")) {
            graph(subgraph, prefix + subgraph.text("id").orElse("?") + ":", nodes);
          }
        });
  }

  private static String plain(Value id) {
    return id instanceof Str str ? str.text() : id.asLong().map(String::valueOf).orElse("?");
  }

  /** Every string below that is the name of a model file, with the way to it. */
  private static void names(Value value, String at, BiConsumer<String, String> found) {
    switch (value) {
      case Str str -> {
        if (ModelFolders.isModelFile(str.text())) {
          found.accept(at, str.text());
        }
      }
      case Arr arr -> {
        for (int i = 0; i < arr.items().size(); i++) {
          names(arr.items().get(i), at.isEmpty() ? String.valueOf(i) : at + "." + i, found);
        }
      }
      case Obj obj -> obj.members().values().forEach(member -> names(member.value(), at.isEmpty() ? member.key() : at + "." + member.key(), found));
      case Value.Num num -> {}
      case Value.Bool bool -> {}
      case Value.Nul nul -> {}
    }
  }

  private static List<Linked> linked(Optional<Value> properties) {
    List<Linked> models = new ArrayList<>();
    for (Value model : properties.map(p -> p.items("models")).orElse(List.of())) {
      Optional<String> name = model.text("name");
      Optional<String> url = model.text("url");
      if (name.isPresent() && url.isPresent()) {
        boolean sha256 = model.text("hash_type").map(type -> type.equalsIgnoreCase("SHA256")).orElse(false);
        models.add(new Linked(name.get(), url.get(), model.text("directory").orElse(""), sha256 ? model.text("hash") : Optional.empty()));
      }
    }
    return models;
  }
}
