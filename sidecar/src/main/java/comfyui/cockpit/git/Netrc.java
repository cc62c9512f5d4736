package comfyui.cockpit.git;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The logins of {@code ~/.netrc}, each for exactly the host it names; {@code default} is for nobody. Prints nothing of them. */
final class Netrc {
  private static final Logger LOG = LoggerFactory.getLogger(Netrc.class);
  private static final Pattern WORD = Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*)\"|(\\S+)");

  private final Map<String, Login> logins;

  private Netrc(Map<String, Login> logins) {
    this.logins = logins;
  }

  private record Login(String user, String password) {
    /** What goes into {@code Authorization}. */
    String basic() {
      return "Basic " + Base64.getEncoder().encodeToString((user + ":" + password).getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public String toString() {
      return "•••";
    }
  }

  /** A file that is missing or unreadable holds no login. */
  static Netrc read(Optional<Path> file) {
    if (file.isEmpty() || !Files.isRegularFile(file.get())) {
      return new Netrc(Map.of());
    }
    try {
      return new Netrc(parse(Files.readString(file.get())));
    } catch (IOException e) {
      LOG.warn("{} is not readable: {}", file.get(), e.getMessage());
      return new Netrc(Map.of());
    }
  }

  /** The value of {@code Authorization} for that host. */
  Optional<String> authorization(String host) {
    return Optional.ofNullable(logins.get(host.toLowerCase(Locale.ROOT))).map(Login::basic);
  }

  /** The text without any password of ours, plain or encoded: what a server said may be an echo. */
  String redact(String text) {
    String clean = text;
    for (Login login : logins.values()) {
      for (String secret : List.of(login.password(), login.basic().substring("Basic ".length()))) {
        clean = secret.isEmpty() ? clean : clean.replace(secret, "•••");
      }
    }
    return clean;
  }

  private static Map<String, Login> parse(String text) {
    Map<String, Login> logins = new HashMap<>();
    List<String> words = new ArrayList<>();
    boolean inMacro = false;
    for (String line : text.lines().toList()) {
      // A macro ends at an empty line; its words are no logins.
      inMacro = inMacro && !line.isBlank();
      if (inMacro || line.stripLeading().startsWith("#")) {
        continue;
      }
      Matcher word = WORD.matcher(line);
      while (word.find()) {
        String value = word.group(2) != null ? word.group(2) : word.group(1).replaceAll("\\\\(.)", "$1");
        if (value.equals("macdef") && word.group(2) != null && words.size() % 2 == 0) {
          inMacro = true;
          break;
        }
        words.add(value);
        if (value.equals("default") && words.size() % 2 == 1) {
          words.add("");
        }
      }
    }
    String host = "";
    String user = "";
    String password = "";
    for (int i = 0; i + 1 < words.size(); i += 2) {
      String value = words.get(i + 1);
      switch (words.get(i)) {
        case "machine", "default" -> {
          keep(logins, host, user, password);
          host = words.get(i).equals("default") ? "" : value.toLowerCase(Locale.ROOT);
          user = "";
          password = "";
        }
        case "login" -> user = value;
        case "password" -> password = value;
        default -> {
          // account, or a word that means nothing
        }
      }
    }
    keep(logins, host, user, password);
    return logins;
  }

  private static void keep(Map<String, Login> logins, String host, String user, String password) {
    if (!host.isEmpty() && !password.isEmpty()) {
      logins.putIfAbsent(host, new Login(user, password));
    }
  }
}
