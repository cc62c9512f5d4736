package comfyui.cockpit.model;

import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.source.Described;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.Locale;

/** Ids that the same source always gets: {@code <name>_<version>_<source id>}. */
final class ModelIds {
  private ModelIds() {}

  static String of(Described described, String uri) {
    return described
        .title()
        .map(title -> join(List.of(title.name(), title.version(), title.id())))
        .orElseGet(() -> join(List.of(stem(described.filename()), sha256(uri).substring(0, 8))));
  }

  static String join(List<String> parts) {
    return String.join("_", parts.stream().map(ModelIds::plain).filter(part -> !part.isEmpty()).toList());
  }

  private static String plain(String part) {
    return part.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "_").replaceAll("^_+|_+$", "");
  }

  static String stem(String file) {
    int dot = file.lastIndexOf('.');
    return dot > 0 ? file.substring(0, dot) : file;
  }

  private static String sha256(String text) {
    try {
      return Checksum.of(Checksum.Algorithm.SHA256, MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8))).hex();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
