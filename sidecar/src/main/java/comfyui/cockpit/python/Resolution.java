package comfyui.cockpit.python;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What requirements came to.
 *
 * @param packages all of them, sorted by name
 * @param buildPackages what source distributions may be built with; empty where everything is a wheel
 */
public record Resolution(List<Found> packages, List<Found> buildPackages) {
  /**
   * @param url where the file lies at the moment
   * @param size bytes
   */
  public record Found(LockedPackage locked, Optional<String> url, OptionalLong size) {}
}
