package comfyui.cockpit.python;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;

class WheelTagsTest {
  private static String best(String python, String... files) {
    return List.of(files).stream().max(Comparator.comparing(file -> WheelTags.of(file).rank(python))).orElseThrow();
  }

  @Test
  void shouldPreferTheWheelForThisPython() {
    String own = "charset_normalizer-3.5.2-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl";
    assertEquals(own, best("3.11.7", "charset_normalizer-3.5.2-py3-none-any.whl", "charset_normalizer-3.5.2-cp37-abi3-manylinux_2_28_x86_64.whl", own));
  }

  @Test
  void shouldPreferTheNewerStableAbi() {
    String newer = "safetensors-0.8.0-cp310-abi3-manylinux_2_17_x86_64.whl";
    assertEquals(newer, best("3.12.1", "safetensors-0.8.0-cp38-abi3-manylinux_2_17_x86_64.whl", newer));
  }

  @Test
  void shouldPreferTheBinaryToThePureOne() {
    String binary = "a-1-cp37-abi3-manylinux_2_17_x86_64.whl";
    assertEquals(binary, best("3.12.1", "a-1-py3-none-any.whl", binary));
  }

  @Test
  void shouldPreferTheHigherBuildNumber() {
    assertEquals("a-1-2-py3-none-any.whl", best("3.12.1", "a-1-1-py3-none-any.whl", "a-1-2-py3-none-any.whl"));
  }
}
