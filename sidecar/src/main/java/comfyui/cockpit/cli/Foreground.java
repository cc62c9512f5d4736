package comfyui.cockpit.cli;

import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Programs that have the terminal until they end; always children of this command, never of a daemon. */
public interface Foreground extends AutoCloseable {
  /**
   * Runs ComfyUI of what is realized at the target.
   *
   * @param out gets what it says, as it is
   * @return its exit status
   */
  int comfy(Path target, String host, int port, List<String> arguments, OutputStream out);

  /**
   * Builds the image of a worker of this version.
   *
   * @return docker's exit status
   */
  int image(String versionId, Optional<Path> spec, String tag, OutputStream out);

  /** Ends what runs. */
  @Override
  void close();
}
