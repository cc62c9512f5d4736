package comfyui.cockpit.wire;

import comfyui.cockpit.app.versions.ChangeVersion;
import comfyui.cockpit.app.versions.CollectGarbage;
import comfyui.cockpit.app.versions.CreateVersion;
import comfyui.cockpit.app.versions.InitComfy;
import comfyui.cockpit.app.versions.PackVersion;
import comfyui.cockpit.app.versions.RealizeVersion;
import comfyui.cockpit.app.versions.ReproduceVersion;
import comfyui.cockpit.app.versions.ResolveVersion;
import comfyui.cockpit.app.versions.VerifyVersionModels;
import comfyui.cockpit.app.versions.VersionStates;
import comfyui.cockpit.app.versions.Versions;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.model.ModelsFile;
import comfyui.cockpit.version.VersionJson;
import comfyui.cockpit.wire.CockpitApi.Reply;
import comfyui.cockpit.wire.Routes.Request;
import comfyui.cockpit.wire.Routes.Route;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The routes of versions. */
public final class VersionRoutes {
  /** Which version and where; every route takes them. */
  static final List<String> WHERE = List.of("spec", "target", "models_dir", "wheels_dir", "lock", "offline");

  private final Parts parts;

  /** The use cases behind the routes. */
  public record Parts(
      Versions versions,
      VersionStates states,
      CreateVersion create,
      ResolveVersion resolve,
      RealizeVersion realize,
      ChangeVersion change,
      ReproduceVersion reproduce,
      PackVersion pack,
      VerifyVersionModels verifyModels,
      CollectGarbage collect,
      InitComfy init) {}

  VersionRoutes(Parts parts) {
    this.parts = parts;
  }

  List<Route> table() {
    return List.of(
        new Route("GET", "/api/versions", request -> Routes.ok(VersionDocuments.versions(parts.versions().revision(), parts.versions().files().directory(), parts.versions().settings().cacheRoot(), parts.states().list()))),
        new Route("POST", "/api/versions", this::create),
        new Route("POST", "/api/versions/diff", this::diff),
        new Route("POST", "/api/versions/gc", request -> Routes.started(parts.collect().start(Body.of(request, List.of("dry_run")).flag("dry_run")))),
        new Route("POST", "/api/versions/init", this::init),
        new Route("GET", "/api/versions/{id}", this::status),
        new Route("DELETE", "/api/versions/{id}", this::delete),
        new Route("POST", "/api/versions/{id}/validate", this::validate),
        new Route("POST", "/api/versions/{id}/plan", request -> Routes.ok(VersionDocuments.plan(parts.realize().plan(version(request), new CancelSignal(), ProgressSink.NONE)))),
        new Route("POST", "/api/versions/{id}/resolve", this::resolve),
        new Route("POST", "/api/versions/{id}/realize", request -> Routes.started(parts.realize().start(version(request)))),
        new Route("POST", "/api/versions/{id}/clone", this::cloneSpec),
        new Route("POST", "/api/versions/{id}/rollback", request -> Routes.ok(VersionDocuments.realize(parts.change().rollback(version(request), new CancelSignal())))),
        new Route("POST", "/api/versions/{id}/reproduce", request -> Routes.started(parts.reproduce().start(version(request)))),
        new Route("POST", "/api/versions/{id}/pack", this::pack),
        new Route("POST", "/api/versions/{id}/verify-models", this::verifyModels));
  }

  private static Versions.Request version(Request request, String... more) {
    return version(request, body(request, more));
  }

  private static Body body(Request request, String... more) {
    List<String> known = new ArrayList<>(WHERE);
    known.addAll(List.of(more));
    return Body.of(request, known);
  }

  private static Versions.Request version(Request request, Body body) {
    return version(request.names().getFirst(), body);
  }

  static Versions.Request version(String id, Body body) {
    return new Versions.Request(
        id, body.path("spec"), body.path("target"), body.path("models_dir"), body.path("wheels_dir"), body.path("lock"), body.flag("offline"), false);
  }

  /** GET and DELETE have no body: what they need stands in the query. */
  private static Versions.Request queried(Request request, String... more) {
    Map<String, String> query = request.query();
    List<String> known = new ArrayList<>(List.of("spec", "target", "models_dir", "lock", "offline"));
    known.addAll(List.of(more));
    query.keySet().stream().filter(key -> !known.contains(key)).findFirst().ifPresent(
        key -> {
          throw Problem.of(Code.BAD_REQUEST, "Unknown key \"" + key + "\".").withHint("Known keys are " + String.join(", ", known) + ".").toException();
        });
    return new Versions.Request(
        request.names().getFirst(), path(query, "spec"), path(query, "target"), path(query, "models_dir"), Optional.empty(), path(query, "lock"), flag(query, "offline"), false);
  }

  private static Optional<Path> path(Map<String, String> query, String key) {
    Optional<String> text = Optional.ofNullable(query.get(key));
    if (text.isPresent() && text.get().indexOf('\0') >= 0) {
      throw Problem.of(Code.BAD_REQUEST, "\"" + key + "\" is no path.").toException();
    }
    Optional<Path> path = text.map(Path::of);
    if (path.isPresent() && !path.get().isAbsolute()) {
      throw Problem.of(Code.BAD_REQUEST, "\"" + key + "\" must be an absolute path, not \"" + path.get() + "\".").toException();
    }
    return path.map(Path::normalize);
  }

