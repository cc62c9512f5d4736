package comfyui.cockpit.workflow;

import comfyui.cockpit.json.Checker;
import comfyui.cockpit.json.Diff;
import comfyui.cockpit.json.Value.Obj;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeSet;

/**
 * What a workflow saved at some time, to compare another time with.
 *
 * @param workflowSha256 of the workflow, however it is written
 * @param files sha256 of each output by its name
 */
public record Baseline(String workflowSha256, String lockDigest, Map<String, String> files) {
  public static final int SCHEMA = 1;

  public static Baseline of(String workflowSha256, String lockDigest, List<Output> outputs) {
    Map<String, String> files = new LinkedHashMap<>();
    outputs.forEach(output -> files.put(output.name(), output.sha256().hex()));
    return new Baseline(workflowSha256, lockDigest, files);
  }

  /** @throws comfyui.cockpit.kernel.ProblemException {@code declaration_invalid} with every error at its place */
  public static Baseline read(String shown, String text) {
    Checker checker = new Checker(shown);
    Optional<Obj> root = checker.parse(text).flatMap(value -> checker.object(value, ""));
    root.ifPresent(obj -> checker.knownKeys(obj, "", List.of("$schema", "schema_version", "workflow_sha256", "lock_digest", "files")));
    root.flatMap(obj -> checker.whole(obj, "", "schema_version", 0)).filter(version -> version != SCHEMA).ifPresent(
        version -> checker.error(root.get().place(), "/schema_version", Code.DECLARATION_INVALID, "This is schema_version " + version + "; only " + SCHEMA + " is known.", "Record it anew."));
    Optional<String> workflow = root.flatMap(obj -> checker.requiredString(obj, "", "workflow_sha256"));
    Optional<String> lock = root.flatMap(obj -> checker.requiredString(obj, "", "lock_digest"));
    Map<String, String> files = new LinkedHashMap<>();
    root.flatMap(obj -> checker.required(obj, "", "files")).flatMap(value -> checker.object(value, "/files")).ifPresent(
        obj -> obj.members().keySet().forEach(name -> checker.string(obj, "/files", name).ifPresent(sha256 -> files.put(name, sha256))));
    if (!checker.errors().isEmpty() || workflow.isEmpty() || lock.isEmpty()) {
      Problem first = checker.errors().getFirst();
      Problem problem = Problem.of(Code.DECLARATION_INVALID, shown + " is no baseline: " + first.detail()).withHint("Record it anew with --mode record.").gathering(checker.errors());
      throw first.where().map(problem::at).orElse(problem).toException();
    }
    return new Baseline(workflow.get(), lock.get(), files);
  }

  /** As it is kept. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("schema_version", SCHEMA);
    map.put("workflow_sha256", workflowSha256);
    map.put("lock_digest", lockDigest);
    map.put("files", files);
    return map;
  }

  /** What is another than this time; the lock alone may be another, as long as it saves the same. */
  public List<Diff.Difference> differences(Baseline now) {
    List<Diff.Difference> differences = new ArrayList<>();
    if (!workflowSha256.equals(now.workflowSha256())) {
      differences.add(new Diff.Difference("/workflow_sha256", Optional.of(workflowSha256), Optional.of(now.workflowSha256())));
    }
    TreeSet<String> names = new TreeSet<>(files.keySet());
    names.addAll(now.files().keySet());
    for (String name : names) {
      if (!Objects.equals(files.get(name), now.files().get(name))) {
        differences.add(new Diff.Difference("/files/" + comfyui.cockpit.json.Json.escape(name), Optional.ofNullable(files.get(name)), Optional.ofNullable(now.files().get(name))));
      }
    }
    return differences;
  }
}
