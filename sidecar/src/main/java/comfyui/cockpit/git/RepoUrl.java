package comfyui.cockpit.git;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a repository lies, checked: {@code https://}, {@code http://}, {@code ssh://}, {@code git://}, {@code user@host:path},
 * {@code file:///} or an absolute path. Nothing in it can be taken for an option, a command or a login.
 *
 * @param text as the user wrote it, a relative path made absolute
 */
public record RepoUrl(String text) {
  private static final Pattern WITH_SCHEME = Pattern.compile("([A-Za-z][A-Za-z0-9+.-]*)://(.*)", Pattern.DOTALL);
  private static final Pattern HOST = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]*|\\[[0-9A-Fa-f:.]+\\]");
  private static final Pattern SCP_LIKE = Pattern.compile("(?:([A-Za-z0-9_][A-Za-z0-9._-]*)@)?([^/:@]+|\\[[0-9A-Fa-f:.]+\\]):(.+)");
  private static final Pattern ENCODED_CONTROL = Pattern.compile("%(?:[01][0-9A-Fa-f]|7[Ff])");
  private static final String LOGIN =
      "it carries a user name or password; write the login into ~/.netrc (machine, login, password) and leave it out here";
  private static final int MAX_LENGTH = 2000;
  private static final int MAX_SLUG = 100;

  /** @throws IllegalArgumentException what is wrong with it, as a part of a sentence that never quotes a login */
  public RepoUrl {
    check(text);
  }

  /**
   * Reads what stands in a declaration.
   *
   * @param folder where relative paths begin
   * @throws IllegalArgumentException what is wrong with it, as a part of a sentence that never quotes a login
   */
  public static RepoUrl parse(String text, Path folder) {
    String stripped = text.strip();
    if (looksLikeRelativePath(stripped)) {
      refuseOddCharacters(stripped);
      try {
        return new RepoUrl(folder.toAbsolutePath().resolve(stripped).normalize().toString());
      } catch (InvalidPathException e) {
        throw new IllegalArgumentException("\"" + stripped + "\" is no path", e);
      }
    }
    return new RepoUrl(stripped);
  }

  /** A path that git would take for one: without scheme, not absolute, and no {@code host:} before its first slash. */
  private static boolean looksLikeRelativePath(String text) {
    return !text.isEmpty() && !text.startsWith("-") && !text.contains("::") && !WITH_SCHEME.matcher(text).matches() && !isAbsolute(text)
        && !SCP_LIKE.matcher(text).matches();
  }

  /** True for a repository on this machine's own disks. */
  public boolean isLocal() {
    return isAbsolute(text) || "file".equals(scheme(text));
  }

  /** The last part of the path, without {@code .git}: where a custom node goes unless it is told otherwise. */
  public String name() {
    String path = trimmedPath().replaceAll("/\\.git$", "");
    String last = path.substring(Math.max(path.lastIndexOf('/'), path.lastIndexOf(':')) + 1);
    return last.isEmpty() || last.startsWith(".") || last.equals(host()) && !isLocal() ? "repository" : last;
  }

  /** The name of its shared cache: readable, made of letters, digits, dots and dashes, and different for different repositories. */
  public String slug() {
    String canonical = canonical();
    String readable = (isLocal() ? "local/" + lastTwo(canonical) : canonical.replaceFirst("^[a-z]+://", "").replaceFirst("^[^/@]*@", ""))
        .replaceAll("[^A-Za-z0-9._]+", "-").replaceAll("^[-.]+|[-.]+$", "");
    String shortened = readable.length() > MAX_SLUG ? readable.substring(readable.length() - MAX_SLUG).replaceAll("^[-.]+", "") : readable;
    return shortened + "-" + sha256(canonical).substring(0, 8);
  }

  /**
   * Where a submodule of this repository lies: relative addresses ({@code ./}, {@code ../}) begin here.
   *
   * @throws IllegalArgumentException what is wrong with it; a local one is refused where this repository is not local
   */
  public RepoUrl resolveSubmodule(String url) {
    String stripped = url.strip();
    RepoUrl resolved = stripped.startsWith("./") || stripped.startsWith("../") || stripped.equals("..") || stripped.equals(".") ? relative(stripped)
        : new RepoUrl(stripped);
    if (resolved.isLocal() && !isLocal()) {
      throw new IllegalArgumentException("it lies on this machine, and the repository that names it does not");
    }
    return resolved;
  }

  /** The path of a local repository. */
  Path localPath() {
    return Path.of(isAbsolute(text) ? text : URLDecoder.decode(afterScheme(text).replace("+", "%2B"), StandardCharsets.UTF_8));
  }

  /** The host that a login may belong to; empty for a local repository. */
  String host() {
    if (isLocal()) {
      return "";
    }
    if (scheme(text).isEmpty()) {
      Matcher scp = SCP_LIKE.matcher(text);
      return scp.matches() ? scp.group(2).toLowerCase(Locale.ROOT) : "";
    }
    String authority = afterScheme(text).split("/", 2)[0];
    return hostOf(authority.substring(authority.lastIndexOf('@') + 1)).toLowerCase(Locale.ROOT);
  }

  boolean isHttp() {
    return scheme(text).equals("http") || scheme(text).equals("https");
  }

  boolean isSsh() {
    return !isLocal() && (scheme(text).isEmpty() || scheme(text).equals("ssh"));
  }

  private RepoUrl relative(String url) {
    String base = trimTrailingSlashes(text);
    String rest = url;
    while (true) {
      if (rest.equals(".") || rest.equals("..")) {
        rest += "/";
      }
      if (rest.startsWith("./")) {
        rest = rest.substring(2).replaceAll("^/+", "");
      } else if (rest.startsWith("../")) {
        rest = rest.substring(3).replaceAll("^/+", "");
        base = parent(base);
      } else {
        break;
      }
    }
    if (List.of(rest.split("/")).contains("..")) {
      throw new IllegalArgumentException("\"..\" stands in the middle of its address");
    }
    boolean afterColon = base.endsWith(":");
    return new RepoUrl(rest.isEmpty() ? base : afterColon ? base + rest : base + "/" + rest);
  }

  /** One part less; never more than the path has. */
  private String parent(String base) {
    String scheme = scheme(text);
    int pathBegins = scheme.isEmpty() ? isAbsolute(text) ? 0 : base.indexOf(':') + 1 : scheme.length() + 3 + afterScheme(base).indexOf('/');
    int slash = base.lastIndexOf('/');
    boolean hasPath = scheme.isEmpty() || afterScheme(base).indexOf('/') >= 0;
    if (!hasPath || base.length() <= pathBegins) {
      throw new IllegalArgumentException("it has more \"../\" than the address of its repository has parts");
    }
    return base.substring(0, Math.max(slash, pathBegins));
  }

  private String canonical() {
    String scheme = scheme(text);
    if (isLocal()) {
      return "file://" + withoutGit(trimTrailingSlashes(localPath().normalize().toString()));
    }
    if (scheme.isEmpty()) {
      int colon = text.indexOf("]:") >= 0 ? text.indexOf("]:") + 1 : text.indexOf(':');
      return text.substring(0, colon).toLowerCase(Locale.ROOT) + ":" + withoutGit(trimTrailingSlashes(text.substring(colon + 1)));
    }
    String[] parts = afterScheme(text).split("/", 2);
    String authority = parts[0].toLowerCase(Locale.ROOT);
    String defaultPort = switch (scheme) {
      case "http" -> ":80";
      case "https" -> ":443";
      case "ssh" -> ":22";
      default -> ":9418";
    };
    if (authority.endsWith(defaultPort)) {
      authority = authority.substring(0, authority.length() - defaultPort.length());
    }
    return scheme + "://" + authority + "/" + withoutGit(trimTrailingSlashes(parts.length > 1 ? parts[1] : ""));
  }

  private String trimmedPath() {
    return withoutGit(trimTrailingSlashes(isLocal() ? localPath().normalize().toString() : text));
  }

  private static String lastTwo(String path) {
    List<String> parts = new ArrayList<>(List.of(path.split("/")));
    return String.join("/", parts.subList(Math.max(0, parts.size() - 2), parts.size()));
  }

  private static String withoutGit(String path) {
    return path.endsWith(".git") && !path.endsWith("/.git") && path.length() > 4 ? path.substring(0, path.length() - 4) : path;
  }

  private static String trimTrailingSlashes(String text) {
    return text.replaceAll("(?<=.)/+$", "");
  }

  private static void check(String text) {
    if (text.isEmpty()) {
      throw new IllegalArgumentException("it is empty");
    }
    refuseOddCharacters(text);
    if (text.startsWith("-")) {
      throw new IllegalArgumentException("it begins with a dash, as an option does");
    }
    if (isAbsolute(text)) {
      return;
    }
    if (text.replaceAll("\\[[0-9A-Fa-f:.]+\\]", "").contains("::")) {
      throw new IllegalArgumentException("an address with \"::\" would run a helper program");
    }
    String scheme = scheme(text);
    switch (scheme) {
      case "http", "https", "ssh", "git" -> checkRemote(scheme, afterScheme(text));
      case "file" -> checkFile(afterScheme(text));
      case "" -> checkScpLike(text);
      default -> throw new IllegalArgumentException("repositories are not fetched by \"" + scheme + "\"; use https");
    }
  }

  private static void refuseOddCharacters(String text) {
    if (text.length() > MAX_LENGTH) {
      throw new IllegalArgumentException("it is longer than " + MAX_LENGTH + " characters");
    }
    if (text.chars().anyMatch(Character::isISOControl) || ENCODED_CONTROL.matcher(text).find()) {
      throw new IllegalArgumentException("it holds a control character");
    }
  }

  private static void checkRemote(String scheme, String rest) {
    String[] parts = rest.split("/", 2);
    String authority = parts[0];
    int at = authority.lastIndexOf('@');
    if (at >= 0) {
      String user = authority.substring(0, at);
      if (!scheme.equals("ssh") || !user.matches("[A-Za-z0-9_][A-Za-z0-9._-]*")) {
        throw new IllegalArgumentException(LOGIN);
      }
      authority = authority.substring(at + 1);
    }
    if (!HOST.matcher(hostOf(authority)).matches() || !authority.substring(hostOf(authority).length()).matches("(?::\\d{1,5})?")) {
      throw new IllegalArgumentException("it names no host");
    }
    String path = parts.length > 1 ? parts[1].replaceAll("^/+", "") : "";
    if (path.isEmpty()) {
      throw new IllegalArgumentException("it names a host and no repository");
    }
    if (path.startsWith("-")) {
      throw new IllegalArgumentException("its path begins with a dash, as an option does");
    }
    if (path.contains("?") || path.contains("#")) {
      throw new IllegalArgumentException("it has a \"?\" or \"#\", which no repository's address has");
    }
    if (path.contains(" ") || path.contains("\\")) {
      throw new IllegalArgumentException("it holds a space or a backslash");
    }
    if (List.of(path.split("/")).contains("..")) {
      throw new IllegalArgumentException("its path has a part \"..\"");
    }
  }

  private static void checkFile(String rest) {
    if (!rest.startsWith("/")) {
      throw new IllegalArgumentException("a file:// address has three slashes, then an absolute path");
    }
    try {
      Path.of(URLDecoder.decode(rest.replace("+", "%2B"), StandardCharsets.UTF_8));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("it is no path", e);
    }
  }

  private static void checkScpLike(String text) {
    Matcher matcher = SCP_LIKE.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(text.contains("@") && text.contains(":") ? LOGIN : "it is neither an address nor an absolute path");
    }
    String path = matcher.group(3);
    if (path.contains("@")) {
      throw new IllegalArgumentException(LOGIN);
    }
    if (!HOST.matcher(matcher.group(2)).matches()) {
      throw new IllegalArgumentException("it names no host");
    }
    if (path.startsWith("-")) {
      throw new IllegalArgumentException("its path begins with a dash, as an option does");
    }
    if (List.of(path.split("/")).contains("..")) {
      throw new IllegalArgumentException("its path has a part \"..\"");
    }
  }

  /** Without the port; an IPv6 address keeps its brackets. */
  private static String hostOf(String authority) {
    int bracket = authority.indexOf(']');
    int colon = authority.indexOf(':', Math.max(bracket, 0));
    return colon < 0 ? authority : authority.substring(0, colon);
  }

  private static boolean isAbsolute(String text) {
    try {
      return Path.of(text).isAbsolute();
    } catch (InvalidPathException e) {
      return false;
    }
  }

  /** Lower case; empty where there is none. */
  private static String scheme(String text) {
    Matcher matcher = WITH_SCHEME.matcher(text);
    return matcher.matches() ? matcher.group(1).toLowerCase(Locale.ROOT) : "";
  }

  private static String afterScheme(String text) {
    return text.substring(text.indexOf("://") + 3);
  }

  private static String sha256(String text) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public String toString() {
    return text;
  }
}