  private static boolean flag(Map<String, String> query, String key) {
    String text = query.getOrDefault(key, "false");
    if (!text.equals("true") && !text.equals("false")) {
      throw Problem.of(Code.BAD_REQUEST, "\"" + key + "\" is true or false, not \"" + text + "\".").toException();
    }
    return text.equals("true");
  }

  private Reply create(Request request) {
    Body body = Body.of(request, List.of("id", "repo", "nodes", "models", "models_root", "auto_checksum", "python", "python_packages", "torch_backend", "output"));
    String id = body.text("id").orElseThrow(() -> Problem.of(Code.BAD_REQUEST, "\"id\" is missing.").toException());
    String repo = body.text("repo").orElse(InitComfy.OFFICIAL);
    return Routes.ok(
        VersionDocuments.written(
            parts.create()
                .create(
                    new CreateVersion.Request(
                        id, repo, body.texts("nodes"), body.texts("models"), body.path("models_root"), body.flag("auto_checksum"), body.text("python"), body.texts("python_packages"),
                        body.text("torch_backend"), body.path("output")),
                    new CancelSignal())));
  }

  private Reply status(Request request) {
    return Routes.ok(VersionDocuments.status(parts.states().status(queried(request, "full"), flag(request.query(), "full"), new CancelSignal())));
  }

  private Reply validate(Request request) {
    Body body = body(request, "text");
    Versions.Request version = version(request, body);
    VersionJson.Parsed parsed = parts.states().validate(version, body.anyText("text"));
    Path file = parts.versions().files().show(parts.versions().named(version).spec());
    return Routes.ok(Documents.validate(file.toString(), ModelsFile.State.OK, parsed.errors(), parsed.warnings()));
  }

  private Reply resolve(Request request) {
    Body body = body(request, "upgrade");
    return Routes.started(parts.resolve().start(version(request, body), body.flag("upgrade")));
  }

  private Reply cloneSpec(Request request) {
    Body body = body(request, "to", "output", "force");
    String to = body.text("to").orElseThrow(() -> Problem.of(Code.BAD_REQUEST, "\"to\" is missing: the new version's id.").toException());
    return Routes.ok(VersionDocuments.written(parts.change().cloneSpec(version(request, body), to, body.path("output"), body.flag("force"))));
  }

  private Reply diff(Request request) {
    Body body = Body.of(request, List.of("a", "b"));
    String a = body.text("a").orElseThrow(() -> Problem.of(Code.BAD_REQUEST, "\"a\" is missing.").toException());
    String b = body.text("b").orElseThrow(() -> Problem.of(Code.BAD_REQUEST, "\"b\" is missing.").toException());
    return Routes.ok(VersionDocuments.diff(parts.states().diff(Versions.Request.of(a), Versions.Request.of(b))));
  }

  private Reply delete(Request request) {
    Versions.Request version = queried(request, "remove_models", "remove_root", "remove_spec", "dry_run");
    Map<String, String> query = request.query();
    ChangeVersion.DeleteOptions options =
        new ChangeVersion.DeleteOptions(flag(query, "remove_models"), flag(query, "remove_root"), flag(query, "remove_spec"), flag(query, "dry_run"));
    return Routes.ok(VersionDocuments.freed(parts.change().delete(version, options, new CancelSignal())));
  }

  private Reply pack(Request request) {
    Body body = body(request, "output", "models");
    Path output = body.path("output").orElseThrow(() -> Problem.of(Code.BAD_REQUEST, "\"output\" is missing: the directory to pack into.").toException());
    return Routes.started(parts.pack().start(version(request, body), output, body.flag("models")));
  }

  private Reply verifyModels(Request request) {
    Body body = body(request, "overwrite", "fast", "timeout");
    Duration patience = body.seconds("timeout").orElse(VerifyVersionModels.PATIENCE);
    return Routes.started(parts.verifyModels().start(version(request, body), body.flag("overwrite"), body.flag("fast"), patience));
  }

  private Reply init(Request request) {
    Body body = Body.of(request, List.of("path", "repo", "ref", "venv", "install_torch", "python", "offline"));
    Path path = body.path("path").orElseThrow(() -> Problem.of(Code.BAD_REQUEST, "\"path\" is missing.").toException());
    String torch = body.text("install_torch").orElse("skip");
    if (!List.of("auto", "cpu", "skip").contains(torch)) {
      throw Problem.of(Code.BAD_REQUEST, "\"install_torch\" is \"auto\", \"cpu\" or \"skip\", not \"" + torch + "\".").toException();
    }
    return Routes.started(
        parts.init()
            .start(
                new InitComfy.Request(
                    path, body.text("repo").orElse(InitComfy.OFFICIAL), body.text("ref"), body.path("venv").orElse(path.resolve(".venv")),
                    InitComfy.Torch.valueOf(torch.toUpperCase(Locale.ROOT)), body.text("python"), body.flag("offline"))));
  }
}
