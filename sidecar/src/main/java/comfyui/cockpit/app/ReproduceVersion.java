package comfyui.cockpit.app;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.files.Trees;
import comfyui.cockpit.job.Job;
import comfyui.cockpit.job.Jobs;
import comfyui.cockpit.job.Work;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.version.Build;
import comfyui.cockpit.version.Contents;
import comfyui.cockpit.version.Place;
import comfyui.cockpit.version.VersionFiles.Named;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Realizes a version twice, in two empty places, and compares what came of it. */
public final class ReproduceVersion {
  public static final String KIND = "versions.reproduce";
  private static final Duration LOOK = Duration.ofMillis(250);

  private final Versions versions;
  private final RealizeVersion realize;
  private final Jobs jobs;

  public ReproduceVersion(Versions versions, RealizeVersion realize, Jobs jobs) {
    this.versions = versions;
    this.realize = realize;
    this.jobs = jobs;
  }

  public record Run(String lockDigest, String environmentDigest) {}

  public record Result(List<Run> runs, List<Problem> differences) {
    public boolean isEqual() {
      return differences.isEmpty() && runs.stream().distinct().count() == 1;
    }
  }

  public Jobs.Handle start(Versions.Request request) {
    versions.requireSettings();
    Named named = versions.named(request);
    versions.files().good(named);
    return jobs.start(new Jobs.Order(KIND, Optional.empty(), false, List.of(named.id()), Optional.empty()), job -> run(request, job));
  }

  private Work.Outcome run(Versions.Request request, Work.Context job) {
    Path work = versions.workDirectory();
    try {
      List<Run> runs = new ArrayList<>();
      List<Contents> contents = new ArrayList<>();
      for (String name : List.of("first", "second")) {
        job.step(name, runs.size(), 2);
        Versions.Request aside = request.aside(work.resolve(name), request.modelsDir().orElse(work.resolve(Place.MODELS)));
        RealizeVersion.Result result = realize(aside, job);
        runs.add(new Run(result.lockDigest(), result.environmentDigest()));
        Place place = new Place(work.resolve(name));
        contents.add(new Build(place, place.current().orElseThrow()).contents());
      }
      return Work.Outcome.done(new Result(runs, contents.getFirst().differences(contents.getLast())));
    } finally {
      try {
        Trees.delete(work);
      } catch (IOException e) {
        job.progress().log("could not remove " + work + ": " + DiskProblems.of(e, work).detail());
      }
    }
  }

  private RealizeVersion.Result realize(Versions.Request request, Work.Context job) {
    Jobs.Handle part = realize.start(request);
    try (CancelSignal.Registration ignored = job.cancelSignal().onCancel(part::cancel)) {
      int logged = 0;
      Optional<Job> end = Optional.empty();
      while (end.isEmpty()) {
        end = part.await(LOOK);
        Job now = end.orElseGet(part::now);
        job.progress().phase(now.progress().phase());
        for (; logged < now.log().size(); logged++) {
          job.progress().log(now.log().get(logged));
        }
      }
      if (end.get().problem().isPresent()) {
        throw new ProblemException(end.get().problem().get());
      }
      return (RealizeVersion.Result) end.get().result().orElseThrow();
    }
  }
}
