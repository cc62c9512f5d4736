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
import comfyui.cockpit.version.VersionFiles.Named;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** The image of a worker: a directory with all that goes into it, and docker to build it. */
public final class BuildImage {
  /** The files of {@code docker/}, which the jar carries. */
  private static final List<String> FILES = List.of("Dockerfile", "entrypoint.sh", "rp_handler/__init__.py", "rp_handler/main.py");
  private static final List<String> DOCKER = List.of("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "DOCKER_BUILDKIT", "XDG_RUNTIME_DIR");

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
    Path docker = docker();
    try (WorkDirectory temporary = versions.workDirectory()) {
      Path context = temporary.path().resolve("context");
      fill(context, named);
      List<String> command =
          List.of(
              docker.toString(), "build", "--tag", tag, "--build-arg", "COCKPIT_VERSION=" + product, "--build-arg", "COMFY_VERSION_NAME=" + named.id(), context.toString());
      Children.Order order = new Children.Order(command, Inherited.of(versions.settings().environment(), DOCKER, List.of("BUILDX_")), context, line -> {});
      return temporary.children().run(order, out, cancel).orElse(RunUi.INTERRUPTED);
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, versions.settings().cacheRoot()), e);
    }
  }

  private Path docker() {
    for (String directory : versions.settings().environment().getOrDefault("PATH", "").split(java.io.File.pathSeparator)) {
      Path file = Path.of(directory).resolve("docker");
      if (Files.isExecutable(file)) {
        return file;
      }
    }
    throw Problem.of(Code.FILE_MISSING, "The program docker is not on the PATH.").withHint("Install Docker, or run this on a machine that has it.").toException();
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
    copy(root.resolve("workflows"), "*.json", Files.createDirectories(context.resolve("workflows")));
    copy(root.resolve("dist"), "jupyterlab_comfyui_cockpit-" + product + "-*.whl", Files.createDirectories(context.resolve("wheels")));
  }

  private static void copy(Path from, String names, Path to) throws IOException {
    if (Files.isDirectory(from)) {
      try (DirectoryStream<Path> files = Files.newDirectoryStream(from, names)) {
        for (Path file : files) {
          Files.copy(file, to.resolve(file.getFileName()));
        }
      }
    }
  }
}
