package comfyui.cockpit.app.workflows;

import comfyui.cockpit.app.versions.RunUi;
import comfyui.cockpit.app.versions.WorkDirectory;
import comfyui.cockpit.app.versions.Versions;
import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.process.Children;
import comfyui.cockpit.process.Inherited;
import comfyui.cockpit.process.SearchPath;
import comfyui.cockpit.version.VersionFiles.Named;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** The image of a worker: a directory with all that goes into it, and docker to build it. */
public final class BuildImage {
  /** The files of {@code docker/}, which the jar carries. */
  private static final List<String> FILES = List.of("Dockerfile", "entrypoint.sh", "rp_handler/__init__.py", "rp_handler/main.py");
  /** Of RunPod's machines, and of the locks that go into the image. */
  private static final String PLATFORM = "linux/amd64";
  private static final List<String> DOCKER = List.of("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "DOCKER_BUILDKIT", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK");

  private final Versions versions;
  private final String product;

  /** @param product our own version, which the image gets */
  public BuildImage(Versions versions, String product) {
    this.versions = versions;
    this.product = product;
  }

  /**
   * @param out gets what docker says, as it is
   * @return docker's exit status; that of an interrupt if it was cancelled
   */
  public int run(String versionId, Optional<Path> spec, String tag, OutputStream out, CancelSignal cancel) {
    Named named = versions.files().named(versionId, spec);
    versions.files().good(named);
    versions.files().lock(named).filter(lock -> !lock.platform().startsWith("x86_64-manylinux")).ifPresent(
        lock -> {
          throw Problem.of(Code.BAD_REQUEST, "The lock of " + named.id() + " is for " + lock.platform() + ", and a worker is Linux on x86_64.")
              .withHint("Resolve the version on such a machine, or take the lock away: the worker then makes its own.")
              .toException();
        });
    Path docker = docker();
    try (WorkDirectory temporary = versions.workDirectory()) {
      Path context = temporary.path().resolve("context");
      fill(context, named);
      List<String> command =
          List.of(
              docker.toString(), "build", "--platform", PLATFORM, "--tag", tag, "--build-arg", "COCKPIT_VERSION=" + product, "--build-arg", "COMFY_VERSION_NAME=" + named.id(), context.toString());
      Children.Order order = new Children.Order(command, Inherited.of(versions.settings().environment(), DOCKER, List.of("BUILDX_", "BUILDKIT_")), context, line -> {});
      return temporary.children().run(order, out, cancel).orElse(RunUi.INTERRUPTED);
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, versions.settings().cacheRoot()), e);
    }
  }

  private Path docker() {
    return SearchPath.find("docker", versions.settings().environment())
        .orElseThrow(
            () -> Problem.of(Code.FILE_MISSING, "The program docker is not on the PATH.").withHint("Install Docker, or run this on a machine that has it.").toException());
  }

  /** What the Dockerfile copies: our own files, the spec and its lock, the workflows, and a wheel of ours if one was built here. */
  private void fill(Path context, Named named) throws IOException {
    for (String name : FILES) {
      Path file = context.resolve(name);
      Files.createDirectories(file.getParent());
      try (InputStream in = Objects.requireNonNull(BuildImage.class.getResourceAsStream("/comfyui/cockpit/docker/" + name), name)) {
        Files.copy(in, file);
      }
    }
    if (!context.resolve("entrypoint.sh").toFile().setExecutable(true)) {
      throw new IOException("entrypoint.sh cannot be made executable");
    }
    Path specs = Files.createDirectories(context.resolve("versions"));
    Files.copy(named.spec(), specs.resolve(named.id() + ".json"));
    if (Files.isRegularFile(named.lock())) {
      Files.copy(named.lock(), specs.resolve(named.id() + ".lock.json"));
    }
    Path root = versions.root();
    copy(root.resolve("workflows"), path -> path.toString().endsWith(".json"), Files.createDirectories(context.resolve("workflows")));
    String wheel = "jupyterlab_comfyui_cockpit-" + product + "-.*[.]whl";
    copy(root.resolve("dist"), path -> path.toString().matches(wheel), Files.createDirectories(context.resolve("wheels")));
  }

  /** @param wanted asked for the path below {@code from} */
  private static void copy(Path from, Predicate<Path> wanted, Path to) throws IOException {
    if (!Files.isDirectory(from)) {
      return;
    }
    List<Path> files;
    try (Stream<Path> walk = Files.walk(from)) {
      files = walk.filter(Files::isRegularFile).map(from::relativize).filter(wanted).toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    for (Path file : files) {
      Files.createDirectories(to.resolve(file).getParent());
      Files.copy(from.resolve(file), to.resolve(file));
    }
  }
}
