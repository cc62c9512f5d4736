package comfyui.cockpit.app.versions;

import comfyui.cockpit.job.Jobs;
import comfyui.cockpit.job.Work;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.version.Build;
import comfyui.cockpit.version.Contents;
import comfyui.cockpit.version.Place;
import comfyui.cockpit.version.VersionFiles.Named;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Realizes a version twice, in two empty places, and compares what came of it. */
public final class ReproduceVersion {
  public static final String KIND = "versions.reproduce";

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
    try (WorkDirectory temporary = versions.workDirectory()) {
      Path work = temporary.path();
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
    }
  }

  private RealizeVersion.Result realize(Versions.Request request, Work.Context job) {
    return (RealizeVersion.Result) Parts.follow(job, realize.start(request, Optional.of(job.id())), now -> {}).result().orElseThrow();
  }
}
