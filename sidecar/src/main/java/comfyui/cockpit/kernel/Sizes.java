package comfyui.cockpit.kernel;

import java.util.Locale;

/** Sizes and times as people read them: decimal units, one decimal, as the hubs show them. */
public final class Sizes {
  private static final String[] UNITS = {"B", "kB", "MB", "GB", "TB", "PB"};

  private Sizes() {}

  /** {@code 6.9 GB}; bytes below 1000 without a decimal. */
  public static String bytes(long bytes) {
    double value = bytes;
    int unit = 0;
    while (Math.abs(value) >= 999.95 && unit < UNITS.length - 1) {
      value /= 1000;
      unit++;
    }
    return unit == 0 ? bytes + " B" : String.format(Locale.ROOT, "%.1f %s", value, UNITS[unit]);
  }

  /** {@code 40 s}, {@code 4 min}, {@code 2 h 5 min}. */
  public static String seconds(double seconds) {
    long whole = Math.max(0, Math.round(seconds));
    if (whole < 90) {
      return whole + " s";
    }
    long minutes = Math.round(whole / 60.0);
    return minutes < 60 ? minutes + " min" : minutes / 60 + " h " + minutes % 60 + " min";
  }
}
