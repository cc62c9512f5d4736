package comfyui.cockpit.json;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class EditTest {
  private static final String TABS = "{\n\t\"models\": {\n\t\t\"b\": { \"path\":\"x\" },   \n\n\t\t\"a\": {\n\t\t\t\"path\": \"y\"\n\t\t}\n\t},\n\t\"bundles\": {\"k\": {\"models\": [\"b\"]}}\n}\n";

  @Test
  void shouldAddMemberInTheFilesOwnIndentation() {
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("path", "z");
    entry.put("size_bytes", 5L);
    String edited = new Edit(TABS).set(List.of("models", "c"), entry).text();
    assertEquals(TABS.replace("\"y\"\n\t\t}\n", "\"y\"\n\t\t},\n\t\t\"c\": {\n\t\t\t\"path\": \"z\",\n\t\t\t\"size_bytes\": 5\n\t\t}\n"), edited);
  }

  @Test
  void shouldReplaceOneValueAndNothingElse() {
    assertEquals(TABS.replace("\"y\"", "\"new\""), new Edit(TABS).set(List.of("models", "a", "path"), "new").text());
  }

  @Test
  void shouldAddToObjectOnOneLine() {
    assertEquals(TABS.replace("{ \"path\":\"x\" }", "{ \"path\":\"x\", \"sha256\": \"00\" }"), new Edit(TABS).set(List.of("models", "b", "sha256"), "00").text());
  }

  @Test
  void shouldAppendToListOnce() {
    String edited = new Edit(TABS).append(List.of("bundles", "k", "models"), "a").text();
    assertEquals(TABS.replace("[\"b\"]", "[\"b\", \"a\"]"), edited);
    assertEquals(edited, new Edit(edited).append(List.of("bundles", "k", "models"), "a").text());
  }

  @Test
  void shouldAppendToListOfLines() {
    String text = "{\n  \"l\": [\n    \"a\"\n  ]\n}";
    assertEquals("{\n  \"l\": [\n    \"a\",\n    \"b\"\n  ]\n}", new Edit(text).append(List.of("l"), "b").text());
  }

  @Test
  void shouldFillEmptyObject() {
    assertEquals("{\n  \"models\": {\n    \"a\": 1\n  }\n}", new Edit("{\n  \"models\": {}\n}").set(List.of("models", "a"), 1).text());
    assertEquals("{\n  \"models\": {\n    \"a\": 1\n  }\n}", new Edit("{}").set(List.of("models", "a"), 1).text());
  }

  @Test
  void shouldKeepWindowsLinesAndByteOrderMark() {
    assertEquals("\uFEFF{\r\n  \"a\": 1,\r\n  \"b\": 2\r\n}", new Edit("\uFEFF{\r\n  \"a\": 1\r\n}").set(List.of("b"), 2).text());
  }
}
