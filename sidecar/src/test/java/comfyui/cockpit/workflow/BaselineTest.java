package comfyui.cockpit.workflow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import comfyui.cockpit.json.Diff;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.ProblemException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BaselineTest {
  private static final Baseline THEN = new Baseline("w", "l", Map.of("a.png", "1", "b.png", "2"));

  @Test
  void shouldReadWhatItWrote() {
    assertEquals(THEN, Baseline.read("b.json", Json.write(THEN.toMap())));
  }

  @Test
  void shouldTellWhatIsAnother() {
    Baseline now = new Baseline("w2", "l2", Map.of("a.png", "1", "c/d.png", "3"));
    List<String> pointers = THEN.differences(now).stream().map(Diff.Difference::pointer).toList();
    assertEquals(List.of("/workflow_sha256", "/files/b.png", "/files/c~1d.png"), pointers);
    assertEquals(List.of(), THEN.differences(new Baseline("w", "another lock", THEN.files())));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", "{}", "[]", "{\"workflow_sha256\": \"x\", \"lock_digest\": \"y\"}", "{\"workflow_sha256\": \"x\", \"lock_digest\": \"y\", \"files\": {\"a\": 1}}"
      })
  void shouldRefuseWhatIsNone(String text) {
    assertEquals(Code.DECLARATION_INVALID, assertThrows(ProblemException.class, () -> Baseline.read("b.json", text)).problem().code());
  }
}
