package comfyui.cockpit.source;

import comfyui.cockpit.gcs.Bucket;
import comfyui.cockpit.net.Url;
import comfyui.cockpit.source.ModelSource.Civitai;
import comfyui.cockpit.source.ModelSource.GcsObject;
import comfyui.cockpit.source.ModelSource.HuggingFace;
import comfyui.cockpit.source.ModelSource.Local;
import comfyui.cockpit.source.ModelSource.RepoType;
import comfyui.cockpit.source.ModelSource.Web;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads every form of source that people write or paste. */
public final class SourceUri {
  private static final Set<String> HUGGING_FACE_HOSTS = Set.of("huggingface.co", "www.huggingface.co", "hf.co");
  private static final Set<String> CIVITAI_HOSTS = Set.of("civitai.com", "www.civitai.com", "civitai.red", "www.civitai.red", "civitai.green");
  private static final Set<String> FILE_ROUTES = Set.of("blob", "resolve", "raw", "blame");
  private static final Pattern REPO = Pattern.compile("(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,95}/)?[A-Za-z0-9_][A-Za-z0-9._-]{0,95}");
  private static final Pattern AIR =
      Pattern.compile("(?:urn:)?(?:air:)?(?:[^:]+:)?[^:]+:([a-z0-9-]+):([^@+]+?)(?:@([^+.]+))?(?:\\+(\\d+))?(?:\\.([A-Za-z0-9]+))?");
  private static final Pattern CIVITAI_PAIR = Pattern.compile("(\\d+)@(\\d+)");
  private static final Pattern DIGITS = Pattern.compile("\\d{1,18}");

  private final Hubs hubs;
  private final Path folder;

  /** @param folder the declaration's, where relative paths begin */
  public SourceUri(Hubs hubs, Path folder) {
    this.hubs = hubs;
    this.folder = folder;
  }

  /** @throws IllegalArgumentException if it is none of the forms; the message says what is wrong */
  public ModelSource parse(String text) {
    String uri = text.strip();
    String scheme = uri.matches("[A-Za-z][A-Za-z0-9+.-]*:.*") ? uri.substring(0, uri.indexOf(':')).toLowerCase(java.util.Locale.ROOT) : "";
    return switch (scheme) {
      case "hf", "huggingface" -> huggingFace(uri.substring(uri.indexOf("://") + 3));
      case "civitai" -> civitai(uri.substring(uri.indexOf("://") + 3));
      case "urn", "air" -> air(uri);
      case "gs" -> gcs(uri.regionMatches(3, "//", 0, 2) ? uri.substring(5) : "");
      case "http", "https" -> web(Url.parse(uri));
      case "file" -> local(uri);
      case "" -> new Local(folder.resolve(uri).normalize());
      default -> {
        if (scheme.length() == 1 && !uri.startsWith("//", 2)) {
          yield new Local(Path.of(uri));
        }
        throw new IllegalArgumentException("\"" + scheme + "\" is not a known kind of source");
      }
    };
  }

  /** Checks a repository's name as the Hub does. */
  public static String repo(String repo) {
    if (!REPO.matcher(repo).matches() || repo.contains("--") || repo.contains("..") || repo.endsWith(".git") || repo.endsWith("-") || repo.endsWith(".")) {
      throw new IllegalArgumentException("\"" + repo + "\" is not the name of a repository (owner/name)");
    }
    return repo;
  }

  /** A path inside a repository: no empty part, no {@code .} or {@code ..}. */
  public static String repoPath(String path) {
    for (String part : path.split("/", -1)) {
      if (part.isEmpty() || part.equals(".") || part.equals("..")) {
        throw new IllegalArgumentException("\"" + path + "\" is not a path inside a repository");
      }
    }
    return path;
  }

  public static RepoType repoType(String name) {
    return switch (name) {
      case "model" -> RepoType.MODEL;
      case "dataset" -> RepoType.DATASET;
      case "space" -> RepoType.SPACE;
      default -> throw new IllegalArgumentException("repo_type is \"model\", \"dataset\" or \"space\", not \"" + name + "\"");
    };
  }

