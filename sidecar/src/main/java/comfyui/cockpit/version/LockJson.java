package comfyui.cockpit.version;

import comfyui.cockpit.git.RepoUrl;
import comfyui.cockpit.git.Submodule;
import comfyui.cockpit.json.Checker;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value.Member;
import comfyui.cockpit.json.Value.Obj;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.RelativePath;
import comfyui.cockpit.python.LockedPackage;
import comfyui.cockpit.python.Requirements;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.regex.Pattern;

/** A lock as text: RFC 8785 and a newline, so that equal locks are equal bytes. */
public final class LockJson {
  private static final int VERSION = 1;
  private static final List<String> KEYS =
      List.of("lock_version", "platform", "python", "comfy", "custom_nodes", "packages", "build_packages", "torch_backend", "places", "models", "env");
  private static final List<String> CHECKOUT_KEYS = List.of("repo", "commit", "tree", "submodules");
  private static final List<String> NODE_KEYS = List.of("name", "dir", "repo", "commit", "tree", "submodules", "run_install_script");
  private static final Pattern PLATFORM = Pattern.compile("[a-z0-9][a-z0-9_.-]*");
  private static final Pattern PYTHON = Pattern.compile("3\\.\\d{1,2}\\.\\d{1,2}(?:(?:a|b|rc)\\d{1,2})?");
  private static final String AGAIN = "Resolve again.";

  private LockJson() {}

