package comfyui.cockpit.main;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import comfyui.cockpit.cli.Console;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.wire.CockpitApi;
import comfyui.cockpit.wire.Routes;
import comfyui.cockpit.wire.Shapes;
import comfyui.cockpit.wire.WireJson;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** The routes, the verbs and the checked-in OpenAPI document say the same. */
class ContractTest {
  private static final JsonNode OPEN_API = WireJson.read(Routes.openApi());

  /** Routes without a verb: by contract, and what a verb's own answer brings along. */
  private static final Set<String> WITHOUT_VERB =
      Set.of("GET /api/health", "GET /api/events", "GET /api/openapi.json", "GET /api/workflows/runs", "GET /api/workflows/runs/{id}/outputs/{name}");

  /** Which verb stands for which route. */
  private static final Map<String, String> VERBS =
      Map.ofEntries(
          Map.entry("GET /api/models", "models status"),
          Map.entry("POST /api/models/plan", "models plan"),
          Map.entry("POST /api/models/install", "models install"),
          Map.entry("POST /api/models/verify", "models verify"),
          Map.entry("POST /api/models/pin", "models pin"),
          Map.entry("POST /api/models/declare", "models declare"),
          Map.entry("POST /api/models/from-workflow", "models from-workflow"),
          Map.entry("POST /api/models/from-template", "models from-template"),
          Map.entry("GET /api/templates", "models templates"),
          Map.entry("POST /api/models/validate", "models validate"),
          Map.entry("DELETE /api/models/{id}/file", "models remove"),
          Map.entry("GET /api/jobs", "jobs list"),
          Map.entry("GET /api/jobs/{id}", "jobs show"),
          Map.entry("POST /api/jobs/{id}/cancel", "jobs cancel"),
          Map.entry("GET /api/doctor", "doctor"),
          Map.entry("GET /api/versions", "version list"),
          Map.entry("POST /api/versions", "version create"),
          Map.entry("POST /api/versions/diff", "version diff"),
          Map.entry("POST /api/versions/gc", "version gc"),
          Map.entry("POST /api/versions/init", "version init"),
          Map.entry("GET /api/versions/{id}", "version status"),
          Map.entry("DELETE /api/versions/{id}", "version delete"),
          Map.entry("POST /api/versions/{id}/validate", "version validate"),
          Map.entry("POST /api/versions/{id}/plan", "version realize"),
          Map.entry("POST /api/versions/{id}/resolve", "version resolve"),
          Map.entry("POST /api/versions/{id}/realize", "version realize"),
          Map.entry("POST /api/versions/{id}/clone", "version clone"),
          Map.entry("POST /api/versions/{id}/rollback", "version rollback"),
          Map.entry("POST /api/versions/{id}/reproduce", "version reproduce"),
          Map.entry("POST /api/versions/{id}/pack", "version pack"),
          Map.entry("POST /api/versions/{id}/verify-models", "version verify-models"),
          Map.entry("POST /api/workflows/runs", "workflow run"),
          Map.entry("GET /api/workflows/runs/{id}", "version run-handler"),
          Map.entry("POST /api/workflows/hash", "workflow hash"));

  /** Verbs without a route of their own: they put others together, or have the terminal. */
  private static final Set<String> WITHOUT_ROUTE = Set.of("models wait", "openapi", "version test", "version run-ui", "handler", "docker build");

  @TempDir Path root;

  private Cockpit cockpit() {
    return new Cockpit(root, Map.of(), true, "0", "test", Instant.EPOCH, Clock.system());
  }

  @Test
  void shouldRegisterWhatTheDocumentSays() {
    Set<String> documented = new TreeSet<>();
    OPEN_API.path("paths").properties().forEach(path -> path.getValue().fieldNames().forEachRemaining(method -> documented.add(method.toUpperCase(java.util.Locale.ROOT) + " " + path.getKey())));
    Set<String> registered = new TreeSet<>();
    try (Cockpit cockpit = cockpit()) {
      cockpit.routes().table().forEach(route -> registered.add(route.method() + " " + route.path()));
    }
    // The stream is no call with an answer: HTTP binds it beside the table.
    registered.add("GET /api/events");
    assertEquals(documented, registered);
  }

  @Test
  void shouldHaveVerbForEveryRoute() {
    CommandLine line = comfyui.cockpit.cli.RootCommand.of(options -> cockpit(), options -> new Programs(cockpit(), true), new Console(System.out, System.err, System.in, false, 80), Clock.system(), Map.of(), "0");
    Set<String> verbs = new TreeSet<>();
    collect(line, "", verbs);
    try (Cockpit cockpit = cockpit()) {
      for (Routes.Route route : cockpit.routes().table()) {
        String name = route.method() + " " + route.path();
        if (!WITHOUT_VERB.contains(name)) {
          assertTrue(verbs.contains(VERBS.get(name)), name + " needs a verb");
        }
      }
    }
    Set<String> rest = new TreeSet<>(verbs);
    rest.removeAll(VERBS.values());
    assertEquals(WITHOUT_ROUTE, rest);
  }

