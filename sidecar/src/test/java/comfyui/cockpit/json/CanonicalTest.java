package comfyui.cockpit.json;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CanonicalTest {
  @Test
  void shouldWriteAsRfc8785Does() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("\u20ac", "Euro Sign");
    map.put("\r", "Carriage Return");
    map.put("1", Arrays.asList(1, null, true, 9_007_199_254_740_991L));
    map.put("\u00f6", "\u0000\u001f\"\\/\b\t\n\f\u007f");
    assertEquals(
        "{\"\\r\":\"Carriage Return\",\"1\":[1,null,true,9007199254740991],\"\u00f6\":\"\\u0000\\u001f\\\"\\\\/\\b\\t\\n\\f\u007f\",\"\u20ac\":\"Euro Sign\"}", Json.canonical(map));
  }

  @Test
  void shouldTellItemsOfAListByTheirNames() {
    Value a = Json.read("{\"id\": 1, \"packages\": [{\"name\": \"a\", \"version\": \"1\"}, {\"name\": \"b\", \"version\": \"1\"}]}").orElseThrow();
    Value b = Json.read("{\"id\": 2, \"packages\": [{\"name\": \"b\", \"version\": \"2\"}], \"python\": \"3.12\"}").orElseThrow();
    List<Diff.Difference> differences = Diff.of(a, b, Set.of("id"));
    assertEquals(List.of("/packages/a", "/packages/b/version", "/python"), differences.stream().map(Diff.Difference::pointer).toList());
    assertEquals("1", differences.get(1).a().orElseThrow());
    assertEquals("2", differences.get(1).b().orElseThrow());
  }

  @Test
  void shouldFindNothingBetweenEqualDocuments() {
    Value a = Json.read("{\"a\": [1, {\"b\": null}], \"c\": true}").orElseThrow();
    Value b = Json.read("{\"c\": true, \"a\": [1, {\"b\": null}]}").orElseThrow();
    assertEquals(List.of(), Diff.of(a, b, Set.of()));
  }
}
