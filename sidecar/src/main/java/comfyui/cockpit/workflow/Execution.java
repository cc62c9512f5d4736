package comfyui.cockpit.workflow;

import comfyui.cockpit.comfy.ComfyApi;
import comfyui.cockpit.comfy.Prompt;
import comfyui.cockpit.instance.ComfyServer;
import comfyui.cockpit.json.Value.Obj;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * A workflow on its way through one ComfyUI, from the queue into the history.
 *
 * @param log told what is worth knowing on the way
 */
public record Execution(ComfyServer server, Clock clock, Consumer<String> log, CancelSignal cancel) {
  private static final Duration LOOK = Duration.ofMillis(250);
  /** A ComfyUI at work may not answer for a while; one that never does is lost. */
  private static final Duration DEAF = Duration.ofSeconds(120);

  /** @param outputs by node, as the history has them */
  public record Done(String promptId, Obj outputs) {}

  /**
   * @param timeout nothing: as long as it takes
   * @throws ProblemException {@code workflow_refused}, {@code workflow_failed}, {@code workflow_timed_out}, {@code cancelled}
   */
  public Done run(Prompt prompt, Optional<Duration> timeout) {
    String id = submit(prompt);
    ComfyApi.Finished finished = await(id, timeout);
    finished.problem().ifPresent(
        problem -> {
          throw problem.toException();
        });
    return new Done(id, finished.outputs());
  }

  private String submit(Prompt prompt) {
    try {
      return server.api().submit(prompt, UUID.randomUUID().toString(), cancel);
    } catch (ProblemException e) {
      cancel.throwIfCancelled();
      if (e.problem().code() != Code.WORKFLOW_REFUSED) {
        server.explain();
      }
      throw e;
    }
  }

  /** The history is what counts: a run whose last message was missed has ended all the same. */
  private ComfyApi.Finished await(String id, Optional<Duration> timeout) {
    long start = clock.nanos();
    long heard = start;
    int missed = 0;
    while (true) {
      server.requireAlive();
      try {
        Optional<ComfyApi.Finished> finished = server.api().finished(id, cancel);
        if (finished.isPresent()) {
          return finished.get();
        }
        // Between two questions it may have gone from the queue into the history: so it is lost only the second time.
        missed = server.api().isQueued(id, cancel) ? 0 : missed + 1;
        heard = clock.nanos();
      } catch (ProblemException e) {
        cancel.throwIfCancelled();
        if (clock.secondsSince(heard) > DEAF.toSeconds()) {
          server.explain();
          throw e;
        }
        log.accept("ComfyUI does not answer just now: " + e.problem().detail());
      }
      if (missed > 1) {
        throw Problem.of(Code.WORKFLOW_FAILED, "ComfyUI knows nothing of the workflow any more: it is neither in its queue nor in its history.").toException();
      }
      if (timeout.isPresent() && clock.secondsSince(start) > timeout.get().toMillis() / 1000.0) {
        throw Problem.of(Code.WORKFLOW_TIMED_OUT, "The workflow was not done within " + seconds(timeout.get()) + " s, and was ended.").toException();
      }
      cancel.sleep(LOOK);
    }
  }

  private static String seconds(Duration duration) {
    return BigDecimal.valueOf(duration.toMillis(), 3).stripTrailingZeros().toPlainString();
  }
}
