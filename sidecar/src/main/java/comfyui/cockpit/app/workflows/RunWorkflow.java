package comfyui.cockpit.app.workflows;

import comfyui.cockpit.app.versions.Parts;
import comfyui.cockpit.app.versions.RealizeVersion;
import comfyui.cockpit.app.versions.WorkDirectory;
import comfyui.cockpit.app.versions.Versions;
import comfyui.cockpit.comfy.Prompt;
import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.instance.ComfyCommand;
import comfyui.cockpit.instance.ComfyServer;
import comfyui.cockpit.job.Jobs;
import comfyui.cockpit.job.Lane;
import comfyui.cockpit.job.Work;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.net.Http;
import comfyui.cockpit.version.Build;
import comfyui.cockpit.version.Lock;
import comfyui.cockpit.version.Marker;
import comfyui.cockpit.version.Place;
import comfyui.cockpit.workflow.Execution;
import comfyui.cockpit.workflow.Output;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Runs one workflow on a ComfyUI of its own, and delivers what it saved. */
public final class RunWorkflow {
  public static final String KIND = "workflows.run";
  private static final String PROMPT_PART = "workflows.prompt";
  private static final String OUTPUT = "output";
  /** Whatever is ours to say, for each run. */
  private static final List<String> OURS = List.of("--listen", "--port", "--output-directory", "--temp-directory", "--tls-keyfile", "--tls-certfile");
  /** Of runs whose outputs nobody gets as files, so many keep them at most. */
  private static final int KEPT = 20;

  private final Versions versions;
  private final RealizeVersion realize;
  private final Deliver deliver;
  private final Http http;
  private final Jobs jobs;
  private final Deque<WorkDirectory> kept = new ArrayDeque<>();

  public RunWorkflow(Versions versions, RealizeVersion realize, Deliver deliver, Http http, Jobs jobs) {
    this.versions = versions;
    this.realize = realize;
    this.deliver = deliver;
    this.http = http;
    this.jobs = jobs;
  }

  /**
   * What is to run, and where its outputs go.
   *
   * @param requestId names the run in paths and buckets; one is made where nobody gives one
   * @param timeout for the workflow itself, once ComfyUI is there
   * @param arguments ComfyUI's own
   */
  public record Request(Versions.Request version, Prompt prompt, Deliver.To to, Optional<String> requestId, Optional<Duration> timeout, List<String> arguments) {
    Request sorted() {
      return new Request(version, prompt.sorted(), to, requestId, timeout, arguments);
    }

    Request named() {
      return new Request(version, prompt, to, Optional.of(requestId.orElseGet(() -> UUID.randomUUID().toString())), timeout, arguments);
    }
  }

  /** How long each part took, in seconds. */
  public record Timings(double realize, double start, double run, double deliver) {
    Timings delivered(double seconds) {
      return new Timings(realize, start, run, seconds);
    }
  }

  /** @param promptId ComfyUI's own id; nothing if there was nothing to run */
  public record Result(
      String requestId, String versionId, Optional<String> promptId, String lockDigest, Deliver.Mode mode, List<Deliver.Delivered> outputs, Timings timings) {}

  /**
   * A workflow that ran.
   *
   * @param outputs in the directory of the run
   */
  record Ran(String versionId, Optional<String> promptId, String lockDigest, List<Output> outputs, Timings timings) {}

  /** @throws ProblemException for whatever is seen to be wrong before anything is done */
  public Jobs.Handle start(Request request) {
    String id = check(request);
    deliver.check(request.to());
    Request named = request.named();
    return jobs.start(order(KIND, id), job -> Work.Outcome.done(run(named, job)));
  }

  static Jobs.Order order(String kind, String versionId) {
    return new Jobs.Order(kind, Optional.of(Lane.GPU), true, List.of(versionId), Optional.empty());
  }

