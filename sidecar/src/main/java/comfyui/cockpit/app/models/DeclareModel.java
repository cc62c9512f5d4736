package comfyui.cockpit.app.models;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.model.ModelsJson;
import comfyui.cockpit.model.NewModel;
import comfyui.cockpit.source.Described;
import comfyui.cockpit.source.ModelSource;
import comfyui.cockpit.source.SourceUri;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** Turns a link that somebody pasted into an entry of models.json. */
public final class DeclareModel {
  private final Models models;
  private final SourceUri sources;

  public DeclareModel(Models models, SourceUri sources) {
    this.models = models;
    this.sources = sources;
  }

  /**
   * @param url any form of source
   * @param bundle made if it is not there
   * @param path instead of the proposed one
   * @param write false: only show
   */
  public record Request(String url, Optional<String> bundle, Optional<String> path, boolean write) {}

  public record Result(NewModel model, boolean written, Described described, Optional<String> bundle) {}

  public Result declare(Request request, CancelSignal cancel) {
    ModelSource source;
    try {
      source = sources.parse(request.url());
    } catch (IllegalArgumentException e) {
      throw Problem.of(Code.SOURCE_UNSUPPORTED, "\"" + request.url() + "\": " + e.getMessage() + ".").toException();
    }
    Described described = models.downloads().sources().look(source, cancel);
    NewModel model = NewModel.of(described, request.path());
    String text = currentText();
    String edited = model.addTo(text, request.bundle());
    ModelsJson.Parsed parsed = models.file().check(edited);
    if (parsed.declaration().isEmpty()) {
      throw models.file().invalid(parsed.errors()).toException();
    }
    if (request.write() && !edited.equals(text)) {
      save(edited);
      models.changed(List.of(model.id()));
    }
    return new Result(model, request.write(), described, request.bundle());
  }

  /**
   * Writes models into models.json.
   *
   * @param bundle made if it is not there; gets the new models and the others named
   */
  void write(List<NewModel> fresh, Optional<String> bundle, List<String> others) {
    String text = currentText();
    String edited = text;
    for (NewModel model : fresh) {
      edited = model.addTo(edited, bundle);
    }
    for (String id : others) {
      edited = NewModel.addToBundle(edited, bundle.orElseThrow(), id);
    }
    if (edited.equals(text)) {
      return;
    }
    ModelsJson.Parsed parsed = models.file().check(edited);
    if (parsed.declaration().isEmpty()) {
      throw models.file().invalid(parsed.errors()).toException();
    }
    save(edited);
    models.changed(fresh.stream().map(NewModel::id).toList());
  }

  private void save(String text) {
    try {
      SmallFile.write(models.file().path(), text);
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, models.file().path()), e);
    }
  }

  private String currentText() {
    try {
      String text = SmallFile.read(models.file().path()).orElse("{\n  \"models\": {},\n  \"bundles\": {}\n}\n");
      if (Json.read(text).isEmpty()) {
        throw models.file().invalid(models.file().check(text).errors()).toException();
      }
      return text;
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, models.file().path()), e);
    }
  }
}
