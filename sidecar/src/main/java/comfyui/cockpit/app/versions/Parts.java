package comfyui.cockpit.app.versions;

import comfyui.cockpit.job.Job;
import comfyui.cockpit.job.Jobs;
import comfyui.cockpit.job.Tail;
import comfyui.cockpit.job.Work;
import comfyui.cockpit.kernel.CancelSignal;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** A job that waits for another one, which is a part of it. */
public final class Parts {
  private static final Duration LOOK = Duration.ofMillis(200);

  private Parts() {}

  /** Follows the part to its end, as {@link #follow(Work.Context, Jobs.Handle, Consumer)} does, with its steps and bytes. */
  public static Job follow(Work.Context job, Jobs.Handle part) {
    return follow(
        job,
        part,
        now -> {
          job.step(now.progress().current().orElse(""), now.progress().doneSteps(), now.progress().totalSteps());
          job.progress().bytes(now.progress().doneBytes(), now.progress().totalBytes().orElse(-1));
        });
  }

  /**
   * Follows the part to its end: its phase and its log are the job's, and whoever cancels the job cancels it.
   *
   * @param also what else the job takes from it
   * @throws comfyui.cockpit.kernel.ProblemException the part's problem
   */
  static Job follow(Work.Context job, Jobs.Handle part, Consumer<Job> also) {
    try (CancelSignal.Registration ignored = job.cancelSignal().onCancel(part::cancel)) {
      List<String> logged = List.of();
      Optional<Job> end = Optional.empty();
      while (end.isEmpty()) {
        end = part.await(LOOK);
        Job now = end.orElseGet(part::now);
        job.progress().phase(now.progress().phase());
        also.accept(now);
        Tail.since(logged, now.log()).forEach(job.progress()::log);
        logged = now.log();
      }
      end.get().problem().ifPresent(
          problem -> {
            throw problem.toException();
          });
      return end.get();
    }
  }
}
