package comfyui.cockpit.source;

import comfyui.cockpit.json.Checker;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.json.Value.Obj;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.net.Url;
import java.util.List;
import java.util.Optional;

/** Reads a source as declarations write it: a string, or an object with a kind. */
public final class SourceJson {
  private SourceJson() {}

  /** An error for everything that is wrong with it; nothing then. */
  public static Optional<ModelSource> read(Checker checker, Value value, String at, SourceUri sources) {
    String forms = "Write an address such as \"hf://owner/name/file\", \"civitai://models/<version id>\", \"https://…\", or an object with \"kind\".";
    if (value instanceof Value.Str) {
      return checker.make(value, at, Code.SOURCE_UNSUPPORTED, forms, sources::parse);
    }
    if (!(value instanceof Obj obj)) {
      checker.error(value.place(), at, Code.DECLARATION_INVALID, "This is " + value.typeName() + "; it must be a string or an object.", forms);
      return Optional.empty();
    }
    Optional<String> kind = checker.requiredString(obj, at, "kind");
    if (kind.isEmpty()) {
      return Optional.empty();
    }
    return switch (kind.get()) {
      case "civitai" -> {
        checker.knownKeys(obj, at, List.of("kind", "model_id", "version_id", "file_id", "type", "format"));
        Optional<Long> version = checker.required(obj, at, "version_id").flatMap(id -> checker.whole(id, at + "/version_id", 1));
        Optional<Long> model = checker.whole(obj, at, "model_id", 1);
        Optional<Long> file = checker.whole(obj, at, "file_id", 1);
        Optional<String> type = checker.string(obj, at, "type");
        Optional<String> format = checker.string(obj, at, "format");
        yield version.map(id -> new ModelSource.Civitai(model, Optional.of(id), file, type, format));
      }
      case "huggingface" -> {
        checker.knownKeys(obj, at, List.of("kind", "repo_id", "filename", "revision", "repo_type"));
        Optional<String> repo =
            checker.required(obj, at, "repo_id")
                .flatMap(id -> checker.make(id, at + "/repo_id", Code.DECLARATION_INVALID, "Write owner/name as the page's address has it.", SourceUri::repo));
        Optional<String> file =
            checker.required(obj, at, "filename")
                .flatMap(name -> checker.make(name, at + "/filename", Code.DECLARATION_INVALID, "Write the file's path in the repository.", SourceUri::repoPath));
        Optional<String> revision = checker.string(obj, at, "revision");
        Optional<ModelSource.RepoType> type =
            checker.optional(obj, "repo_type")
                .map(name -> checker.make(name, at + "/repo_type", Code.DECLARATION_INVALID, "Write \"model\", \"dataset\" or \"space\".", text -> SourceUri.repoType(text).name()))
                .orElse(Optional.of("MODEL"))
                .map(ModelSource.RepoType::valueOf);
        yield repo.isPresent() && file.isPresent() && type.isPresent()
            ? Optional.of(new ModelSource.HuggingFace(type.get(), repo.get(), revision.orElse("main"), file.get()))
            : Optional.empty();
      }
      case "url" -> {
        checker.knownKeys(obj, at, List.of("kind", "url"));
        Optional<Value> url = checker.required(obj, at, "url");
        Optional<Url> checked = url.flatMap(text -> checker.make(text, at + "/url", Code.SOURCE_UNSUPPORTED, "Write an http or https address.", Url::parse));
        yield checked.flatMap(ignored -> url.flatMap(text -> checker.make(text, at + "/url", Code.SOURCE_UNSUPPORTED, forms, sources::parse)));
      }
      case "gcs" -> {
        checker.knownKeys(obj, at, List.of("kind", "bucket", "object", "generation"));
        Optional<String> bucket =
            checker.required(obj, at, "bucket")
                .flatMap(name -> checker.make(name, at + "/bucket", Code.DECLARATION_INVALID, "Write the bucket's name alone, without gs://.", SourceUri::bucket));
        Optional<String> object =
            checker.required(obj, at, "object")
                .flatMap(name -> checker.make(name, at + "/object", Code.DECLARATION_INVALID, "Write the object's name as the bucket lists it.", SourceUri::object));
        Optional<Long> generation = checker.whole(obj, at, "generation", 1);
        yield bucket.flatMap(b -> object.map(o -> new ModelSource.GcsObject(b, o, generation)));
      }
      case "file" -> {
        checker.knownKeys(obj, at, List.of("kind", "path"));
        yield checker.required(obj, at, "path").flatMap(path -> checker.make(path, at + "/path", Code.SOURCE_UNSUPPORTED, forms, sources::parse));
      }
      default -> {
        List<String> kinds = List.of("civitai", "huggingface", "url", "gcs", "file");
        Value written = obj.get("kind").orElse(obj);
        String hint = Checker.nearest(kind.get(), kinds).map(name -> "Did you mean \"" + name + "\"?").orElse("Known kinds are " + String.join(", ", kinds) + ".");
        checker.error(written.place(), at + "/kind", Code.SOURCE_UNSUPPORTED, "\"" + kind.get() + "\" is not a known kind of source.", hint);
        yield Optional.empty();
      }
    };
  }
}
