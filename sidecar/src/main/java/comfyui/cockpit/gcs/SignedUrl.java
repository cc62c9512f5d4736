package comfyui.cockpit.gcs;

import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.net.Url;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** An address that works for a while without an account: V4 signatures of Google Cloud Storage, for reading. */
final class SignedUrl {
  private static final String ALGORITHM = "GOOG4-RSA-SHA256";
  private static final Duration LONGEST = Duration.ofDays(7);
  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);
  private static final DateTimeFormatter DAY = DateTimeFormatter.ofPattern("yyyyMMdd").withZone(ZoneOffset.UTC);

  private SignedUrl() {}

  /** @param object the address of the object, without a query */
  static String of(String object, Signer signer, Instant now, Duration ttl) {
    URI address = URI.create(object);
    String scope = DAY.format(now) + "/auto/storage/goog4_request";
    // A map that is sorted: the signature is of the parameters in this order.
    Map<String, String> query = new TreeMap<>();
    query.put("X-Goog-Algorithm", ALGORITHM);
    query.put("X-Goog-Credential", signer.account() + "/" + scope);
    query.put("X-Goog-Date", TIME.format(now));
    query.put("X-Goog-Expires", String.valueOf(seconds(ttl)));
    query.put("X-Goog-SignedHeaders", "host");
    String parameters = query.entrySet().stream().map(each -> each.getKey() + "=" + Url.encode(each.getValue())).collect(Collectors.joining("&"));
    String request = String.join("\n", "GET", address.getRawPath(), parameters, "host:" + address.getRawAuthority(), "", "host", "UNSIGNED-PAYLOAD");
    String text = String.join("\n", ALGORITHM, TIME.format(now), scope, sha256(request));
    String signature = HexFormat.of().formatHex(signer.sign(text.getBytes(StandardCharsets.UTF_8)));
    return object + "?" + parameters + "&X-Goog-Signature=" + signature;
  }

  private static long seconds(Duration ttl) {
    return Math.clamp(ttl.toSeconds(), 1, LONGEST.toSeconds());
  }

  private static String sha256(String text) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** @param why a sentence */
  static Problem cannotSign(String why) {
    return Problem.of(Code.TOKEN_MISSING, "No signed address can be made: " + why)
        .withHint("Set GOOGLE_APPLICATION_CREDENTIALS to the key file of a service account, or set GCS_SIGNED_URL_TTL=0.");
  }
}
