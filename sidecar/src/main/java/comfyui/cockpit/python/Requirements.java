package comfyui.cockpit.python;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What somebody requires, as the text of a requirements file.
 *
 * @param requester how people call who requires it: {@code ComfyUI}, a custom node's name, {@code python_packages}
 * @param text the file itself
 * @param included files that it names with {@code -r} or {@code -c}, by that path
 */
public record Requirements(String requester, String text, Map<String, String> included) {
  private static final Pattern LINE = Pattern.compile("\\s*([A-Za-z0-9][A-Za-z0-9._-]*)\\s*(?:\\[[^]]*])?\\s*([^;#@]*)(?:[;#@].*)?");
  private static final Pattern INCLUDE = Pattern.compile("\\s*(?:-r|--requirement|-c|--constraint)[ =]*(\\S+).*");
  private static final Pattern INDEX = Pattern.compile("\\s*(--extra-index-url|--index-url|-i|--find-links|-f)[ =]+(\\S+).*");
  private static final Pattern PLACE = Pattern.compile("(?:--extra-index-url|--index-url|-i|--find-links|-f)[ =][^\\s=-]\\S*");
  private static final Pattern LOGIN = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*://[^/]*@.*");

  public Requirements {
    included = Map.copyOf(included);
  }

  /** Paths of other files that a requirements file names, as it writes them. */
  public static List<String> includes(String text) {
    return text.lines().map(INCLUDE::matcher).filter(Matcher::matches).map(matcher -> matcher.group(1)).toList();
  }

  /** Where packages may come from besides the usual index: whole option lines, as requirement files have them. */
  public List<String> places() {
    return java.util.stream.Stream.concat(java.util.stream.Stream.of(text), included.values().stream())
        .flatMap(String::lines)
        .map(INDEX::matcher)
        .filter(Matcher::matches)
        .map(matcher -> matcher.group(1) + " " + matcher.group(2))
        .distinct()
        .toList();
  }

  /** True for an option that names an index or a directory of packages. */
  public static boolean isPlaceOption(String name) {
    return name.length() > 1 && PLACE.matcher(name + " x").matches();
  }

  /** True for one such option with its one value, which carries no login: it comes to stand in locks and logs. */
  public static boolean isPlace(String line) {
    return PLACE.matcher(line).matches() && !LOGIN.matcher(line.split("[ =]", 2)[1]).matches();
  }

  /** True if the option's value means the same wherever it is read: an address or a whole path. */
  public static boolean isAbsolute(String line) {
    String value = line.split("[ =]+", 2)[1];
    return value.startsWith("/") || value.matches("[A-Za-z][A-Za-z0-9+.-]*:.*");
  }

  /** The specifiers of a package that stand here, {@code >=1.2,<2}; empty text where any will do. */
  List<String> specifiers(String name) {
    return java.util.stream.Stream.concat(java.util.stream.Stream.of(text), included.values().stream())
        .flatMap(String::lines)
        .map(LINE::matcher)
        .filter(matcher -> matcher.matches() && LockedPackage.normalize(matcher.group(1)).equals(name))
        .map(matcher -> matcher.group(2).replaceAll("\\s+", ""))
        .toList();
  }

  /** The order of a specifier's parts means nothing. */
  static Set<String> parts(String specifier) {
    return new TreeSet<>(Arrays.asList(specifier.split(",")));
  }
}
