package comfyui.cockpit.kernel;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.zip.CRC32C;

/** The sum as a digest, so that whoever hashes need not know the difference. */
final class Crc32cDigest extends MessageDigest {
  private final CRC32C sum = new CRC32C();

  Crc32cDigest() {
    super("CRC32C");
  }

  @Override
  protected void engineUpdate(byte input) {
    sum.update(input);
  }

  @Override
  protected void engineUpdate(byte[] input, int offset, int length) {
    sum.update(input, offset, length);
  }

  @Override
  protected void engineUpdate(ByteBuffer input) {
    sum.update(input);
  }

  @Override
  protected byte[] engineDigest() {
    byte[] digest = ByteBuffer.allocate(Integer.BYTES).putInt((int) sum.getValue()).array();
    sum.reset();
    return digest;
  }

  @Override
  protected void engineReset() {
    sum.reset();
  }
}
