package comfyui.cockpit.wire;

import comfyui.cockpit.app.models.DeclareModel;
import comfyui.cockpit.app.Doctor;
import comfyui.cockpit.app.models.FromWorkflow;
import comfyui.cockpit.app.models.InstallModels;
import comfyui.cockpit.app.models.Models;
import comfyui.cockpit.app.models.PinModels;
import comfyui.cockpit.app.models.PlanModels;
import comfyui.cockpit.app.models.RemoveModels;
import comfyui.cockpit.app.models.VerifyModels;
import comfyui.cockpit.comfy.WorkflowFile;
import comfyui.cockpit.job.Jobs;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.model.Declaration.Selection;
import comfyui.cockpit.model.DeclaredModel;
import comfyui.cockpit.model.ModelsFile;
import comfyui.cockpit.model.ModelsJson;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Every route, once: HTTP binds this table, the command line calls it. Decode, one use case, encode. */
public final class Routes implements CockpitApi {
  private static final Logger LOG = LoggerFactory.getLogger(Routes.class);
  private static final int ACCEPTED = 202;

  private final Parts parts;
  private final List<Route> table;

  /** The use cases behind the routes. */
  public record Parts(
      Models models,
      InstallModels install,
      PlanModels plan,
      VerifyModels verify,
      PinModels pin,
      DeclareModel declare,
      FromWorkflow fromWorkflow,
      RemoveModels remove,
      Doctor doctor,
      VersionRoutes.Parts versions,
      WorkflowRoutes.Parts workflows,
      Jobs jobs,
      Shapes.Health health) {}

  /** One row: a method, a path with {@code {names}}, and what it does. */
  public record Route(String method, String path, Handler handler) {}

  /** What a route does with a request. */
  @FunctionalInterface
  public interface Handler {
    Reply handle(Request request);
  }

  /** A decoded request: what stood for the names in the path, the query, and the body. */
  public record Request(List<String> names, Map<String, String> query, String body) {}

  public Routes(Parts parts) {
    this.parts = parts;
    List<Route> all = new ArrayList<>(new VersionRoutes(parts.versions()).table());
    all.addAll(new WorkflowRoutes(parts.workflows()).table());
    all.addAll(
        List.of(
            new Route("GET", "/api/health", request -> ok(parts.health())),
            new Route("GET", "/api/models", request -> ok(status())),
            new Route("POST", "/api/models/plan", this::plan),
            new Route("POST", "/api/models/install", this::install),
            new Route("POST", "/api/models/verify", this::verify),
            new Route("POST", "/api/models/pin", this::pin),
            new Route("POST", "/api/models/declare", this::declare),
            new Route("POST", "/api/models/from-workflow", this::fromWorkflow),
            new Route("POST", "/api/models/from-template", this::fromTemplate),
            new Route("GET", "/api/templates", this::templates),
            new Route("POST", "/api/models/validate", this::validate),
            new Route("DELETE", "/api/models/{id}/file", this::remove),
            new Route("GET", "/api/jobs", request -> ok(new Shapes.AllJobs(true, parts.jobs().list().stream().map(Documents::job).toList()))),
            new Route("GET", "/api/jobs/{id}", request -> ok(new Shapes.OneJob(Documents.job(job(request).now())))),
            new Route("POST", "/api/jobs/{id}/cancel", this::cancel),
            new Route("GET", "/api/doctor", request -> ok(Documents.doctor(parts.doctor().examine()))),
            new Route("GET", "/api/openapi.json", request -> new Reply(200, Reply.JSON, openApi(), Map.of()))));
    this.table = List.copyOf(all);
  }

  public List<Route> table() {
    return table;
  }

