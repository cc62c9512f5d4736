package comfyui.cockpit.job;

import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * How far a job is.
 *
 * @param phase what is being done
 * @param current which of the subjects
 * @param bytesPerSecond over the last seconds
 * @param stalled nothing has come for some seconds
 */
public record Progress(
    String phase,
    Optional<String> current,
    long doneBytes,
    OptionalLong totalBytes,
    int doneSteps,
    int totalSteps,
    OptionalDouble bytesPerSecond,
    OptionalDouble secondsLeft,
    boolean stalled) {
  static final Progress NONE =
      new Progress("queued", Optional.empty(), 0, OptionalLong.empty(), 0, 0, OptionalDouble.empty(), OptionalDouble.empty(), false);
}
