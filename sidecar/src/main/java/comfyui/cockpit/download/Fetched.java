package comfyui.cockpit.download;

import comfyui.cockpit.kernel.Checksum;
import java.util.Optional;

/** How it ended for one wanted file that is there now. */
public sealed interface Fetched {
  long size();

  Optional<Checksum> sha256();

  Verified verified();

  /** It came just now. */
  record Installed(long size, Optional<Checksum> sha256, Verified verified) implements Fetched {}

  /** It was there already. */
  record Present(long size, Optional<Checksum> sha256, Verified verified) implements Fetched {}
}
