package comfyui.cockpit.model;

import comfyui.cockpit.json.Checker;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A models.json without errors. */
public record Declaration(Map<String, DeclaredModel> models, Map<String, Bundle> bundles) {
  public static final Declaration EMPTY = new Declaration(Map.of(), Map.of());

  public Declaration {
    models = Collections.unmodifiableMap(new LinkedHashMap<>(models));
    bundles = Collections.unmodifiableMap(new LinkedHashMap<>(bundles));
  }

  /**
   * Which models a command is about.
   *
   * @param all everything declared
   */
  public record Selection(List<String> bundles, List<String> models, boolean all) {
    public static final Selection NONE = new Selection(List.of(), List.of(), false);

    public boolean isEmpty() {
      return bundles.isEmpty() && models.isEmpty() && !all;
    }
  }

  /**
   * The chosen models, each once, in order; nothing chosen means the enabled bundles with auto_install.
   *
   * @throws comfyui.cockpit.kernel.ProblemException {@code unknown_id}, with all of them
   */
  public List<DeclaredModel> select(Selection selection) {
    if (selection.all()) {
      return List.copyOf(models.values());
    }
    List<Problem> unknown = new ArrayList<>();
    Set<String> ids = new LinkedHashSet<>();
    for (String id : selection.bundles()) {
      find(id, bundles, "bundle", unknown).ifPresent(bundle -> ids.addAll(bundle.models()));
    }
    for (String id : selection.models()) {
      find(id, models, "model", unknown).ifPresent(model -> ids.add(model.id()));
    }
    if (!unknown.isEmpty()) {
      throw Problem.summary(unknown).toException();
    }
    if (selection.isEmpty()) {
      bundles.values().stream().filter(bundle -> bundle.enabled() && bundle.autoInstall()).forEach(bundle -> ids.addAll(bundle.models()));
    }
    return ids.stream().map(models::get).map(java.util.Objects::requireNonNull).toList();
  }

  /** @throws comfyui.cockpit.kernel.ProblemException {@code unknown_id} */
  public DeclaredModel model(String id) {
    List<Problem> unknown = new ArrayList<>();
    return find(id, models, "model", unknown).orElseThrow(() -> unknown.getFirst().toException());
  }

  private static <T> Optional<T> find(String id, Map<String, T> all, String noun, List<Problem> unknown) {
    Optional<T> found = Optional.ofNullable(all.get(id));
    if (found.isEmpty()) {
      unknown.add(
          Problem.of(Code.UNKNOWN_ID, "models.json declares no " + noun + " \"" + id + "\".").withHint(suggestion(id, all.keySet(), noun)).with("id", id));
    }
    return found;
  }

  static String suggestion(String id, Collection<String> known, String noun) {
    return Checker.nearest(id, known)
        .map(name -> "Did you mean \"" + name + "\"?")
        .orElse(known.isEmpty() ? "It declares no " + noun + " at all." : "It declares " + String.join(", ", known.stream().limit(12).toList()) + (known.size() > 12 ? ", …" : "") + ".");
  }
}
