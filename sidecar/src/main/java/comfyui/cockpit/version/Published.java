package comfyui.cockpit.version;

import comfyui.cockpit.files.SmallFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Files that are not what their package's RECORD says, and were so when they were published: what one fetch has shown is not fetched again. One
 * line each: the hash of the RECORD, a blank, the hash of the file.
 */
public record Published(Path file) {
  /** Those of which nobody knows that they were published so. */
  public List<Contents.Deviation> unknown(List<Contents.Deviation> deviations) throws IOException {
    if (deviations.isEmpty()) {
      return deviations;
    }
    Set<String> known = known();
    return deviations.stream().filter(each -> !known.contains(line(each))).toList();
  }

  /** Notes what lies in packages that were fetched just now. */
  public void add(List<Contents.Deviation> deviations) throws IOException {
    Set<String> known = known();
    deviations.forEach(each -> known.add(line(each)));
    Files.createDirectories(file.toAbsolutePath().getParent());
    SmallFile.write(file, String.join("\n", known) + "\n");
  }

  private Set<String> known() throws IOException {
    return new LinkedHashSet<>(SmallFile.read(file).map(text -> text.lines().toList()).orElse(List.of()));
  }

  private static String line(Contents.Deviation deviation) {
    return deviation.recorded() + " " + deviation.actual();
  }
}
