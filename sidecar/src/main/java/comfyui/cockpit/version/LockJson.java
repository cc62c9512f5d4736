package comfyui.cockpit.version;

import comfyui.cockpit.git.RepoUrl;
import comfyui.cockpit.git.Submodule;
import comfyui.cockpit.json.Checker;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.json.Value.Obj;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.RelativePath;
import comfyui.cockpit.python.LockedPackage;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** A lock as text: RFC 8785 and a newline, so that equal locks are equal bytes. */
public final class LockJson {
  private static final int VERSION = 1;
  private static final List<String> KEYS =
      List.of("lock_version", "platform", "python", "comfy", "custom_nodes", "packages", "build_packages", "torch_backend", "places", "models", "env");

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
                  case LockedPackage.Dist dist -> Map.of("name", dist.name(), "version", dist.version(), "file", dist.file(), "sha256", dist.sha256());
                  case LockedPackage.Git git -> Map.of("name", git.name(), "repo", git.repo(), "commit", git.commit());
                })
        .toList();
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

  /** Reads one document. */
  private record Reader(Checker checker, Path folder) {
    Optional<Lock> lock(Obj root) {
      checker.knownKeys(root, "", KEYS);
      checker.required(root, "", "lock_version").filter(value -> !value.asLong().equals(Optional.of((long) VERSION))).ifPresent(
          value -> checker.error(value.place(), "/lock_version", Code.DECLARATION_INVALID, "This release reads locks of version " + VERSION + ".", "Use a newer release."));
      Optional<String> platform = checker.requiredString(root, "", "platform");
      Optional<String> python = checker.requiredString(root, "", "python");
      Optional<Lock.Checkout> comfy = checker.required(root, "", "comfy").flatMap(value -> checkout(value, "/comfy"));
      List<Lock.Node> nodes = each(root, "custom_nodes", this::node);
      List<LockedPackage> packages = each(root, "packages", this::locked);
      List<LockedPackage> build = each(root, "build_packages", this::locked);
      List<Lock.Model> models = each(root, "models", this::model);
      List<String> places = each(root, "places", checker::string);
      Map<String, String> env = new LinkedHashMap<>();
      checker.optional(root, "env").flatMap(value -> checker.object(value, "/env")).ifPresent(obj -> obj.members().keySet().forEach(key -> checker.anyString(obj, "/env", key).ifPresent(text -> env.put(key, text))));
      if (platform.isEmpty() || python.isEmpty() || comfy.isEmpty()) {
        return Optional.empty();
      }
      return Optional.of(new Lock(platform.get(), python.get(), comfy.get(), nodes, packages, build, root.text("torch_backend"), places, models, env));
    }

    private <T> List<T> each(Obj root, String key, java.util.function.BiFunction<Value, String, Optional<T>> read) {
      List<T> all = new ArrayList<>();
      int index = 0;
      for (Value item : checker.list(root, "", key)) {
        read.apply(item, "/" + key + "/" + index++).ifPresent(all::add);
      }
      return all;
    }

    private Optional<Lock.Checkout> checkout(Value value, String at) {
      Optional<Obj> obj = checker.object(value, at);
      if (obj.isEmpty()) {
        return Optional.empty();
      }
      Optional<RepoUrl> repo = checker.required(obj.get(), at, "repo").flatMap(text -> checker.make(text, at + "/repo", Code.SOURCE_UNSUPPORTED, "Resolve again.", url -> RepoUrl.parse(url, folder)));
      Optional<CommitId> commit = checker.required(obj.get(), at, "commit").flatMap(text -> checker.make(text, at + "/commit", Code.DECLARATION_INVALID, "Resolve again.", CommitId::new));
      Optional<String> tree = checker.requiredString(obj.get(), at, "tree");
      List<Submodule> submodules = new ArrayList<>();
      int index = 0;
      for (Value item : checker.list(obj.get(), at, "submodules")) {
        submodule(item, at + "/submodules/" + index++).ifPresent(submodules::add);
      }
      return repo.flatMap(r -> commit.flatMap(c -> tree.map(t -> new Lock.Checkout(obj.get().text("repo").orElse(r.text()), r, c, t, submodules))));
    }

    private Optional<Submodule> submodule(Value value, String at) {
      return checker.object(value, at).flatMap(
          obj -> {
            Optional<String> path = checker.required(obj, at, "path").flatMap(text -> checker.make(text, at + "/path", Code.PATH_OUTSIDE_ROOT, "Resolve again.", p -> new RelativePath(p).value()));
            Optional<RepoUrl> repo = checker.required(obj, at, "repo").flatMap(text -> checker.make(text, at + "/repo", Code.SOURCE_UNSUPPORTED, "Resolve again.", url -> RepoUrl.parse(url, folder)));
            Optional<CommitId> commit = checker.required(obj, at, "commit").flatMap(text -> checker.make(text, at + "/commit", Code.DECLARATION_INVALID, "Resolve again.", CommitId::new));
            return path.flatMap(p -> repo.flatMap(r -> commit.map(c -> new Submodule(p, r, c))));
          });
    }

    private Optional<Lock.Node> node(Value value, String at) {
      return checker.object(value, at).flatMap(
          obj -> {
            Optional<String> name = checker.requiredString(obj, at, "name");
            Optional<String> dir = checker.required(obj, at, "dir").flatMap(text -> checker.make(text, at + "/dir", Code.PATH_OUTSIDE_ROOT, "Resolve again.", LockJson::nodeDir));
            return name.flatMap(n -> dir.flatMap(d -> checkout(value, at).map(c -> new Lock.Node(n, d, c, obj.flag("run_install_script")))));
          });
    }

    private Optional<LockedPackage> locked(Value value, String at) {
      return checker.object(value, at).flatMap(
          obj -> {
            Optional<String> name = checker.required(obj, at, "name").flatMap(text -> checker.make(text, at + "/name", Code.DECLARATION_INVALID, "Resolve again.", LockJson::word));
            if (obj.get("repo").isPresent()) {
              Optional<String> repo = checker.required(obj, at, "repo").flatMap(text -> checker.make(text, at + "/repo", Code.SOURCE_UNSUPPORTED, "Resolve again.", url -> RepoUrl.parse(url, folder).text()));
              Optional<String> commit = checker.required(obj, at, "commit").flatMap(text -> checker.make(text, at + "/commit", Code.DECLARATION_INVALID, "Resolve again.", c -> new CommitId(c).hex()));
              return name.flatMap(n -> repo.flatMap(r -> commit.map(c -> new LockedPackage.Git(n, r, c))));
            }
            Optional<String> version = checker.required(obj, at, "version").flatMap(text -> checker.make(text, at + "/version", Code.DECLARATION_INVALID, "Resolve again.", LockJson::word));
            Optional<String> file = checker.required(obj, at, "file").flatMap(text -> checker.make(text, at + "/file", Code.DECLARATION_INVALID, "Resolve again.", LockJson::word));
            Optional<String> sha256 = checker.required(obj, at, "sha256").flatMap(text -> checker.make(text, at + "/sha256", Code.DECLARATION_INVALID, "Resolve again.", hex -> Checksum.sha256(hex).hex()));
            return name.flatMap(n -> version.flatMap(v -> file.flatMap(f -> sha256.map(s -> new LockedPackage.Dist(n, v, f, s)))));
          });
    }

    private Optional<Lock.Model> model(Value value, String at) {
      return checker.object(value, at).flatMap(
          obj -> {
            Optional<ModelPath> path =
                checker.required(obj, at, "path").flatMap(
                    text ->
                        checker.make(
                            text, at + "/path", Code.PATH_OUTSIDE_ROOT, "Resolve again.",
                            p -> {
                              ModelPath parsed = ModelPath.parse(p);
                              return new ModelPath(parsed.inModels(), new RelativePath(parsed.relative()).value());
                            }));
            Optional<String> source = checker.requiredString(obj, at, "source");
            OptionalLong size = obj.number("size_bytes");
            Optional<Checksum> sha256 = obj.get("sha256").flatMap(text -> checker.make(text, at + "/sha256", Code.DECLARATION_INVALID, "Resolve again.", Checksum::sha256));
            return path.flatMap(p -> source.map(s -> new Lock.Model(p, s, size, sha256)));
          });
    }
  }

  private static String nodeDir(String text) {
    String dir = new RelativePath(text).value();
    if (!dir.startsWith("custom_nodes/") || dir.contains("/.git")) {
      throw new IllegalArgumentException("\"" + text + "\" leaves custom_nodes");
    }
    return dir;
  }

  /** A lock becomes lines of a requirements file: nothing in it may begin another line or an option. */
  private static String word(String text) {
    if (!text.matches("[A-Za-z0-9][A-Za-z0-9._+!-]*")) {
      throw new IllegalArgumentException("\"" + text + "\" is not a name, a version or a file's name");
    }
    return text;
  }
}
