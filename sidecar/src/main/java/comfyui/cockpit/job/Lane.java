package comfyui.cockpit.job;

import java.util.Locale;

/** In a lane one job runs at a time. */
public enum Lane {
  DOWNLOADS,
  ENVIRONMENTS,
  GPU;

  public String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }
}
