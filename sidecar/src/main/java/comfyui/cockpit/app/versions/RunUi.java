package comfyui.cockpit.app.versions;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.instance.ComfyCommand;
import comfyui.cockpit.instance.Ports;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.version.Build;
import comfyui.cockpit.version.Lock;
import comfyui.cockpit.version.Place;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;

/** ComfyUI of a version, run in the foreground until it ends or somebody ends it. */
public final class RunUi {
  public static final int INTERRUPTED = 130;

  private final Versions versions;

  public RunUi(Versions versions) {
    this.versions = versions;
  }

  /**
   * @param target where the version is realized
   * @param out gets what ComfyUI says, as it is
   * @return its exit status; that of an interrupt if it was cancelled
   * @throws ProblemException {@code environment_not_realized}, {@code port_taken}, {@code bad_request} for a variable that the version's env wants
   */
  public int run(Path target, String host, int port, List<String> arguments, boolean offline, OutputStream out, CancelSignal cancel) {
    Place place = new Place(target);
    Ports.require(port);
    try (WorkDirectory temporary = versions.workDirectory()) {
      Build build =
          new Build(place, place.current().orElseThrow(() -> Problem.of(Code.ENVIRONMENT_NOT_REALIZED, "Nothing is realized at " + target + ".").toException()));
      Lock lock = build.lock().orElseThrow(() -> Problem.of(Code.ENVIRONMENT_BROKEN, "The build at " + target + " has no lock.").toException());
      ComfyCommand command = new ComfyCommand(build, lock, host, port, arguments, versions.settings().environment(), offline);
      return temporary.children().run(command.order(line -> {}), out, cancel).orElse(INTERRUPTED);
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, target), e);
    }
  }
}
