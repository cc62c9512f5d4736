package comfyui.cockpit.app.models;

import comfyui.cockpit.download.Presence;
import comfyui.cockpit.files.Disk;
import comfyui.cockpit.job.Results;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.model.Declaration;
import comfyui.cockpit.model.DeclaredModel;
import comfyui.cockpit.model.ModelPlan.HostAnswer;
import comfyui.cockpit.model.ModelPlan;
import comfyui.cockpit.source.Sources;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.function.Function;
import java.util.stream.Stream;

/** Shows what an installation would do, and everything that would fail. */
public final class PlanModels {
  /** So many questions to hosts at once, and no more: they count them. */
  private static final int ASKED_AT_ONCE = 8;

  private final Models models;
  private final boolean offline;

  public PlanModels(Models models, boolean offline) {
    this.models = models;
    this.offline = offline;
  }

  public ModelPlan plan(Declaration.Selection selection, boolean overwrite, CancelSignal cancel) {
    List<DeclaredModel> chosen = models.declaration().select(selection);
    Map<String, Presence> presence = models.presence(chosen);
    Sources sources = models.downloads().sources();
    Stream<DeclaredModel> open =
        chosen.stream()
            .filter(model -> overwrite || presence.get(model.id()) instanceof Presence.Missing)
            .filter(model -> !offline || sources.isLocal(model.wanted().source()));
    Map<String, HostAnswer> answers = ask(open.toList(), sources, cancel);
    // Asked once for each directory: thousands of files share a few.
    Map<Path, Disk.Space> spaces = new HashMap<>();
    Function<Path, Disk.Space> space = target -> spaces.computeIfAbsent(target.getParent(), Disk::spaceAt);
    return ModelPlan.of(chosen, overwrite, new ModelPlan.Facts(presence, answers, sources::host, space));
  }

  private static Map<String, HostAnswer> ask(List<DeclaredModel> open, Sources sources, CancelSignal cancel) {
    Map<String, HostAnswer> answers = new ConcurrentHashMap<>();
    Semaphore places = new Semaphore(ASKED_AT_ONCE);
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> asked =
          open.stream()
              .<Future<?>>map(
                  model ->
                      executor.submit(
                          () -> {
                            places.acquireUninterruptibly();
                            try {
                              answers.put(model.id(), ask(model, sources, cancel));
                            } finally {
                              places.release();
                            }
                          }))
              .toList();
      for (Future<?> future : asked) {
        Results.of(future);
      }
    }
    return answers;
  }

  private static HostAnswer ask(DeclaredModel model, Sources sources, CancelSignal cancel) {
    try {
      return new HostAnswer(Optional.of(sources.describe(model.wanted().source(), model.wanted().checksum(), cancel)), Optional.empty());
    } catch (ProblemException e) {
      return new HostAnswer(Optional.empty(), Optional.of(e.problem()));
    }
  }
}
