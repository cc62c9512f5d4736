package comfyui.cockpit.app.versions;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.git.RepoUrl;
import comfyui.cockpit.git.Resolved;
import comfyui.cockpit.json.Diff;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.json.YamlJson;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.source.Described;
import comfyui.cockpit.source.ModelSource;
import comfyui.cockpit.source.SourceUri;
import comfyui.cockpit.version.Place;
import comfyui.cockpit.version.VersionFiles.Named;
import comfyui.cockpit.version.VersionJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Writes a new spec: refs become commits, models get a name, a place and, where wanted, a checksum. */
public final class CreateVersion {
  private final Versions versions;

  public CreateVersion(Versions versions) {
    this.versions = versions;
  }

  /**
   * @param repo address, with {@code @ref} behind it or not
   * @param nodes each {@code repo@ref}, a JSON object, or the path of a JSON or YAML file with a list
   * @param models each a source, a JSON object, or the path of a JSON or YAML file with a list
   * @param modelsRoot where model files may lie already, for their checksums
   */
  public record Request(
      String id, String repo, List<String> nodes, List<String> models, Optional<Path> modelsRoot, boolean autoChecksum, Optional<String> python, List<String> packages,
      Optional<String> torchBackend, Optional<Path> output) {}

  public ChangeVersion.Written create(Request request, CancelSignal cancel) {
    Named named = versions.files().named(request.id(), request.output());
    if (Files.exists(named.spec())) {
      throw Problem.of(Code.PATH_TAKEN, versions.files().show(named.spec()) + " is there already.").withHint("Choose another id or --output, or delete it first.").toException();
    }
    Map<String, Object> spec = new LinkedHashMap<>();
    spec.put("schema_version", 2);
    spec.put("version_id", request.id());
    spec.put("comfy", pinned(at(request.repo()), cancel));
    List<Map<String, Object>> nodes = new ArrayList<>();
    for (Map<String, Object> node : items(request.nodes(), "node", CreateVersion::at)) {
      Map<String, Object> full = new LinkedHashMap<>();
      full.put("name", node.getOrDefault("name", url(node).name()));
      full.putAll(pinned(node, cancel));
      nodes.add(full);
    }
    spec.put("custom_nodes", nodes);
    List<Map<String, Object>> models = new ArrayList<>();
    for (Map<String, Object> model : items(request.models(), "model", text -> new LinkedHashMap<>(Map.of("source", text)))) {
      models.add(model(model, named, request, cancel));
    }
    spec.put("models", models);
    if (!request.packages().isEmpty()) {
      spec.put("python_packages", request.packages());
    }
    request.python().ifPresent(python -> spec.put("python", python));
    spec.put("env", Map.of());
    spec.put("options", request.torchBackend().<Map<String, Object>>map(backend -> Map.of("torch_backend", backend)).orElse(Map.of()));
    String text = Json.writeIndented(spec, "  ") + "\n";
    VersionJson.Parsed parsed = versions.files().parse(named, text);
    if (parsed.spec().isEmpty()) {
      throw refused(parsed.errors()).toException();
    }
    try {
      SmallFile.write(named.spec(), text);
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, named.spec()), e);
    }
    versions.changed(List.of(named.id()), List.of());
    return new ChangeVersion.Written(named.id(), named.spec());
  }

  /** What is wrong with a spec that nobody has written: its places are no lines. */
  private static Problem refused(List<Problem> errors) {
    List<Problem> told = errors.stream().map(CreateVersion::byPointer).toList();
    return Problem.of(Code.DECLARATION_INVALID, "The new spec would not be valid. " + told.getFirst().detail()).withHint(told.getFirst().hint()).gathering(told);
  }

  private static Problem byPointer(Problem error) {
    String at = error.where().map(where -> where.pointer().replaceFirst("^/", "")).orElse("");
    return new Problem(
        error.code(), at.isEmpty() ? error.detail() : at + ": " + error.detail(), error.hint(), error.args(), Optional.empty(), error.retryable(), error.link(), error.errors());
  }

  /** {@code repo@ref}; the at sign of a login or of {@code git@host:} is none. */
  private static Map<String, Object> at(String text) {
    int authority = text.contains("://") ? text.indexOf('/', text.indexOf("://") + 3) : text.matches("[^/@]+@[^/]+:.*") ? text.indexOf(':') : 0;
    int at = text.indexOf('@', Math.max(0, authority));
    Map<String, Object> repo = new LinkedHashMap<>();
    repo.put("repo", at > 0 ? text.substring(0, at) : text);
    if (at > 0) {
      repo.put("ref", text.substring(at + 1));
    }
    return repo;
  }

  private RepoUrl url(Map<String, Object> repo) {
    if (!(repo.get("repo") instanceof String text)) {
      throw Problem.of(Code.BAD_REQUEST, "A node has no \"repo\": " + shortened(Json.write(repo)) + ".").withHint("Write repo@ref, or an object with \"repo\".").toException();
    }
    try {
      return RepoUrl.parse(text, versions.files().directory());
    } catch (IllegalArgumentException e) {
      throw Problem.of(Code.SOURCE_UNSUPPORTED, "\"" + repo.get("repo") + "\" is no address of a repository: " + e.getMessage() + ".").withHint("Write what `git clone` takes.").toException();
    }
  }

  /** With the commit behind the ref, if none is given. */
  private Map<String, Object> pinned(Map<String, Object> repo, CancelSignal cancel) {
    Map<String, Object> pinned = new LinkedHashMap<>(repo);
    RepoUrl url = url(repo);
    Object commit = repo.get("commit");
    if (commit == null || !CommitId.isFull(String.valueOf(commit))) {
      Optional<String> ref = Optional.ofNullable(commit).or(() -> Optional.ofNullable(repo.get("ref"))).map(String::valueOf);
      try {
        ref.ifPresent(VersionJson::ref);
      } catch (IllegalArgumentException e) {
        throw Problem.of(Code.BAD_REQUEST, "The ref is wrong: " + e.getMessage() + ".").toException();
      }
      Resolved resolved = versions.repositories().resolve(url, ref, cancel);
      resolved.refName().or(() -> ref).ifPresent(name -> pinned.put("ref", name.replaceFirst("^refs/(heads|tags)/", "")));
      pinned.put("commit", resolved.commit().hex());
    }
    return pinned;
  }

  private Map<String, Object> model(Map<String, Object> given, Named named, Request request, CancelSignal cancel) {
    Map<String, Object> model = new LinkedHashMap<>();
    String written = String.valueOf(given.getOrDefault("source", ""));
    Path folder = named.spec().toAbsolutePath().getParent();
    Optional<ModelSource> source = Optional.empty();
    if (given.get("source") instanceof String) {
      try {
        source = Optional.of(new SourceUri(versions.hubs(), folder).parse(written));
      } catch (IllegalArgumentException e) {
        throw Problem.of(Code.SOURCE_UNSUPPORTED, "\"" + written + "\": " + e.getMessage() + ".").toException();
      }
    }
    Optional<String> name = Optional.ofNullable(given.get("name")).map(String::valueOf).or(() -> lastPart(given.get("target_path")));
    if (name.isEmpty() && source.isPresent()) {
      name = Optional.of(name(source.get(), cancel));
    }
    name.ifPresent(text -> model.put("name", text));
    model.putAll(given);
    if (!given.containsKey("target_path") && name.isPresent()) {
      String subdir = String.valueOf(given.getOrDefault("target_subdir", "")).replaceAll("/+$", "");
      model.put("target_path", subdir.isEmpty() ? name.get() : subdir + "/" + name.get());
    }
    if (request.autoChecksum() && !given.containsKey("checksum")) {
      local(source, model, request).ifPresent(file -> model.put("checksum", "sha256:" + sha256(file, named, cancel)));
    }
    return model;
  }

  private static Optional<String> lastPart(@Nullable Object path) {
    return Optional.ofNullable(path).map(String::valueOf).filter(text -> !text.endsWith("/")).map(text -> text.substring(text.lastIndexOf('/') + 1));
  }

  private String name(ModelSource source, CancelSignal cancel) {
    Described described = source instanceof ModelSource.Civitai ? versions.sources().describe(source, Optional.empty(), cancel) : versions.sources().assume(source, Optional.empty());
    return described.filename();
  }

  /** The file itself, where it is on this machine already. */
  private static Optional<Path> local(Optional<ModelSource> source, Map<String, Object> model, Request request) {
    List<Path> candidates = new ArrayList<>();
    if (source.isPresent() && source.get() instanceof ModelSource.Local here) {
      candidates.add(here.path());
    }
    request.modelsRoot().ifPresent(
        root -> {
          String target = String.valueOf(model.getOrDefault("target_path", "")).replaceFirst("^\\$\\{?MODELS_DIR}?/", "");
          candidates.add(root.resolve(target).normalize());
          candidates.add(root.resolve(String.valueOf(model.getOrDefault("name", ""))).normalize());
        });
    return candidates.stream().filter(Files::isRegularFile).findFirst();
  }

  private String sha256(Path file, Named named, CancelSignal cancel) {
    Place place = versions.place(Versions.Request.of(named.id()));
    return Objects.requireNonNull(
            versions.downloads(versions.modelsDir(Versions.Request.of(named.id()), place), place).hash(file, List.of(), cancel, ProgressSink.NONE).sums().get(Checksum.Algorithm.SHA256))
        .hex();
  }

  private List<Map<String, Object>> items(List<String> given, String what, java.util.function.Function<String, Map<String, Object>> plain) {
    List<Map<String, Object>> items = new ArrayList<>();
    for (String text : given) {
      String trimmed = text.strip();
      if (trimmed.startsWith("{") || trimmed.startsWith("[")) {
        add(Json.read(trimmed).orElseThrow(() -> wrong(what, text, "is not JSON")), what, text, plain, items);
      } else if (Files.isRegularFile(Path.of(text))) {
        add(read(Path.of(text), what), what, text, plain, items);
      } else {
        items.add(plain.apply(trimmed));
      }
    }
    return items;
  }

  private static Value read(Path file, String what) {
    try {
      String text = Files.readString(file);
      return file.toString().endsWith(".json") ? Json.read(text).orElseThrow(() -> wrong(what, file.toString(), "is not JSON")) : YamlJson.read(text);
    } catch (IllegalArgumentException e) {
      throw wrong(what, file.toString(), "is not YAML: " + e.getMessage());
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, file), e);
    }
  }

  /** A list, an object, or an object that holds the list under its usual name. */
  private static void add(Value value, String what, String from, java.util.function.Function<String, Map<String, Object>> plain, List<Map<String, Object>> items) {
    switch (value) {
      case Value.Arr list -> list.items().forEach(item -> add(item, what, from, plain, items));
      case Value.Str str -> items.add(plain.apply(str.text()));
      case Value.Obj obj -> {
        Optional<Value> inner = obj.get("custom_nodes").or(() -> obj.get("nodes")).or(() -> obj.get("models"));
        if (inner.isPresent()) {
          add(inner.get(), what, from, plain, items);
        } else {
          Map<String, Object> map = new LinkedHashMap<>();
          obj.members().forEach(
              (key, member) -> {
                Object item = Diff.plain(member.value());
                if (item != null) {
                  map.put(key, item);
                }
              });
          items.add(map);
        }
      }
      case Value.Num num -> throw wrong(what, from, "holds a number where a " + what + " belongs");
      case Value.Bool bool -> throw wrong(what, from, "holds true or false where a " + what + " belongs");
      case Value.Nul nul -> throw wrong(what, from, "holds null where a " + what + " belongs");
    }
  }

  private static String shortened(String text) {
    return text.length() > 100 ? text.substring(0, 100) + "…" : text;
  }

  private static ProblemException wrong(String what, String text, String why) {
    return Problem.of(Code.BAD_REQUEST, "The " + what + " \"" + shortened(text) + "\" " + why + ".")
        .withHint("Write repo@ref or a source, a JSON object, or the path of a JSON or YAML file with a list.")
        .toException();
  }

}
