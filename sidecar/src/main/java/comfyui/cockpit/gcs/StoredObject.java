package comfyui.cockpit.gcs;

import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Checksum.Algorithm;
import comfyui.cockpit.net.Answer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What the bucket says of an object.
 *
 * @param generation changes whenever the content does
 * @param checksums of the bytes as they are stored; MD5 first, which an object composed of others has not
 * @param encoding how the content is packed, if it is
 */
public record StoredObject(long generation, OptionalLong size, List<Checksum> checksums, Optional<String> encoding) {
  /** @return nothing if this describes no object */
  public static Optional<StoredObject> read(Value json) {
    Optional<Long> generation = json.text("generation").flatMap(StoredObject::number).or(() -> json.get("generation").flatMap(Value::asLong));
    List<Checksum> checksums = new ArrayList<>();
    json.text("md5Hash").flatMap(text -> checksum(Algorithm.MD5, text)).ifPresent(checksums::add);
    json.text("crc32c").flatMap(text -> checksum(Algorithm.CRC32C, text)).ifPresent(checksums::add);
    OptionalLong size = json.text("size").flatMap(StoredObject::number).map(OptionalLong::of).orElseGet(() -> json.number("size"));
    Optional<String> encoding = json.text("contentEncoding").map(String::strip).filter(StoredObject::packs);
    return generation.map(g -> new StoredObject(g, size, List.copyOf(checksums), encoding));
  }

  /** The generation that an answer with the object's bytes is of. */
  public static Optional<Long> generation(Answer answer) {
    return answer.header("x-goog-generation").flatMap(StoredObject::number);
  }

  /** How the bytes are packed that an answer is made of, also where the server unpacked them on the way. */
  public static Optional<String> encoding(Answer answer) {
    return answer.header("x-goog-stored-content-encoding").filter(StoredObject::packs);
  }

  /** The checksums that came along with the bytes, on one line or on several. */
  public static List<Checksum> checksums(Answer answer) {
    List<Checksum> checksums = new ArrayList<>();
    for (String line : answer.headers("x-goog-hash")) {
      for (String each : line.split(",")) {
        String[] pair = each.strip().split("=", 2);
        Optional<Algorithm> algorithm =
            switch (pair[0].toLowerCase(Locale.ROOT)) {
              case "md5" -> Optional.of(Algorithm.MD5);
              case "crc32c" -> Optional.of(Algorithm.CRC32C);
              default -> Optional.empty();
            };
        algorithm.filter(a -> pair.length == 2).flatMap(a -> checksum(a, pair[1])).ifPresent(checksums::add);
      }
    }
    return checksums;
  }

  private static boolean packs(String encoding) {
    return !encoding.isEmpty() && !encoding.equalsIgnoreCase("identity");
  }

  /** Google counts in 64 bits; the emulators count nanoseconds. */
  private static Optional<Long> number(String text) {
    try {
      return text.matches("\\d{1,19}") ? Optional.of(Long.parseLong(text)) : Optional.empty();
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  /** Nothing for a hash that cannot be one: it must not keep a good file away. */
  private static Optional<Checksum> checksum(Algorithm algorithm, String base64) {
    try {
      return Optional.of(Checksum.of(algorithm, Base64.getDecoder().decode(base64.strip())));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }
}
