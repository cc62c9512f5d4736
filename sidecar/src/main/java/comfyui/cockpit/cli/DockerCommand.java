package comfyui.cockpit.cli;

import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code docker <verb>}. */
@Command(
    name = "docker",
    description = "Images: the worker of a version.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "VERB",
    subcommands = DockerCommand.BuildImage.class)
final class DockerCommand implements Callable<Integer> {
  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return Session.WRONG_USE;
  }

  @Command(name = "build", description = "Builds the image of a RunPod worker with docker; the version is realized when the image starts.")
  static final class BuildImage extends VersionCommand.VersionVerb {
    /** Elsewhere it shows which product this is; the users' own documents name a version by it here. */
    @Option(names = "--version", paramLabel = "ID", description = "The same.")
    String version = "";

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help message and exit.")
    boolean help;

    @Option(names = "--tag", paramLabel = "T", required = true, description = "The image's name.")
    String tag = "";

    @Override
    String versionName() {
      return named(id, version);
    }

    @Override
    int run(Session session) {
      return inForeground(session, Map.of("version_id", versionName(), "tag", tag), (programs, out) -> programs.image(versionName(), absolute(spec), tag, out));
    }
  }
}
