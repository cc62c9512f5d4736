package comfyui.cockpit.python;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.toml.TomlMapper;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import java.io.IOException;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** Reads uv's answer (PEP 751, pylock.toml), already narrowed to one Python and platform. */
final class PylockJson {
  private PylockJson() {}

  static List<Resolution.Found> read(Path file, String python) throws IOException {
    JsonNode root = new TomlMapper().readTree(Files.readString(file));
    List<Resolution.Found> found = new ArrayList<>();
    for (JsonNode entry : root.path("packages")) {
      String name = LockedPackage.normalize(entry.path("name").asText());
      String version = entry.path("version").asText();
      if (entry.has("vcs")) {
        JsonNode vcs = entry.path("vcs");
        found.add(new Resolution.Found(new LockedPackage.Git(name, vcs.path("url").asText(), vcs.path("commit-id").asText(), text(vcs, "subdirectory")), Optional.empty(), OptionalLong.empty()));
        continue;
      }
      List<JsonNode> wheels = new ArrayList<>();
      entry.path("wheels").forEach(wheels::add);
      Optional<JsonNode> wheel = wheels.stream().max(Comparator.comparing(node -> WheelTags.of(fileName(node)).rank(python)));
      JsonNode chosen = wheel.orElseGet(() -> entry.has("sdist") ? entry.path("sdist") : entry.path("archive"));
      String sha256 = chosen.path("hashes").path("sha256").asText("");
      if (sha256.isEmpty()) {
        throw Problem.of(Code.SOURCE_UNSUPPORTED, "The package " + name + " " + version + " comes from a place that says no SHA-256, so it cannot be locked.")
            .withHint("Take it from an index, a wheel's address or a git repository.")
            .with("package", name)
            .toException();
      }
      Optional<String> url = text(chosen, "url");
      LockedPackage.Dist dist = new LockedPackage.Dist(name, version, fileName(chosen), sha256, entry.has("archive") ? url : Optional.empty());
      found.add(new Resolution.Found(dist, url, size(chosen)));
    }
    found.sort(Comparator.comparing(each -> each.locked().name()));
    return found;
  }

  /** Every file, by SHA-256. */
  static Map<String, Packages.Located> located(Path file) throws IOException {
    Map<String, Packages.Located> located = new LinkedHashMap<>();
    for (JsonNode entry : new TomlMapper().readTree(Files.readString(file)).path("packages")) {
      List<JsonNode> files = new ArrayList<>(List.of(entry.path("sdist"), entry.path("archive")));
      entry.path("wheels").forEach(files::add);
      for (JsonNode each : files) {
        String sha256 = each.path("hashes").path("sha256").asText("");
        if (!sha256.isEmpty() && each.has("url")) {
          located.put(sha256, new Packages.Located(each.path("url").asText(), size(each)));
        }
      }
    }
    return located;
  }

  private static OptionalLong size(JsonNode file) {
    return file.has("size") ? OptionalLong.of(file.path("size").asLong()) : OptionalLong.empty();
  }

  private static Optional<String> text(JsonNode node, String key) {
    return Optional.of(node.path(key).asText("")).filter(text -> !text.isEmpty());
  }

  private static String fileName(JsonNode file) {
    if (file.has("name")) {
      return file.path("name").asText();
    }
    String at = file.has("url") ? URI.create(file.path("url").asText()).getRawPath() : file.path("path").asText();
    return URLDecoder.decode(at.substring(at.lastIndexOf('/') + 1).replace("+", "%2B"), StandardCharsets.UTF_8);
  }
}
