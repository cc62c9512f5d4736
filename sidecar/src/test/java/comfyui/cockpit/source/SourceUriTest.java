package comfyui.cockpit.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import comfyui.cockpit.net.Url;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SourceUriTest {
  private final SourceUri uris =
      new SourceUri(new Hubs(Url.parse(Hubs.HUGGING_FACE), Url.parse(Hubs.CIVITAI), Optional.empty(), Optional.empty()), Path.of("/lab"));

  @ParameterizedTest
  @CsvSource({
    "hf://o/n/f.safetensors, hf://o/n/f.safetensors",
    "hf://models/o/n/f, hf://o/n/f",
    "huggingface://o/n@v1/d/f, hf://o/n@v1/d/f",
    "hf://datasets/o/n@refs/pr/7/d/f, hf://datasets/o/n@refs%2Fpr%2F7/d/f",
    "hf://o/n/d/f?rev=a%2Fb, hf://o/n@a%2Fb/d/f",
    "hf://o/n/a@b.safetensors, hf://o/n/a@b.safetensors",
    "https://huggingface.co/o/n/blob/main/d/f.gguf, hf://o/n/d/f.gguf",
    "https://huggingface.co/o/n/resolve/main/f?download=true#x, hf://o/n/f",
    "https://hf.co/datasets/o/n/resolve/refs%2Fpr%2F1/f, hf://datasets/o/n@refs%2Fpr%2F1/f",
    "https://huggingface.co/bert-base-uncased/resolve/main/f, hf://bert-base-uncased/f",
    "https://huggingface.co/o/n, hf://o/n",
    "civitai://models/128713, civitai://models/128713",
    "civitai://101055@128078, civitai://models/128078",
    "civitai://api/download/models/5?type=Pruned%20Model&format=SafeTensor, civitai://models/5?type=Pruned%20Model&format=SafeTensor",
    "https://civitai.com/models/101055/sdxl?modelVersionId=128078, civitai://models/128078",
    "https://civitai.com/models/101055, civitai://model/101055",
    "https://civitai.red/api/download/models/9?fileId=3, civitai://models/9?fileId=3",
    "urn:air:sdxl:checkpoint:civitai:101055@128078, civitai://models/128078",
    "air:sdxl:lora:civitai:1@2+3.safetensors, civitai://models/2?fileId=3",
    "urn:air:flux1:model:huggingface:o/n@main, hf://o/n",
    "gs://bucket/a/b#12, gs://bucket/a/b#12",
    "gs://under_score.example/a/../b//c#d?e f#1795574716126982803, gs://under_score.example/a/../b//c#d?e f#1795574716126982803",
    "https://example.org/x.safetensors?a=b, https://example.org/x.safetensors?a=b",
    "file:///a%20b/c, /a b/c",
    "file://localhost/a, /a",
    "/abs/x.gguf, /abs/x.gguf",
    "rel/x y.gguf, /lab/rel/x y.gguf"
  })
  void shouldReadEveryForm(String written, String meant) {
    assertEquals(meant, uris.parse(written).uri());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ftp://x/y", "hf://alone", "hf://o/n@/f", "hf://o/n//f", "hf://o/../f", "hf://o--x/n/f", "civitai://nothing", "urn:air:x", "urn:air:a:b:orchestrator:1@2", "gs://bucket", "gs://bucket/", "gs://bucket/folder/",
        "gs:bucket/a", "gs://b/a", "gs://Bucket/a", "gs://bucket/..", "gs:///a", "gs://bucket/a#99999999999999999999",
        "http://user:pw@example.org/x", "file://other/x", "file:rel", "https://"
      })
  void shouldRefuseWhatIsNoSource(String written) {
    assertThrows(IllegalArgumentException.class, () -> uris.parse(written));
  }

  @Test
  void shouldEncodeAsTheOfficialClientDoes() {
    Url url = Url.parse("https://huggingface.co").append("o", "n", "resolve", "refs/pr/1", "to?", "awful?filename%you:should,never.give");
    assertEquals("https://huggingface.co/o/n/resolve/refs%2Fpr%2F1/to%3F/awful%3Ffilename%25you%3Ashould%2Cnever.give", url.reveal());
  }

  @Test
  void shouldHideQueryInText() {
    assertEquals("https://example.org/x?…", Url.parse("https://example.org/x?token=secret").toString());
  }
}
