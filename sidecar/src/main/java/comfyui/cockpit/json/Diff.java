package comfyui.cockpit.json;

import comfyui.cockpit.json.Value.Arr;
import comfyui.cockpit.json.Value.Obj;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Where two documents differ. Items of a list that have a name or a path are told apart by it, not by where they stand. */
public final class Diff {
  private static final List<String> NAMES = List.of("dir", "path", "name", "repo");

  private Diff() {}

  /**
   * One place.
   *
   * @param pointer JSON pointer; a named item of a list stands under its name
   * @param a nothing if it is not there
   */
  public record Difference(String pointer, Optional<String> a, Optional<String> b) {}

  /** @param ignored members of the two documents themselves that do not count */
  public static List<Difference> of(Value a, Value b, Set<String> ignored) {
    List<Difference> differences = new ArrayList<>();
    compare(members(a, ignored), members(b, ignored), "", differences);
    return differences;
  }

  private static Map<String, Value> members(Value value, Set<String> ignored) {
    Map<String, Value> members = new LinkedHashMap<>();
    if (value instanceof Obj obj) {
      obj.members().forEach(
          (key, member) -> {
            if (!ignored.contains(key)) {
              members.put(key, member.value());
            }
          });
    }
    return members;
  }

  private static void compare(Map<String, Value> a, Map<String, Value> b, String at, List<Difference> differences) {
    Set<String> keys = new LinkedHashSet<>(a.keySet());
    keys.addAll(b.keySet());
    for (String key : keys) {
      compare(Optional.ofNullable(a.get(key)), Optional.ofNullable(b.get(key)), at + "/" + Json.escape(key), differences);
    }
  }

  private static void compare(Optional<Value> a, Optional<Value> b, String at, List<Difference> differences) {
    Optional<Map<String, Value>> left = a.flatMap(Diff::parts);
    Optional<Map<String, Value>> right = b.flatMap(Diff::parts);
    if (left.isPresent() && right.isPresent() && a.get().getClass() == b.get().getClass()) {
      compare(left.get(), right.get(), at, differences);
      return;
    }
    Optional<String> before = a.map(Diff::text);
    Optional<String> after = b.map(Diff::text);
    if (!before.equals(after)) {
      differences.add(new Difference(at, before, after));
    }
  }

  private static Optional<Map<String, Value>> parts(Value value) {
    if (value instanceof Obj) {
      return Optional.of(members(value, Set.of()));
    }
    if (!(value instanceof Arr list)) {
      return Optional.empty();
    }
    Map<String, Value> parts = new LinkedHashMap<>();
    for (Value item : list.items()) {
      String name = NAMES.stream().flatMap(key -> item.text(key).stream()).findFirst().filter(text -> !parts.containsKey(text)).orElse(String.valueOf(parts.size()));
      parts.put(name, item);
    }
    return Optional.of(parts);
  }

  private static String text(Value value) {
    return value instanceof Value.Str str ? str.text() : Json.canonical(plain(value));
  }

  /** The value as plain maps, lists, strings and numbers. */
  public static @org.jspecify.annotations.Nullable Object plain(Value value) {
    return switch (value) {
      case Obj obj -> {
        Map<String, @org.jspecify.annotations.Nullable Object> map = new LinkedHashMap<>();
        obj.members().forEach((key, member) -> map.put(key, plain(member.value())));
        yield map;
      }
      case Arr list -> {
        List<@org.jspecify.annotations.Nullable Object> items = new ArrayList<>();
        list.items().forEach(item -> items.add(plain(item)));
        yield items;
      }
      case Value.Str str -> str.text();
      case Value.Num num -> num.asLong().<Object>map(number -> number).orElseGet(() -> num.number().toString());
      case Value.Bool bool -> bool.value();
      case Value.Nul nul -> null;
    };
  }
}
