package comfyui.cockpit.version;

import static org.junit.jupiter.api.Assertions.assertEquals;

import comfyui.cockpit.net.Url;
import comfyui.cockpit.source.Hubs;
import comfyui.cockpit.source.SourceUri;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StalenessTest {
  private static final Path FOLDER = Path.of("/specs");

  private static final Hubs HUBS = new Hubs(Url.parse(Hubs.HUGGING_FACE), Url.parse(Hubs.CIVITAI), Optional.empty(), Optional.empty());

  private static final String SPEC =
      """
      {"schema_version": 2, "version_id": "a", "comfy": {"repo": "https://example.com/ComfyUI.git", "ref": "main"},
       "custom_nodes": [{"repo": "../n"}], "python": "3.12", "python_packages": ["six>=1"], "env": {"A": "${A}"},
       "models": [{"source": "https://example.com/x", "target_path": "vae/x.safetensors"}]}
      """;

  private static VersionSpec spec(String text) {
    VersionJson.Parsed parsed = new VersionJson(new SourceUri(HUBS, FOLDER), FOLDER).parse(text, "a.json", "a");
    assertEquals(List.of(), parsed.errors());
    return parsed.spec().orElseThrow();
  }

  private static List<String> stale(String text, Optional<String> asked) {
    Lock lock = LockJson.read(LockJsonTest.GOOD, "a.lock.json", FOLDER);
    SourceUri sources = new SourceUri(HUBS, FOLDER);
    return Staleness.of(spec(text), lock, asked.map(StalenessTest::spec), source -> Optional.of(sources.parse(source))).stream().map(Staleness.Stale::what).toList();
  }

  @Test
  void shouldTakeALockThatAnswers() {
    assertEquals(List.of(), stale(SPEC, Optional.empty()));
    assertEquals(List.of(), stale(SPEC, Optional.of(SPEC)));
  }

  @Test
  void shouldSeeWhatALockAloneTells() {
    assertEquals(List.of("comfy"), stale(SPEC.replace("example.com/ComfyUI", "example.org/ComfyUI"), Optional.empty()));
    assertEquals(List.of("comfy"), stale(SPEC.replace("\"ref\": \"main\"", "\"commit\": \"" + "9".repeat(40) + "\""), Optional.empty()));
    assertEquals(List.of("custom_nodes/m", "custom_nodes/n"), stale(SPEC.replace("../n", "../m"), Optional.empty()));
    assertEquals(List.of("python"), stale(SPEC.replace("3.12", "3.13"), Optional.empty()));
    assertEquals(List.of("python_packages"), stale(SPEC.replace("six>=1", "seven"), Optional.empty()));
    assertEquals(List.of("python_packages"), stale(SPEC.replace("six>=1", "six==2"), Optional.empty()));
    assertEquals(List.of(), stale(SPEC.replace("six>=1", "six==1.0"), Optional.empty()));
    assertEquals(List.of("env"), stale(SPEC.replace("${A}", "x"), Optional.empty()));
    assertEquals(List.of("models"), stale(SPEC.replace("vae/x", "vae/y"), Optional.empty()));
    assertEquals(List.of("models"), stale(SPEC.replace("example.com/x", "example.com/z"), Optional.empty()));
  }

  @Test
  void shouldSeeARangeThatLeavesTheLockedVersionOut() {
    for (String range : List.of(">1.0", ">= 1.0.1", "<1", "!=1.0.0", "~=1.1", "~=0.9", ">=0.5,<1.0")) {
      assertEquals(List.of("python_packages"), stale(SPEC.replace("six>=1", "six" + range), Optional.empty()), range);
    }
    for (String range : List.of(">=1,<2", "~=1.0", "!=1.1", "<1.0.1", ">=1.0rc1", "<2;python_version<'3'")) {
      assertEquals(List.of(), stale(SPEC.replace("six>=1", "six" + range), Optional.empty()), range);
    }
  }

  @Test
  void shouldSeeAnotherBranchWhereTheOldOneIsRemembered() {
    assertEquals(List.of(), stale(SPEC.replace("\"main\"", "\"dev\""), Optional.empty()));
    assertEquals(List.of("comfy"), stale(SPEC.replace("\"main\"", "\"dev\""), Optional.of(SPEC)));
    assertEquals(List.of("python_packages"), stale(SPEC.replace("six>=1", "six>=0"), Optional.of(SPEC)));
  }
}
