package comfyui.cockpit.cli;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** What every verb takes. */
public final class Options {
  @Option(names = "--root", paramLabel = "DIR", description = "The Jupyter root, where models.json lies (default: the current directory).")
  Path root = Path.of("");

  @Option(names = "--offline", description = "Open no connection beyond this machine.")
  boolean offline;

  @Option(names = "--json", description = "Print exactly one JSON document.")
  boolean json;

  @Option(names = "--quiet", description = "No progress.")
  boolean quiet;

  @Option(names = "--verbose", description = "Log what happens to standard error.")
  boolean verbose;

  /** The caller's own variables count, which a daemon does not have. */
  boolean alone;

  public Path root() {
    return root;
  }

  public boolean alone() {
    return alone;
  }

  public boolean offline() {
    return offline;
  }

  public boolean verbose() {
    return verbose;
  }
}