  /** The checked-in document. */
  public static String openApi() {
    try (InputStream in = Objects.requireNonNull(Routes.class.getResourceAsStream("/openapi.json"), "the jar lacks openapi.json")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public Reply call(String method, String path, String body) {
    String bare = path.contains("?") ? path.substring(0, path.indexOf('?')) : path;
    boolean known = false;
    for (Route route : table) {
      Optional<List<String>> names = match(route.path(), bare);
      if (names.isPresent()) {
        known = true;
        if (route.method().equals(method)) {
          return run(route, new Request(names.get(), query(path), body));
        }
      }
    }
    Problem problem = known ? Problem.of(Code.NOT_FOUND, bare + " does not take " + method + ".") : Documents.notFound(bare);
    return failure(problem);
  }

  private static Reply run(Route route, Request request) {
    try {
      return route.handler().handle(request);
    } catch (ProblemException e) {
      return failure(e.problem());
    } catch (RuntimeException e) {
      LOG.error("{} {} failed unexpectedly", route.method(), route.path(), e);
      return failure(Problem.of(Code.DAEMON_FAILED, "The daemon has a defect: " + e + ".").withHint("Report it with the daemon's last log lines."));
    }
  }

  public static Reply failure(Problem problem) {
    return new Reply(problem.code().status(), Reply.PROBLEM, WireJson.write(Documents.problem(problem)), Map.of());
  }

  static Reply ok(Object document) {
    return new Reply(200, Reply.JSON, WireJson.write(document), Map.of());
  }

  private static Optional<List<String>> match(String pattern, String path) {
    String[] wanted = pattern.split("/", -1);
    String[] given = path.split("/", -1);
    if (wanted.length != given.length) {
      return Optional.empty();
    }
    List<String> names = new ArrayList<>();
    for (int i = 0; i < wanted.length; i++) {
      if (wanted[i].startsWith("{")) {
        names.add(URLDecoder.decode(given[i].replace("+", "%2B"), StandardCharsets.UTF_8));
      } else if (!wanted[i].equals(given[i])) {
        return Optional.empty();
      }
    }
    return Optional.of(names);
  }

  private static Map<String, String> query(String path) {
    Map<String, String> query = new LinkedHashMap<>();
    int mark = path.indexOf('?');
    if (mark >= 0) {
      for (String pair : path.substring(mark + 1).split("&")) {
        int equals = pair.indexOf('=');
        if (equals > 0 && equals < pair.length() - 1) {
          query.put(pair.substring(0, equals), URLDecoder.decode(pair.substring(equals + 1), StandardCharsets.UTF_8));
        }
      }
    }
    return query;
  }

  private Shapes.Status status() {
    return Documents.status(
        parts.models().status(), model -> parts.models().downloads().sources().host(model.wanted().source()), parts.install()::activeJob, parts.install()::lastFailure);
  }

  private Reply plan(Request request) {
    Body body = Body.of(request, List.of("bundles", "models", "all", "overwrite"));
    return ok(Documents.plan(parts.plan().plan(body.selection(), body.flag("overwrite"), new CancelSignal())));
  }

  private Reply install(Request request) {
    Body body = Body.of(request, List.of("bundles", "models", "all", "overwrite"));
    return started(parts.install().start(body.selection(), body.flag("overwrite")));
  }

  private Reply verify(Request request) {
    Body body = Body.of(request, List.of("bundles", "models", "all", "fast"));
    return started(parts.verify().start(body.selection(), body.flag("fast")));
  }

  private Reply pin(Request request) {
    return started(parts.pin().start(Body.of(request, List.of("bundles", "models", "all")).selection()));
  }

  private Reply declare(Request request) {
    Body body = Body.of(request, List.of("url", "bundle", "path", "write"));
    String url = body.text("url").orElseThrow(() -> Problem.of(Code.BAD_REQUEST, "\"url\" is missing.").toException());
    return ok(Documents.declare(parts.declare().declare(new DeclareModel.Request(url, body.text("bundle"), body.text("path"), body.flag("write")), new CancelSignal())));
  }

  private Reply fromWorkflow(Request request) {
    Body body = Body.of(request, List.of("files", "workflows", "bundle", "write"));
    List<FromWorkflow.Input> inputs = new ArrayList<>();
    for (String file : body.texts("files")) {
      inputs.add(workflow(file, readInRoot(file)));
    }
    for (Value item : body.checker().list(body.obj(), "", "workflows")) {
      String name = item.text("name").orElse("workflow");
      try {
        inputs.add(workflow(name, Base64.getDecoder().decode(item.text("base64").orElse(""))));
      } catch (IllegalArgumentException e) {
        throw Problem.of(Code.BAD_REQUEST, name + ": \"base64\" is missing or wrong.").toException();
      }
    }
    if (inputs.isEmpty()) {
      throw Problem.of(Code.BAD_REQUEST, "Neither \"files\" nor \"workflows\" names a workflow.").toException();
    }
    return ok(Documents.fromWorkflow(parts.fromWorkflow().find(inputs, body.text("bundle"), body.flag("write"), new CancelSignal())));
  }

  private static FromWorkflow.Input workflow(String name, byte[] bytes) {
    try {
      return new FromWorkflow.Input(name, WorkflowFile.read(bytes));
    } catch (IllegalArgumentException e) {
      throw Problem.of(Code.BAD_REQUEST, name + ": " + e.getMessage() + ".").withHint("Name a workflow's .json, or a PNG or WebP that ComfyUI saved.").toException();
    }
  }

  /** A path from a browser stays inside the lab's root. */
  private byte[] readInRoot(String file) {
    try {
      Path root = parts.models().settings().root();
      Path path = root.resolve(file).toRealPath();
      if (!path.startsWith(root.toRealPath())) {
        throw Problem.of(Code.PATH_OUTSIDE_ROOT, "\"" + file + "\" lies outside the lab's root.").toException();
      }
      return Files.readAllBytes(path);
    } catch (IOException e) {
      throw Problem.of(Code.FILE_MISSING, "\"" + file + "\" cannot be read.").toException();
    }
  }

  private Reply fromTemplate(Request request) {
    Body body = Body.of(request, List.of("name", "bundle", "write"));
    String name = body.text("name").orElseThrow(() -> Problem.of(Code.BAD_REQUEST, "\"name\" is missing.").toException());
    return ok(Documents.fromWorkflow(parts.fromWorkflow().template(name, body.text("bundle"), body.flag("write"), new CancelSignal())));
  }

  private Reply templates(Request request) {
    Optional<String> search = Optional.ofNullable(request.query().get("search"));
    Optional<String> language = Optional.ofNullable(request.query().get("language"));
    return ok(Documents.templates(parts.fromWorkflow().templatesFolder(), parts.fromWorkflow().templates(search, language)));
  }

  private Reply validate(Request request) {
    Optional<String> text = Body.of(request, List.of("text")).anyText("text");
    ModelsFile file = parts.models().file();
    if (text.isPresent()) {
      ModelsJson.Parsed parsed = file.check(text.get());
      return ok(Documents.validate(file.shown(), ModelsFile.State.OK, parsed.errors(), parsed.warnings()));
    }
    Models.Status status = parts.models().status();
    List<Problem> errors = new ArrayList<>(status.errors());
    if (status.file().state() == ModelsFile.State.MISSING) {
      errors.add(Problem.of(Code.FILE_MISSING, "There is no " + file.shown() + ".").withHint("Write one, or name its folder with --root."));
    }
    List<Problem> warnings = new ArrayList<>(parts.models().settings().warnings());
    warnings.addAll(status.file().warnings());
    return ok(Documents.validate(file.shown(), status.file().state(), errors, warnings));
  }

  private Reply remove(Request request) {
    DeclaredModel model = parts.models().declaration().model(request.names().getFirst());
    return ok(Documents.remove(parts.remove().remove(new Selection(List.of(), List.of(model.id()), false), new CancelSignal())));
  }

  private Reply cancel(Request request) {
    Jobs.Handle handle = job(request);
    handle.cancel();
    return started(handle);
  }

  private Jobs.Handle job(Request request) {
    String id = request.names().getFirst();
    return parts.jobs().find(id)
        .orElseThrow(() -> Problem.of(Code.NOT_FOUND, "There is no job \"" + id + "\".").withHint("Jobs are forgotten when the daemon restarts; `jobs list` shows those there are.").toException());
  }

  static Reply started(Jobs.Handle handle) {
    return new Reply(ACCEPTED, Reply.JSON, WireJson.write(new Shapes.OneJob(Documents.job(handle.now()))), Map.of("Location", "/api/jobs/" + handle.id()));
  }

  @Override
  public void close() {
    parts.jobs().close();
  }
}
