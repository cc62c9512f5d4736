package comfyui.cockpit.source;

import comfyui.cockpit.net.Url;
import java.nio.file.Path;
import java.util.Optional;

/** Where a model comes from. */
public sealed interface ModelSource {
  /** The short form that means the same, as contracts list them. */
  String uri();

  /** A file in a repository of the Hugging Face Hub (or its mirror). */
  record HuggingFace(RepoType type, String repo, String revision, String path) implements ModelSource {
    @Override
    public String uri() {
      return "hf://" + type.prefix() + repo + (revision.equals("main") ? "" : "@" + revision.replace("/", "%2F")) + (path.isEmpty() ? "" : "/" + path);
    }
  }

  /** The Hub's kinds of repository. */
  enum RepoType {
    MODEL(""),
    DATASET("datasets/"),
    SPACE("spaces/");

    private final String prefix;

    RepoType(String prefix) {
      this.prefix = prefix;
    }

    /** What stands before the repository's name in its addresses. */
    public String prefix() {
      return prefix;
    }
  }

  /**
   * A file of a model version on Civitai.
   *
   * @param model needed only where no version is given
   * @param type {@code Model}, {@code VAE}, … narrows a choice of files
   * @param format {@code SafeTensor}, {@code PickleTensor}, … narrows too
   */
  record Civitai(Optional<Long> model, Optional<Long> version, Optional<Long> file, Optional<String> type, Optional<String> format)
      implements ModelSource {
    @Override
    public String uri() {
      StringBuilder uri = new StringBuilder("civitai://");
      uri.append(version.map(id -> "models/" + id).orElseGet(() -> model.map(id -> "model/" + id).orElse("")));
      String separator = "?";
      for (var part : java.util.List.of(file.map(id -> "fileId=" + id), type.map(t -> "type=" + t), format.map(f -> "format=" + f))) {
        if (part.isPresent()) {
          uri.append(separator).append(part.get().replace(" ", "%20"));
          separator = "&";
        }
      }
      return uri.toString();
    }
  }

  /** Any address. */
  record Web(Url url) implements ModelSource {
    @Override
    public String uri() {
      return url.reveal();
    }
  }

  /** A file on this machine. */
  record Local(Path path) implements ModelSource {
    @Override
    public String uri() {
      return path.toString();
    }
  }

  /**
   * An object in Google Cloud Storage.
   *
   * @param generation one content of it; otherwise the one that is there
   */
  record GcsObject(String bucket, String object, Optional<Long> generation) implements ModelSource {
    @Override
    public String uri() {
      return "gs://" + bucket + "/" + object + generation.map(g -> "#" + g).orElse("");
    }
  }
}
