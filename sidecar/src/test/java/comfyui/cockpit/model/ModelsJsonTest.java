package comfyui.cockpit.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.files.Roots;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.net.Url;
import comfyui.cockpit.source.Hubs;
import comfyui.cockpit.source.SourceUri;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelsJsonTest {
  @TempDir Path root;

  private ModelsJson.Parsed parse(String text) {
    SourceUri uris = new SourceUri(new Hubs(Url.parse(Hubs.HUGGING_FACE), Url.parse(Hubs.CIVITAI), Optional.empty(), Optional.empty()), root);
    return new ModelsJson(uris, new Roots(root, List.of())).parse(text, "models.json");
  }

  private static String at(Problem problem) {
    return problem.code().wireName() + " " + problem.where().map(where -> where.pointer() + " " + where.line() + ":" + where.column()).orElse("");
  }

  @Test
  void shouldLoadTheFileOfThePredecessor() {
    ModelsJson.Parsed parsed =
        parse(
            """
            {"models": {"m": {"display_name": "SDXL Base", "version": "1.0", "type": "checkpoint",
              "source": {"kind": "civitai", "model_id": 12345, "version_id": 128713}, "path": "checkpoints/a.safetensors"}},
             "bundles": {"b": {"description": "x", "models": ["m"], "auto_install": true}}}
            """);
    assertEquals(List.of(), parsed.errors());
    Declaration declaration = parsed.declaration().orElseThrow();
    assertTrue(declaration.bundles().get("b").enabled());
    assertEquals(List.of("m"), declaration.select(Declaration.Selection.NONE).stream().map(DeclaredModel::id).toList());
  }

  @Test
  void shouldFindAllErrorsEachAtItsPlace() {
    ModelsJson.Parsed parsed =
        parse(
            """
            {
              "modles": {},
              "models": {
                "a": {"source": "ftp://x", "path": "../a", "sha256": "12", "size_bytes": -1},
                "b": {"path": 5, "source": {"kind": "huggingfac"}},
                "c": {"source": "hf://o/n/f", "path": "same.bin"},
                "d": {"source": "hf://o/n/f", "path": "same.bin", "typ": "x"},
                "c": {}
              },
              "bundles": {"k": {"models": ["a", "x"], "auto_install": "yes"}}
            }
            """);
    List<String> errors = parsed.errors().stream().map(ModelsJsonTest::at).toList();
    List<String> wanted =
        List.of(
            "declaration_invalid /models/c 8:5",
            "declaration_invalid /modles 2:3",
            "source_unsupported /models/a/source 4:21",
            "path_outside_root /models/a/path 4:40",
            "declaration_invalid /models/a/sha256 4:58",
            "declaration_invalid /models/a/size_bytes 4:78",
            "source_unsupported /models/b/source/kind 5:41",
            "declaration_invalid /models/b/path 5:19",
            "declaration_invalid /models/d/typ 7:55",
            "unknown_id /bundles/k/models/1 10:37",
            "declaration_invalid /bundles/k/auto_install 10:59");
    for (String error : wanted) {
      assertTrue(errors.contains(error), error + " is not among " + errors);
    }
    assertTrue(parsed.declaration().isEmpty());
    Problem typo = parsed.errors().stream().filter(error -> error.where().orElseThrow().pointer().equals("/modles")).findFirst().orElseThrow();
    assertEquals("Did you mean \"models\"?", typo.hint());
  }

  @Test
  void shouldRefuseSecondModelAtTheSamePath() {
    ModelsJson.Parsed parsed = parse("{\"models\": {\"c\": {\"source\": \"hf://o/n/f\", \"path\": \"d/x\"}, \"d\": {\"source\": \"hf://o/n/f\", \"path\": \"d//x\"}}}");
    assertEquals(List.of(Code.PATH_TAKEN), parsed.errors().stream().map(Problem::code).toList());
  }

  @Test
  void shouldRefusePathThroughLinkThatLeaves() throws IOException {
    Path outside = Files.createTempDirectory("outside");
    Files.createSymbolicLink(root.resolve("out"), outside);
    ModelsJson.Parsed parsed = parse("{\"models\": {\"c\": {\"source\": \"hf://o/n/f\", \"path\": \"out/x\"}}}");
    assertEquals(List.of(Code.PATH_OUTSIDE_ROOT), parsed.errors().stream().map(Problem::code).toList());
    Files.delete(outside);
  }

  @Test
  void shouldNotConfusePrefixWithInside() throws IOException {
    Path models = Files.createDirectory(root.resolve("data"));
    Files.createDirectory(root.resolve("data-secret"));
    Roots roots = new Roots(models, List.of());
    org.junit.jupiter.api.Assertions.assertThrows(RuntimeException.class, () -> roots.resolve(root.resolve("data-secret/x")));
  }

  @Test
  void shouldSurviveNonsense() {
    Random random = new Random(42);
    String good = "{\"models\": {\"a\": {\"source\": {\"kind\": \"civitai\", \"version_id\": 1}, \"path\": \"x\", \"size_bytes\": 1e5}}, \"bundles\": {\"b\": {\"models\": [\"a\"]}}}";
    String alphabet = "{}[]\":,x0-1eE.\\u \n\ttruefalsn";
    for (int i = 0; i < 5_000; i++) {
      StringBuilder text = new StringBuilder(good);
      for (int edits = random.nextInt(6); edits >= 0; edits--) {
        int at = random.nextInt(text.length());
        switch (random.nextInt(3)) {
          case 0 -> text.deleteCharAt(at);
          case 1 -> text.insert(at, alphabet.charAt(random.nextInt(alphabet.length())));
          default -> text.setCharAt(at, alphabet.charAt(random.nextInt(alphabet.length())));
        }
      }
      ModelsJson.Parsed parsed = parse(text.toString());
      assertEquals(parsed.declaration().isEmpty(), !parsed.errors().isEmpty(), text.toString());
      parsed.errors().forEach(error -> assertTrue(error.where().orElseThrow().line() > 0));
    }
    parse("[".repeat(100_000));
    parse("{\"models\": {\"a\": {\"size_bytes\": 1e999999999, \"source\": \"x\", \"path\": \"y\"}}}");
    parse("");
    parse("null");
  }
}
