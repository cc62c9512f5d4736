package comfyui.cockpit.cli;

import com.fasterxml.jackson.databind.JsonNode;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.wire.WireJson;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code workflow <verb>}, and the verbs of versions and of workers that mean the same. */
@Command(
    name = "workflow",
    description = "Workflows: run one on a version, compare what it saves with another time.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "VERB",
    subcommands = {WorkflowCommand.Run.class, WorkflowCommand.Hash.class})
final class WorkflowCommand implements Callable<Integer> {
  /** Where a caller has one of these, his own count, and not those of a daemon that somebody started elsewhere. */
  private static final List<String> OWN =
      List.of("GCS_PUBLIC", "GCS_SIGNED_URL_TTL", "GCS_VALIDATE", "GCS_RETRIES", "GCS_RETRY_BASE_SLEEP", "GOOGLE_APPLICATION_CREDENTIALS");
  private static final String RUNS = "/api/workflows/runs";

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return Session.WRONG_USE;
  }

  /** A verb that runs a workflow on a version. */
  abstract static class WorkflowVerb extends VersionCommand.ComfyVerb {
    @Mixin VersionCommand.Place place = new VersionCommand.Place();

    @Option(names = "--workflow", paramLabel = "F", required = true, description = "The workflow, in the API's format (ComfyUI: Workflow > Export (API)).")
    Path workflow = Path.of("");

    @Option(names = "--set", paramLabel = "NODE.INPUT=VALUE", description = "Another value for one input, such as 3.seed=5; may be repeated.")
    List<String> set = new ArrayList<>();

    @Option(names = "--timeout", paramLabel = "S", description = "Seconds for the workflow itself (default: none).")
    Optional<Double> timeout = Optional.empty();

    Map<String, Object> body() {
      Map<String, Object> body = where();
      place.add(this, body);
      body.put("version_id", versionName());
      body.put("workflow", read(workflow));
      body.put("workflow_name", workflow.toString());
      body.put("set", values());
      body.put("arguments", arguments());
      timeout.ifPresent(seconds -> body.put("timeout", seconds));
      return body;
    }

    private Map<String, String> values() {
      Map<String, String> values = new LinkedHashMap<>();
      for (String text : set) {
        int equals = text.indexOf('=');
        if (equals < 1) {
          throw Problem.of(Code.BAD_REQUEST, "--set " + text + " sets nothing.").withHint("Write <node>.<input>=<value>, such as --set 3.seed=5.").toException();
        }
        values.put(text.substring(0, equals), text.substring(equals + 1));
      }
      return values;
    }
  }

  private static String read(Path file) {
    try {
      if (!Files.isRegularFile(file)) {
        throw Problem.of(Code.BAD_REQUEST, "There is no file " + file + ".").toException();
      }
      return Files.readString(file);
    } catch (java.nio.charset.CharacterCodingException e) {
      throw Problem.of(Code.DECLARATION_INVALID, file + " is no text in UTF-8.").withHint("Name a workflow's .json.").toException();
    } catch (IOException e) {
      throw Problem.of(Code.BAD_REQUEST, file + " cannot be read: " + e.getMessage() + ".").toException();
    }
  }

  @Command(name = "run", description = "Runs a workflow on a ComfyUI of its own, and delivers what it saves: base64, files, or Google Cloud Storage.")
  static class Run extends WorkflowVerb {
    @Option(names = "--output", paramLabel = "base64|gcs|file", description = "How outputs are delivered (default: OUTPUT_MODE, or gcs).")
    Optional<String> output = Optional.empty();

    @Option(names = "--out-file", paramLabel = "F", description = "base64: where the text goes instead of standard output. file: a directory, or the first output's name.")
    Optional<String> outFile = Optional.empty();

    @Option(names = "--gcs-bucket", paramLabel = "B", description = "The bucket (default: GCS_BUCKET).")
    Optional<String> bucket = Optional.empty();

    @Option(names = "--gcs-prefix", paramLabel = "P", description = "What object names begin with (default: GCS_PREFIX, or comfy/outputs).")
    Optional<String> prefix = Optional.empty();

    @Override
    public Integer call() throws Exception {
      boolean bucketed = output.or(() -> variable("OUTPUT_MODE")).orElse("gcs").equals("gcs");
      // What is open here is not open in a daemon.
      boolean here = outFile.filter(file -> file.startsWith("/dev/") || file.startsWith("/proc/")).isPresent();
      options().alone = here || bucketed && OWN.stream().anyMatch(name -> variable(name).isPresent());
      return super.call();
    }

    @Override
    int run(Session session) throws IOException {
      Map<String, Object> body = body();
      output.ifPresent(mode -> body.put("output", mode));
      outFile.ifPresent(file -> body.put("out_file", outFile(file)));
      bucket.ifPresent(text -> body.put("gcs_bucket", text));
      prefix.ifPresent(text -> body.put("gcs_prefix", text));
      fromVariables(this, body);
      JsonNode result = runOf(session, body);
      session.print(result, document -> show(session, document, outFile));
      return Session.DONE;
    }

    private static String outFile(String given) {
      Path path = Path.of(given).toAbsolutePath().normalize();
      if (given.endsWith("/") && !Files.isDirectory(path)) {
        throw Problem.of(Code.BAD_REQUEST, "There is no directory " + given + ".").withHint("Make it, or name a file.").toException();
      }
      return path.toString();
    }

    private static void show(Session session, JsonNode result, Optional<String> outFile) {
      JsonNode outputs = result.path("outputs");
      if (outputs.isEmpty()) {
        session.note("ComfyUI of " + result.path("version_id").asText() + " started and answers; the workflow is empty, nothing was run.");
      } else if (!result.path("output_mode").asText().equals("base64")) {
        for (JsonNode output : outputs) {
          session.line(Text.text(output.path("gcs_uri")) + Text.text(output.path("path")));
          if (!output.path("signed_url").isNull()) {
            session.note("signed: " + output.path("signed_url").asText());
          }
        }
      } else {
        if (outFile.isPresent()) {
          session.note("wrote " + outFile.get() + ": " + outputs.path(0).path("name").asText() + " as base64");
        } else {
          session.line(outputs.path(0).path("base64").asText());
        }
        if (outputs.size() > 1) {
          session.note("It saved " + (outputs.size() - 1) + " more; --json has all of them, --output file writes them.");
        }
      }
    }
  }

  /** Where outputs go, as the caller's variables have it: a daemon has others. */
  private static void fromVariables(VersionCommand.VersionVerb verb, Map<String, Object> body) {
    Map.of("output", "OUTPUT_MODE", "gcs_bucket", "GCS_BUCKET", "gcs_prefix", "GCS_PREFIX").forEach((key, name) -> verb.variable(name).ifPresent(text -> body.putIfAbsent(key, text)));
  }

  /** Runs it; a base64's bytes are asked for once it is done, for they are in no event and no list. */
  private static JsonNode runOf(Session session, Map<String, Object> body) {
    JsonNode job = session.run(RUNS, body);
    boolean bytes = job.path("result").path("output_mode").asText().equals("base64");
    return bytes ? session.get(RUNS + "/" + job.path("id").asText()).path("job").path("result") : job.path("result");
  }

  @Command(name = "run-handler", aliases = "test", description = "Runs a workflow on this version, as `workflow run` does.")
  static final class RunHandler extends Run {}

  @Command(name = "hash", description = "Records the hashes of what a workflow saves, or compares them with those recorded; exit status 3 if they differ.")
  static final class Hash extends WorkflowVerb {
    @Option(names = "--mode", paramLabel = "record|compare", required = true, description = "Whether the baseline is written or held against.")
    String mode = "";

    @Option(names = "--baseline", paramLabel = "F", required = true, description = "The file of hashes.")
    Path baseline = Path.of("");

    @Override
    int run(Session session) throws IOException {
      Map<String, Object> body = body();
      body.put("mode", mode);
      if (mode.equals("record") && (Files.isDirectory(baseline) || !Files.isDirectory(baseline.toAbsolutePath().getParent()))) {
        throw Problem.of(Code.BAD_REQUEST, "There can be no file " + baseline + ".").withHint("Name a file in a directory that is there.").toException();
      }
      if (mode.equals("compare")) {
        body.put("baseline", read(baseline));
        body.put("baseline_name", baseline.toString());
      }
      JsonNode result = session.run("/api/workflows/hash", body).path("result");
      if (mode.equals("record")) {
        write(baseline.toAbsolutePath(), WireJson.pretty(result.path("now")) + "\n");
      }
      session.print(result, document -> show(session, document));
      return result.path("equal").asBoolean() ? Session.DONE : Session.DIFFERS;
    }

    private static void write(Path file, String text) {
      try {
        SmallFile.write(file, text);
      } catch (IOException e) {
        throw Problem.of(Code.NOT_WRITABLE, file + " cannot be written: " + e.getMessage() + ".").toException();
      }
    }

    private void show(Session session, JsonNode result) {
      JsonNode now = result.path("now");
      if (mode.equals("record")) {
        now.path("files").properties().forEach(file -> session.line(file.getValue().asText() + "  " + file.getKey()));
        session.line("wrote " + baseline);
        return;
      }
      result.path("differences").forEach(each -> session.line(each.path("pointer").asText() + "  " + shown(each.path("a")) + " -> " + shown(each.path("b"))));
      if (!result.path("before").path("lock_digest").equals(now.path("lock_digest"))) {
        session.note("The version's lock is another than then.");
      }
      session.line(result.path("equal").asBoolean() ? "equal: " + now.path("files").size() + " outputs, byte for byte" : "It saves something else than " + baseline + " has.");
    }

    private static String shown(JsonNode hash) {
      return hash.isNull() ? "none" : hash.asText().substring(0, Math.min(12, hash.asText().length()));
    }
  }

  @Command(name = "handler", description = "Does one job of a RunPod worker: reads it as JSON from standard input, prints what came of it as JSON.")
  static final class Handler extends VersionCommand.VersionVerb {
    private static final List<String> KNOWN = List.of("workflow", "version_id", "output", "set", "timeout", "gcs_bucket", "gcs_prefix");

    @Override
    public Integer call() throws Exception {
      options().json = true;
      options().alone = OWN.stream().anyMatch(name -> variable(name).isPresent());
      return super.call();
    }

    @Override
    int run(Session session) throws IOException {
      JsonNode job = document(new String(session.console().in().readAllBytes(), StandardCharsets.UTF_8));
      JsonNode input = job.path("input");
      if (!input.isObject()) {
        throw wrong("The job has no \"input\".");
      }
      input.fieldNames().forEachRemaining(
          name -> {
            if (!KNOWN.contains(name)) {
              throw wrong("The input has an unknown key \"" + name + "\".");
            }
          });
      if (input.hasNonNull("version_id")) {
        versionId = input.path("version_id").asText();
      }
      Map<String, Object> body = where();
      input.properties().stream().filter(entry -> !entry.getValue().isNull()).forEach(entry -> body.put(entry.getKey(), entry.getValue()));
      fromVariables(this, body);
      if (body.get("output") instanceof Object mode && text(mode).equals("file")) {
        throw wrong("A worker has no files to give: \"output\" is \"base64\" or \"gcs\".");
      }
      body.put("version_id", versionName());
      if (job.path("id").isTextual()) {
        body.put("request_id", job.path("id").asText());
      }
      session.print(runOf(session, body), document -> session.line(WireJson.pretty(document)));
      return Session.DONE;
    }

    private static String text(Object value) {
      return value instanceof JsonNode node ? node.asText() : value.toString();
    }

    private static JsonNode document(String text) {
      try {
        return WireJson.read(text);
      } catch (IllegalArgumentException e) {
        throw wrong("Standard input is not one job as JSON: " + e.getMessage() + ".");
      }
    }

    private static comfyui.cockpit.kernel.ProblemException wrong(String detail) {
      return Problem.of(Code.BAD_REQUEST, detail)
          .withHint("Write {\"id\": \"…\", \"input\": {\"workflow\": {…}}}; the input may have " + String.join(", ", KNOWN) + ".")
          .toException();
    }
  }
}
