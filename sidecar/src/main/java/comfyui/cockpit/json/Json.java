package comfyui.cockpit.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import comfyui.cockpit.json.Value.Member;
import comfyui.cockpit.json.Value.Place;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads text into {@link Value}s and writes plain maps and lists. */
public final class Json {
  private static final int MAX_DEPTH = 100;
  /** A workflow may carry pictures as text; how large a whole document may be is decided where it is read. */
  private static final int MAX_TEXT = 64 << 20;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH).maxStringLength(MAX_TEXT).maxNumberLength(100).build())
          .build();

  private Json() {}

  /**
   * What a text holds.
   *
   * @param root nothing if the text is no JSON
   * @param faults syntax errors and duplicate keys
   */
  public record Parsed(Optional<Value> root, List<Fault> faults) {}

  /** A fault of the text itself. */
  public record Fault(String pointer, int line, int column, String detail) {}

  /** Reads a whole document. Never throws: what is wrong stands in the faults. */
  public static Parsed parse(String text) {
    return parse(text, false);
  }

  private static Parsed parse(String text, boolean python) {
    List<Fault> faults = new ArrayList<>();
    String clean = text.startsWith("\uFEFF") ? text.substring(1) : text;
    if (clean.isBlank()) {
      return new Parsed(Optional.empty(), List.of(new Fault("", 1, 1, "The file is empty; write at least {}.")));
    }
    try (JsonParser parser = FACTORY.createParser(clean)) {
      parser.configure(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS.mappedFeature(), python);
      parser.nextToken();
      Value root = read(parser, "", faults);
      if (parser.nextToken() != null) {
        JsonLocation at = parser.currentTokenLocation();
        faults.add(new Fault("", at.getLineNr(), at.getColumnNr(), "There is more after the end of the document."));
      }
      return new Parsed(Optional.of(root), faults);
    } catch (JsonProcessingException e) {
      JsonLocation at = e.getLocation();
      String said = e.getOriginalMessage().lines().findFirst().orElse("unreadable");
      // Where a limit of the parser is named in it, its own name is of no use to anybody.
      String detail = said.replaceFirst(", from `?\\w+\\.\\w+\\(\\)`?", "");
      faults.add(new Fault("", at == null ? 1 : at.getLineNr(), at == null ? 1 : Math.max(1, at.getColumnNr()), "This is not JSON: " + detail + "."));
      return new Parsed(Optional.empty(), faults);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Reads somebody's answer or a file of ours; nothing if it is no JSON. */
  public static Optional<Value> read(String text) {
    return good(parse(text));
  }

  /** The same for what Python writes: its {@code NaN} and {@code Infinity} are null. */
  public static Optional<Value> readPython(String text) {
    return good(parse(text, true));
  }

  private static Optional<Value> good(Parsed parsed) {
    return parsed.faults().isEmpty() ? parsed.root() : Optional.empty();
  }

  private static Value read(JsonParser parser, String pointer, List<Fault> faults) throws IOException {
    JsonToken token = parser.currentToken();
    JsonLocation at = parser.currentTokenLocation();
    int start = (int) at.getCharOffset();
    return switch (token) {
      case START_OBJECT -> {
        Map<String, Member> members = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String key = parser.currentName();
          Place keyPlace = place(parser, parser.currentTokenLocation());
          parser.nextToken();
          String childPointer = pointer + "/" + escape(key);
          Value value = read(parser, childPointer, faults);
          if (members.put(key, new Member(key, keyPlace, value)) != null) {
            faults.add(new Fault(childPointer, keyPlace.line(), keyPlace.column(), "The key \"" + key + "\" stands here a second time."));
          }
        }
        yield new Value.Obj(place(parser, start, at), members);
      }
      case START_ARRAY -> {
        List<Value> items = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          items.add(read(parser, pointer + "/" + items.size(), faults));
        }
        yield new Value.Arr(place(parser, start, at), items);
      }
      case VALUE_STRING -> {
        String text = parser.getText();
        if (!text.codePoints().allMatch(Json::isCharacter)) {
          faults.add(new Fault(pointer, at.getLineNr(), at.getColumnNr(), "Half of a surrogate pair is no character."));
        }
        yield new Value.Str(place(parser, start, at), text);
      }
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> {
        if (parser.isNaN()) {
          yield new Value.Nul(place(parser, start, at));
        }
        BigDecimal number = parser.getDecimalValue();
        yield new Value.Num(place(parser, start, at), number);
      }
      case VALUE_TRUE, VALUE_FALSE -> {
        yield new Value.Bool(place(parser, start, at), token == JsonToken.VALUE_TRUE);
      }
      case VALUE_NULL -> {
        yield new Value.Nul(place(parser, start, at));
      }
      case NOT_AVAILABLE, END_OBJECT, END_ARRAY, FIELD_NAME, VALUE_EMBEDDED_OBJECT -> throw new IllegalStateException("unexpected " + token);
    };
  }

  private static boolean isCharacter(int codePoint) {
    return codePoint < Character.MIN_SURROGATE || codePoint > Character.MAX_SURROGATE;
  }

  private static Place place(JsonParser parser, JsonLocation at) {
    return place(parser, (int) at.getCharOffset(), at);
  }

  /** The parser stands at the value's last token; for a key and a string that has been read, its end is where the parser is. */
  private static Place place(JsonParser parser, int start, JsonLocation at) {
    return new Place(start, (int) parser.currentLocation().getCharOffset(), at.getLineNr(), at.getColumnNr());
  }

  /** One reference token of a JSON pointer. */
  public static String escape(String key) {
    return key.replace("~", "~0").replace("/", "~1");
  }

  /** Writes maps, lists, strings, numbers, booleans, nulls, and what was read, on one line. */
  public static String write(Object value) {
    return write(value, Optional.empty());
  }

  /** The same with the given indentation for each level. */
  public static String writeIndented(Object value, String indent) {
    return write(value, Optional.of(indent));
  }

  /** RFC 8785: members sorted, nothing between them, one way to write each value. Whole numbers only. */
  public static String canonical(Object value) {
    StringBuilder out = new StringBuilder();
    canonical(value, out);
    return out.toString();
  }

  private static void canonical(@Nullable Object value, StringBuilder out) {
    switch (value) {
      case null -> out.append("null");
      case Map<?, ?> map -> {
        out.append('{');
        String separator = "";
        for (String key : map.keySet().stream().map(String.class::cast).sorted().toList()) {
          out.append(separator);
          canonical(key, out);
          out.append(':');
          canonical(map.get(key), out);
          separator = ",";
        }
        out.append('}');
      }
      case Iterable<?> items -> {
        out.append('[');
        String separator = "";
        for (Object item : items) {
          out.append(separator);
          canonical(item, out);
          separator = ",";
        }
        out.append(']');
      }
      case String text -> {
        out.append('"');
        text.chars().forEach(c -> escape((char) c, out));
        out.append('"');
      }
      case Integer number -> out.append(number);
      case Long number -> out.append(number);
      case Boolean flag -> out.append(flag);
      default -> throw new IllegalArgumentException("not a JSON value: " + value.getClass());
    }
  }

  private static void escape(char c, StringBuilder out) {
    switch (c) {
      case '"' -> out.append("\\\"");
      case '\\' -> out.append("\\\\");
      case '\b' -> out.append("\\b");
      case '\t' -> out.append("\\t");
      case '\n' -> out.append("\\n");
      case '\f' -> out.append("\\f");
      case '\r' -> out.append("\\r");
      default -> {
        if (c < ' ') {
          out.append(String.format("\\u%04x", (int) c));
        } else {
          out.append(c);
        }
      }
    }
  }

  private static String write(Object value, Optional<String> indent) {
    StringWriter out = new StringWriter();
    try (JsonGenerator generator = FACTORY.createGenerator(out)) {
      indent.ifPresent(
          unit -> {
            DefaultIndenter indenter = new DefaultIndenter(unit, "\n");
            generator.setPrettyPrinter(new ColonPrinter().withObjectIndenter(indenter).withArrayIndenter(indenter));
          });
      generate(generator, value);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toString();
  }

  private static void generate(JsonGenerator generator, Object value) throws IOException {
    switch (value) {
      case Value.Obj obj -> {
        generator.writeStartObject();
        for (Member member : obj.members().values()) {
          generator.writeFieldName(member.key());
          generate(generator, member.value());
        }
        generator.writeEndObject();
      }
      case Value.Arr arr -> generate(generator, arr.items());
      case Value.Str str -> generator.writeString(str.text());
      case Value.Num num -> generator.writeNumber(num.number());
      case Value.Bool bool -> generator.writeBoolean(bool.value());
      case Value.Nul nul -> generator.writeNull();
      case Map<?, ?> map -> {
        generator.writeStartObject();
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          generator.writeFieldName((String) entry.getKey());
          if (entry.getValue() == null) {
            generator.writeNull();
          } else {
            generate(generator, entry.getValue());
          }
        }
        generator.writeEndObject();
      }
      case Iterable<?> items -> {
        generator.writeStartArray();
        for (Object item : items) {
          generate(generator, item);
        }
        generator.writeEndArray();
      }
      case String text -> generator.writeString(text);
      case Integer number -> generator.writeNumber(number);
      case Long number -> generator.writeNumber(number);
      case Double number -> generator.writeNumber(number);
      case Boolean flag -> generator.writeBoolean(flag);
      default -> throw new IllegalArgumentException("not a JSON value: " + value.getClass());
    }
  }

  /** {@code "key": value}, as people write it. */
  private static final class ColonPrinter extends DefaultPrettyPrinter {
    private static final long serialVersionUID = 1;

    ColonPrinter() {
      _objectFieldValueSeparatorWithSpaces = ": ";
    }

    private ColonPrinter(ColonPrinter base) {
      super(base);
      _objectFieldValueSeparatorWithSpaces = ": ";
    }

    @Override
    public DefaultPrettyPrinter createInstance() {
      return new ColonPrinter(this);
    }

    @Override
    public ColonPrinter withObjectIndenter(Indenter indenter) {
      ColonPrinter printer = new ColonPrinter(this);
      printer._objectIndenter = indenter;
      return printer;
    }

    @Override
    public DefaultPrettyPrinter withArrayIndenter(Indenter indenter) {
      ColonPrinter printer = new ColonPrinter(this);
      printer._arrayIndenter = indenter;
      return printer;
    }
  }
}
