package comfyui.cockpit.version;

import comfyui.cockpit.git.RepoUrl;
import comfyui.cockpit.json.Checker;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.json.Value.Member;
import comfyui.cockpit.json.Value.Obj;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.RelativePath;
import comfyui.cockpit.python.Requirements;
import comfyui.cockpit.source.ModelSource;
import comfyui.cockpit.source.SourceJson;
import comfyui.cockpit.source.SourceUri;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** Reads the text of a version's spec, with all of its errors. */
public final class VersionJson {
  private static final int LARGEST = 1 << 20;
  private static final List<String> KEYS =
      List.of("$schema", "schema_version", "version_id", "comfy", "custom_nodes", "models", "python_packages", "python", "env", "options");
  private static final List<String> REPO_KEYS = List.of("repo", "ref", "commit");
  private static final List<String> NODE_KEYS = List.of("name", "repo", "ref", "commit", "target_dir", "install_requirements", "run_install_script");
  private static final List<String> MODEL_KEYS = List.of("source", "name", "target_subdir", "target_path", "checksum");

  /** Options of pip that uv's requirement files take too. */
  private static final Set<String> KNOWN_OPTIONS =
      Set.of("--index-url", "-i", "--extra-index-url", "--find-links", "-f", "--no-index", "--no-binary", "--only-binary", "--pre");

  /** Options that ask for packages, by a path that no lock can hold. */
  private static final Set<String> ASKING = Set.of("-e", "--editable", "-r", "--requirement", "-c", "--constraint");

  /** What names one of PyTorch's indexes, for every machine the same. */
  static final Pattern TORCH_BACKEND = Pattern.compile("cpu|cu\\d{2,3}|rocm\\d(\\.\\d+)*|xpu");

