package comfyui.cockpit.wire;

import comfyui.cockpit.app.workflows.Deliver;
import comfyui.cockpit.app.workflows.HashWorkflow;
import comfyui.cockpit.app.workflows.RunWorkflow;
import comfyui.cockpit.app.versions.Versions;
import comfyui.cockpit.comfy.Prompt;
import comfyui.cockpit.job.Job;
import comfyui.cockpit.job.Jobs;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.json.Value.Member;
import comfyui.cockpit.json.Value.Obj;
import comfyui.cockpit.json.Value.Str;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.wire.CockpitApi.Reply;
import comfyui.cockpit.wire.Routes.Request;
import comfyui.cockpit.wire.Routes.Route;
import comfyui.cockpit.workflow.Baseline;
import comfyui.cockpit.workflow.Output;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The routes of workflows. */
public final class WorkflowRoutes {
  private static final List<String> WHAT =
      List.of(
          "version_id", "workflow", "workflow_name", "set", "output", "out_file", "gcs_bucket", "gcs_prefix", "timeout", "request_id", "arguments", "mode", "baseline", "baseline_name");

  private final Parts parts;

  /** The use cases behind the routes. */
  public record Parts(RunWorkflow run, HashWorkflow hash, Deliver deliver, Jobs jobs) {}

  WorkflowRoutes(Parts parts) {
    this.parts = parts;
  }

  List<Route> table() {
    return List.of(
        new Route("GET", "/api/workflows/runs", request -> Routes.ok(new Shapes.AllJobs(true, runs().stream().map(Documents::job).toList()))),
        new Route("POST", "/api/workflows/runs", this::run),
        new Route("GET", "/api/workflows/runs/{id}", request -> Routes.ok(new Shapes.OneJob(WorkflowDocuments.withBytes(find(request))))),
        new Route("GET", "/api/workflows/runs/{id}/outputs/{name}", this::output),
        new Route("POST", "/api/workflows/hash", this::hash));
  }

  private List<Job> runs() {
    return parts.jobs().list().stream().filter(job -> job.kind().equals(RunWorkflow.KIND)).toList();
  }

  private Job find(Request request) {
    String id = request.names().getFirst();
    return runs().stream()
        .filter(job -> job.id().equals(id))
        .findFirst()
        .orElseThrow(() -> Problem.of(Code.NOT_FOUND, "There is no run \"" + id + "\".").withHint("Runs are forgotten when the daemon restarts.").toException());
  }

  private Reply output(Request request) {
    String name = request.names().get(1);
    List<Deliver.Delivered> outputs = find(request).result().map(result -> ((RunWorkflow.Result) result).outputs()).orElse(List.of());
    return outputs.stream()
        .filter(each -> each.output().name().equals(name))
        .findFirst()
        .flatMap(each -> Optional.of(each.path().orElse(each.output().file())).filter(Files::isRegularFile).map(file -> Reply.file(file, each.output().media().mime())))
        .orElseThrow(
            () -> {
              List<String> names = outputs.stream().map(Deliver.Delivered::output).map(Output::name).toList();
              return Problem.of(Code.NOT_FOUND, "There is no output \"" + name + "\" of this run here.")
                  .withHint(names.isEmpty() ? "It has none yet." : "It has: " + String.join(", ", names) + "; old ones, and those in a bucket, are not kept here.")
                  .toException();
            });
  }

  private Reply run(Request request) {
    Body body = body(request);
    Deliver.To to = parts.deliver().to(body.text("output"), body.path("out_file"), body.text("gcs_bucket"), body.text("gcs_prefix"));
    return Routes.started(parts.run().start(wanted(body, to)));
  }

  private Reply hash(Request request) {
    Body body = body(request);
    String mode = body.text("mode").orElse("");
    if (!mode.equals("record") && !mode.equals("compare")) {
      throw Problem.of(Code.BAD_REQUEST, "\"mode\" is \"record\" or \"compare\", not \"" + mode + "\".").toException();
    }
    Optional<String> baseline = body.anyText("baseline");
    if (mode.equals("compare") && baseline.isEmpty()) {
      throw Problem.of(Code.BAD_REQUEST, "\"baseline\" is missing: what to compare with.").toException();
    }
    Optional<Baseline> before = baseline.filter(text -> mode.equals("compare")).map(text -> Baseline.read(body.text("baseline_name").orElse("baseline"), text));
    return Routes.started(parts.hash().start(wanted(body, Deliver.To.NOWHERE), before));
  }

  private static Body body(Request request) {
    List<String> known = new ArrayList<>(VersionRoutes.WHERE);
    known.addAll(WHAT);
    return Body.of(request, known);
  }

  private static RunWorkflow.Request wanted(Body body, Deliver.To to) {
    String id = body.text("version_id").orElseThrow(() -> Problem.of(Code.BAD_REQUEST, "\"version_id\" is missing.").toException());
    Versions.Request version = VersionRoutes.version(id, body);
    return new RunWorkflow.Request(version, prompt(body), to, body.text("request_id"), body.seconds("timeout"), body.texts("arguments"));
  }

  /** The workflow is an object, or the text of a file that has a name. */
  private static Prompt prompt(Body body) {
    String name = body.text("workflow_name").orElse("workflow");
    Prompt prompt =
        switch (body.obj().get("workflow").orElse(null)) {
          case Obj obj -> Prompt.read(name, Json.write(obj));
          case Str text -> Prompt.read(name, text.text());
          case null, default -> throw Problem.of(Code.BAD_REQUEST, "\"workflow\" is missing, or no object: a workflow in the API's format.").toException();
        };
    Optional<Value> set = body.obj().get("set");
    if (set.isPresent() && !(set.get() instanceof Obj)) {
      throw Problem.of(Code.BAD_REQUEST, "\"set\" is an object, such as {\"3.seed\": 5}.").toException();
    }
    for (Member member : set.map(value -> ((Obj) value).members().values()).orElse(List.of())) {
      prompt = prompt.with(member.key(), member.value());
    }
    return prompt;
  }
}
