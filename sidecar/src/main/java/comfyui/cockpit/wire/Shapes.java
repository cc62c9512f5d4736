package comfyui.cockpit.wire;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Every JSON document that leaves us, member by member; keys become snake_case, an empty Optional becomes null. */
public final class Shapes {
  private Shapes() {}

  public record Health(String state, String version, int api, String java, String root, String modelsDir, String startedAt) {}

  public record Where(String file, String pointer, int line, int column) {}

  public record Problem(
      String type,
      String title,
      int status,
      String detail,
      String code,
      String hint,
      Map<String, Object> args,
      Optional<Where> where,
      boolean retryable,
      Optional<String> link,
      List<Problem> errors) {}

  public record Failure(boolean ok, Problem problem) {}

  public record Progress(
      String phase,
      Optional<String> current,
      long doneBytes,
      Optional<Long> totalBytes,
      int doneSteps,
      int totalSteps,
      Optional<Long> bytesPerSecond,
      Optional<Long> secondsLeft,
      boolean stalled) {}

  public record Job(
      String id,
      String kind,
      Optional<String> lane,
      String state,
      List<String> subjects,
      Optional<String> parent,
      Optional<Integer> queuePlace,
      Progress progress,
      String createdAt,
      Optional<String> startedAt,
      Optional<String> endedAt,
      List<String> log,
      Optional<Object> result,
      Optional<Problem> problem) {}

  /** A job as an event: its log comes in events of its own. */
  public record JobEvent(
      String id,
      String kind,
      Optional<String> lane,
      String state,
      List<String> subjects,
      Optional<String> parent,
      Optional<Integer> queuePlace,
      Progress progress,
      String createdAt,
      Optional<String> startedAt,
      Optional<String> endedAt,
      Optional<Object> result,
      Optional<Problem> problem) {}

  public record OneJob(Job job) {}

  public record AllJobs(boolean ok, List<Job> jobs) {}

  public record Snapshot(int api, List<JobEvent> jobs, String modelsRevision, String versionsRevision) {}

  public record LogEvent(String jobId, List<String> lines) {}

  public record ChangedEvent(String revision, List<String> changed, List<String> removed) {}

  public record DeclarationState(String file, String state, List<Problem> errors) {}

  public record Bundle(String id, String description, List<String> models, boolean autoInstall, boolean enabled, Optional<Long> missingBytes) {}

  public record Model(
      String id,
      String displayName,
      Optional<String> version,
      Optional<String> type,
      String path,
      String host,
      String state,
      Optional<Long> sizeBytes,
      Optional<String> sha256,
      String verified,
      boolean executesCode,
      Optional<String> jobId,
      Optional<Problem> problem) {}

  public record Status(boolean ok, String revision, String modelsDir, DeclarationState declaration, List<Bundle> bundles, List<Model> models) {}

  /** What {@code wait} says: the status, and whether it took too long. */
  public record Waited(
      boolean ok, boolean timedOut, String revision, String modelsDir, DeclarationState declaration, List<Bundle> bundles, List<Model> models) {}

  public record Step(
      String id,
      String action,
      String host,
      String path,
      Optional<Long> sizeBytes,
      Optional<String> sha256,
      Optional<String> expectedFrom,
      boolean executesCode,
      Optional<Problem> problem) {}

  public record FileSystem(String path, long freeBytes, long neededBytes, long shortfallBytes) {}

  public record Plan(boolean ok, List<Step> steps, List<FileSystem> fileSystems, int unknownSizes, List<Problem> problems) {}

  public record Installed(
      String id, String state, String path, Optional<Long> sizeBytes, Optional<String> sha256, String verified, Optional<Problem> problem) {}

  public record Install(boolean ok, List<Installed> models) {}

  public record Checked(
      String id,
      String path,
      String state,
      String method,
      Optional<String> expected,
      Optional<String> actual,
      Optional<Problem> problem) {}

  public record Verify(boolean ok, List<Checked> models) {}

  public record Pinned(String id, String sha256, long sizeBytes, String from) {}

  public record Pin(boolean ok, List<Pinned> changed, List<String> unchanged, List<Problem> problems) {}

  public record Choice(String filename, Optional<Long> sizeBytes, String source) {}

  public record Gate(String kind, Optional<String> url, Optional<String> until) {}

