package comfyui.cockpit.python;

import comfyui.cockpit.kernel.Checksum;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** An environment on disk, told from the RECORDs of what is installed in it. */
public final class Environment {
  /** What differs from machine to machine, or says only who installed it. */
  private static final Set<String> LEFT_OUT = Set.of("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json");

  private Environment() {}

  /**
   * A file that a package brought.
   *
   * @param path absolute
   * @param sha256 what the package's RECORD says of it
   */
  public record Installed(String distribution, Path path, Optional<Checksum> sha256) {}

  /** The environment's own interpreter. */
  public static Path python(Path venv) {
    Path windows = venv.resolve("Scripts").resolve("python.exe");
    return Files.exists(windows) ? windows : venv.resolve("bin").resolve("python");
  }

  /**
   * The version of the Python that an environment was made with.
   *
   * @return exact: {@code 3.12.8}; nothing if it does not say
   */
  public static Optional<String> version(Path venv) throws IOException {
    return Files.readAllLines(venv.resolve("pyvenv.cfg")).stream().filter(line -> line.matches("version(_info)? *=.*")).map(line -> line.replaceFirst(".*= *", "").strip()).findFirst();
  }

  /** Every file that the environment digest covers. */
  public static List<Installed> files(Path venv) throws IOException {
    List<Installed> files = new ArrayList<>();
    for (Path site : sitePackages(venv)) {
      try (DirectoryStream<Path> infos = Files.newDirectoryStream(site, "*.dist-info")) {
        for (Path info : infos) {
          Path record = info.resolve("RECORD");
          if (!Files.isRegularFile(record)) {
            throw new java.nio.file.NoSuchFileException(record.toString());
          }
          String folder = info.getFileName().toString();
          String distribution = LockedPackage.normalize(folder.substring(0, folder.indexOf('-')));
          for (String line : Files.readAllLines(record)) {
            List<String> fields = fields(line);
            Path path = site.resolve(fields.getFirst()).normalize();
            boolean own = path.getParent().equals(info) && LEFT_OUT.contains(path.getFileName().toString());
            if (!own && path.startsWith(venv) && !path.toString().contains("__pycache__")) {
              files.add(new Installed(distribution, path, fields.size() > 1 ? checksum(fields.get(1)) : Optional.empty()));
            }
          }
        }
      }
    }
    return files;
  }

  static List<Path> sitePackages(Path venv) throws IOException {
    List<Path> sites = new ArrayList<>();
    Path windows = venv.resolve("Lib").resolve("site-packages");
    if (Files.isDirectory(windows)) {
      sites.add(windows);
    }
    Path lib = venv.resolve("lib");
    if (Files.isDirectory(lib)) {
      try (DirectoryStream<Path> pythons = Files.newDirectoryStream(lib, "python*")) {
        for (Path python : pythons) {
          if (Files.isDirectory(python.resolve("site-packages"))) {
            sites.add(python.resolve("site-packages"));
          }
        }
      }
    }
    return sites;
  }

  private static Optional<Checksum> checksum(String field) {
    if (!field.startsWith("sha256=")) {
      return Optional.empty();
    }
    try {
      return Optional.of(Checksum.sha256(HexFormat.of().formatHex(Base64.getUrlDecoder().decode(field.substring(7)))));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** One line of CSV: a path with a comma or a quote stands in quotes. */
  static List<String> fields(String line) {
    List<String> fields = new ArrayList<>();
    StringBuilder field = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (c == '"' && quoted && i + 1 < line.length() && line.charAt(i + 1) == '"') {
        field.append('"');
        i++;
      } else if (c == '"') {
        quoted = !quoted;
      } else if (c == ',' && !quoted) {
        fields.add(field.toString());
        field.setLength(0);
      } else {
        field.append(c);
      }
    }
    fields.add(field.toString());
    return fields;
  }
}