  private static void collect(CommandLine line, String prefix, Set<String> verbs) {
    line.getSubcommands()
        .forEach(
            (name, command) -> {
              if (command.getSubcommands().isEmpty()) {
                verbs.add(prefix + name);
              } else {
                collect(command, prefix + name + " ", verbs);
              }
            });
  }

  @ParameterizedTest
  @CsvSource({
    "Problem,Problem", "Job,Job", "Progress,Progress", "Where,Where", "ModelsStatus,Status", "BundleStatus,Bundle", "ModelStatus,Model", "Plan,Plan", "PlanStep,Step",
    "FileSystemNeed,FileSystem", "InstallResult,Install", "VerifyResult,Verify", "PinResult,Pin", "DeclareResult,Declare", "RemoveResult,Remove",
    "ValidateResult,Validate", "Doctor,Doctor", "Health,Health", "JobAnswer,OneJob", "JobList,AllJobs", "SnapshotEvent,Snapshot", "LogEvent,LogEvent",
    "ChangeEvent,ChangedEvent", "DeclarationState,DeclarationState", "FromWorkflowResult,FromWorkflow", "WorkflowFile,WorkflowFile", "Templates,Templates", "Template,Template",
    "VersionStep,VersionStep", "VersionPlan,VersionPlan", "WrittenVersion,WrittenVersion", "LockChange,LockChange", "ResolveResult,Resolve", "RealizeResult,Realize",
    "VersionStatus,VersionStatus", "Versions,Versions", "Difference,Difference", "VersionDiff,VersionDiff", "FreedPath,FreedPath", "KeptPath,KeptPath", "FreedResult,Freed",
    "ReproduceRun,ReproduceRun", "ReproduceResult,Reproduce", "PackedFile,PackedFile", "PackResult,Pack", "InitResult,Init",
    "WorkflowOutput,WorkflowOutput", "Timings,Timings", "WorkflowRun,WorkflowRun", "Baseline,Baseline", "WorkflowHash,WorkflowHash", "PartDone,PartDone"
  })
  void shouldSayWhatTheSchemaSays(String schema, String shape) throws ClassNotFoundException {
    Class<?> type = Class.forName(Shapes.class.getName() + "$" + shape);
    Set<String> members = Arrays.stream(type.getRecordComponents()).map(RecordComponent::getName).map(ContractTest::snake).collect(Collectors.toCollection(TreeSet::new));
    Set<String> documented = new TreeSet<>();
    JsonNode properties = OPEN_API.path("components").path("schemas").path(schema).path("properties");
    properties.fieldNames().forEachRemaining(documented::add);
    assertEquals(documented, members);
  }

  private static String snake(String name) {
    return name.replaceAll("([A-Z])", "_$1").toLowerCase(java.util.Locale.ROOT);
  }

  @Test
  void shouldAnswerUnknownPathWithProblem() {
    try (Cockpit cockpit = cockpit()) {
      CockpitApi.Reply reply = cockpit.call("GET", "/api/nothing", "");
      assertEquals(404, reply.status());
      assertEquals("not_found", WireJson.read(reply.body()).path("code").asText());
    }
  }

  @Test
  void shouldListEveryCodeInTheReference() throws Exception {
    Path page = Path.of("..", "docs", "reference", "errors.md");
    String wanted = errorsPage();
    if (System.getenv("UPDATE_DOCS") != null) {
      Files.writeString(page, wanted);
    }
    assertEquals(wanted, Files.readString(page), "docs/reference/errors.md is old: run UPDATE_DOCS=1 mvn test -Dtest=ContractTest");
  }

  private static String errorsPage() {
    List<String> lines = new ArrayList<>();
    lines.add("# Errors");
    lines.add("");
    lines.add("Every cause has one code, the same in the panel, the command line and JSON. Generated from the daemon's own catalogue.");
    lines.add("");
    lines.add("| code | what happened | what to do | HTTP status | exit status | tried again by itself |");
    lines.add("|---|---|---|---|---|---|");
    for (Code code : Code.values()) {
      int exit = code == Code.CANCELLED ? 130 : code.usersMistake() ? 2 : 1;
      lines.add("| `" + code.wireName() + "` | " + code.title() + " | " + code.hint().replace("|", "\\|") + " | " + code.status() + " | " + exit + " | " + (code.retryable() ? "yes" : "no") + " |");
    }
    return String.join("\n", lines) + "\n";
  }

  @Test
  void shouldHoldTheOneVersion() throws Exception {
    JsonNode own = WireJson.read(Files.readString(Path.of("..", "package.json")));
    assertEquals(own.path("version").asText(), new Main.Start(Map.of(), Clock.system()).version());
  }
}
