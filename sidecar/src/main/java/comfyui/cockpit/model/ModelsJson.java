package comfyui.cockpit.model;

import comfyui.cockpit.download.Downloads;
import comfyui.cockpit.download.WantedFile;
import comfyui.cockpit.files.Roots;
import comfyui.cockpit.json.Checker;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.json.Value.Member;
import comfyui.cockpit.json.Value.Obj;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.RelativePath;
import comfyui.cockpit.source.ModelSource;
import comfyui.cockpit.source.SourceJson;
import comfyui.cockpit.source.SourceUri;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** Reads the text of a models.json, with all of its errors. */
public final class ModelsJson {
  private static final List<String> MODEL_KEYS = List.of("display_name", "version", "type", "source", "path", "sha256", "size_bytes");
  private static final List<String> BUNDLE_KEYS = List.of("description", "models", "auto_install", "enabled");

  private final SourceUri sources;
  private final Roots roots;

  public ModelsJson(SourceUri sources, Roots roots) {
    this.sources = sources;
    this.roots = roots;
  }

  /**
   * @param declaration nothing if there is any error
   */
  public record Parsed(Optional<Declaration> declaration, List<Problem> errors, List<Problem> warnings) {}

  /** @param file how the user would write its path */
  public Parsed parse(String text, String file) {
    Checker checker = new Checker(file);
    Optional<Obj> root = checker.parse(text).flatMap(value -> checker.object(value, ""));
    if (root.isEmpty()) {
      return new Parsed(Optional.empty(), checker.errors(), checker.warnings());
    }
    checker.knownKeys(root.get(), "", List.of("$schema", "models", "bundles"));
    Map<String, DeclaredModel> models = new LinkedHashMap<>();
    Map<Path, String> byTarget = new LinkedHashMap<>();
    Optional<Obj> declared = checker.optional(root.get(), "models").flatMap(value -> checker.object(value, "/models"));
    for (Member member : members(declared)) {
      id(checker, member, "/models");
      model(checker, member).ifPresent(
          model -> {
            String other = byTarget.putIfAbsent(model.wanted().target(), model.id());
            if (other != null) {
              Value path = member.value().get("path").orElse(member.value());
              checker.error(
                  path.place(), pointer("/models", member.key()) + "/path", Code.PATH_TAKEN, "\"" + other + "\" has the same path.", "Give each model a path of its own.");
            }
            models.put(model.id(), model);
          });
    }
    Map<String, Bundle> bundles = new LinkedHashMap<>();
    Optional<Obj> bundled = checker.optional(root.get(), "bundles").flatMap(value -> checker.object(value, "/bundles"));
    for (Member member : members(bundled)) {
      id(checker, member, "/bundles");
      bundle(checker, member, declared).ifPresent(bundle -> bundles.put(bundle.id(), bundle));
    }
    boolean good = checker.errors().isEmpty();
    return new Parsed(good ? Optional.of(new Declaration(models, bundles)) : Optional.empty(), checker.errors(), checker.warnings());
  }

  private static List<Member> members(Optional<Obj> obj) {
    return obj.map(o -> List.copyOf(o.members().values())).orElse(List.of());
  }

  private static String pointer(String parent, String key) {
    return parent + "/" + Json.escape(key);
  }

  private static void id(Checker checker, Member member, String parent) {
    if (member.key().isBlank() || member.key().chars().anyMatch(Character::isISOControl)) {
      checker.error(member.keyPlace(), pointer(parent, member.key()), Code.DECLARATION_INVALID, "An id must not be empty or hold control characters.", "Give it a name.");
    }
  }