  public record Declare(
      boolean ok,
      String id,
      boolean written,
      Map<String, Object> model,
      List<Choice> choices,
      Optional<Gate> gate,
      Optional<String> licence,
      Optional<String> bundle) {}

  public record WorkflowFile(
      String workflow,
      String nodeId,
      String nodeType,
      String input,
      String name,
      Optional<String> folder,
      String state,
      Optional<String> modelId,
      Optional<String> link,
      Optional<String> sha256,
      Optional<Map<String, Object>> declaration) {}

  public record UnreadNode(String workflow, String nodeId, String nodeType, String name) {}

  public record FromWorkflow(boolean ok, List<WorkflowFile> files, List<UnreadNode> unreadNodes) {}

  public record Template(
      String name, String title, String category, String description, long sizeBytes, long missingBytes, Optional<String> minComfyuiVersion) {}

  public record Templates(boolean ok, Optional<String> source, List<Template> templates) {}

  public record Removed(String id, String path, long freedBytes) {}

  public record Kept(String id, String path, String reason) {}

  public record Remove(boolean ok, List<Removed> removed, List<Kept> kept) {}

  public record Validate(boolean ok, String file, List<Problem> errors, List<Problem> warnings) {}

  /** One thing that the doctor looked at; {@code code} and {@code args} say what was found to those who speak another language. */
  public record Check(String name, String state, String code, Map<String, Object> args, String detail, String hint) {}

  public record Doctor(boolean ok, List<Check> checks) {}

  // Versions

  public record VersionStep(String kind, String subject, Optional<String> from, Optional<Long> sizeBytes) {}

  public record VersionPlan(
      boolean ok, String versionId, String lockDigest, String action, List<VersionStep> steps, List<FileSystem> fileSystems, List<Problem> missing) {}

  public record WrittenVersion(boolean ok, String versionId, String file) {}

  public record LockChange(String what, Optional<String> from, Optional<String> to) {}

  public record Resolve(boolean ok, String lockFile, String lockDigest, List<LockChange> changed) {}

  public record Realize(boolean ok, String state, String target, String lockDigest, String environmentDigest, Optional<String> previous) {}

  public record VersionStatus(
      boolean ok, String versionId, String state, String target, Optional<String> lockDigest, Optional<String> environmentDigest, List<Problem> differences) {}

  public record Versions(boolean ok, String revision, String directory, String cacheRoot, List<VersionStatus> versions) {}

  public record Difference(String pointer, Optional<String> a, Optional<String> b) {}

  public record VersionDiff(boolean ok, boolean equal, List<Difference> differences) {}

  public record FreedPath(String path, long freedBytes) {}

  public record KeptPath(String path, String reason) {}

  /** What {@code delete} and {@code gc} say. */
  public record Freed(boolean ok, boolean dryRun, List<FreedPath> removed, List<KeptPath> kept) {}

  public record ReproduceRun(String lockDigest, String environmentDigest) {}

  public record Reproduce(boolean ok, boolean equal, List<ReproduceRun> runs, List<Problem> differences) {}

  public record PackedFile(String path, long sizeBytes, String sha256) {}

  public record Pack(boolean ok, String path, List<PackedFile> files) {}

  public record Init(boolean ok, String path, String venv, String commit, String python, String torch) {}

  // Workflows

  /** Of {@code base64}, {@code gcsUri} and {@code path} the one that the mode asks for. */
  public record WorkflowOutput(
      String name,
      Optional<String> nodeId,
      String kind,
      String mime,
      long sizeBytes,
      String sha256,
      Optional<String> base64,
      Optional<String> gcsUri,
      Optional<String> path,
      Optional<String> url,
      Optional<String> signedUrl) {}

  public record Timings(double realize, double start, double run, double deliver) {}

  public record WorkflowRun(
      String requestId,
      String versionId,
      Optional<String> promptId,
      String lockDigest,
      String outputMode,
      List<WorkflowOutput> outputs,
      Timings timings) {}

  public record Baseline(int schemaVersion, String workflowSha256, String lockDigest, Map<String, String> files) {}

  /** What {@code hash} says; {@code before} is null where nothing was compared. */
  public record WorkflowHash(boolean ok, boolean equal, String versionId, Optional<Baseline> before, Baseline now, List<Difference> differences) {}

  /** A job's part that has nothing of its own to say. */
  public record PartDone(boolean ok) {}
}