  /** @return the version's id */
  String check(Request request) {
    versions.requireSettings();
    request.requestId().filter(id -> !id.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,127}")).ifPresent(id -> {
          throw Problem.of(Code.BAD_REQUEST, "\"" + id + "\" cannot be the id of a request.").withHint("Use letters, digits, \".\", \"_\" and \"-\".").toException();
        });
    ComfyCommand.requireForeign(request.arguments(), OURS);
    versions.files().good(versions.named(request.version()));
    return request.version().id();
  }

  private Result run(Request request, Work.Context job) {
    job.started();
    deliver.before(request.to(), job.cancelSignal());
    String requestId = request.requestId().orElseThrow();
    Place place = versions.place(request.version());
    WorkDirectory temporary = versions.workDirectory();
    Deliver.Run paid = new Deliver.Run(request.version().id(), requestId, place, temporary, temporary.path().resolve(OUTPUT));
    boolean keep = false;
    try {
      Ran ran = deliver.rescuing(paid, () -> execute(request, temporary, job));
      long start = versions.clock().nanos();
      List<Deliver.Delivered> delivered = deliver.deliver(request.to(), paid, ran.outputs(), job.cancelSignal(), job.progress());
      keep = request.to().mode() == Deliver.Mode.BASE64;
      return new Result(
          requestId, ran.versionId(), ran.promptId(), ran.lockDigest(), request.to().mode(), delivered, ran.timings().delivered(versions.clock().secondsSince(start)));
    } finally {
      if (keep) {
        keep(temporary);
      } else {
        temporary.close();
      }
    }
  }

  /** The outputs of the last runs stay until they are fetched or others follow; with this process all go. */
  private void keep(WorkDirectory temporary) {
    synchronized (kept) {
      kept.addLast(temporary);
      if (kept.size() > KEPT) {
        kept.removeFirst().close();
      }
    }
  }

  /**
   * Realizes the version, starts its ComfyUI, runs the workflow and collects what it saved.
   *
   * @param temporary where its outputs and its temporary files go
   */
  Ran execute(Request request, WorkDirectory temporary, Work.Context job) {
    long begin = versions.clock().nanos();
    RealizeVersion.Result realized = (RealizeVersion.Result) Parts.follow(job, realize.start(request.version(), Optional.of(job.id()))).result().orElseThrow();
    double realizing = versions.clock().secondsSince(begin);
    Ran[] ran = new Ran[1];
    Jobs.Handle part =
        jobs.start(
            new Jobs.Order(PROMPT_PART, Optional.of(Lane.GPU), false, List.of(request.version().id()), Optional.of(job.id())),
            context -> {
              ran[0] = onComfy(request, realized, temporary, context, job, realizing);
              return Work.Outcome.done(new RealizeVersion.PartDone());
            });
    Parts.follow(job, part);
    return ran[0];
  }

  private Ran onComfy(Request request, RealizeVersion.Result realized, WorkDirectory temporary, Work.Context part, Work.Context job, double realizing) {
    Path output = temporary.path().resolve(OUTPUT);
    Path temp = temporary.path().resolve("temp");
    try {
      Files.createDirectories(output);
      Build build = realized(new Place(realized.target()), realized.lockDigest());
      Lock lock = build.lock().orElseThrow(() -> Problem.of(Code.ENVIRONMENT_BROKEN, "The build at " + realized.target() + " has no lock.").toException());
      part.progress().phase("starting");
      part.step("ComfyUI", 0, 2);
      long begin = versions.clock().nanos();
      try (ComfyServer server = start(request, build, lock, output, temporary, part.cancelSignal(), job)) {
        double starting = versions.clock().secondsSince(begin);
        if (request.prompt().isEmpty()) {
          return new Ran(request.version().id(), Optional.empty(), realized.lockDigest(), List.of(), new Timings(realizing, starting, 0, 0));
        }
        part.progress().phase("running");
        part.step("workflow", 1, 2);
        begin = versions.clock().nanos();
        Execution execution = new Execution(server, versions.clock(), job.progress()::log, part.cancelSignal());
        Execution.Done done = execution.run(request.prompt(), request.timeout());
        double running = versions.clock().secondsSince(begin);
        List<Output> outputs = Output.collect(done.outputs(), request.prompt().ids(), new Output.Folders(output, temp, temporary.path().resolve("texts"), server.api(), part.cancelSignal()));
        if (outputs.isEmpty()) {
          throw Problem.of(Code.WORKFLOW_FAILED, "The workflow ran and saved nothing.").withHint("Add a node that saves, such as SaveImage.").toException();
        }
        part.step("workflow", 2, 2);
        return new Ran(request.version().id(), Optional.of(done.promptId()), realized.lockDigest(), outputs, new Timings(realizing, starting, running, 0));
      }
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, temporary.path()), e);
    }
  }

  /** The build that was realized for this run: while it waited for its turn the target may have been led to another one. */
  private static Build realized(Place place, String lockDigest) {
    List<String> keys = new ArrayList<>(place.current().stream().toList());
    keys.addAll(place.builds());
    return keys.stream()
        .map(key -> new Build(place, key))
        .filter(build -> build.marker().map(Marker::lockDigest).filter(lockDigest::equals).isPresent())
        .findFirst()
        .orElseThrow(
            () ->
                Problem.of(Code.ENVIRONMENT_NOT_REALIZED, "The build at " + place.target() + " was removed while the workflow waited for its turn.")
                    .withHint("Run it again.")
                    .toException());
  }

  private ComfyServer start(Request request, Build build, Lock lock, Path output, WorkDirectory temporary, CancelSignal cancel, Work.Context job) {
    List<String> arguments = new ArrayList<>(List.of("--output-directory", output.toString(), "--temp-directory", temporary.path().toString()));
    arguments.addAll(request.arguments());
    ComfyServer.Surroundings around =
        new ComfyServer.Surroundings(temporary.children(), http, versions.clock(), versions.instances().startTimeout(), line -> job.progress().log(line));
    for (int tries = 1; ; tries++) {
      int port = versions.instances().ports().free();
      ComfyCommand command = new ComfyCommand(build, lock, "127.0.0.1", port, arguments, versions.settings().environment(), request.version().offline());
      try {
        return ComfyServer.start(command, around, cancel);
      } catch (ProblemException e) {
        // Somebody took it between the look and the start.
        if (e.problem().code() != Code.PORT_TAKEN || tries == 3) {
          throw e;
        }
      }
    }
  }
}
