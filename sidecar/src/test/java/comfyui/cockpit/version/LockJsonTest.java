package comfyui.cockpit.version;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LockJsonTest {
  private static final Path FOLDER = Path.of("/specs");

  static final String GOOD =
      "{\"build_packages\":[],\"comfy\":{\"commit\":\"" + "a".repeat(40) + "\",\"repo\":\"https://example.com/ComfyUI\",\"submodules\":[],\"tree\":\"" + "b".repeat(40) + "\"},"
          + "\"custom_nodes\":[{\"commit\":\"" + "c".repeat(40) + "\",\"dir\":\"custom_nodes/n\",\"name\":\"n\",\"repo\":\"../n\",\"run_install_script\":false,\"submodules\":[],\"tree\":\""
          + "d".repeat(40) + "\"}],\"env\":{\"A\":\"${A}\"},\"lock_version\":1,\"models\":[{\"path\":\"vae/x.safetensors\",\"sha256\":null,\"size_bytes\":12,\"source\":\"https://example.com/x\"}],"
          + "\"packages\":[{\"file\":\"six-1-py3-none-any.whl\",\"name\":\"six\",\"sha256\":\"" + "e".repeat(64) + "\",\"version\":\"1\"}],\"places\":[],\"platform\":\"x86_64-manylinux_2_28\","
          + "\"python\":\"3.12.1\",\"torch_backend\":null}\n";

  @Test
  void shouldWriteWhatItReadByteForByte() {
    assertEquals(GOOD, LockJson.write(LockJson.read(GOOD, "a.lock.json", FOLDER)));
  }

  @Test
  void shouldNameNoMachineForARelativeRepository() {
    Lock lock = LockJson.read(GOOD, "a.lock.json", FOLDER);
    assertEquals("/n", lock.nodes().getFirst().checkout().repo().text());
    assertTrue(LockJson.write(lock).contains("\"repo\":\"../n\""));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "custom_nodes/n|custom_nodes/../../x", "custom_nodes/n|custom_nodes/n/.git", "vae/x.safetensors|../x", "six-1-py3-none-any.whl|--index-url", "\"six\"|\"six @ file:///etc\"",
        "\"version\":\"1\"|\"version\":\"1 --pre\"", "https://example.com/ComfyUI|ext::sh -c x", "\"lock_version\":1|\"lock_version\":2", "\"3.12.1\"|3", "\"places\":[]|\"plaaces\":[]"
      })
  void shouldRefuseWhatSomebodyChanged(String from, String to) {
    assertTrue(GOOD.contains(from));
    Problem problem = assertThrows(ProblemException.class, () -> LockJson.read(GOOD.replace(from, to), "a.lock.json", FOLDER)).problem();
    assertEquals(Code.DECLARATION_INVALID, problem.code());
  }
}
