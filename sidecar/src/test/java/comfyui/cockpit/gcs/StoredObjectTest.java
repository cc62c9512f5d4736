package comfyui.cockpit.gcs;

import static org.junit.jupiter.api.Assertions.assertEquals;

import comfyui.cockpit.json.Json;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Checksum.Algorithm;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class StoredObjectTest {
  private static final Checksum CRC = new Checksum(Algorithm.CRC32C, "e3069283");

  private static Optional<StoredObject> read(String json) {
    return StoredObject.read(Json.read(json).orElseThrow());
  }

  @Test
  void shouldReadWhatTheBucketSays() {
    Checksum md5 = new Checksum(Algorithm.MD5, "25f9e794323b453885f5181f1b624d0b");
    assertEquals(
        Optional.of(new StoredObject(1700000000000001L, OptionalLong.of(9), List.of(md5, CRC), Optional.empty())),
        read("{\"generation\":\"1700000000000001\",\"size\":\"9\",\"crc32c\":\"4waSgw==\",\"md5Hash\":\"JfnnlDI7RTiF9RgfG2JNCw==\",\"contentEncoding\":\"identity\"}"));
  }

  /** Case 57: an object composed of others has no MD5. Case 55: a hash that cannot be one is none. */
  @Test
  void shouldDoWithLess() {
    assertEquals(Optional.of(new StoredObject(5, OptionalLong.of(9), List.of(CRC), Optional.of("gzip"))), read("{\"generation\":5,\"size\":9,\"crc32c\":\"4waSgw==\",\"contentEncoding\":\"gzip\"}"));
    assertEquals(Optional.of(new StoredObject(5, OptionalLong.empty(), List.of(), Optional.empty())), read("{\"generation\":\"5\",\"crc32c\":\"AAA=\",\"md5Hash\":\"%\"}"));
    assertEquals(Optional.empty(), read("{\"size\":\"5\"}"));
    assertEquals(Optional.empty(), read("[]"));
  }
}
