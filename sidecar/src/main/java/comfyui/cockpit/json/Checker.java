package comfyui.cockpit.json;

import comfyui.cockpit.json.Value.Member;
import comfyui.cockpit.json.Value.Obj;
import comfyui.cockpit.json.Value.Place;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.Where;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** Reads a declaration and collects everything that is wrong with it, each error at its place. */
public final class Checker {
  /** More than anybody reads, and few enough to be kept and sent. */
  private static final int MOST = 1000;

  private final String file;
  private final List<Problem> errors = new ArrayList<>();
  private final List<Problem> warnings = new ArrayList<>();
  private int untold;

  /** @param file how the user would write the file's path */
  public Checker(String file) {
    this.file = file;
  }

  /** All of them; of a file that is nothing but errors the first thousand and how many more there are. */
  public List<Problem> errors() {
    if (untold == 0) {
      return List.copyOf(errors);
    }
    List<Problem> all = new ArrayList<>(errors);
    all.add(
        Problem.of(Code.DECLARATION_INVALID, "There are " + untold + " more errors.").withHint("Correct those above first.").at(errors.getLast().where().orElseThrow()));
    return List.copyOf(all);
  }

  public List<Problem> warnings() {
    return List.copyOf(warnings);
  }

  /** Parses; syntax errors and duplicate keys are among the errors afterwards. */
  public Optional<Value> parse(String text) {
    Json.Parsed parsed = Json.parse(text);
    for (Json.Fault fault : parsed.faults()) {
      add(
          Problem.of(Code.DECLARATION_INVALID, fault.detail())
              .withHint("Correct the text here; an editor with JSON support shows the place.")
              .at(new Where(file, fault.pointer(), fault.line(), fault.column())));
    }
    return parsed.root();
  }

  private void add(Problem problem) {
    if (errors.size() < MOST) {
      errors.add(problem);
    } else {
      untold++;
    }
  }

  public void error(Place place, String pointer, Code code, String detail, String hint) {
    add(problem(place, pointer, code, detail, hint));
  }

  public void warning(Place place, String pointer, Code code, String detail, String hint) {
    if (warnings.size() < MOST) {
      warnings.add(problem(place, pointer, code, detail, hint));
    }
  }

  private Problem problem(Place place, String pointer, Code code, String detail, String hint) {
    return Problem.of(code, detail).withHint(hint).at(new Where(file, pointer, place.line(), place.column()));
  }

  /** The value as an object, else an error. */
  public Optional<Obj> object(Value value, String pointer) {
    if (value instanceof Obj obj) {
      return Optional.of(obj);
    }
    wrongType(value, pointer, "an object");
    return Optional.empty();
  }

  /** An error for each key that is not among the known ones, with the nearest known one. */
  public void knownKeys(Obj obj, String pointer, Collection<String> known) {
    for (Member member : obj.members().values()) {
      if (!known.contains(member.key())) {
        String hint =
            nearest(member.key(), known)
                .map(name -> "Did you mean \"" + name + "\"?")
                .orElse("Known keys are " + String.join(", ", known) + ".");
        error(member.keyPlace(), pointer + "/" + Json.escape(member.key()), Code.DECLARATION_INVALID, "Unknown key \"" + member.key() + "\".", hint);
      }
    }
  }

  /** An error if the key is missing. */
  public Optional<Value> required(Obj obj, String pointer, String key) {
    Member member = obj.members().get(key);
    if (member == null) {
      error(obj.place(), pointer, Code.DECLARATION_INVALID, "\"" + key + "\" is missing.", "Add \"" + key + "\" here.");
      return Optional.empty();
    }
    return Optional.of(member.value());
  }

  public Optional<Value> optional(Obj obj, String key) {
    return Optional.ofNullable(obj.members().get(key)).map(Member::value);
  }

  public Optional<String> string(Obj obj, String pointer, String key) {
    return optional(obj, key).flatMap(value -> string(value, pointer + "/" + Json.escape(key)));
  }

  public Optional<String> requiredString(Obj obj, String pointer, String key) {
    return required(obj, pointer, key).flatMap(value -> string(value, pointer + "/" + Json.escape(key)));
  }

  public Optional<String> string(Value value, String pointer) {
    if (value instanceof Value.Str str) {
      if (str.text().isBlank()) {
        error(value.place(), pointer, Code.DECLARATION_INVALID, "The text is empty.", "Write a value, or take the key away.");
        return Optional.empty();
      }
      return Optional.of(str.text());
    }
    wrongType(value, pointer, "a string");
    return Optional.empty();
  }

