package comfyui.cockpit.app.versions;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.files.Trees;
import comfyui.cockpit.git.RepoUrl;
import comfyui.cockpit.git.Resolved;
import comfyui.cockpit.git.Submodule;
import comfyui.cockpit.job.Jobs;
import comfyui.cockpit.job.Lane;
import comfyui.cockpit.job.Work;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.process.Children;
import comfyui.cockpit.python.Environment;
import comfyui.cockpit.python.Interpreter;
import comfyui.cockpit.version.Marker;
import comfyui.cockpit.version.Place;
import comfyui.cockpit.version.VersionJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** One ComfyUI in a directory, without a spec: for trying things. */
public final class InitComfy {
  public static final String KIND = "versions.init";
  public static final String OFFICIAL = "https://github.com/comfyanonymous/ComfyUI.git";

  private final Versions versions;
  private final Jobs jobs;

  public InitComfy(Versions versions, Jobs jobs) {
    this.versions = versions;
    this.jobs = jobs;
  }

  /** Which PyTorch. */
  public enum Torch {
    /** What fits this machine. */
    AUTO,
    CPU,
    /** None; the user brings it. */
    SKIP
  }

  /**
   * @param path where ComfyUI's directory comes to lie
   * @param venv the environment
   * @param python a program, or a version
   */
  public record Request(Path path, String repo, Optional<String> ref, Path venv, Torch torch, Optional<String> python, boolean offline) {}

  /** @param torch what was chosen, and why */
  public record Result(Path path, Path venv, String commit, String python, String torch) {}

  public Jobs.Handle start(Request request) {
    versions.requireSettings();
    RepoUrl url;
    try {
      url = RepoUrl.parse(request.repo(), request.path().getParent());
      request.ref().ifPresent(VersionJson::ref);
    } catch (IllegalArgumentException e) {
      throw Problem.of(Code.BAD_REQUEST, "The repository or its ref is wrong: " + e.getMessage() + ".").toException();
    }
    Path core = request.path().resolve(Place.CORE);
    if (Files.exists(core)) {
      throw Problem.of(Code.PATH_TAKEN, core + " is there already.").withHint("Name another --path, or move it away.").with("path", core.toString()).toException();
    }
    return jobs.start(
        new Jobs.Order(KIND, Optional.of(Lane.ENVIRONMENTS), false, List.of(request.path().toString()), Optional.empty()), job -> Work.Outcome.done(run(request, url, core, job)));
  }

  private Result run(Request request, RepoUrl url, Path core, Work.Context job) {
    CancelSignal cancel = job.cancelSignal();
    ProgressSink progress = job.progress();
    boolean done = false;
    boolean hadVenv = Files.exists(request.venv());
    boolean hadPath = Files.exists(request.path());
    try (WorkDirectory temporary = versions.workDirectory()) {
      Children children = temporary.children();
      Path work = temporary.path();
      progress.phase("fetching");
      job.step(Place.CORE, 0, 3);
      Resolved resolved = versions.repositories().resolve(url, request.ref(), cancel);
      versions.repositories().fetch(url, resolved.commit(), resolved.refName().or(request::ref), cancel, progress);
      List<Submodule> submodules = versions.repositories().submodules(url, resolved.commit(), cancel, progress);
      Files.createDirectories(request.path());
      progress.phase("checkout");
      versions.repositories().checkout(url, resolved.commit(), submodules, core, cancel, progress);
      progress.phase("installing");
      job.step("Python", 1, 3);
      Interpreter python = python(request, children, work, cancel, progress);
      versions.packages().createEnvironment(python, request.venv(), children, cancel, progress);
      job.step("packages", 2, 3);
      Torch torch = request.torch() == Torch.AUTO && !hasNvidia() && !isMac() ? Torch.CPU : request.torch();
      String chosen = chosen(request.torch());
      progress.log(chosen);
      versions.packages()
          .installFile(
              request.venv(), core.resolve("requirements.txt"), torch == Torch.CPU && !isMac() ? Optional.of("cpu") : Optional.empty(),
              torch == Torch.SKIP ? List.of("torch", "torchvision", "torchaudio") : List.of(), request.offline(), children, work, cancel, progress);
      Files.createDirectories(request.path().resolve(Place.MODELS));
      SmallFile.write(request.path().resolve(Marker.NAME), "{\"schema_version\": 1, \"init\": true}\n");
      done = true;
      return new Result(request.path(), request.venv(), resolved.commit().hex(), Environment.version(request.venv()).orElse(python.version()), chosen);
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, request.path()), e);
    } finally {
      if (!done) {
        tidy(core, progress);
        if (!hadVenv) {
          tidy(request.venv(), progress);
        }
        if (!hadPath) {
          tidy(request.path(), progress);
        }
      }
    }
  }

  private Interpreter python(Request request, Children children, Path work, CancelSignal cancel, ProgressSink progress) {
    Optional<String> named = request.python().filter(text -> text.matches("3\\.\\d+(\\.\\d+)?"));
    if (request.python().isPresent() && named.isEmpty()) {
      return versions.interpreters()
          .program(request.python().get())
          .orElseThrow(
              () ->
                  Problem.of(Code.INTERPRETER_MISSING, request.python().get() + " is no program.")
                      .withHint("Name a program on the PATH, a path, or a version such as 3.12 with --python.")
                      .with("python", request.python().get())
                      .toException());
    }
    return versions.interpreters().require(named, request.offline(), children, work, cancel, progress);
  }

  private String chosen(Torch torch) {
    return switch (torch) {
      case SKIP -> "PyTorch is left out (--install-torch skip); bring your own.";
      case CPU -> "PyTorch for the CPU (--install-torch cpu).";
      case AUTO ->
          isMac()
              ? "PyTorch's usual build, because this is a Mac."
              : hasNvidia() ? "PyTorch's CUDA build, because an NVIDIA driver is here." : "PyTorch for the CPU, because no NVIDIA driver is here.";
    };
  }

  private boolean isMac() {
    return versions.settings().platform().contains("darwin");
  }

  private static boolean hasNvidia() {
    return Files.exists(Path.of("/proc/driver/nvidia/version")) || Files.exists(Path.of("/dev/nvidia0"));
  }

  private static void tidy(Path tree, ProgressSink progress) {
    try {
      Trees.delete(tree);
    } catch (IOException e) {
      progress.log("could not remove " + tree + ": " + DiskProblems.of(e, tree).detail());
    }
  }
}