  /** PEP 508, as far as it can be told without knowing every operator: a name, then nothing, a version, a marker or an address. */
  private static final Pattern REQUIREMENT =
      Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*\\s*(?:\\[[^]]*]\\s*)?(?:$|[<>=!~;(].*|@\\s*(?:git\\+)?[a-z]+://\\S+(?:\\s+;.*)?)");

  static final Pattern VARIABLE = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

  private final SourceUri sources;
  private final Path folder;

  /** @param folder the spec's, where relative paths begin */
  public VersionJson(SourceUri sources, Path folder) {
    this.sources = sources;
    this.folder = folder;
  }

  /** @param spec nothing if there is any error */
  public record Parsed(Optional<VersionSpec> spec, List<Problem> errors, List<Problem> warnings) {}

  /** True for a name that may be a version's: it becomes a file's and a directory's. */
  public static boolean isId(String text) {
    return text.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,99}") && !text.endsWith(".lock");
  }

  /**
   * @param file how the user would write its path
   * @param id what the file's name says
   */
  public Parsed parse(String text, String file, String id) {
    Checker checker = new Checker(file);
    if (text.length() > LARGEST) {
      checker.error(new Value.Place(0, 0, 1, 1), "", Code.DECLARATION_INVALID, "The file has " + text.length() + " characters; a spec has at most " + LARGEST + ".", "This is hardly a spec.");
      return new Parsed(Optional.empty(), checker.errors(), checker.warnings());
    }
    Optional<Obj> root = checker.parse(text).flatMap(value -> checker.object(value, ""));
    if (root.isEmpty()) {
      return new Parsed(Optional.empty(), checker.errors(), checker.warnings());
    }
    Optional<VersionSpec> spec = read(checker, root.get(), id);
    return new Parsed(checker.errors().isEmpty() ? spec : Optional.empty(), checker.errors(), checker.warnings());
  }

  private Optional<VersionSpec> read(Checker checker, Obj root, String id) {
    checker.knownKeys(root, "", KEYS);
    checker.required(root, "", "schema_version").ifPresent(
        value -> {
          if (!value.asLong().equals(Optional.of(2L))) {
            checker.error(
                value.place(), "/schema_version", Code.DECLARATION_INVALID, "This is not schema 2, the only one there is.", "Write 2; `version create` makes a spec of today's form.");
          }
        });
    Optional<String> said = checker.requiredString(root, "", "version_id");
    said.ifPresent(
        name -> {
          Value value = root.members().get("version_id").value();
          if (!isId(name)) {
            checker.error(
                value.place(), "/version_id", Code.DECLARATION_INVALID, "A version's id is made of letters, digits, \".\", \"_\" and \"-\", at most 100 of them.", "Choose such an id.");
          } else if (!name.equals(id)) {
            checker.warning(
                value.place(), "/version_id", Code.DECLARATION_INVALID, "The file is called \"" + id + "\" and says \"" + name + "\"; the file's name is what counts.", "Make the two equal.");
          }
        });
    Optional<VersionSpec.Repo> comfy =
        checker.required(root, "", "comfy").flatMap(value -> checker.object(value, "/comfy")).flatMap(
            obj -> {
              checker.knownKeys(obj, "/comfy", REPO_KEYS);
              return repo(checker, obj, "/comfy");
            });
    List<VersionSpec.Node> nodes = nodes(checker, root);
    List<VersionSpec.Model> models = models(checker, root);
    List<String> packages = packages(checker, root);
    Optional<String> python = checker.string(root, "", "python");
    python.filter(text -> !text.matches("3\\.\\d{1,2}(\\.\\d{1,2})?")).ifPresent(
        text ->
            checker.error(root.members().get("python").value().place(), "/python", Code.DECLARATION_INVALID, "\"" + text + "\" is not a version of Python.", "Write \"3.12\" or \"3.12.8\"."));
    Map<String, String> env = env(checker, root);
    VersionSpec.Options options = options(checker, root);
    return comfy.map(repo -> new VersionSpec(id, repo, nodes, models, packages, python, env, options));
  }

  private Optional<VersionSpec.Repo> repo(Checker checker, Obj obj, String at) {
    Optional<RepoUrl> url =
        checker.required(obj, at, "repo")
            .flatMap(value -> checker.make(value, at + "/repo", Code.SOURCE_UNSUPPORTED, "Write the address that `git clone` takes.", text -> RepoUrl.parse(text, folder)));
    Optional<String> ref = checker.optional(obj, "ref").filter(value -> !(value instanceof Value.Nul)).flatMap(value -> checker.make(value, at + "/ref", Code.DECLARATION_INVALID, "Write a branch, a tag or a commit.", VersionJson::ref));
    Optional<String> commit =
        checker.optional(obj, "commit").filter(value -> !(value instanceof Value.Nul)).flatMap(value -> checker.make(value, at + "/commit", Code.DECLARATION_INVALID, "Write the commit's 40 hexadecimal digits.", VersionJson::ref));
    Optional<CommitId> full = commit.map(text -> text.toLowerCase(Locale.ROOT)).filter(CommitId::isFull).map(CommitId::new);
    if (commit.isPresent() && full.isEmpty()) {
      checker.warning(
          obj.members().get("commit").value().place(), at + "/commit", Code.DECLARATION_INVALID, "\"" + commit.get() + "\" is no full commit; it is taken as a ref.",
          "Write it as \"ref\", or let `version resolve` pin it.");
    }
    return url.map(address -> new VersionSpec.Repo(obj.text("repo").orElse(address.text()), address, full.isPresent() ? ref : commit.or(() -> ref), full));
  }

  /** What git itself accepts as a name, and never something that could be taken for an option. */
  public static String ref(String text) {
    boolean bad =
        text.startsWith("-") || text.startsWith("/") || text.endsWith("/") || text.endsWith(".") || text.endsWith(".lock") || text.contains("..") || text.contains("@{") || text.contains("//")
            || text.chars().anyMatch(c -> c <= ' ' || c == 0x7f || "~^:?*[\\".indexOf(c) >= 0);
    if (bad || text.isEmpty()) {
      throw new IllegalArgumentException("\"" + text + "\" is not a name that git accepts");
    }
    return text;
  }

  private List<VersionSpec.Node> nodes(Checker checker, Obj root) {
    List<VersionSpec.Node> nodes = new ArrayList<>();
    Set<String> dirs = new LinkedHashSet<>();
    int index = 0;
    for (Value item : checker.list(root, "", "custom_nodes")) {
      String at = "/custom_nodes/" + index++;
      checker.object(item, at).flatMap(obj -> node(checker, obj, at)).ifPresent(
          node -> {
            if (!dirs.add(node.dir().toLowerCase(Locale.ROOT))) {
              checker.error(item.place(), at, Code.PATH_TAKEN, "Another custom node lies in " + node.dir() + " too.", "Give one of them another name or target_dir.");
            }
            nodes.add(node);
          });
    }
    return nodes;
  }

  private Optional<VersionSpec.Node> node(Checker checker, Obj obj, String at) {
    checker.knownKeys(obj, at, NODE_KEYS);
    Optional<VersionSpec.Repo> repo = repo(checker, obj, at);
    Optional<String> name = checker.string(obj, at, "name").or(() -> repo.map(r -> r.url().name()));
    boolean requirements = checker.flag(obj, at, "install_requirements", true);
    boolean script = checker.flag(obj, at, "run_install_script", false);
    Optional<Value> target = checker.optional(obj, "target_dir").filter(value -> !(value instanceof Value.Nul));
    Value place = target.or(() -> checker.optional(obj, "name")).orElse(obj);
    Optional<String> dir =
        target.isPresent()
            ? checker.string(target.get(), at + "/target_dir").flatMap(text -> nodeDir(checker, place, at + "/target_dir", text))
            : name.flatMap(text -> nodeDir(checker, place, at + "/name", text));
    return repo.flatMap(r -> dir.map(d -> new VersionSpec.Node(name.orElse(d), d, r, requirements, script)));
  }

  /** A folder of {@code custom_nodes}, however it is written. */
  private static Optional<String> nodeDir(Checker checker, Value value, String at, String text) {
    String path = text.replace("${COMFY_HOME}", "$COMFY_HOME").replaceAll("/+$", "");
    boolean home = path.startsWith("$COMFY_HOME/");
    String rest = home ? path.substring("$COMFY_HOME/".length()) : path;
    if (rest.startsWith("ComfyUI/custom_nodes/")) {
      rest = rest.substring("ComfyUI/".length());
    }
    if (!home && !rest.startsWith("custom_nodes/")) {
      rest = "custom_nodes/" + rest;
    }
    try {
      String dir = new RelativePath(rest).value();
      if (path.startsWith("/") || path.contains("$") && !home || !dir.startsWith("custom_nodes/") || List.of(dir.split("/")).stream().anyMatch(part -> part.equalsIgnoreCase(".git"))) {
        throw new IllegalArgumentException("\"" + text + "\" leaves ComfyUI's custom_nodes");
      }
      return Optional.of(dir);
    } catch (IllegalArgumentException e) {
      checker.error(value.place(), at, Code.PATH_OUTSIDE_ROOT, sentence(e), "Write a folder's name, or $COMFY_HOME/custom_nodes/<name>.");
      return Optional.empty();
    }
  }

  private static String sentence(IllegalArgumentException e) {
    String text = String.valueOf(e.getMessage());
    return Character.toUpperCase(text.charAt(0)) + text.substring(1) + ".";
  }

  private List<VersionSpec.Model> models(Checker checker, Obj root) {
    List<VersionSpec.Model> models = new ArrayList<>();
    Map<String, String> seen = new LinkedHashMap<>();
    int index = 0;
    for (Value item : checker.list(root, "", "models")) {
      String at = "/models/" + index++;
      Optional<VersionSpec.Model> read = checker.object(item, at).flatMap(obj -> model(checker, obj, at));
      if (read.isEmpty()) {
        continue;
      }
      String target = read.get().target().map(ModelPath::toString).orElse(read.get().folder() + "/?" + read.get().source().uri());
      String other = seen.putIfAbsent(target, read.get().source().uri());
      if (other == null) {
        models.add(read.get());
      } else if (other.equals(read.get().source().uri())) {
        checker.warning(item.place(), at, Code.DECLARATION_INVALID, "This model stands here a second time.", "Take one of the two away.");
      } else {
        checker.error(item.place(), at, Code.PATH_TAKEN, "Another model has the same place, " + target + ".", "Give each model a place of its own.");
      }
    }
    return models;
  }

  private Optional<VersionSpec.Model> model(Checker checker, Obj obj, String at) {
    checker.knownKeys(obj, at, MODEL_KEYS);
    Optional<Value> sourceValue = checker.required(obj, at, "source");
    Optional<ModelSource> source = sourceValue.flatMap(value -> SourceJson.read(checker, value, at + "/source", sources));
    Optional<Checksum> checksum =
        checker.optional(obj, "checksum").filter(value -> !(value instanceof Value.Nul))
            .flatMap(value -> checker.make(value, at + "/checksum", Code.DECLARATION_INVALID, "Write sha256:<64 digits>, md5:<32 digits> or a bare sha256.", Checksum::parse));
    Optional<String> name = checker.string(obj, at, "name");
    name.ifPresent(text -> fileName(checker, obj.members().get("name").value(), at + "/name", text));
    Optional<Value> written = checker.optional(obj, "target_path").filter(value -> !(value instanceof Value.Nul));
    Optional<Value> subdir = checker.optional(obj, "target_subdir").filter(value -> !(value instanceof Value.Nul));
    Optional<ModelPath> folder = subdir.flatMap(value -> checker.string(value, at + "/target_subdir").flatMap(text -> path(checker, value, at + "/target_subdir", text)));
    if (source.isEmpty()) {
      return Optional.empty();
    }
    Optional<String> fileName = name.or(() -> fileName(source.get()));
    Optional<ModelPath> target;
    if (written.isPresent()) {
      Optional<String> text = checker.string(written.get(), at + "/target_path");
      Optional<ModelPath> given = text.flatMap(path -> path(checker, written.get(), at + "/target_path", path));
      boolean directory = text.map(path -> path.endsWith("/")).orElse(false);
      if (!directory && given.map(path -> path.relative().isEmpty()).orElse(false)) {
        checker.error(written.get().place(), at + "/target_path", Code.PATH_OUTSIDE_ROOT, "This names the directory of models, not a file in it.", "Write the file's path, or end the directory's with \"/\".");
      }
      target = directory ? given.flatMap(path -> fileName.map(path::child)) : given;
      folder = directory ? given : folder;
    } else {
      ModelPath base = folder.orElse(new ModelPath(true, ""));
      target = fileName.map(base::child);
      if (subdir.isEmpty()) {
        checker.warning(
            obj.place(), at, Code.DECLARATION_INVALID, "Neither target_subdir nor target_path is given: the file lies at the top of the models, where ComfyUI does not look.",
            "Write \"target_subdir\": \"checkpoints\", say.");
      }
    }
    String source0 = sourceValue.get() instanceof Value.Str str ? str.text() : source.get().uri();
    return Optional.of(new VersionSpec.Model(source.get(), source0, target, folder.orElse(new ModelPath(true, "")), checksum));
  }

  private static void fileName(Checker checker, Value value, String at, String text) {
    try {
      if (new RelativePath(text).parts().size() > 1) {
        throw new IllegalArgumentException("\"" + text + "\" is a path, not a file's name");
      }
    } catch (IllegalArgumentException e) {
      checker.error(value.place(), at, Code.PATH_OUTSIDE_ROOT, sentence(e), "Write the file's name; its folder is target_subdir.");
    }
  }

  /** What can be told without asking the host. */
  private static Optional<String> fileName(ModelSource source) {
    Optional<String> path =
        switch (source) {
          case ModelSource.HuggingFace hf -> Optional.of(hf.path());
          case ModelSource.Civitai civitai -> Optional.empty();
          case ModelSource.Web web -> Optional.of(web.url().segments().getLast());
          case ModelSource.Local local -> Optional.of(local.path().toString().replace('\\', '/'));
          case ModelSource.GcsObject gcs -> Optional.of(gcs.object());
        };
    return path.map(text -> text.substring(text.lastIndexOf('/') + 1)).filter(text -> !text.isEmpty() && !text.equals(".."));
  }

  private static Optional<ModelPath> path(Checker checker, Value value, String at, String text) {
    String path = text.replace("${COMFY_HOME}", "$COMFY_HOME").replace("${MODELS_DIR}", "$MODELS_DIR").replaceAll("/+$", "");
    try {
      if (path.equals("$MODELS_DIR") || path.equals("$COMFY_HOME/models") || path.equals(".")) {
        return Optional.of(new ModelPath(true, ""));
      }
      for (String models : List.of("$MODELS_DIR/", "$COMFY_HOME/models/")) {
        if (path.startsWith(models)) {
          return Optional.of(ModelPath.of(true, path.substring(models.length())));
        }
      }
      if (path.startsWith("$COMFY_HOME/")) {
        return Optional.of(ModelPath.of(false, path.substring("$COMFY_HOME/".length())));
      }
      if (path.contains("$")) {
        throw new IllegalArgumentException("\"" + text + "\" holds a variable other than $COMFY_HOME and $MODELS_DIR");
      }
      return Optional.of(ModelPath.of(true, path));
    } catch (IllegalArgumentException e) {
      checker.error(value.place(), at, Code.PATH_OUTSIDE_ROOT, sentence(e), "Write a path relative to the models, or one that begins with $MODELS_DIR or $COMFY_HOME.");
      return Optional.empty();
    }
  }

  private static List<String> packages(Checker checker, Obj root) {
    List<String> packages = new ArrayList<>();
    int index = 0;
    for (Value item : checker.list(root, "", "python_packages")) {
      String at = "/python_packages/" + index++;
      checker.string(item, at).ifPresent(
          text -> {
            if (text.chars().anyMatch(c -> c < ' ')) {
              checker.error(item.place(), at, Code.DECLARATION_INVALID, "A requirement stands on one line.", "Give each requirement an item of its own.");
              return;
            }
            int option = text.startsWith("-") ? 0 : text.indexOf(" --");
            String requirement = (option < 0 ? text : text.substring(0, option)).strip();
            if (!requirement.isEmpty()) {
              if (REQUIREMENT.matcher(requirement).matches()) {
                packages.add(requirement);
              } else {
                checker.error(item.place(), at, Code.DECLARATION_INVALID, "\"" + requirement + "\" is not a requirement.", "Write \"name\", \"name==1.2\" or \"name @ git+https://…@commit\".");
              }
            }
            if (option >= 0) {
              option(checker, item, at, text.substring(option).strip(), packages);
            }
          });
    }
    return packages;
  }

  private static void option(Checker checker, Value item, String at, String text, List<String> packages) {
    String name = text.split("[ =]", 2)[0];
    if (Requirements.isPlaceOption(name) && !Requirements.isPlace(text)) {
      checker.error(item.place(), at, Code.DECLARATION_INVALID, "\"" + name + "\" is followed by one address, without a login in it.", "Logins stand in ~/.netrc.");
      return;
    }
    if (Requirements.isPlaceOption(name) && !Requirements.isAbsolute(text)) {
      checker.error(
          item.place(), at, Code.DECLARATION_INVALID, "\"" + text + "\" names another directory wherever it is read.",
          "Write its whole path or an address; --wheels-dir takes wheels from a directory and nothing else.");
      return;
    }
    if (ASKING.contains(name)) {
      checker.error(item.place(), at, Code.DECLARATION_INVALID, "\"" + text + "\" names files of one machine.", "Write the packages themselves, one an item.");
      return;
    }
    boolean known = KNOWN_OPTIONS.contains(name);
    checker.warning(
        item.place(), at, Code.DECLARATION_INVALID, "\"" + text + "\" is an option of pip, not a package; " + (known ? "it is passed on." : "uv does not know it, and it is left out."),
        known ? "\"torch_backend\" in \"options\" names PyTorch's index." : "Take it away.");
    if (known) {
      packages.add(text);
    }
  }

  private static Map<String, String> env(Checker checker, Obj root) {
    Map<String, String> env = new LinkedHashMap<>();
    checker.optional(root, "env").flatMap(value -> checker.object(value, "/env")).ifPresent(
        obj -> {
          for (Member member : obj.members().values()) {
            String at = "/env/" + Json.escape(member.key());
            if (!VARIABLE.matcher(member.key()).matches()) {
              checker.error(member.keyPlace(), at, Code.DECLARATION_INVALID, "\"" + member.key() + "\" is not the name of a variable.", "Use letters, digits and \"_\".");
            } else {
              checker.anyString(obj, "/env", member.key()).filter(text -> value(checker, member, at, text)).ifPresent(text -> env.put(member.key(), text));
            }
          }
        });
    return env;
  }

  /** No system takes a variable with a NUL in it. */
  static boolean value(Checker checker, Member member, String at, String text) {
    if (text.indexOf('\0') >= 0) {
      checker.error(member.value().place(), at, Code.DECLARATION_INVALID, "The value holds a NUL.", "Take it out.");
      return false;
    }
    return true;
  }

  private static VersionSpec.Options options(Checker checker, Obj root) {
    Optional<Obj> obj = checker.optional(root, "options").flatMap(value -> checker.object(value, "/options"));
    obj.ifPresent(o -> checker.knownKeys(o, "/options", List.of("offline", "skip_models", "torch_backend")));
    Optional<String> torch = obj.filter(o -> o.get("torch_backend").isPresent()).flatMap(o -> checker.string(o, "/options", "torch_backend"));
    torch.filter(text -> !TORCH_BACKEND.matcher(text).matches()).ifPresent(
        text ->
            checker.error(
                obj.orElseThrow().members().get("torch_backend").value().place(), "/options/torch_backend", Code.DECLARATION_INVALID, "\"" + text + "\" is not one of PyTorch's indexes.",
                "Write \"cpu\", \"cu128\" or another of uv's backends; \"auto\" would depend on the machine."));
    return new VersionSpec.Options(
        obj.map(o -> checker.flag(o, "/options", "offline", false)).orElse(false), obj.map(o -> checker.flag(o, "/options", "skip_models", false)).orElse(false), torch);
  }
}
