package comfyui.cockpit.job;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProgressSink;
import java.util.Optional;

/** What a job does. */
@FunctionalInterface
public interface Work {
  /**
   * Runs on a thread of its own and ends soon after the signal.
   *
   * @throws comfyui.cockpit.kernel.ProblemException for a job that failed as a whole; {@code cancelled} makes it cancelled
   */
  Outcome run(Context context);

  /** What the job's own work sees of it. */
  interface Context {
    String id();

    CancelSignal cancelSignal();

    ProgressSink progress();

    /** For a job made of steps: which subject is at work, and how many are done. */
    void step(String current, int done, int total);

    /** The job counts as running from now on, where its parts decide when that is. */
    void started();
  }

  /**
   * How it ended.
   *
   * @param result the verb's document
   * @param problem what makes the job a failed one although it has a result; {@code cancelled} makes it a cancelled one
   */
  record Outcome(Object result, Optional<Problem> problem) {
    public static Outcome done(Object result) {
      return new Outcome(result, Optional.empty());
    }
  }
}