  public static String write(Lock lock) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("lock_version", VERSION);
    map.put("platform", lock.platform());
    map.put("python", lock.python());
    map.put("comfy", checkout(lock.comfy()));
    map.put(
        "custom_nodes",
        lock.nodes().stream()
            .map(
                node -> {
                  Map<String, Object> one = new LinkedHashMap<>();
                  one.put("name", node.name());
                  one.put("dir", node.dir());
                  one.putAll(checkout(node.checkout()));
                  one.put("run_install_script", node.runInstallScript());
                  return one;
                })
            .toList());
    map.put("packages", packages(lock.packages()));
    map.put("build_packages", packages(lock.buildPackages()));
    map.put("torch_backend", lock.torchBackend().orElse(null));
    map.put("places", lock.places());
    map.put(
        "models",
        lock.models().stream()
            .map(
                model -> {
                  Map<String, Object> one = new LinkedHashMap<>();
                  one.put("path", model.path().toString());
                  one.put("source", model.source());
                  one.put("size_bytes", model.size().isPresent() ? model.size().getAsLong() : null);
                  one.put("sha256", model.sha256().map(Checksum::hex).orElse(null));
                  return one;
                })
            .toList());
    map.put("env", lock.env());
    return Json.canonical(map) + "\n";
  }

  private static Map<String, Object> checkout(Lock.Checkout checkout) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("repo", checkout.written());
    map.put("commit", checkout.commit().hex());
    map.put("tree", checkout.tree());
    map.put(
        "submodules",
        checkout.submodules().stream().map(sub -> Map.of("path", sub.path(), "repo", sub.repo().text(), "commit", sub.commit().hex())).toList());
    return map;
  }

  private static List<Map<String, String>> packages(List<LockedPackage> packages) {
    return packages.stream()
        .map(
            each ->
                switch (each) {
                  case LockedPackage.Dist dist -> with(Map.of("name", dist.name(), "version", dist.version(), "file", dist.file(), "sha256", dist.sha256()), "url", dist.url());
                  case LockedPackage.Git git -> with(Map.of("name", git.name(), "repo", git.repo(), "commit", git.commit()), "subdirectory", git.subdirectory());
                })
        .toList();
  }

  private static Map<String, String> with(Map<String, String> map, String key, Optional<String> value) {
    Map<String, String> more = new LinkedHashMap<>(map);
    value.ifPresent(text -> more.put(key, text));
    return more;
  }

  /** SHA-256 of the lock's bytes. */
  public static String digest(Lock lock) {
    return sha256(write(lock));
  }

  public static String sha256(String text) {
    try {
      return Checksum.of(Checksum.Algorithm.SHA256, MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8))).hex();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * @param file how the user would write its path
   * @param folder the lock's, where relative paths of repositories begin
   * @throws comfyui.cockpit.kernel.ProblemException {@code declaration_invalid} with all that is wrong
   */
  public static Lock read(String text, String file, Path folder) {
    Checker checker = new Checker(file);
    Optional<Lock> lock = checker.parse(text).flatMap(value -> checker.object(value, "")).flatMap(root -> new Reader(checker, folder).lock(root));
    if (lock.isEmpty() || !checker.errors().isEmpty()) {
      Problem first = checker.errors().isEmpty() ? Problem.of(Code.DECLARATION_INVALID, "It is no lock.") : checker.errors().getFirst();
      throw Problem.of(Code.DECLARATION_INVALID, file + " is not a lock: " + first.detail())
          .withHint("Delete it and run `comfyui-cockpit version resolve`, or bring back the one that was kept with the spec.")
          .gathering(checker.errors())
          .toException();
    }
    return lock.get();
  }

  /** Reads one document. A lock comes from anywhere: whatever in it becomes a path, an argument or a line of a file is checked. */
  private record Reader(Checker checker, Path folder) {
    Optional<Lock> lock(Obj root) {
      checker.knownKeys(root, "", KEYS);
      checker.required(root, "", "lock_version").filter(value -> !value.asLong().equals(Optional.of((long) VERSION))).ifPresent(
          value -> checker.error(value.place(), "/lock_version", Code.DECLARATION_INVALID, "This release reads locks of version " + VERSION + ".", "Use a newer release."));
      Optional<String> platform = text(root, "", "platform", text -> matching(text, PLATFORM, "a platform"));
      Optional<String> python = text(root, "", "python", text -> matching(text, PYTHON, "an exact version of Python"));
      Optional<Lock.Checkout> comfy =
          checker.required(root, "", "comfy").flatMap(value -> checker.object(value, "/comfy")).flatMap(
              obj -> {
                checker.knownKeys(obj, "/comfy", CHECKOUT_KEYS);
                return checkout(obj, "/comfy");
              });
      List<Lock.Node> nodes = each(root, "custom_nodes", this::node, node -> node.dir().toLowerCase(Locale.ROOT));
      List<LockedPackage> packages = each(root, "packages", this::locked, LockedPackage::name);
      List<LockedPackage> build = each(root, "build_packages", this::locked, LockedPackage::name);
      List<Lock.Model> models = each(root, "models", this::model, model -> model.path().toString());
      List<String> places = each(root, "places", (value, at) -> checker.make(value, at, Code.DECLARATION_INVALID, AGAIN, LockJson::place), place -> place);
      Optional<String> torch =
          checker.optional(root, "torch_backend").filter(value -> !(value instanceof Value.Nul))
              .flatMap(value -> checker.make(value, "/torch_backend", Code.DECLARATION_INVALID, AGAIN, text -> matching(text, VersionJson.TORCH_BACKEND, "one of PyTorch's indexes")));
      Map<String, String> env = env(root);
      if (platform.isEmpty() || python.isEmpty() || comfy.isEmpty()) {
        return Optional.empty();
      }
      return Optional.of(new Lock(platform.get(), python.get(), comfy.get(), nodes, packages, build, torch, places, models, env));
    }

    private Optional<String> text(Obj obj, String at, String key, Function<String, String> maker) {
      return checker.required(obj, at, key).flatMap(value -> checker.make(value, at + "/" + key, Code.DECLARATION_INVALID, AGAIN, maker));
    }

    private Optional<String> optionalText(Obj obj, String at, String key, Function<String, String> maker) {
      return checker.optional(obj, key).flatMap(value -> checker.make(value, at + "/" + key, Code.DECLARATION_INVALID, AGAIN, maker));
    }

    private <T> List<T> each(Obj root, String key, BiFunction<Value, String, Optional<T>> read, Function<T, String> name) {
      List<T> all = new ArrayList<>();
      Set<String> names = new HashSet<>();
      int index = 0;
      for (Value item : checker.list(root, "", key)) {
        String at = "/" + key + "/" + index++;
        read.apply(item, at).ifPresent(
            one -> {
              if (!names.add(name.apply(one))) {
                checker.error(item.place(), at, Code.PATH_TAKEN, "\"" + name.apply(one) + "\" stands here a second time.", AGAIN);
              }
              all.add(one);
            });
      }
      return all;
    }

    private Map<String, String> env(Obj root) {
      Map<String, String> env = new LinkedHashMap<>();
      checker.optional(root, "env").flatMap(value -> checker.object(value, "/env")).ifPresent(
          obj -> {
            for (Member member : obj.members().values()) {
              String at = "/env/" + Json.escape(member.key());
              if (!VersionJson.VARIABLE.matcher(member.key()).matches()) {
                checker.error(member.keyPlace(), at, Code.DECLARATION_INVALID, "\"" + member.key() + "\" is not the name of a variable.", AGAIN);
              } else {
                checker.anyString(obj, "/env", member.key()).filter(text -> VersionJson.value(checker, member, at, text)).ifPresent(text -> env.put(member.key(), text));
              }
            }
          });
      return env;
    }

    private Optional<RepoUrl> repo(Obj obj, String at) {
      return checker.required(obj, at, "repo").flatMap(text -> checker.make(text, at + "/repo", Code.SOURCE_UNSUPPORTED, AGAIN, url -> RepoUrl.parse(url, folder)));
    }

    private Optional<CommitId> commit(Obj obj, String at, String key) {
      return checker.required(obj, at, key).flatMap(text -> checker.make(text, at + "/" + key, Code.DECLARATION_INVALID, AGAIN, CommitId::new));
    }

    private Optional<Lock.Checkout> checkout(Obj obj, String at) {
      Optional<RepoUrl> repo = repo(obj, at);
      Optional<CommitId> commit = commit(obj, at, "commit");
      Optional<CommitId> tree = commit(obj, at, "tree");
      List<Submodule> submodules = new ArrayList<>();
      int index = 0;
      for (Value item : checker.list(obj, at, "submodules")) {
        submodule(item, at + "/submodules/" + index++, repo).ifPresent(submodules::add);
      }
      return repo.flatMap(r -> commit.flatMap(c -> tree.map(t -> new Lock.Checkout(obj.text("repo").orElse(r.text()), r, c, t.hex(), submodules))));
    }

    private Optional<Submodule> submodule(Value value, String at, Optional<RepoUrl> parent) {
      return checker.object(value, at).flatMap(
          obj -> {
            checker.knownKeys(obj, at, List.of("path", "repo", "commit"));
            Optional<String> path = checker.required(obj, at, "path").flatMap(text -> checker.make(text, at + "/path", Code.PATH_OUTSIDE_ROOT, AGAIN, LockJson::inside));
            Optional<RepoUrl> repo = repo(obj, at);
            if (repo.map(RepoUrl::isLocal).orElse(false) && !parent.map(RepoUrl::isLocal).orElse(true)) {
              checker.error(
                  obj.members().get("repo").value().place(), at + "/repo", Code.SOURCE_UNSUPPORTED, "A submodule of a remote repository lies on this machine.", AGAIN);
            }
            Optional<CommitId> commit = commit(obj, at, "commit");
            return path.flatMap(p -> repo.flatMap(r -> commit.map(c -> new Submodule(p, r, c))));
          });
    }

    private Optional<Lock.Node> node(Value value, String at) {
      return checker.object(value, at).flatMap(
          obj -> {
            checker.knownKeys(obj, at, NODE_KEYS);
            Optional<String> name = checker.requiredString(obj, at, "name");
            Optional<String> dir = checker.required(obj, at, "dir").flatMap(text -> checker.make(text, at + "/dir", Code.PATH_OUTSIDE_ROOT, AGAIN, LockJson::nodeDir));
            boolean script = checker.flag(obj, at, "run_install_script", false);
            return name.flatMap(n -> dir.flatMap(d -> checkout(obj, at).map(c -> new Lock.Node(n, d, c, script))));
          });
    }

    private Optional<LockedPackage> locked(Value value, String at) {
      return checker.object(value, at).flatMap(
          obj -> {
            Optional<String> name = text(obj, at, "name", LockJson::word);
            if (obj.get("repo").isPresent()) {
              checker.knownKeys(obj, at, List.of("name", "repo", "commit", "subdirectory"));
              Optional<String> repo = repo(obj, at).flatMap(url -> text(obj, at, "repo", given -> withoutSpace(url.text())));
              Optional<CommitId> commit = commit(obj, at, "commit");
              Optional<String> subdirectory = optionalText(obj, at, "subdirectory", path -> withoutSpace(inside(path)));
              return name.flatMap(n -> repo.flatMap(r -> commit.map(c -> new LockedPackage.Git(n, r, c.hex(), subdirectory))));
            }
            checker.knownKeys(obj, at, List.of("name", "version", "file", "sha256", "url"));
            Optional<String> version = text(obj, at, "version", LockJson::word);
            Optional<String> file = text(obj, at, "file", LockJson::word);
            Optional<String> sha256 = text(obj, at, "sha256", hex -> Checksum.sha256(hex).hex());
            Optional<String> url = optionalText(obj, at, "url", LockJson::address);
            return name.flatMap(n -> version.flatMap(v -> file.flatMap(f -> sha256.map(s -> new LockedPackage.Dist(n, v, f, s, url)))));
          });
    }

    private Optional<Lock.Model> model(Value value, String at) {
      return checker.object(value, at).flatMap(
          obj -> {
            checker.knownKeys(obj, at, List.of("path", "source", "size_bytes", "sha256"));
            Optional<ModelPath> path = checker.required(obj, at, "path").flatMap(text -> checker.make(text, at + "/path", Code.PATH_OUTSIDE_ROOT, AGAIN, ModelPath::parse));
            Optional<String> source = checker.requiredString(obj, at, "source");
            Optional<Long> size = checker.optional(obj, "size_bytes").filter(given -> !(given instanceof Value.Nul)).flatMap(given -> checker.whole(given, at + "/size_bytes", 0));
            Optional<Checksum> sha256 =
                checker.optional(obj, "sha256").filter(given -> !(given instanceof Value.Nul))
                    .flatMap(given -> checker.make(given, at + "/sha256", Code.DECLARATION_INVALID, AGAIN, Checksum::sha256));
            return path.flatMap(p -> source.map(s -> new Lock.Model(p, s, size.map(OptionalLong::of).orElseGet(OptionalLong::empty), sha256)));
          });
    }
  }

  /** A path inside of a checkout that is none of git's own. */
  private static String inside(String text) {
    RelativePath path = new RelativePath(text);
    if (path.parts().stream().anyMatch(part -> part.equalsIgnoreCase(".git"))) {
      throw new IllegalArgumentException("\"" + text + "\" is git's own");
    }
    return path.value();
  }

  private static String nodeDir(String text) {
    String dir = inside(text);
    if (!dir.startsWith("custom_nodes/")) {
      throw new IllegalArgumentException("\"" + text + "\" leaves custom_nodes");
    }
    return dir;
  }

  private static String place(String text) {
    if (!Requirements.isPlace(text)) {
      throw new IllegalArgumentException("this names no index and no directory of packages");
    }
    return text;
  }

  private static String withoutSpace(String text) {
    if (!text.matches("[^\\s#;]+")) {
      throw new IllegalArgumentException("\"" + text + "\" cannot stand in a requirement");
    }
    return text;
  }

  private static String address(String text) {
    if (!withoutSpace(text).matches("(https?://[^/@]+/|file:///).+")) {
      throw new IllegalArgumentException("this is no address of a file");
    }
    return text;
  }

  private static String matching(String text, Pattern pattern, String what) {
    if (!pattern.matcher(text).matches()) {
      throw new IllegalArgumentException("\"" + text + "\" is not " + what);
    }
    return text;
  }

  /** A lock becomes lines of a requirements file: nothing in it may begin another line or an option. */
  private static String word(String text) {
    if (!text.matches("[A-Za-z0-9][A-Za-z0-9._+!-]*")) {
      throw new IllegalArgumentException("\"" + text + "\" is not a name, a version or a file's name");
    }
    return text;
  }
}
