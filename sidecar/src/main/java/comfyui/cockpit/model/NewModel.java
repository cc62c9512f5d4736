package comfyui.cockpit.model;

import comfyui.cockpit.json.Edit;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.source.Described;
import comfyui.cockpit.source.ModelSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A model to be added to models.json.
 *
 * @param entry as it would stand there
 */
public record NewModel(String id, Map<String, Object> entry) {

  /** @param path where the user wants it; otherwise in ComfyUI's folder for its kind */
  public static NewModel of(Described described, Optional<String> path) {
    return of(described, path, Optional.empty());
  }

  /** @param type what it is, where one knows better than the host */
  public static NewModel of(Described described, Optional<String> path, Optional<String> type) {
    Map<String, Object> entry = new LinkedHashMap<>();
    Optional<String> kind = type.or(() -> kind(described));
    described.title().ifPresent(
        title -> {
          entry.put("display_name", title.name());
          if (!title.version().isEmpty()) {
            entry.put("version", title.version());
          }
        });
    kind.ifPresent(name -> entry.put("type", name));
    entry.put("source", source(described.source()));
    entry.put("path", path.orElseGet(() -> kind.map(NewModel::folder).map(folder -> folder + "/").orElse("") + safeName(described.filename())));
    described.checksum().filter(c -> c.algorithm() == comfyui.cockpit.kernel.Checksum.Algorithm.SHA256).ifPresent(c -> entry.put("sha256", c.hex()));
    if (described.size().isPresent() && described.tolerance() == 0) {
      entry.put("size_bytes", described.size().getAsLong());
    }
    return new NewModel(ModelIds.of(described, described.source().uri()), entry);
  }

  /** Adds it, and to the bundle if one is named, and changes nothing else in the text. */
  public String addTo(String modelsJson, Optional<String> bundle) {
    String added = new Edit(modelsJson).set(List.of("models", id), entry).text();
    return bundle.map(name -> addToBundle(added, name, id)).orElse(added);
  }

  /** Adds a model to a bundle, which is made if it is not there. */
  public static String addToBundle(String modelsJson, String bundle, String id) {
    Edit edit = new Edit(modelsJson);
    boolean exists = Json.read(modelsJson).flatMap(json -> json.get("bundles")).flatMap(bundles -> bundles.get(bundle)).isPresent();
    if (exists) {
      return edit.append(List.of("bundles", bundle, "models"), id).text();
    }
    Map<String, Object> fresh = new LinkedHashMap<>();
    fresh.put("description", "");
    fresh.put("models", List.of(id));
    fresh.put("auto_install", false);
    return edit.set(List.of("bundles", bundle), fresh).text();
  }

  private static Object source(ModelSource source) {
    Map<String, Object> map = new LinkedHashMap<>();
    switch (source) {
      case ModelSource.HuggingFace hf -> {
        map.put("kind", "huggingface");
        map.put("repo_id", hf.repo());
        map.put("filename", hf.path());
        map.put("revision", hf.revision());
        if (hf.type() != ModelSource.RepoType.MODEL) {
          map.put("repo_type", hf.type().name().toLowerCase(Locale.ROOT));
        }
      }
      case ModelSource.Civitai civitai -> {
        map.put("kind", "civitai");
        civitai.model().ifPresent(id -> map.put("model_id", id));
        civitai.version().ifPresent(id -> map.put("version_id", id));
        civitai.file().ifPresent(id -> map.put("file_id", id));
      }
      case ModelSource.Web web -> {
        map.put("kind", "url");
        map.put("url", web.url().reveal());
      }
      case ModelSource.Local local -> {
        map.put("kind", "file");
        map.put("path", local.path().toString());
      }
      case ModelSource.GcsObject gcs -> {
        map.put("kind", "gcs");
        map.put("bucket", gcs.bucket());
        map.put("object", gcs.object());
        gcs.generation().ifPresent(generation -> map.put("generation", generation));
      }
    }
    return map;
  }

  /** What the host calls it, else what the file's place in its repository tells, in the words of models.json. */
  private static Optional<String> kind(Described described) {
    Optional<String> told = described.title().flatMap(Described.Title::type).map(type -> type.toLowerCase(Locale.ROOT).replaceAll("[^a-z]", ""));
    if (told.isPresent()) {
      return Optional.of(
          switch (told.get()) {
            case "locon", "lycoris", "dora", "lora" -> "lora";
            case "textualinversion" -> "embedding";
            case "controlnet" -> "controlnet";
            case "checkpoint" -> "checkpoint";
            case "upscaler" -> "upscaler";
            case "vae" -> "vae";
            default -> told.get();
          });
    }
    String path = (described.source() instanceof ModelSource.HuggingFace hf ? hf.repo() + "/" + hf.path() : described.filename()).toLowerCase(Locale.ROOT);
    for (String[] sign :
        new String[][] {
          {"lora", "lora"}, {"controlnet", "controlnet"}, {"text_encoder", "text_encoder"}, {"clip_vision", "clip_vision"}, {"diffusion_models", "diffusion_model"},
          {"unet", "diffusion_model"}, {"vae", "vae"}, {"upscale", "upscaler"}, {"embedding", "embedding"}, {"clip", "text_encoder"}
        }) {
      if (path.contains(sign[0])) {
        return Optional.of(sign[1]);
      }
    }
    return path.matches(".+\\.(safetensors|ckpt)") ? Optional.of("checkpoint") : Optional.empty();
  }

  /** ComfyUI's folder for a kind of model. */
  static String folder(String kind) {
    return switch (kind) {
      case "checkpoint" -> "checkpoints";
      case "lora" -> "loras";
      case "embedding" -> "embeddings";
      case "upscaler" -> "upscale_models";
      case "text_encoder" -> "text_encoders";
      case "diffusion_model" -> "diffusion_models";
      case "hypernetwork" -> "hypernetworks";
      default -> kind;
    };
  }

  /** The kind of model in one of ComfyUI's folders. */
  public static String kindOf(String folder) {
    return switch (folder) {
      case "upscale_models" -> "upscaler";
      case "clip" -> "text_encoder";
      case "unet" -> "diffusion_model";
      default -> folder.endsWith("s") && !folder.endsWith("ss") ? folder.substring(0, folder.length() - 1) : folder;
    };
  }

  /** A host's own name for a file may hold anything. */
  private static String safeName(String name) {
    String last = name.substring(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);
    String plain = last.replaceAll("\\p{Cntrl}", "").replaceAll("^\\.+", "").strip();
    return plain.isEmpty() ? "model" : plain.length() > 120 ? plain.substring(plain.length() - 120) : plain;
  }
}
