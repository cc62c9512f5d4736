package comfyui.cockpit.wire;

import comfyui.cockpit.app.workflows.Deliver;
import comfyui.cockpit.app.workflows.HashWorkflow;
import comfyui.cockpit.app.workflows.RunWorkflow;
import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.job.Job;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.workflow.Baseline;
import comfyui.cockpit.workflow.Output;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Optional;

/** Documents about runs of workflows. */
final class WorkflowDocuments {
  private WorkflowDocuments() {}

  /** As a job and an event have it: without the bytes. */
  static Shapes.WorkflowRun run(RunWorkflow.Result result) {
    return run(result, false);
  }

  /** The job with the bytes of its outputs, if it has any to give. */
  static Shapes.Job withBytes(Job job) {
    Shapes.Job plain = Documents.job(job);
    boolean inside = job.result().filter(result -> result instanceof RunWorkflow.Result run && run.mode() == Deliver.Mode.BASE64).isPresent();
    if (!inside) {
      return plain;
    }
    return new Shapes.Job(
        plain.id(), plain.kind(), plain.lane(), plain.state(), plain.subjects(), plain.parent(), plain.queuePlace(), plain.progress(), plain.createdAt(), plain.startedAt(),
        plain.endedAt(), plain.log(), job.result().map(result -> run((RunWorkflow.Result) result, true)), plain.problem());
  }

  private static Shapes.WorkflowRun run(RunWorkflow.Result result, boolean bytes) {
    RunWorkflow.Timings timings = result.timings();
    return new Shapes.WorkflowRun(
        result.requestId(),
        result.versionId(),
        result.promptId(),
        result.lockDigest(),
        result.mode().wireName(),
        result.outputs().stream().map(each -> output(each, bytes)).toList(),
        new Shapes.Timings(rounded(timings.realize()), rounded(timings.start()), rounded(timings.run()), rounded(timings.deliver())));
  }

  private static double rounded(double seconds) {
    return Math.round(seconds * 1000) / 1000.0;
  }

  private static Shapes.WorkflowOutput output(Deliver.Delivered delivered, boolean bytes) {
    Output output = delivered.output();
    return new Shapes.WorkflowOutput(
        output.name(), output.nodeId(), output.media().kind(), output.media().mime(), output.sizeBytes(), output.sha256().hex(),
        bytes ? base64(output.file()) : Optional.empty(), delivered.gcsUri(), delivered.path().map(Path::toString), delivered.url(), delivered.signedUrl());
  }

  /** Nothing for outputs of a run so long ago that they were removed. */
  private static Optional<String> base64(Path file) {
    try {
      return Optional.of(Base64.getEncoder().encodeToString(Files.readAllBytes(file)));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, file), e);
    }
  }

  static Shapes.WorkflowHash hash(HashWorkflow.Result result) {
    return new Shapes.WorkflowHash(
        result.isEqual(),
        result.isEqual(),
        result.versionId(),
        result.before().map(WorkflowDocuments::baseline),
        baseline(result.now()),
        result.differences().stream().map(each -> new Shapes.Difference(each.pointer(), each.a(), each.b())).toList());
  }

  private static Shapes.Baseline baseline(Baseline baseline) {
    return new Shapes.Baseline(Baseline.SCHEMA, baseline.workflowSha256(), baseline.lockDigest(), baseline.files());
  }
}
