package comfyui.cockpit.json;

import comfyui.cockpit.json.Value.Member;
import comfyui.cockpit.json.Value.Obj;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Changes one place of a JSON text and leaves the user's order, indentation and formatting everywhere else. */
public final class Edit {
  private final String text;
  private final boolean bom;

  public Edit(String text) {
    this.bom = text.startsWith("\uFEFF");
    this.text = bom ? text.substring(1) : text;
  }

  public String text() {
    return bom ? "\uFEFF" + text : text;
  }

  /**
   * Sets a member, replacing its value or adding it at the end of the object at {@code path}; objects on the way are made.
   *
   * @throws IllegalArgumentException if the text is no JSON or something on the way is not an object
   */
  public Edit set(List<String> path, Object value) {
    Obj obj = objectAt(List.of());
    for (int depth = 0; depth < path.size() - 1; depth++) {
      Member member = obj.members().get(path.get(depth));
      if (member == null) {
        Object nested = value;
        for (int i = path.size() - 1; i > depth; i--) {
          nested = Map.of(path.get(i), nested);
        }
        return put(obj, path.get(depth), nested);
      }
      obj = objectAt(path.subList(0, depth + 1));
    }
    return put(obj, path.getLast(), value);
  }

  /** Adds to the list at the path if it is not there yet. */
  public Edit append(List<String> path, String item) {
    Obj parent = objectAt(path.subList(0, path.size() - 1));
    Member member = parent.members().get(path.getLast());
    if (member == null) {
      return put(parent, path.getLast(), List.of(item));
    }
    if (!(member.value() instanceof Value.Arr list)) {
      throw new IllegalArgumentException(String.join("/", path) + " is not a list");
    }
    if (list.items().stream().anyMatch(value -> value instanceof Value.Str str && str.text().equals(item))) {
      return this;
    }
    String rendered = Json.write(item);
    int close = list.place().end() - 1;
    if (list.items().isEmpty()) {
      return splice(list.place().start() + 1, close, rendered);
    }
    int last = list.items().getLast().place().end();
    int first = list.items().getFirst().place().start();
    String lead = text.substring(list.place().start() + 1, first);
    return splice(last, last, "," + (lead.contains("\n") ? lead : " ") + rendered);
  }

  private Obj objectAt(List<String> path) {
    Value value = Json.read(text).orElseThrow(() -> new IllegalArgumentException("the text is not JSON"));
    for (String key : path) {
      value = value.get(key).orElseThrow(() -> new IllegalArgumentException("there is no \"" + key + "\""));
    }
    if (value instanceof Obj obj) {
      return obj;
    }
    throw new IllegalArgumentException("\"" + String.join("/", path) + "\" is not an object");
  }

  private Edit put(Obj obj, String key, Object value) {
    Member existing = obj.members().get(key);
    String newline = text.contains("\r\n") ? "\r\n" : "\n";
    if (existing != null) {
      Value old = existing.value();
      return splice(old.place().start(), old.place().end(), render(value, indentOf(existing.keyPlace().start()), newline));
    }
    Optional<Member> last = obj.members().values().stream().reduce((a, b) -> b);
    if (last.isPresent() && !onItsOwnLine(last.get().keyPlace().start())) {
      return splice(last.get().value().place().end(), last.get().value().place().end(), ", " + Json.write(key) + ": " + spaced(value));
    }
    String inner = last.map(member -> indentOf(member.keyPlace().start())).orElseGet(() -> indentOf(obj.place().start()) + unit());
    String rendered = Json.write(key) + ": " + render(value, inner, newline);
    if (last.isPresent()) {
      int at = last.get().value().place().end();
      return splice(at, at, "," + newline + inner + rendered);
    }
    return splice(obj.place().start() + 1, obj.place().end() - 1, newline + inner + rendered + newline + indentOf(obj.place().start()));
  }

  private String spaced(Object value) {
    return Json.writeIndented(value, "").replace("\n", " ");
  }

  private String render(Object value, String indent, String newline) {
    if (value instanceof List<?> list && list.stream().allMatch(String.class::isInstance)) {
      return "[" + String.join(", ", list.stream().map(Json::write).toList()) + "]";
    }
    return Json.writeIndented(value, unit()).replace("\n", newline + indent);
  }

  private Edit splice(int from, int to, String with) {
    return new Edit((bom ? "\uFEFF" : "") + text.substring(0, from) + with + text.substring(to));
  }

  private boolean onItsOwnLine(int at) {
    return text.substring(text.lastIndexOf('\n', at - 1) + 1, at).isBlank() && text.lastIndexOf('\n', at - 1) >= 0;
  }

  private String indentOf(int at) {
    int line = text.lastIndexOf('\n', at - 1) + 1;
    int end = line;
    while (end < text.length() && (text.charAt(end) == ' ' || text.charAt(end) == '\t')) {
      end++;
    }
    return text.substring(line, end);
  }

  /** One level of the file's own indentation, two spaces where it has none. */
  private String unit() {
    return text.lines()
        .filter(line -> !line.isBlank() && Character.isWhitespace(line.charAt(0)))
        .findFirst()
        .map(line -> line.substring(0, line.length() - line.stripLeading().length()))
        .orElse("  ");
  }
}
