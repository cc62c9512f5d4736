package comfyui.cockpit.job;

import java.util.Locale;

/** Where a job stands; the last three are final. */
public enum JobState {
  QUEUED,
  RUNNING,
  DONE,
  FAILED,
  CANCELLED;

  public boolean isFinal() {
    return switch (this) {
      case QUEUED, RUNNING -> false;
      case DONE, FAILED, CANCELLED -> true;
    };
  }

  public String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }
}
