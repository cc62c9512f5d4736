package comfyui.cockpit.app.workflows;

import comfyui.cockpit.app.versions.WorkDirectory;
import comfyui.cockpit.app.versions.Versions;
import comfyui.cockpit.job.Jobs;
import comfyui.cockpit.job.Work;
import comfyui.cockpit.json.Diff;
import comfyui.cockpit.version.LockJson;
import comfyui.cockpit.workflow.Baseline;
import java.util.List;
import java.util.Optional;

/** Runs a workflow and remembers what it saved, or compares it with what it saved at another time. */
public final class HashWorkflow {
  public static final String KIND = "workflows.hash";

  private final Versions versions;
  private final RunWorkflow run;
  private final Jobs jobs;

  public HashWorkflow(Versions versions, RunWorkflow run, Jobs jobs) {
    this.versions = versions;
    this.run = run;
    this.jobs = jobs;
  }

  /**
   * @param before what it is compared with; nothing where it is only recorded
   * @param now what it saved this time
   */
  public record Result(String versionId, Optional<Baseline> before, Baseline now, List<Diff.Difference> differences) {
    public boolean isEqual() {
      return differences.isEmpty();
    }
  }

  public Jobs.Handle start(RunWorkflow.Request request, Optional<Baseline> before) {
    String id = run.check(request);
    RunWorkflow.Request sorted = request.sorted();
    return jobs.start(RunWorkflow.order(KIND, id), job -> Work.Outcome.done(compare(sorted, before, job)));
  }

  private Result compare(RunWorkflow.Request request, Optional<Baseline> before, Work.Context job) {
    job.started();
    try (WorkDirectory temporary = versions.workDirectory()) {
      RunWorkflow.Ran ran = run.execute(request, temporary, job);
      Baseline now = Baseline.of(LockJson.sha256(request.prompt().json()), ran.lockDigest(), ran.outputs());
      return new Result(ran.versionId(), before, now, before.map(each -> each.differences(now)).orElse(List.of()));
    }
  }
}
