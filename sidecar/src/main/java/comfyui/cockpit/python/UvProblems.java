package comfyui.cockpit.python;

import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What uv's words mean (0.9 to 0.13): its exit status tells nothing, its sentences do. */
final class UvProblems {
  private static final String SPEC = "[A-Za-z0-9][A-Za-z0-9._-]*(?:\\[[^]]*])?(?:[<>=!~]=?=?[^\\s,;]+(?:,[<>=!~]=?=?[^\\s,;]+)*)?";
  private static final Pattern DEPENDS = Pattern.compile("(?:all versions of )?(" + SPEC + ") depends? on (" + SPEC + ")");
  private static final Pattern REQUIRE = Pattern.compile("you require (" + SPEC + ")(?: and (" + SPEC + "))?");
  private static final Pattern PARTS = Pattern.compile("([A-Za-z0-9][A-Za-z0-9._-]*)(?:\\[[^]]*])?(.*)");
  private static final Pattern MISSING =
      Pattern.compile(
          "(" + SPEC + ") (?:was not found in the (?:package registry|provided package locations|cache)|needs to be downloaded from a registry)"
              + "|there (?:is|are) no versions? of (" + SPEC + ")|(" + SPEC + ") has no (?:wheels|usable)");
  private static final Pattern UNPARSED = Pattern.compile("Couldn't parse (?:requirement|requirements file)? ?in `([^`]+)`.*");

  private UvProblems() {}

  /** A requirement and who makes it. */
  private record Constraint(String specifier, String requester) {}

  /** The package that uv could not find at all, with the specifier that was asked for. */
  static Optional<String> missing(String text) {
    Matcher matcher = MISSING.matcher(oneLine(text));
    if (!matcher.find()) {
      return Optional.empty();
    }
    for (int group = 1; group <= matcher.groupCount(); group++) {
      if (matcher.group(group) != null) {
        return Optional.of(matcher.group(group));
      }
    }
    return Optional.empty();
  }

  static Problem of(String text, List<Requirements> inputs) {
    String line = oneLine(text);
    if (line.contains("No solution found")) {
      Optional<Problem> conflict = conflict(line, inputs);
      if (conflict.isPresent()) {
        return conflict.get();
      }
      Optional<String> missing = missing(line);
      if (missing.isPresent()) {
        return Problem.of(Code.WHEEL_MISSING, "No index has " + missing.get() + ", which " + requester(missing.get(), inputs) + " requires.")
            .withHint("Check its name and version; another index is named with --extra-index-url in python_packages.")
            .with("missing", List.of(missing.get()))
            .with("requester", requester(missing.get(), inputs));
      }
      return Problem.of(Code.DEPENDENCY_CONFLICT, sentence(line)).with("said", text);
    }
    Matcher unparsed = UNPARSED.matcher(line);
    if (unparsed.find()) {
      return Problem.of(Code.DECLARATION_INVALID, "A requirement cannot be read: " + sentence(line)).withHint("Correct that line.");
    }
    if (line.contains("error sending request") || line.contains("Request failed after") || line.contains("Could not connect") || line.contains("Failed to fetch")) {
      return Problem.of(Code.CONNECTION_FAILED, "The package index cannot be reached: " + sentence(line)).with("said", text);
    }
    if (line.contains("No space left on device") || line.contains("Disk quota exceeded")) {
      return Problem.of(Code.DISK_FULL, "The disk is full or the quota is used up while packages are installed.").with("said", text);
    }
    if (line.contains("Hash mismatch")) {
      return Problem.of(Code.CHECKSUM_DIFFERS, "A package's file is not the one that the lock names: " + sentence(line))
          .withHint("Somebody replaced it where it lies. `comfyui-cockpit version resolve --upgrade` takes what is there now.")
          .with("said", text);
    }
    if (line.contains("Network connectivity is disabled")) {
      return Problem.of(Code.OFFLINE, "Packages are needed that are not in the cache: " + sentence(line)).with("missing", missing(line).stream().toList());
    }
    return Problem.of(Code.PACKAGE_FAILED, sentence(line)).with("said", text);
  }

  private static Optional<Problem> conflict(String line, List<Requirements> inputs) {
    Map<String, List<Constraint>> constraints = new LinkedHashMap<>();
    Matcher depends = DEPENDS.matcher(line);
    while (depends.find()) {
      add(constraints, depends.group(2), Optional.of(depends.group(1)), inputs);
    }
    Matcher require = REQUIRE.matcher(line);
    while (require.find()) {
      add(constraints, require.group(1), Optional.empty(), inputs);
      if (require.group(2) != null) {
        add(constraints, require.group(2), Optional.empty(), inputs);
      }
    }
    for (Map.Entry<String, List<Constraint>> entry : constraints.entrySet()) {
      List<Constraint> both = entry.getValue().stream().filter(constraint -> !constraint.specifier().isEmpty()).distinct().toList();
      if (both.size() > 1) {
        Constraint a = both.getFirst();
        Constraint b = both.stream().filter(other -> !other.specifier().equals(a.specifier())).findFirst().orElse(both.get(1));
        return Optional.of(
            Problem.of(
                    Code.DEPENDENCY_CONFLICT,
                    a.requester() + " requires " + entry.getKey() + a.specifier() + ", and " + b.requester() + " requires " + entry.getKey() + b.specifier() + ".")
                .with("package", entry.getKey())
                .with("specifiers", List.of(a.specifier(), b.specifier()))
                .with("requesters", List.of(a.requester(), b.requester())));
      }
    }
    return Optional.empty();
  }

  private static void add(Map<String, List<Constraint>> constraints, String spec, Optional<String> dependent, List<Requirements> inputs) {
    Matcher parts = PARTS.matcher(spec);
    if (!parts.matches()) {
      return;
    }
    String name = LockedPackage.normalize(parts.group(1));
    // A sentence's full stop or comma is no part of the version.
    String specifier = parts.group(2).replaceAll("[.,]+$", "");
    List<Constraint> list = constraints.computeIfAbsent(name, key -> new ArrayList<>());
    if (dependent.isPresent()) {
      list.add(new Constraint(specifier, dependent.get()));
      return;
    }
    List<Requirements> direct = inputs.stream().filter(input -> input.specifiers(name).stream().anyMatch(own -> Requirements.parts(own).equals(Requirements.parts(specifier)))).toList();
    String requester = direct.isEmpty() ? requester(name, inputs) : direct.stream().map(Requirements::requester).collect(Collectors.joining(", "));
    list.add(new Constraint(specifier, requester));
  }

  /** Who names the package directly. */
  private static String requester(String spec, List<Requirements> inputs) {
    String name = LockedPackage.normalize(spec.replaceAll("[<>=!~\\[].*", ""));
    List<String> direct = inputs.stream().filter(input -> !input.specifiers(name).isEmpty()).map(Requirements::requester).toList();
    return direct.isEmpty() ? "another package" : String.join(", ", direct);
  }

  private static String oneLine(String text) {
    return text.replaceAll("\\s+", " ").strip();
  }

  /** The part of uv's words that says why, at most a few lines of it. */
  private static String sentence(String line) {
    String why = line.replaceFirst("(?s).*?(?=error:|× )", "").replaceFirst("^(error:|×)\\s*", "");
    String text = why.isEmpty() ? line : why;
    String cut = text.length() > 600 ? text.substring(0, 600) + "…" : text;
    return cut.isEmpty() ? "uv failed and said nothing." : cut.endsWith(".") ? cut : cut + ".";
  }
}
