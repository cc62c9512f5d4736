package comfyui.cockpit.comfy;

import comfyui.cockpit.json.Checker;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.json.Value.Member;
import comfyui.cockpit.json.Value.Obj;
import comfyui.cockpit.json.Value.Str;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;

/**
 * A workflow as ComfyUI's API runs it: under each node's id its {@code class_type} and its {@code inputs}.
 *
 * @param nodes what the file holds; empty for a workflow that only asks whether ComfyUI starts
 */
public record Prompt(Obj nodes) {
  private static final String EXPORT = "In ComfyUI, choose Workflow > Export (API), and use that file.";

  /**
   * @param file how the user calls it
   * @throws ProblemException {@code declaration_invalid} with every error at its place
   */
  public static Prompt read(String file, String text) {
    Checker checker = new Checker(file);
    Optional<Obj> root = checker.parse(text).flatMap(value -> checker.object(value, ""));
    Optional<Obj> nodes = root.map(Prompt::unwrapped);
    nodes.ifPresent(obj -> check(checker, obj, obj == root.get() ? "" : "/prompt"));
    if (!checker.errors().isEmpty()) {
      Problem first = checker.errors().getFirst();
      String many = checker.errors().size() == 1 ? "1 error" : checker.errors().size() + " errors";
      Problem problem = Problem.of(Code.DECLARATION_INVALID, file + " has " + many + ". The first: " + first.detail()).withHint(first.hint()).gathering(checker.errors());
      throw first.where().map(problem::at).orElse(problem).toException();
    }
    return new Prompt(nodes.orElseThrow());
  }

  /** Many keep the whole body of a request to ComfyUI. */
  private static Obj unwrapped(Obj root) {
    return root.get("prompt").orElse(null) instanceof Obj prompt && prompt.text("class_type").isEmpty() ? prompt : root;
  }

  private static void check(Checker checker, Obj root, String base) {
    if (root.get("nodes").orElse(null) instanceof Value.Arr && root.get("links").isPresent()) {
      checker.error(root.place(), "", Code.DECLARATION_INVALID, "This is a workflow in the editor's format, which ComfyUI's API does not run.", EXPORT);
      return;
    }
    for (Member member : root.members().values()) {
      String at = base + "/" + Json.escape(member.key());
      Optional<Obj> node = checker.object(member.value(), at);
      node.ifPresent(
          obj -> {
            checker.requiredString(obj, at, "class_type");
            checker.optional(obj, "inputs").ifPresent(inputs -> checker.object(inputs, at + "/inputs"));
          });
    }
  }

  public boolean isEmpty() {
    return nodes.members().isEmpty();
  }

  /** The ids of its nodes, in the order of the file. */
  public List<String> ids() {
    return List.copyOf(nodes.members().keySet());
  }

  /** What kind of node this is; empty for one that is not there. */
  public String classOf(String node) {
    return nodes.get(node).flatMap(value -> value.text("class_type")).orElse("");
  }

  /**
   * The same workflow with another value in one input. A text becomes what the input held before: a number, a switch, another text.
   *
   * @param input {@code <node>.<input>}
   * @throws ProblemException {@code bad_request} if there is no such node, or it has inputs and this is none of them
   */
  public Prompt with(String input, Value value) {
    int dot = input.indexOf('.');
    String id = dot < 0 ? input : input.substring(0, dot);
    String name = dot < 0 ? "" : input.substring(dot + 1);
    if (name.isEmpty()) {
      throw wrong("\"" + input + "\" is no input.", "Write <node>.<input>=<value>, such as 3.seed=5.");
    }
    if (!(nodes.get(id).orElse(null) instanceof Obj node)) {
      throw wrong("The workflow has no node \"" + id + "\".", "There are: " + named(ids()) + ".");
    }
    Map<String, Member> inputs = new LinkedHashMap<>(node.get("inputs").map(present -> ((Obj) present).members()).orElse(Map.of()));
    if (!inputs.containsKey(name)) {
      throw wrong("Node " + id + " (" + classOf(id) + ") has no input \"" + name + "\".", inputs.isEmpty() ? "It has none." : "It has: " + named(List.copyOf(inputs.keySet())) + ".");
    }
    Value before = Objects.requireNonNull(inputs.get(name)).value();
    Value now = value instanceof Str text && !(before instanceof Str) ? Json.read(text.text()).orElse(text) : value;
    inputs.put(name, new Member(name, value.place(), now));
    Map<String, Member> changed = new LinkedHashMap<>(node.members());
    changed.put("inputs", new Member("inputs", node.place(), new Obj(node.place(), inputs)));
    Map<String, Member> all = new LinkedHashMap<>(nodes.members());
    all.put(id, new Member(id, node.place(), new Obj(node.place(), changed)));
    return new Prompt(new Obj(nodes.place(), all));
  }

  private static String named(List<String> names) {
    return String.join(", ", names.subList(0, Math.min(20, names.size()))) + (names.size() > 20 ? ", …" : "");
  }

  private static ProblemException wrong(String detail, String hint) {
    return Problem.of(Code.BAD_REQUEST, detail).withHint(hint).toException();
  }

  /** The same workflow, whatever order it was written in; pictures carry it in this order. */
  public Prompt sorted() {
    return new Prompt((Obj) sorted(nodes));
  }

  private static Value sorted(Value value) {
    return switch (value) {
      case Obj obj -> {
        Map<String, Member> members = new LinkedHashMap<>();
        new TreeMap<>(obj.members()).forEach((key, member) -> members.put(key, new Member(key, member.keyPlace(), sorted(member.value()))));
        yield new Obj(obj.place(), members);
      }
      case Value.Arr list -> new Value.Arr(list.place(), list.items().stream().map(Prompt::sorted).toList());
      case Value.Num num -> num;
      case Str text -> text;
      case Value.Bool flag -> flag;
      case Value.Nul nul -> nul;
    };
  }

  public String json() {
    return Json.write(nodes);
  }
}
