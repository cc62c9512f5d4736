package comfyui.cockpit.json;

import comfyui.cockpit.kernel.ProcessIdentity;
import java.util.Optional;

/** Reads what {@link ProcessIdentity#toMap} wrote. */
public final class Identities {
  private Identities() {}

  /** Nothing if that is no process. */
  public static Optional<ProcessIdentity> of(Value value) {
    Optional<String> boot = value.text("boot");
    Optional<String> namespace = value.text("namespace");
    if (boot.isEmpty() || namespace.isEmpty() || value.number("pid").isEmpty() || value.number("start").isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(new ProcessIdentity(boot.get(), namespace.get(), value.number("pid").getAsLong(), value.number("start").getAsLong()));
  }
}
