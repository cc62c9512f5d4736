package comfyui.cockpit.instance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.ProblemException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PortsTest {
  @Test
  void shouldPassOverTakenPorts() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      int port = taken.getLocalPort();
      Ports only = new Ports(port, port);
      assertEquals(Code.PORT_TAKEN, assertThrows(ProblemException.class, only::free).problem().code());
      assertEquals(Code.PORT_TAKEN, assertThrows(ProblemException.class, () -> Ports.require(port)).problem().code());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "8890", "8999-8890", "0-5", "1-70000", "a-b", "8890 - 8999"})
  void shouldRefuseWhatIsNoRange(String text) {
    assertThrows(IllegalArgumentException.class, () -> Ports.parse(text));
  }

  @Test
  void shouldReadRange() {
    assertEquals(Ports.USUAL, Ports.parse("8890-8999"));
  }
}