  private HuggingFace huggingFace(String rest) {
    Optional<String> revisionQuery = Optional.empty();
    int question = rest.indexOf("?rev=");
    if (question >= 0) {
      revisionQuery = Optional.of(decode(rest.substring(question + 5)));
      rest = rest.substring(0, question);
    }
    RepoType type = RepoType.MODEL;
    for (RepoType candidate : List.of(RepoType.DATASET, RepoType.SPACE)) {
      if (rest.startsWith(candidate.prefix())) {
        type = candidate;
        rest = rest.substring(candidate.prefix().length());
      }
    }
    if (rest.startsWith("models/")) {
      rest = rest.substring("models/".length());
    }
    String[] parts = rest.split("/", 3);
    if (parts.length < 2) {
      throw new IllegalArgumentException("an hf:// source is hf://owner/name/path");
    }
    String name = parts[1];
    String path = parts.length > 2 ? parts[2] : "";
    Optional<String> revision = revisionQuery;
    int at = name.indexOf('@');
    if (at >= 0) {
      String written = name.substring(at + 1);
      name = name.substring(0, at);
      Matcher ref = Pattern.compile("(pr/\\d+|convert/[^/]+)(?:/(.*))?").matcher(path);
      if (written.equals("refs") && ref.matches()) {
        written = "refs/" + ref.group(1);
        path = ref.group(2) == null ? "" : ref.group(2);
      }
      if (written.isEmpty()) {
        throw new IllegalArgumentException("after @ a revision must stand");
      }
      revision = Optional.of(decode(written));
    }
    return new HuggingFace(type, repo(parts[0] + "/" + name), revision.orElse("main"), path.isEmpty() ? "" : repoPath(path));
  }

  private Civitai civitai(String rest) {
    Url url = Url.parse("https://civitai.invalid/" + rest);
    List<String> segments = url.segments().stream().filter(segment -> !segment.isEmpty()).toList();
    Optional<Long> file = url.query("fileId").map(SourceUri::id);
    Optional<String> type = url.query("type");
    Optional<String> format = url.query("format");
    String last = segments.isEmpty() ? "" : segments.getLast();
    Matcher pair = CIVITAI_PAIR.matcher(last);
    if (segments.size() == 1 && pair.matches()) {
      return new Civitai(Optional.of(id(pair.group(1))), Optional.of(id(pair.group(2))), file, type, format);
    }
    String path = String.join("/", segments);
    if (path.matches("(model|m)/\\d+")) {
      return new Civitai(Optional.of(id(last)), url.query("modelVersionId").map(SourceUri::id), file, type, format);
    }
    if (path.matches("models/\\d+/\\d+")) {
      return new Civitai(Optional.of(id(segments.get(1))), Optional.of(id(last)), file, type, format);
    }
    if (path.matches("(models/|v/|download/|api/download/models/)?\\d+")) {
      return new Civitai(Optional.empty(), Optional.of(id(last)), file, type, format);
    }
    throw new IllegalArgumentException("a civitai:// source is civitai://models/<version id> or civitai://<model id>@<version id>");
  }

  private ModelSource air(String uri) {
    Matcher matcher = AIR.matcher(uri.replaceFirst("(?i)^urn:", "").replaceFirst("(?i)^air:", ""));
    if (!matcher.matches()) {
      throw new IllegalArgumentException("an AIR is urn:air:<base>:<type>:<host>:<id>@<version>");
    }
    String host = matcher.group(1);
    Optional<String> version = Optional.ofNullable(matcher.group(3));
    return switch (host) {
      case "civitai" ->
          new Civitai(
              Optional.of(id(matcher.group(2))), version.map(SourceUri::id), Optional.ofNullable(matcher.group(4)).map(SourceUri::id), Optional.empty(),
              Optional.empty());
      case "huggingface" -> new HuggingFace(RepoType.MODEL, repo(matcher.group(2)), version.orElse("main"), "");
      default -> throw new IllegalArgumentException("the host \"" + host + "\" of this AIR is not supported");
    };
  }

  private static GcsObject gcs(String rest) {
    int slash = rest.indexOf('/');
    if (slash < 1) {
      throw new IllegalArgumentException("a gs:// source is gs://bucket/object");
    }
    String bucket = bucket(rest.substring(0, slash));
    String object = rest.substring(slash + 1);
    Matcher generation = Pattern.compile("(.+)#(\\d+)").matcher(object);
    return generation.matches()
        ? new GcsObject(bucket, object(generation.group(1)), Optional.of(generation(generation.group(2))))
        : new GcsObject(bucket, object(object), Optional.empty());
  }

