package comfyui.cockpit.download;

import java.util.Locale;

/** Against whose word a file's content was held. */
public enum Verified {
  /** The user's own checksum. */
  DECLARED,
  /** The checksum that the host publishes. */
  HUB,
  /** Nobody's: only length and header. */
  NONE,
  /** Never looked at, or changed since. */
  UNCHECKED;

  public String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }
}
