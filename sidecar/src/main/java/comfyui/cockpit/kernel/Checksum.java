package comfyui.cockpit.kernel;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * A digest of a file's content.
 *
 * @param hex lower-case hexadecimal of the algorithm's length
 */
public record Checksum(Algorithm algorithm, String hex) {
  /** How the digest is made. */
  public enum Algorithm {
    SHA256("SHA-256", 64),
    MD5("MD5", 32),
    /** SHA-1 over {@code "blob " + length + NUL + bytes}: how git, and so Hugging Face, names small files. */
    GIT_BLOB_SHA1("SHA-1", 40),
    /** Big-endian: what Google Cloud Storage knows of every object. It finds accidents, not forgeries. */
    CRC32C("CRC32C", 8);

    private final String jcaName;
    private final int hexLength;

    Algorithm(String jcaName, int hexLength) {
      this.jcaName = jcaName;
      this.hexLength = hexLength;
    }

    /** A digest that has seen nothing yet. */
    public MessageDigest newDigest() {
      try {
        // Java has the sum and no digest of it.
        return this == CRC32C ? new Crc32cDigest() : MessageDigest.getInstance(jcaName);
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static final Pattern HEX = Pattern.compile("[0-9a-f]*");

  public Checksum {
    hex = hex.toLowerCase(Locale.ROOT);
    if (hex.length() != algorithm.hexLength || !HEX.matcher(hex).matches()) {
      throw new IllegalArgumentException(
          "a " + algorithm + " checksum has " + algorithm.hexLength + " hexadecimal digits, not \"" + hex + "\"");
    }
  }

  public static Checksum sha256(String hex) {
    return new Checksum(Algorithm.SHA256, hex);
  }

  public static Checksum gitBlob(String hex) {
    return new Checksum(Algorithm.GIT_BLOB_SHA1, hex);
  }

  public static Checksum of(Algorithm algorithm, byte[] digest) {
    return new Checksum(algorithm, HexFormat.of().formatHex(digest));
  }

  /** {@code sha256:<hex>}, {@code md5:<hex>} or bare hexadecimal, which means sha256. */
  public static Checksum parse(String text) {
    int colon = text.indexOf(':');
    if (colon < 0) {
      return sha256(text);
    }
    return switch (text.substring(0, colon).toLowerCase(Locale.ROOT)) {
      case "sha256" -> sha256(text.substring(colon + 1));
      case "md5" -> new Checksum(Algorithm.MD5, text.substring(colon + 1));
      default -> throw new IllegalArgumentException("a checksum is sha256:<hex>, md5:<hex> or bare sha256, not \"" + text + "\"");
    };
  }

  /** True if this may be used as somebody's sha256 without asking further: 64 hexadecimal digits. */
  public static boolean looksLikeSha256(String text) {
    return text.length() == 64 && HEX.matcher(text.toLowerCase(Locale.ROOT)).matches();
  }

  @Override
  public String toString() {
    return algorithm.name().toLowerCase(Locale.ROOT) + ":" + hex;
  }
}
