package comfyui.cockpit.kernel;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;

/** A token or password. It prints as dots; only the one place that sends it calls {@link #reveal}. */
public final class Secret {
  private final String value;

  public Secret(String value) {
    this.value = value.strip();
    if (this.value.isEmpty() || !this.value.chars().allMatch(c -> c > 0x20 && c < 0x7f)) {
      throw new IllegalArgumentException("a token is made of printable ASCII characters without spaces");
    }
  }

  public String reveal() {
    return value;
  }

  /** Compares in constant time. */
  public boolean matches(String candidate) {
    return MessageDigest.isEqual(value.getBytes(StandardCharsets.UTF_8), candidate.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public String toString() {
    return "•••";
  }
}
