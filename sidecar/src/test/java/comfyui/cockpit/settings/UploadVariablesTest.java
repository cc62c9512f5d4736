package comfyui.cockpit.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.gcs.UploadSettings;
import comfyui.cockpit.kernel.Problem;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where outputs go, as the environment says it. */
class UploadVariablesTest {
  @TempDir Path root;

  private Settings load(Map<String, String> variables) {
    Map<String, String> environment = new HashMap<>(variables);
    environment.put("HOME", root.toString());
    return Settings.load(root, environment, false, "test");
  }

  @Test
  void shouldWriteNowhereByItself() {
    assertEquals(new UploadSettings(Optional.empty(), "comfy/outputs", false, Optional.empty(), true), load(Map.of()).uploads());
  }

  @Test
  void shouldTakeWhatIsSet() {
    Settings settings =
        load(Map.of("GCS_BUCKET", "gs://b", "GCS_PREFIX", "//a/b/", "GCS_PUBLIC", "True", "GCS_SIGNED_URL_TTL", "3600", "GCS_VALIDATE", "0"));
    assertEquals(new UploadSettings(Optional.of("gs://b"), "a/b", true, Optional.of(Duration.ofHours(1)), false), settings.uploads());
    assertEquals(List.of(), settings.warnings());
    assertEquals("a/b", settings.uploads().prefix());
    assertEquals("", load(Map.of("GCS_PREFIX", "/")).uploads().prefix());
  }

  @Test
  void shouldSignForSevenDaysAtMost() {
    assertEquals(Optional.of(Duration.ofDays(7)), load(Map.of("GCS_SIGNED_URL_TTL", "99999999")).uploads().signedUrlTtl());
  }

  @ParameterizedTest
  @CsvSource({"GCS_PUBLIC, yes, neither true nor false; false is used", "GCS_VALIDATE, 2, neither true nor false; true is used", "GCS_SIGNED_URL_TTL, 1h, not a number"})
  void shouldWarnOfNonsense(String name, String value, String warning) {
    Settings settings = load(Map.of(name, value));
    assertEquals(load(Map.of()).uploads(), settings.uploads());
    List<String> said = settings.warnings().stream().map(Problem::detail).toList();
    assertTrue(said.size() == 1 && said.getFirst().startsWith(name + " is ") && said.getFirst().contains(warning), said.toString());
  }
}
