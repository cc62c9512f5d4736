package comfyui.cockpit.job;

import java.util.List;

/** The last lines of something that goes on talking. */
public final class Tail {
  private Tail() {}

  /**
   * What was said since: of a log of which only the last lines are kept, those behind the ones that both have.
   *
   * @param before as it was looked at the last time
   */
  public static List<String> since(List<String> before, List<String> now) {
    if (now.size() >= before.size() && now.subList(0, before.size()).equals(before)) {
      return now.subList(before.size(), now.size());
    }
    for (int kept = Math.min(before.size(), now.size()); kept > 0; kept--) {
      if (before.subList(before.size() - kept, before.size()).equals(now.subList(0, kept))) {
        return now.subList(kept, now.size());
      }
    }
    return now;
  }
}
