package comfyui.cockpit.cli;

import com.fasterxml.jackson.databind.JsonNode;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.Sizes;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code version <verb>}. */
@Command(
    name = "version",
    description = "Versions of ComfyUI: one file describes one, every machine gets the same.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "VERB",
    subcommands = {
      VersionCommand.Create.class,
      VersionCommand.Validate.class,
      VersionCommand.Resolve.class,
      VersionCommand.Realize.class,
      VersionCommand.Status.class,
      VersionCommand.ListAll.class,
      VersionCommand.Diff.class,
      VersionCommand.Clone.class,
      VersionCommand.Rollback.class,
      VersionCommand.Reproduce.class,
      VersionCommand.RunUi.class,
      WorkflowCommand.RunHandler.class,
      VersionCommand.VerifyModels.class,
      VersionCommand.Delete.class,
      VersionCommand.Pack.class,
      VersionCommand.Gc.class,
      VersionCommand.Init.class
    })
final class VersionCommand implements Callable<Integer> {
  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return Session.WRONG_USE;
  }

  /** A verb about one version. */
  abstract static class VersionVerb extends Verb {
    @Parameters(paramLabel = "ID", arity = "0..1", description = "The version: versions/<ID>.json (default: COMFY_VERSION_NAME).")
    String id = "";

    @Option(names = "--version-id", paramLabel = "ID", description = "The same.")
    String versionId = "";

    @Option(names = "--spec", paramLabel = "F", description = "The same, by its file.")
    Optional<Path> spec = Optional.empty();

    Optional<String> variable(String name) {
      return Optional.ofNullable(world().environment().get(name)).map(String::strip).filter(text -> !text.isEmpty());
    }

    static Optional<Path> absolute(Optional<Path> path) {
      return path.map(given -> given.toAbsolutePath().normalize());
    }

    String versionName() {
      return named(id);
    }

    /** The one version that these and the options name, or the variable. */
    final String named(String... others) {
      Optional<String> file = spec.map(path -> path.getFileName().toString().replaceFirst("\\.json$", ""));
      List<String> named = Stream.concat(Stream.of(others), Stream.concat(file.stream(), Stream.of(versionId))).filter(text -> !text.isEmpty()).distinct().toList();
      if (named.size() > 1) {
        throw Problem.of(Code.BAD_REQUEST, "Two versions are named: " + String.join(" and ", named) + ".").withHint("Name one, by its id, --version-id or --spec.").toException();
      }
      return named.stream().findFirst()
          .or(() -> variable("COMFY_VERSION_NAME"))
          .orElseThrow(
              () ->
                  Problem.of(Code.BAD_REQUEST, "No version is named.").withHint("Write its id, --spec FILE, or set COMFY_VERSION_NAME; `version list` shows those there are.").toException());
    }

    /** What every route about a version takes; paths absolute, since the daemon stands elsewhere. */
    Map<String, Object> where() {
      Map<String, Object> body = new LinkedHashMap<>();
      absolute(spec).ifPresent(path -> body.put("spec", path.toString()));
      variable("MODELS_DIR").or(() -> variable("COMFY_HOME").map(home -> home + "/models")).ifPresent(dir -> body.put("models_dir", absolute(Optional.of(Path.of(dir))).orElseThrow().toString()));
      if (options().offline()) {
        body.put("offline", true);
      }
      return body;
    }

    String path(String verb) {
      String name = URLEncoder.encode(versionName(), StandardCharsets.UTF_8).replace("+", "%20");
      return "/api/versions/" + name + (verb.isEmpty() ? "" : "/" + verb);
    }

    static String query(Map<String, Object> values) {
      List<String> pairs = new ArrayList<>();
      values.forEach((key, value) -> pairs.add(key + "=" + URLEncoder.encode(String.valueOf(value), StandardCharsets.UTF_8)));
      return pairs.isEmpty() ? "" : "?" + String.join("&", pairs);
    }
  }

  /** A verb that starts a version's ComfyUI. */
  abstract static class ComfyVerb extends VersionVerb {
    @Parameters(index = "1..*", arity = "0..*", paramLabel = "ARG", description = "Behind --: ComfyUI's own arguments, such as -- --lowvram.")
    List<String> rest = new ArrayList<>();

    /** Where the version is named otherwise, the first of them stands in its place. */
    List<String> arguments() {
      List<String> all = new ArrayList<>(rest);
      if (id.startsWith("-")) {
        all.addFirst(id);
      }
      return all;
    }

    @Override
    String versionName() {
      return id.startsWith("-") ? named() : named(id);
    }
  }

  /** Where a version is realized. */
  static final class Place {
    @Option(names = "--target", paramLabel = "D", description = "Where it is realized (default: ~/comfy-<id>, or below /runpod-volume/builds).")
    Optional<Path> target = Optional.empty();

    @Option(names = "--models-dir", paramLabel = "D", description = "Where its models lie (default: MODELS_DIR, or inside the version).")
    Optional<Path> modelsDir = Optional.empty();

    @Option(names = "--lock", paramLabel = "F", description = "Take this lock as it is (default: LOCK_PATH, or the one beside the spec).")
    Optional<Path> lock = Optional.empty();

    void add(VersionVerb verb, Map<String, Object> body) {
      VersionVerb.absolute(target).ifPresent(path -> body.put("target", path.toString()));
      VersionVerb.absolute(modelsDir).ifPresent(path -> body.put("models_dir", path.toString()));
      VersionVerb.absolute(lock.or(() -> verb.variable("LOCK_PATH").map(Path::of))).ifPresent(path -> body.put("lock", path.toString()));
    }
  }

  /** Where packages come from. */
  static final class Wheels {
    @Option(names = "--wheels-dir", paramLabel = "D", description = "No index, only the wheels in this directory.")
    Optional<Path> wheels = Optional.empty();

    void add(Map<String, Object> body) {
      VersionVerb.absolute(wheels).ifPresent(path -> body.put("wheels_dir", path.toString()));
    }
  }

  @Command(name = "create", description = "Writes a new spec: refs become commits, models get a name and a place.")
  static final class Create extends Verb {
    @Parameters(paramLabel = "ID", description = "The new version's id.")
    String id = "";

    @Option(names = "--repo", paramLabel = "URL[@REF]", required = true, description = "ComfyUI's repository.")
    String repo = "";

    @Option(names = "--nodes", paramLabel = "NODE", description = "A custom node: repo@ref, a JSON object, or a JSON or YAML file with a list; may be repeated.")
    List<String> nodes = new ArrayList<>();

    @Option(names = "--models", paramLabel = "MODEL", description = "A model: a source, a JSON object, or a JSON or YAML file with a list; may be repeated.")
    List<String> models = new ArrayList<>();

    @Option(names = "--nodes-file", paramLabel = "F", description = "A JSON or YAML file with a list of nodes.")
    Optional<Path> nodesFile = Optional.empty();

    @Option(names = "--models-file", paramLabel = "F", description = "A JSON or YAML file with a list of models.")
    Optional<Path> modelsFile = Optional.empty();

    @Option(names = "--models-root", paramLabel = "D", description = "Where model files may lie already, for their checksums.")
    Optional<Path> modelsRoot = Optional.empty();

    @Option(names = "--auto-checksum", description = "Hash the model files that are on this machine.")
    boolean autoChecksum;

    @Option(names = "--python", paramLabel = "V", description = "The Python, such as 3.12.")
    Optional<String> python = Optional.empty();

    @Option(names = "--package", paramLabel = "REQ", description = "A requirement of your own; may be repeated.")
    List<String> packages = new ArrayList<>();

    @Option(names = "--torch-backend", paramLabel = "B", description = "Which of PyTorch's indexes: cpu, cu128, …")
    Optional<String> torchBackend = Optional.empty();

    @Option(names = "--output", paramLabel = "F", description = "Where the spec is written (default: versions/<ID>.json).")
    Optional<Path> output = Optional.empty();

    @Override
    int run(Session session) throws IOException {
      Map<String, Object> body = new LinkedHashMap<>();
      body.put("id", id);
      body.put("repo", repo);
      body.put("nodes", items(nodes, nodesFile));
      body.put("models", items(models, modelsFile));
      VersionVerb.absolute(modelsRoot).ifPresent(path -> body.put("models_root", path.toString()));
      body.put("auto_checksum", autoChecksum);
      python.ifPresent(text -> body.put("python", text));
      body.put("python_packages", packages);
      torchBackend.ifPresent(text -> body.put("torch_backend", text));
      VersionVerb.absolute(output).ifPresent(path -> body.put("output", path.toString()));
      JsonNode result = session.post("/api/versions", body);
      session.print(result, document -> session.line("wrote " + document.path("file").asText()));
      return Session.DONE;
    }

    /** A file is named in full; the daemon stands elsewhere. */
    private static List<String> items(List<String> given, Optional<Path> file) throws IOException {
      List<String> items = new ArrayList<>();
      for (String text : given) {
        boolean inline = text.strip().startsWith("{") || text.strip().startsWith("[") || text.contains("://");
        items.add(!inline && Files.isRegularFile(Path.of(text)) ? Path.of(text).toRealPath().toString() : text);
      }
      if (file.isPresent()) {
        if (!Files.isRegularFile(file.get())) {
          throw Problem.of(Code.BAD_REQUEST, "The file " + file.get() + " is not there.").toException();
        }
        items.add(file.get().toRealPath().toString());
      }
      return items;
    }
  }

  @Command(name = "validate", description = "Says everything that is wrong with a spec, each error at its line; asks nobody.")
  static final class Validate extends VersionVerb {
    @Override
    int run(Session session) {
      JsonNode result = session.post(path("validate"), where());
      session.print(result, document -> Text.validate(session, document));
      return result.path("ok").asBoolean() ? Session.DONE : Session.WRONG_USE;
    }
  }

  @Command(name = "resolve", description = "Refs become commits, requirements packages, models sizes and checksums: writes the lock.")
  static final class Resolve extends VersionVerb {
    @Mixin Wheels wheels = new Wheels();

    @Option(names = "--upgrade", description = "Move every pin that the spec leaves free; nothing else does.")
    boolean upgrade;

    @Override
    int run(Session session) {
      Map<String, Object> body = where();
      wheels.add(body);
      body.put("upgrade", upgrade);
      JsonNode job = session.run(path("resolve"), body);
      session.print(job.path("result"), document -> VersionText.resolve(session, document));
      return exitOf(job);
    }
  }

  @Command(name = "realize", description = "Builds the version aside, as its lock says, and switches to it in one step.")
  static final class Realize extends VersionVerb {
    @Mixin Place place = new Place();
    @Mixin Wheels wheels = new Wheels();

    @Option(names = "--dry-run", description = "Only show what would be done.")
    boolean dryRun;

    @Override
    int run(Session session) {
      Map<String, Object> body = where();
      place.add(this, body);
      wheels.add(body);
      if (dryRun) {
        JsonNode plan = session.post(path("plan"), body);
        session.print(plan, document -> VersionText.plan(session, document));
        return plan.path("ok").asBoolean() ? Session.DONE : Session.FAILED;
      }
      JsonNode job = session.run(path("realize"), body);
      session.print(job.path("result"), document -> VersionText.realize(session, versionName(), document));
      return exitOf(job);
    }
  }

  @Command(name = "run-ui", description = "Realizes the version and runs its ComfyUI in the foreground; Ctrl-C ends it.")
  static final class RunUi extends ComfyVerb {
    @Mixin Place place = new Place();
    @Mixin Wheels wheels = new Wheels();

    @Option(names = "--host", paramLabel = "ADDRESS", description = "Where it listens (default: 127.0.0.1; ComfyUI asks nobody who he is).")
    String host = "127.0.0.1";

    @Option(names = "--port", paramLabel = "P", description = "Its port (default: 8188).")
    int port = 8188;

    @Override
    int run(Session session) {
      Map<String, Object> body = where();
      place.add(this, body);
      wheels.add(body);
      JsonNode result = session.run(path("realize"), body).path("result");
      session.note("ComfyUI of " + versionName() + ": http://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port);
      Path target = Path.of(result.path("target").asText());
      return inForeground(session, Map.of("version_id", versionName(), "target", target.toString()), (programs, out) -> programs.comfy(target, host, port, arguments(), out));
    }
  }

  @Command(name = "status", description = "How a version is; exit status 3 if it is not realized as its spec says.")
  static final class Status extends VersionVerb {
    @Mixin Place place = new Place();

    @Option(names = "--full", description = "Read every byte.")
    boolean full;

    @Override
    int run(Session session) {
      Map<String, Object> values = where();
      place.add(this, values);
      values.put("full", full);
      JsonNode status = session.get(path("") + query(values));
      session.print(status, document -> VersionText.status(session, document));
      return status.path("ok").asBoolean() ? Session.DONE : Session.DIFFERS;
    }
  }

  @Command(name = "list", description = "The versions there are, and how each is.")
  static final class ListAll extends Verb {
    @Override
    int run(Session session) {
      session.print(session.get("/api/versions"), document -> VersionText.list(session, document));
      return Session.DONE;
    }
  }

  @Command(name = "diff", description = "Where two versions differ; exit status 3 if they do.")
  static final class Diff extends Verb {
    @Parameters(index = "0", paramLabel = "A", description = "A version.")
    String a = "";

    @Parameters(index = "1", paramLabel = "B", description = "Another.")
    String b = "";

    @Override
    int run(Session session) {
      JsonNode result = session.post("/api/versions/diff", Map.of("a", a, "b", b));
      session.print(result, document -> VersionText.diff(session, document));
      return result.path("equal").asBoolean() ? Session.DONE : Session.DIFFERS;
    }
  }

  @Command(name = "clone", description = "The same version under another id.")
  static final class Clone extends VersionVerb {
    @Parameters(index = "1", arity = "0..1", paramLabel = "NEW", description = "The new id; alone where --version-id, --spec or COMFY_VERSION_NAME says which.")
    String to = "";

    @Option(names = "--output", paramLabel = "F", description = "Where the spec is written (default: versions/<NEW>.json).")
    Optional<Path> output = Optional.empty();

    @Option(names = "--force", description = "Replace what is there.")
    boolean force;

    @Override
    int run(Session session) {
      if (to.isEmpty()) {
        to = id;
        id = "";
      }
      if (to.isEmpty()) {
        throw Problem.of(Code.BAD_REQUEST, "The new id is missing.").withHint("Write it after the version's.").toException();
      }
      Map<String, Object> body = where();
      body.remove("models_dir");
      body.put("to", to);
      absolute(output).ifPresent(path -> body.put("output", path.toString()));
      body.put("force", force);
      JsonNode result = session.post(path("clone"), body);
      session.print(result, document -> session.line("wrote " + document.path("file").asText()));
      return Session.DONE;
    }
  }

  @Command(name = "rollback", description = "Back to the build before the present one, in one step.")
  static final class Rollback extends VersionVerb {
    @Mixin Place place = new Place();

    @Override
    int run(Session session) {
      Map<String, Object> body = where();
      place.add(this, body);
      JsonNode result = session.post(path("rollback"), body);
      session.print(result, document -> VersionText.realize(session, versionName(), document));
      return Session.DONE;
    }
  }

  @Command(name = "reproduce", description = "Realizes the version twice in empty places and compares; exit status 3 if they differ.")
  static final class Reproduce extends VersionVerb {
    @Mixin Place place = new Place();
    @Mixin Wheels wheels = new Wheels();

    @Override
    int run(Session session) {
      Map<String, Object> body = where();
      place.add(this, body);
      wheels.add(body);
      body.remove("target");
      JsonNode job = session.run(path("reproduce"), body);
      JsonNode result = job.path("result");
      session.print(result, document -> VersionText.reproduce(session, document));
      return result.path("equal").asBoolean() ? exitOf(job) : Session.DIFFERS;
    }
  }

  @Command(name = "verify-models", description = "Reads the version's models, brings those that are missing; exit status 3 if one differs.")
  static final class VerifyModels extends VersionVerb {
    @Mixin Place place = new Place();

    @Option(names = "--overwrite", description = "Replace files that differ.")
    boolean overwrite;

    @Option(names = "--timeout", paramLabel = "S", description = "Give a file up of which nothing came for so many seconds (default: 120).")
    Optional<Double> timeout = Optional.empty();

    @Option(names = "--fast", description = "Trust the record of files that did not change since they were read.")
    boolean fast;

    @Override
    int run(Session session) {
      Map<String, Object> body = where();
      place.add(this, body);
      body.put("overwrite", overwrite);
      body.put("fast", fast);
      timeout.ifPresent(seconds -> body.put("timeout", seconds));
      JsonNode job = session.run(path("verify-models"), body);
      session.print(job.path("result"), document -> Text.verify(session, document));
      return job.path("state").asText().equals("failed") ? Session.FAILED : job.path("result").path("ok").asBoolean() ? exitOf(job) : Session.DIFFERS;
    }
  }

  @Command(name = "delete", description = "Removes a realized version; never a link's target, a shared cache or a directory outside.")
  static final class Delete extends VersionVerb {
    @Mixin Place place = new Place();

    @Option(names = "--remove-models", description = "The models too, where they lie inside the version.")
    boolean models;

    @Option(names = "--remove-root", description = "Outputs, inputs, settings and the directory itself too.")
    boolean root;

    @Option(names = "--remove-spec", description = "The spec and its lock too.")
    boolean removeSpec;

    @Option(names = "--yes", description = "Do not ask.")
    boolean yes;

    @Option(names = "--dry-run", description = "Only show what would go.")
    boolean dryRun;

    @Override
    String versionName() {
      // A directory alone is enough: the predecessor's command had no id.
      boolean named = spec.isPresent() || !id.isEmpty() || !versionId.isEmpty();
      return !named && place.target.isPresent() ? place.target.get().toAbsolutePath().normalize().getFileName().toString().replaceFirst("^comfy-", "") : super.versionName();
    }

    @Override
    int run(Session session) throws IOException {
      Map<String, Object> values = where();
      values.remove("models_dir");
      place.add(this, values);
      values.put("remove_models", models);
      values.put("remove_root", root);
      values.put("remove_spec", removeSpec);
      values.put("dry_run", true);
      JsonNode preview = session.delete(path("") + query(values));
      if (dryRun) {
        session.print(preview, document -> VersionText.freed(session, document));
        return Session.DONE;
      }
      if (!yes) {
        if (!session.console().terminal()) {
          throw new CommandLine.ParameterException(spec().commandLine(), "This deletes " + preview.path("removed").size() + " things; say --yes, or --dry-run to see them.");
        }
        VersionText.freed(session, preview);
        if (!session.console().confirm("Delete these?")) {
          session.note("Nothing was deleted.");
          return Session.CANCELLED;
        }
      }
      values.put("dry_run", false);
      JsonNode result = session.delete(path("") + query(values));
      session.print(result, document -> VersionText.freed(session, document));
      return Session.DONE;
    }
  }

  @Command(name = "pack", description = "Spec, lock, commits, packages and, if wanted, models in one directory, to be realized without a network.")
  static final class Pack extends VersionVerb {
    @Mixin Place place = new Place();

    @Option(names = "--output", paramLabel = "D", description = "An empty or new directory (default: ./<id>-pack).")
    Optional<Path> output = Optional.empty();

    @Option(names = "--models", description = "The model files too.")
    boolean models;

    @Override
    int run(Session session) {
      Map<String, Object> body = where();
      place.add(this, body);
      body.put("output", absolute(output).orElseGet(() -> Path.of(versionName() + "-pack").toAbsolutePath()).toString());
      body.put("models", models);
      JsonNode job = session.run(path("pack"), body);
      session.print(job.path("result"), document -> VersionText.pack(session, document, versionName()));
      return exitOf(job);
    }
  }

  @Command(name = "gc", description = "Frees what no version of this machine uses: old builds, cached models, git objects, packages.")
  static final class Gc extends Verb {
    @Option(names = "--dry-run", description = "Only show what would go.")
    boolean dryRun;

    @Override
    int run(Session session) {
      JsonNode job = session.run("/api/versions/gc", Map.of("dry_run", dryRun));
      session.print(job.path("result"), document -> VersionText.freed(session, document));
      return exitOf(job);
    }
  }

  @Command(name = "init", description = "One ComfyUI in a directory, without a spec: clone, environment, requirements.")
  static final class Init extends Verb {
    @Option(names = "--path", paramLabel = "D", description = "Where (default: COMFY_HOME, or ./comfy).")
    Optional<Path> path = Optional.empty();

    @Option(names = "--repo", paramLabel = "URL", description = "ComfyUI's repository (default: the official one).")
    Optional<String> repo = Optional.empty();

    @Option(names = "--ref", paramLabel = "R", description = "Branch, tag or commit.")
    Optional<String> ref = Optional.empty();

    @Option(names = "--venv", paramLabel = "D", description = "The environment (default: <path>/.venv).")
    Optional<Path> venv = Optional.empty();

    @Option(names = "--install-torch", paramLabel = "auto|cpu|skip", description = "Which PyTorch (default: skip).")
    String torch = "skip";

    @Option(names = "--python", paramLabel = "EXE", description = "A Python: its program, or a version such as 3.12.")
    Optional<String> python = Optional.empty();

    @Override
    int run(Session session) {
      Path where = path.or(() -> Optional.ofNullable(world().environment().get("COMFY_HOME")).filter(text -> !text.isBlank()).map(Path::of)).orElse(Path.of("comfy")).toAbsolutePath().normalize();
      Map<String, Object> body = new LinkedHashMap<>();
      body.put("path", where.toString());
      repo.ifPresent(text -> body.put("repo", text));
      ref.ifPresent(text -> body.put("ref", text));
      VersionVerb.absolute(venv).ifPresent(dir -> body.put("venv", dir.toString()));
      body.put("install_torch", torch);
      python.ifPresent(text -> body.put("python", text.contains("/") ? Path.of(text).toAbsolutePath().toString() : text));
      body.put("offline", options().offline());
      JsonNode job = session.run("/api/versions/init", body);
      session.print(job.path("result"), document -> VersionText.init(session, document));
      return exitOf(job);
    }
  }

  /** {@code 1.2 GB} of what a list of removed things frees. */
  static String freed(JsonNode removed) {
    long bytes = 0;
    for (JsonNode each : removed) {
      bytes += each.path("freed_bytes").asLong();
    }
    return Sizes.bytes(bytes);
  }

  /** A job that has a result may have failed all the same. */
  static int exitOf(JsonNode job) {
    return switch (job.path("state").asText()) {
      case "done" -> Session.DONE;
      case "cancelled" -> Session.CANCELLED;
      default -> Session.FAILED;
    };
  }
}
