package comfyui.cockpit.json;

import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** One JSON value and where it stands. */
public sealed interface Value {
  Place place();

  /** How people call its type: {@code a string}, {@code an object}. */
  String typeName();

  /**
   * Where a value stands in the text.
   *
   * @param start offset of its first character
   * @param end offset after its last character
   */
  record Place(int start, int end, int line, int column) {}

  /** One member of an object; the key has a place of its own. */
  record Member(String key, Place keyPlace, Value value) {}

  record Obj(Place place, Map<String, Member> members) implements Value {
    public Obj {
      members = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(members));
    }

    @Override
    public String typeName() {
      return "an object";
    }
  }

  record Arr(Place place, List<Value> items) implements Value {
    public Arr {
      items = List.copyOf(items);
    }

    @Override
    public String typeName() {
      return "a list";
    }
  }

  record Str(Place place, String text) implements Value {
    @Override
    public String typeName() {
      return "a string";
    }
  }

  record Num(Place place, BigDecimal number) implements Value {
    @Override
    public String typeName() {
      return "a number";
    }
  }

  record Bool(Place place, boolean value) implements Value {
    @Override
    public String typeName() {
      return "true or false";
    }
  }

  record Nul(Place place) implements Value {
    @Override
    public String typeName() {
      return "null";
    }
  }

  /** The member's value, if this is an object that has it and it is not null. */
  default Optional<Value> get(String key) {
    return this instanceof Obj obj && obj.members().get(key) instanceof Member member && !(member.value() instanceof Nul)
        ? Optional.of(member.value())
        : Optional.empty();
  }

  default Optional<String> text(String key) {
    return get(key).flatMap(value -> value instanceof Str str ? Optional.of(str.text()) : Optional.empty());
  }

  default OptionalLong number(String key) {
    return get(key).flatMap(Value::asLong).map(OptionalLong::of).orElseGet(OptionalLong::empty);
  }

  default boolean flag(String key) {
    return get(key).map(value -> value instanceof Bool bool && bool.value()).orElse(false);
  }

  /** The items if this object's member is a list, else none. */
  default List<Value> items(String key) {
    return get(key).map(value -> value instanceof Arr arr ? arr.items() : List.<Value>of()).orElse(List.of());
  }

  /** A whole number that fits; nothing for anything else. */
  default Optional<Long> asLong() {
    if (this instanceof Num num) {
      try {
        // A number such as 1e1000000 must not be written out before it is refused.
        return num.number().precision() - num.number().scale() > 19 ? Optional.empty() : Optional.of(num.number().longValueExact());
      } catch (ArithmeticException e) {
        return Optional.empty();
      }
    }
    return Optional.empty();
  }
}
