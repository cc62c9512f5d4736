package comfyui.cockpit.app.models;

import comfyui.cockpit.comfy.ModelFolders;
import comfyui.cockpit.comfy.Templates;
import comfyui.cockpit.comfy.Workflow;
import comfyui.cockpit.download.Presence;
import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.model.Declaration;
import comfyui.cockpit.model.DeclaredModel;
import comfyui.cockpit.model.ModelsFile;
import comfyui.cockpit.model.NewModel;
import comfyui.cockpit.source.Described;
import comfyui.cockpit.source.ModelSource;
import comfyui.cockpit.source.SourceUri;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Which model files a workflow names, which of them are here, and the declarations of those that are not. */
public final class FromWorkflow {
  private final Models models;
  private final DeclareModel declare;
  private final SourceUri sources;
  private final Templates templates;
  private final boolean offline;

  public FromWorkflow(Models models, DeclareModel declare, SourceUri sources, Templates templates, boolean offline) {
    this.models = models;
    this.declare = declare;
    this.sources = sources;
    this.templates = templates;
    this.offline = offline;
  }

  /** How one file is. */
  public enum State {
    INSTALLED,
    DECLARED,
    MISSING,
    /** Several declared models fit. */
    AMBIGUOUS
  }

  /** A workflow with the name that people know it by. */
  public record Input(String name, Workflow workflow) {}

  /**
   * A model file that a node names.
   *
   * @param folder ComfyUI's, where one can tell
   * @param declaration how it would be declared, for a missing one with a link
   */
  public record File(
      String workflow,
      String nodeId,
      String nodeType,
      String input,
      String name,
      Optional<String> folder,
      State state,
      Optional<String> modelId,
      Optional<String> link,
      Optional<String> sha256,
      Optional<NewModel> declaration) {}

  /** A name in a node of a kind that is not known. */
  public record Unread(String workflow, String nodeId, String nodeType, String name) {}

  public record Result(List<File> files, List<Unread> unread) {}

  /** A template and what of it is missing. */
  public record TemplateState(Templates.Template template, long missingBytes) {}

  /** @param write declares what is missing and has a link */
  public Result find(List<Input> inputs, Optional<String> bundle, boolean write, CancelSignal cancel) {
    Here here = here();
    Result found = look(inputs, here);
    if (here.invalid().isPresent() && write) {
      throw here.invalid().get().toException();
    }
    Map<String, NewModel> byLink = declarations(found, here, cancel);
    Result result =
        new Result(
            found.files().stream()
                .map(file -> file.state() == State.MISSING && file.link().isPresent() ? withDeclaration(file, Optional.ofNullable(byLink.get(file.link().get()))) : file)
                .toList(),
            found.unread());
    if (!write) {
      return result;
    }
    Set<NewModel> fresh = new LinkedHashSet<>();
    result.files().forEach(file -> file.declaration().ifPresent(fresh::add));
    List<String> declared = result.files().stream().flatMap(file -> file.modelId().stream()).distinct().toList();
    declare.write(List.copyOf(fresh), bundle, bundle.isPresent() ? declared : List.of());
    return look(inputs, here());
  }

