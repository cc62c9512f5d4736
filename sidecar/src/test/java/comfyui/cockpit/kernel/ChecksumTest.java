package comfyui.cockpit.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import comfyui.cockpit.kernel.Checksum.Algorithm;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChecksumTest {
  private static final byte[] CHECK = "123456789".getBytes(StandardCharsets.US_ASCII);

  @ParameterizedTest
  @CsvSource({
    "CRC32C, e3069283",
    "MD5, 25f9e794323b453885f5181f1b624d0b",
    "SHA256, 15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"
  })
  void shouldKnowTheCheckValues(Algorithm algorithm, String hex) {
    assertEquals(new Checksum(algorithm, hex), Checksum.of(algorithm, algorithm.newDigest().digest(CHECK)));
  }

  @Test
  void shouldSumInPiecesOfEveryKind() {
    MessageDigest digest = Algorithm.CRC32C.newDigest();
    digest.update(CHECK[0]);
    digest.update(CHECK, 1, 3);
    digest.update(ByteBuffer.allocateDirect(5).put(CHECK, 4, 5).flip());
    assertEquals(new Checksum(Algorithm.CRC32C, "e3069283"), Checksum.of(Algorithm.CRC32C, digest.digest()));
    assertEquals("00000000", Checksum.of(Algorithm.CRC32C, digest.digest()).hex());
  }

  @Test
  void shouldRefuseTheWrongLength() {
    assertThrows(IllegalArgumentException.class, () -> Checksum.of(Algorithm.CRC32C, new byte[5]));
  }
}
