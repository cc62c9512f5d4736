package comfyui.cockpit.comfy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.json.Json;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PromptTest {
  private static final String WORKFLOW =
      """
      {"3": {"class_type": "KSampler", "inputs": {"seed": 18446744073709551615, "cfg": 7.50, "on": true, "text": "5", "model": ["4", 0]}},
       "4": {"class_type": "Loader"}}
      """;

  @ParameterizedTest
  @CsvSource({
    "3.seed,  7,                    7",
    "3.seed,  99999999999999999999, 99999999999999999999",
    "3.cfg,   1.25,                 1.25",
    "3.cfg,   high,                 '\"high\"'",
    "3.on,    false,                false",
    "3.text,  7,                    '\"7\"'",
    "3.text,  true,                 '\"true\"'",
    "3.model, '[\"9\", 1]',         '[\"9\",1]'",
  })
  void shouldTakeTextAsWhatTheInputHeld(String input, String given, String written) {
    Prompt prompt = Prompt.read("w.json", WORKFLOW).with(input, Json.read(Json.write(given)).orElseThrow());
    String name = input.substring(2);
    assertEquals(written, Json.write(prompt.nodes().get("3").orElseThrow().get("inputs").orElseThrow().get(name).orElseThrow()));
    // What else there is stays to the digit.
    assertTrue(name.equals("seed") || prompt.json().contains("18446744073709551615"));
    assertTrue(name.equals("cfg") || prompt.json().contains("7.50"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"9.seed", "3.nope", "3", "", "4.any", "."})
  void shouldRefuseInputsThatAreNone(String input) {
    Prompt prompt = Prompt.read("w.json", WORKFLOW);
    ProblemException e = assertThrows(ProblemException.class, () -> prompt.with(input, Json.read("1").orElseThrow()));
    assertEquals(Code.BAD_REQUEST, e.problem().code());
  }

  @Test
  void shouldSayEveryErrorAtItsPlace() {
    String text = "{\"1\": 3,\n \"2\": {\"inputs\": []},\n \"3\": {\"class_type\": 4}}";
    ProblemException e = assertThrows(ProblemException.class, () -> Prompt.read("w.json", text));
    List<String> places = e.problem().errors().stream().map(Problem::where).map(where -> where.orElseThrow().pointer() + ":" + where.orElseThrow().line()).toList();
    assertEquals(List.of("/1:1", "/2:2", "/2/inputs:2", "/3/class_type:3"), places);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "[]", "3", "{", "{\"1\": {}, \"1\": {}}", "{\"nodes\": [{\"id\": 1}], \"links\": []}"})
  void shouldRefuseWhatIsNoWorkflow(String text) {
    assertEquals(Code.DECLARATION_INVALID, assertThrows(ProblemException.class, () -> Prompt.read("w.json", text)).problem().code());
  }

  @Test
  void shouldBeTheSameInAnyOrder() {
    String other =
        """
        {"4": {"class_type": "Loader"},
         "3": {"inputs": {"model": ["4", 0], "text": "5", "on": true, "cfg": 7.50, "seed": 18446744073709551615}, "class_type": "KSampler"}}
        """;
    assertEquals(Prompt.read("a", WORKFLOW).sorted().json(), Prompt.read("b", other).sorted().json());
    assertTrue(Prompt.read("c", "{}").isEmpty());
  }
}