  /** @throws ProblemException {@code not_found} if there is no template of that name */
  public Result template(String name, Optional<String> bundle, boolean write, CancelSignal cancel) {
    try {
      Workflow workflow =
          templates.workflow(name)
              .orElseThrow(
                  () ->
                      Problem.of(Code.NOT_FOUND, "There is no official template \"" + name + "\".")
                          .withHint(
                              templates.folder().isPresent()
                                  ? "`comfyui-cockpit models templates --search …` finds them."
                                  : "Install the package comfyui-workflow-templates-json beside JupyterLab.")
                          .toException());
      return find(List.of(new Input(name, workflow)), bundle.or(() -> write ? Optional.of(name) : Optional.empty()), write, cancel);
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, templates.folder().orElse(Path.of(name))), e);
    }
  }

  public Optional<Path> templatesFolder() {
    return templates.folder();
  }

  /** @param search words that title, name, category or description must have */
  public List<TemplateState> templates(Optional<String> search, Optional<String> language) {
    try {
      Here here = here();
      List<TemplateState> states = new ArrayList<>();
      for (Templates.Template template : templates.list(language)) {
        if (search.map(words -> matches(template, words)).orElse(true)) {
          states.add(new TemplateState(template, missing(template, here)));
        }
      }
      return states;
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, templates.folder().orElse(Path.of("templates"))), e);
    }
  }

  private static boolean matches(Templates.Template template, String words) {
    String text = (template.name() + " " + template.title() + " " + template.category() + " " + template.description()).toLowerCase(java.util.Locale.ROOT);
    return java.util.Arrays.stream(words.toLowerCase(java.util.Locale.ROOT).split("\\s+")).allMatch(text::contains);
  }

  /** The index knows the bytes of all models together; what is here already counts with its own size. */
  private long missing(Templates.Template template, Here here) throws IOException {
    Optional<Workflow> workflow = templates.workflow(template.name());
    if (workflow.isEmpty()) {
      return template.sizeBytes();
    }
    List<File> files = look(List.of(new Input(template.name(), workflow.get())), here).files();
    Map<String, Long> present = new LinkedHashMap<>();
    boolean all = true;
    for (File file : files) {
      all &= file.state() == State.INSTALLED;
      if (file.state() == State.INSTALLED) {
        present.put(file.name(), size(file, here));
      }
    }
    return all && !files.isEmpty() ? 0 : Math.max(0, template.sizeBytes() - present.values().stream().mapToLong(Long::longValue).sum());
  }

  private static long size(File file, Here here) {
    Optional<Path> path = file.modelId().map(id -> here.declaration().model(id).wanted().target()).or(() -> here.onDisk(file.folder(), file.name()));
    return path.flatMap(comfyui.cockpit.files.Stat::of).map(comfyui.cockpit.files.Stat::size).orElse(0L);
  }

  /**
   * What is here.
   *
   * @param prefix what stands before ComfyUI's folders in this declaration's paths
   * @param invalid why nothing can be written
   */
  private record Here(Declaration declaration, Map<String, Presence> presence, Path root, String prefix, Optional<Problem> invalid) {
    /** A file that nobody declared. */
    Optional<Path> onDisk(Optional<String> folder, String name) {
      return folder.flatMap(f -> aliases(f).stream().map(alias -> root.resolve(prefix + alias + "/" + name)).filter(Files::isRegularFile).findFirst());
    }
  }

  private Here here() {
    ModelsFile.Snapshot snapshot = models.file().now();
    Declaration declaration = snapshot.declaration();
    Optional<Problem> invalid = snapshot.state() == ModelsFile.State.INVALID ? Optional.of(models.file().invalid(snapshot.errors())) : Optional.empty();
    Path root = models.settings().roots().main();
    return new Here(declaration, models.presence(List.copyOf(declaration.models().values())), root, prefix(declaration, root), invalid);
  }

  private static String prefix(Declaration declaration, Path root) {
    Map<String, Integer> seen = new LinkedHashMap<>();
    for (DeclaredModel model : declaration.models().values()) {
      int start = 0;
      for (String part : model.path().split("/")) {
        if (ModelFolders.isFolder(part)) {
          seen.merge(model.path().substring(0, start), 1, Integer::sum);
          break;
        }
        start += part.length() + 1;
      }
    }
    return seen.entrySet().stream()
        .max(Map.Entry.comparingByValue())
        .map(Map.Entry::getKey)
        .orElseGet(() -> Files.isDirectory(root.resolve("ComfyUI/models")) ? "ComfyUI/models/" : Files.isDirectory(root.resolve("models")) ? "models/" : "");
  }

  private Result look(List<Input> inputs, Here here) {
    List<File> files = new ArrayList<>();
    List<Unread> unread = new ArrayList<>();
    for (Input input : inputs) {
      Set<String> linked = new LinkedHashSet<>();
      input.workflow().nodes().forEach(node -> node.models().forEach(model -> linked.add(base(model.name()))));
      for (Workflow.Node node : input.workflow().nodes()) {
        node(input.name(), node, linked, here, files, unread);
      }
    }
    return new Result(List.copyOf(files), List.copyOf(unread));
  }

  private void node(String workflow, Workflow.Node node, Set<String> linked, Here here, List<File> files, List<Unread> unread) {
    Set<String> own = new LinkedHashSet<>();
    for (Workflow.Linked model : node.models()) {
      own.add(base(model.name()));
      Optional<Workflow.Named> widget = node.names().stream().filter(named -> base(named.name()).equals(base(model.name()))).findFirst();
      Optional<String> folder = Optional.of(model.directory()).filter(text -> !text.isEmpty()).or(() -> ModelFolders.ofLoader(node.type()));
      files.add(file(workflow, node, widget.map(Workflow.Named::input).orElse(""), model.name(), folder, Optional.of(model), here));
    }
    for (Workflow.Named named : node.names()) {
      if (own.contains(base(named.name()))) {
        continue;
      }
      Optional<String> folder = ModelFolders.ofLoader(node.type());
      if (folder.isPresent()) {
        files.add(file(workflow, node, named.input(), named.name(), folder, Optional.empty(), here));
      } else if (!linked.contains(base(named.name()))) {
        // A subgraph's promoted widget names again what a node inside it has; anything else is a node we do not know.
        unread.add(new Unread(workflow, node.id(), node.type(), named.name()));
      }
    }
  }

  private File file(
      String workflow, Workflow.Node node, String input, String name, Optional<String> folder, Optional<Workflow.Linked> linked, Here here) {
    Optional<String> link = linked.map(Workflow.Linked::url);
    List<DeclaredModel> fitting = here.declaration().models().values().stream().filter(model -> fits(model, name, folder)).toList();
    State state = State.MISSING;
    Optional<String> id = Optional.empty();
    if (fitting.size() == 1) {
      id = Optional.of(fitting.getFirst().id());
      state = here.presence().get(id.get()) instanceof Presence.Present ? State.INSTALLED : State.DECLARED;
    } else if (fitting.size() > 1) {
      state = State.AMBIGUOUS;
    } else if (here.onDisk(folder, name).isPresent()) {
      state = State.INSTALLED;
    }
    return new File(workflow, node.id(), node.type(), input, name, folder, state, id, link, linked.flatMap(Workflow.Linked::sha256), Optional.empty());
  }

  private static boolean fits(DeclaredModel model, String name, Optional<String> folder) {
    String path = model.path().replace('\\', '/');
    String wanted = name.replace('\\', '/');
    if (folder.isEmpty()) {
      return base(path).equals(base(wanted));
    }
    for (String alias : aliases(folder.get())) {
      String tail = alias + "/" + wanted;
      if (path.equals(tail) || path.endsWith("/" + tail)) {
        return true;
      }
    }
    return false;
  }

  /** Two folders were renamed; ComfyUI reads both names. */
  private static List<String> aliases(String folder) {
    return switch (folder) {
      case "text_encoders", "clip" -> List.of("text_encoders", "clip");
      case "diffusion_models", "unet" -> List.of("diffusion_models", "unet");
      default -> List.of(folder);
    };
  }

  private static String base(String name) {
    return name.substring(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);
  }

  private static File withDeclaration(File file, Optional<NewModel> declaration) {
    return new File(
        file.workflow(), file.nodeId(), file.nodeType(), file.input(), file.name(), file.folder(), file.state(), file.modelId(), file.link(), file.sha256(), declaration);
  }

  private Map<String, NewModel> declarations(Result found, Here here, CancelSignal cancel) {
    Map<String, NewModel> byLink = new LinkedHashMap<>();
    for (File file : found.files()) {
      if (file.state() == State.MISSING && file.link().isPresent() && !byLink.containsKey(file.link().get())) {
        declaration(file, here, cancel).ifPresent(model -> byLink.put(file.link().get(), model));
      }
    }
    return byLink;
  }

  private Optional<NewModel> declaration(File file, Here here, CancelSignal cancel) {
    ModelSource source;
    try {
      source = sources.parse(file.link().orElseThrow());
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
    Optional<Checksum> sha256 = file.sha256().filter(Checksum::looksLikeSha256).map(Checksum::sha256);
    Described described = models.downloads().sources().assume(source, sha256);
    if (!offline) {
      try {
        described = models.downloads().sources().describe(source, sha256, cancel);
      } catch (ProblemException e) {
        cancel.throwIfCancelled();
        // A gate or a missing token does not keep it from being declared; the plan says what is needed.
      }
    }
    String path = here.prefix() + file.folder().map(folder -> folder + "/").orElse("") + file.name();
    return Optional.of(NewModel.of(described, Optional.of(path), file.folder().map(NewModel::kindOf)));
  }
}
