package comfyui.cockpit.app.models;

import comfyui.cockpit.download.Downloads;
import comfyui.cockpit.download.Presence;
import comfyui.cockpit.job.Events;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.model.Declaration;
import comfyui.cockpit.model.DeclaredModel;
import comfyui.cockpit.model.ModelsFile;
import comfyui.cockpit.settings.Settings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/** What is declared and what of it is there: the ground that every verb about models stands on. */
public final class Models {
  private final ModelsFile file;
  private final Downloads downloads;
  private final Events events;
  private final Settings settings;
  private final AtomicLong changes = new AtomicLong();

  public Models(ModelsFile file, Downloads downloads, Events events, Settings settings) {
    this.file = file;
    this.downloads = downloads;
    this.events = events;
    this.settings = settings;
  }

  /**
   * The whole picture.
   *
   * @param models with what lies at their places
   */
  public record Status(String revision, ModelsFile.Snapshot file, String fileName, String modelsDir, List<Problem> errors, Map<String, Presence> models) {
    public Declaration declaration() {
      return file.declaration();
    }
  }

  public Status status() {
    ModelsFile.Snapshot snapshot = file.now();
    Map<String, Presence> presence = presence(List.copyOf(snapshot.declaration().models().values()));
    List<Problem> errors = new ArrayList<>(settings.errors());
    errors.addAll(snapshot.errors());
    return new Status(revision(snapshot), snapshot, file.shown(), settings.roots().main().toString(), errors, presence);
  }

  public Map<String, Presence> presence(List<DeclaredModel> models) {
    Map<String, Presence> presence = new LinkedHashMap<>();
    for (DeclaredModel model : models) {
      presence.put(model.id(), downloads.presence(model.wanted()));
    }
    return presence;
  }

  public String revision() {
    return revision(file.now());
  }

  private String revision(ModelsFile.Snapshot snapshot) {
    return snapshot.digest() + "-" + changes.get();
  }

  /**
   * The declaration, if everything about it is right.
   *
   * @throws comfyui.cockpit.kernel.ProblemException {@code declaration_invalid} with all errors of models.json and cockpit.json
   */
  public Declaration declaration() {
    if (!settings.errors().isEmpty()) {
      Problem first = settings.errors().getFirst();
      Problem problem =
          Problem.of(Code.DECLARATION_INVALID, Settings.FILE + " or a token is wrong: " + first.detail()).withHint(first.hint()).gathering(settings.errors());
      throw first.where().map(problem::at).orElse(problem).toException();
    }
    return file.good();
  }

  public ModelsFile file() {
    return file;
  }

  public Downloads downloads() {
    return downloads;
  }

  public Settings settings() {
    return settings;
  }

  /** Tells everybody that these models' files are not what they were. */
  public void changed(List<String> ids) {
    changes.incrementAndGet();
    events.publish("models", new Events.Changed(revision(), ids, List.of()));
  }

  /** Tells everybody that the declaration changed. */
  public void declarationChanged(Declaration before, Declaration after) {
    List<String> changed = new ArrayList<>();
    for (DeclaredModel model : after.models().values()) {
      if (!model.equals(before.models().get(model.id()))) {
        changed.add(model.id());
      }
    }
    Set<String> removed = new LinkedHashSet<>(before.models().keySet());
    removed.removeAll(after.models().keySet());
    changes.incrementAndGet();
    events.publish("models", new Events.Changed(revision(), changed, List.copyOf(removed)));
  }

  /** The problem that made a model what it is, if there is one. */
  public static Optional<Problem> problem(Presence presence) {
    return switch (presence) {
      case Presence.Missing missing -> Optional.empty();
      case Presence.Present present -> Optional.empty();
      case Presence.Differs differs -> Optional.of(differs.problem());
    };
  }
}
