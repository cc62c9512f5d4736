package comfyui.cockpit.app.models;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.model.Declaration;
import comfyui.cockpit.model.DeclaredModel;
import java.util.ArrayList;
import java.util.List;

/** Removes files of models, never their declaration. */
public final class RemoveModels {
  private final Models models;
  private final InstallModels install;

  public RemoveModels(Models models, InstallModels install) {
    this.models = models;
    this.install = install;
  }

  public record Removed(String id, String path, long freedBytes) {}

  /** @param gone there was nothing to remove */
  public record Kept(String id, String path, String reason, boolean gone) {}

  public record Result(List<Removed> removed, List<Kept> kept) {}

  public Result remove(Declaration.Selection selection, CancelSignal cancel) {
    List<Removed> removed = new ArrayList<>();
    List<Kept> kept = new ArrayList<>();
    for (DeclaredModel model : models.declaration().select(selection)) {
      if (install.activeJob(model).isPresent()) {
        kept.add(new Kept(model.id(), model.path(), "It is being installed; cancel that first.", false));
        continue;
      }
      try {
        removed.add(new Removed(model.id(), model.path(), models.downloads().remove(model.wanted(), cancel)));
      } catch (ProblemException e) {
        if (e.problem().code() != Code.FILE_MISSING) {
          throw e;
        }
        kept.add(new Kept(model.id(), model.path(), "It is not there.", true));
      }
    }
    if (!removed.isEmpty()) {
      models.changed(removed.stream().map(Removed::id).toList());
    }
    return new Result(removed, kept);
  }
}