  private static long generation(String text) {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("\"" + text + "\" is no generation", e);
    }
  }

  /** Checks a bucket's name as Google Cloud Storage does. */
  public static String bucket(String bucket) {
    if (!Bucket.isName(bucket)) {
      throw new IllegalArgumentException("\"" + bucket + "\" is not the name of a bucket");
    }
    return bucket;
  }

  /** Checks the name of an object that is one file; anything else may stand in it. */
  public static String object(String object) {
    if (object.isEmpty() || object.endsWith("/")) {
      throw new IllegalArgumentException("a gs:// source is gs://bucket/object, one file");
    }
    if (object.equals(".") || object.equals("..") || object.contains("\n") || object.contains("\r") || object.getBytes(StandardCharsets.UTF_8).length > 1024) {
      throw new IllegalArgumentException("this is not the name of an object");
    }
    return object;
  }

  private ModelSource web(Url url) {
    if (HUGGING_FACE_HOSTS.contains(url.host()) || hubs.huggingFace().sameOrigin(url)) {
      Optional<ModelSource> source = huggingFacePage(url);
      if (source.isPresent()) {
        return source.get();
      }
    }
    if (CIVITAI_HOSTS.contains(url.host()) || hubs.civitai().sameOrigin(url)) {
      Optional<ModelSource> source = civitaiPage(url);
      if (source.isPresent()) {
        return source.get();
      }
    }
    return new Web(url);
  }

  private Optional<ModelSource> huggingFacePage(Url url) {
    List<String> segments = new ArrayList<>(url.segments().stream().filter(segment -> !segment.isEmpty()).toList());
    RepoType type = RepoType.MODEL;
    if (!segments.isEmpty() && (segments.getFirst().equals("datasets") || segments.getFirst().equals("spaces"))) {
      type = segments.removeFirst().equals("datasets") ? RepoType.DATASET : RepoType.SPACE;
    }
    if (segments.size() == 2 || segments.size() >= 3 && segments.get(2).equals("tree")) {
      String revision = segments.size() > 3 ? segments.get(3) : "main";
      return Optional.of(new HuggingFace(type, repo(segments.get(0) + "/" + segments.get(1)), revision, ""));
    }
    // A canonical name without an owner, or owner/name, before the route.
    int route = segments.size() > 1 && FILE_ROUTES.contains(segments.get(1)) ? 1 : 2;
    if (segments.size() < route + 3 || !FILE_ROUTES.contains(segments.get(route))) {
      return Optional.empty();
    }
    String repo = String.join("/", segments.subList(0, route));
    List<String> rest = segments.subList(route + 1, segments.size());
    int revisionParts = rest.getFirst().equals("refs") && rest.size() > 3 ? 3 : 1;
    String revision = String.join("/", rest.subList(0, revisionParts));
    return Optional.of(new HuggingFace(type, repo(repo), revision, repoPath(String.join("/", rest.subList(revisionParts, rest.size())))));
  }

  private static Optional<ModelSource> civitaiPage(Url url) {
    String path = String.join("/", url.segments());
    Matcher download = Pattern.compile("api/download/models/(\\d+)/?").matcher(path);
    if (download.matches()) {
      return Optional.of(
          new Civitai(Optional.empty(), Optional.of(id(download.group(1))), url.query("fileId").map(SourceUri::id), url.query("type"), url.query("format")));
    }
    Matcher page = Pattern.compile("models/(\\d+)(?:/.*)?").matcher(path);
    if (page.matches()) {
      return Optional.of(
          new Civitai(Optional.of(id(page.group(1))), url.query("modelVersionId").map(SourceUri::id), Optional.empty(), Optional.empty(), Optional.empty()));
    }
    Matcher version = Pattern.compile("model-versions/(\\d+)/?").matcher(path);
    return version.matches()
        ? Optional.of(new Civitai(Optional.empty(), Optional.of(id(version.group(1))), Optional.empty(), Optional.empty(), Optional.empty()))
        : Optional.empty();
  }

  private Local local(String uri) {
    URI parsed = URI.create(uri);
    if (parsed.isOpaque() || parsed.getPath() == null || parsed.getPath().isEmpty()) {
      throw new IllegalArgumentException("a file: source is file:///path");
    }
    if (parsed.getAuthority() != null && !parsed.getAuthority().isEmpty() && !parsed.getAuthority().equalsIgnoreCase("localhost")) {
      throw new IllegalArgumentException("a file: source names no other machine (\"" + parsed.getAuthority() + "\")");
    }
    return new Local(Path.of(URI.create("file://" + parsed.getRawPath())));
  }

  private static long id(String text) {
    if (!DIGITS.matcher(text).matches()) {
      throw new IllegalArgumentException("\"" + text + "\" is not an id, which is a whole number");
    }
    return Long.parseLong(text);
  }

  private static String decode(String text) {
    return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
  }
}