  private Optional<DeclaredModel> model(Checker checker, Member member) {
    String at = pointer("/models", member.key());
    Optional<Obj> maybe = checker.object(member.value(), at);
    if (maybe.isEmpty()) {
      return Optional.empty();
    }
    Obj obj = maybe.get();
    checker.knownKeys(obj, at, MODEL_KEYS);
    Optional<String> displayName = checker.string(obj, at, "display_name");
    Optional<String> version = checker.string(obj, at, "version");
    Optional<String> type = checker.string(obj, at, "type");
    Optional<ModelSource> source = checker.required(obj, at, "source").flatMap(value -> SourceJson.read(checker, value, at + "/source", sources));
    Optional<Value> pathValue = checker.required(obj, at, "path");
    Optional<Path> target = pathValue.flatMap(value -> target(checker, value, at + "/path"));
    Optional<Checksum> sha256 =
        checker.optional(obj, "sha256")
            .flatMap(value -> checker.make(value, at + "/sha256", Code.DECLARATION_INVALID, "Write the 64 hexadecimal digits of the file's SHA-256.", Checksum::sha256));
    Optional<Long> size = checker.whole(obj, at, "size_bytes", 0);
    if (source.isEmpty() || target.isEmpty()) {
      return Optional.empty();
    }
    String path = pathValue.get() instanceof Value.Str str ? str.text() : "";
    WantedFile wanted =
        new WantedFile(member.key(), target.get(), source.get(), sha256, size.map(OptionalLong::of).orElseGet(OptionalLong::empty));
    return Optional.of(new DeclaredModel(member.key(), displayName, version, type, path, wanted));
  }

  private Optional<Path> target(Checker checker, Value value, String at) {
    Optional<String> text = checker.string(value, at);
    if (text.isEmpty()) {
      return Optional.empty();
    }
    try {
      Path target = Path.of(text.get()).isAbsolute() ? roots.resolve(Path.of(text.get())) : roots.resolve(new RelativePath(text.get()));
      if (target.startsWith(roots.main().resolve(Downloads.OWN_DIRECTORY))) {
        throw new IllegalArgumentException(Downloads.OWN_DIRECTORY + " is the cockpit's own directory");
      }
      return Optional.of(target);
    } catch (ProblemException e) {
      checker.error(value.place(), at, e.problem().code(), e.problem().detail(), e.problem().hint());
    } catch (IllegalArgumentException e) {
      String detail = String.valueOf(e.getMessage());
      boolean outside = detail.contains("\"..\"") || detail.contains("absolute");
      checker.error(
          value.place(), at, outside ? Code.PATH_OUTSIDE_ROOT : Code.DECLARATION_INVALID, Character.toUpperCase(detail.charAt(0)) + detail.substring(1) + ".",
          "Write a path relative to models_dir, such as \"checkpoints/model.safetensors\".");
    }
    return Optional.empty();
  }

  private static Optional<Bundle> bundle(Checker checker, Member member, Optional<Obj> declared) {
    String at = pointer("/bundles", member.key());
    Optional<Obj> maybe = checker.object(member.value(), at);
    if (maybe.isEmpty()) {
      return Optional.empty();
    }
    Obj obj = maybe.get();
    checker.knownKeys(obj, at, BUNDLE_KEYS);
    String description = checker.anyString(obj, at, "description").orElse("");
    boolean autoInstall = checker.flag(obj, at, "auto_install", false);
    boolean enabled = checker.flag(obj, at, "enabled", true);
    checker.required(obj, at, "models");
    List<String> models = new java.util.ArrayList<>();
    java.util.Set<String> known = declared.map(o -> o.members().keySet()).orElse(java.util.Set.of());
    int index = 0;
    for (Value item : checker.list(obj, at, "models")) {
      String here = at + "/models/" + index++;
      checker.string(item, here).ifPresent(
          id -> {
            if (!known.contains(id)) {
              checker.error(item.place(), here, Code.UNKNOWN_ID, "There is no model \"" + id + "\".", Declaration.suggestion(id, known, "model"));
            } else if (!models.contains(id)) {
              models.add(id);
            }
          });
    }
    return Optional.of(new Bundle(member.key(), description, models, autoInstall, enabled));
  }
}