  /** Text that may be empty. */
  public Optional<String> anyString(Obj obj, String pointer, String key) {
    return optional(obj, key)
        .flatMap(
            value -> {
              if (value instanceof Value.Str str) {
                return Optional.of(str.text());
              }
              wrongType(value, pointer + "/" + Json.escape(key), "a string");
              return Optional.empty();
            });
  }

  public boolean flag(Obj obj, String pointer, String key, boolean otherwise) {
    return optional(obj, key)
        .map(
            value -> {
              if (value instanceof Value.Bool bool) {
                return bool.value();
              }
              wrongType(value, pointer + "/" + Json.escape(key), "true or false");
              return otherwise;
            })
        .orElse(otherwise);
  }

  /** A whole number of at least {@code min}. */
  public Optional<Long> whole(Obj obj, String pointer, String key, long min) {
    return optional(obj, key).flatMap(value -> whole(value, pointer + "/" + Json.escape(key), min));
  }

  public Optional<Long> whole(Value value, String pointer, long min) {
    if (!(value instanceof Value.Num)) {
      wrongType(value, pointer, "a whole number");
      return Optional.empty();
    }
    Optional<Long> number = value.asLong();
    if (number.isEmpty() || number.get() < min) {
      error(value.place(), pointer, Code.DECLARATION_INVALID, "This must be a whole number of at least " + min + ".", "Write such a number.");
      return Optional.empty();
    }
    return number;
  }

  /** Seconds or another quantity, fractions allowed, at least {@code min}. */
  public Optional<Double> decimal(Obj obj, String pointer, String key, double min) {
    return optional(obj, key)
        .flatMap(
            value -> {
              if (value instanceof Value.Num num) {
                double number = num.number().doubleValue();
                if (number >= min && number <= 1e12) {
                  return Optional.of(number);
                }
                error(value.place(), pointer + "/" + key, Code.DECLARATION_INVALID, "This must be a number of at least " + min + ".", "Write such a number.");
              } else {
                wrongType(value, pointer + "/" + key, "a number");
              }
              return Optional.empty();
            });
  }

  public List<Value> list(Obj obj, String pointer, String key) {
    return optional(obj, key)
        .map(
            value -> {
              if (value instanceof Value.Arr arr) {
                return arr.items();
              }
              wrongType(value, pointer + "/" + Json.escape(key), "a list");
              return List.<Value>of();
            })
        .orElse(List.of());
  }

  /** Makes a value that checks itself; its complaint becomes an error here. */
  public <T> Optional<T> make(Value value, String pointer, Code code, String hint, Function<String, T> maker) {
    return string(value, pointer)
        .flatMap(
            text -> {
              try {
                return Optional.of(maker.apply(text));
              } catch (IllegalArgumentException e) {
                String detail = String.valueOf(e.getMessage());
                error(value.place(), pointer, code, Character.toUpperCase(detail.charAt(0)) + detail.substring(1) + ".", hint);
                return Optional.empty();
              }
            });
  }

  public void wrongType(Value value, String pointer, String wanted) {
    error(value.place(), pointer, Code.DECLARATION_INVALID, "This is " + value.typeName() + "; it must be " + wanted + ".", "Write " + wanted + ".");
  }

  /** The known name that the user most likely meant. */
  public static Optional<String> nearest(String word, Collection<String> known) {
    return known.stream()
        .map(name -> Map.entry(name, distance(word.toLowerCase(java.util.Locale.ROOT), name.toLowerCase(java.util.Locale.ROOT))))
        .filter(entry -> entry.getValue() <= Math.max(1, Math.min(word.length(), entry.getKey().length()) / 3))
        .min(Map.Entry.comparingByValue())
        .map(Map.Entry::getKey);
  }

  /** Edits (insert, delete, replace, swap of neighbours) between two words. */
  private static int distance(String a, String b) {
    if (Math.abs(a.length() - b.length()) > 20 || a.length() > 100) {
      return Integer.MAX_VALUE;
    }
    int[][] cost = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        if (i == 0 || j == 0) {
          cost[i][j] = i + j;
          continue;
        }
        int replace = cost[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        cost[i][j] = Math.min(replace, Math.min(cost[i - 1][j], cost[i][j - 1]) + 1);
        if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
          cost[i][j] = Math.min(cost[i][j], cost[i - 2][j - 2] + 1);
        }
      }
    }
    return cost[a.length()][b.length()];
  }
}
