package comfyui.cockpit.cli;

import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.wire.CockpitApi;
import comfyui.cockpit.wire.Documents;
import comfyui.cockpit.wire.WireJson;
import java.util.List;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** {@code comfyui-cockpit <noun> <verb>}. */
@Command(
    name = "comfyui-cockpit",
    description = "Models for ComfyUI, declared in models.json: there, verified, or not at all.",
    subcommands = {ModelsCommand.class, JobsCommand.class, DoctorCommand.class, OpenApiCommand.class},
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "NOUN")
public final class Cockpit implements Runnable {
  private final Verb.World world;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  private Cockpit(Verb.World world) {
    this.world = world;
  }

  Verb.World world() {
    return world;
  }

  /** A noun alone shows its verbs. */
  @Override
  public void run() {
    spec.commandLine().usage(world.console().err());
  }

  /**
   * The command line.
   *
   * @param api the product for a root: a daemon's or this process's own
   * @param version printed by {@code --version}
   */
  public static CommandLine of(Function<Options, CockpitApi> api, Console console, Clock clock, String version) {
    CommandLine line = new CommandLine(new Cockpit(new Verb.World(api, console, clock)));
    line.getCommandSpec().version("comfyui-cockpit " + version);
    line.setOut(new java.io.PrintWriter(console.out(), true));
    line.setErr(new java.io.PrintWriter(console.err(), true));
    line.setParameterExceptionHandler(
        (e, args) -> {
          Problem problem = Problem.of(Code.BAD_REQUEST, e.getMessage()).withHint("`" + e.getCommandLine().getCommandSpec().qualifiedName() + " --help` shows the usage.");
          if (List.of(args).contains("--json")) {
            console.out().println(WireJson.pretty(WireJson.read(WireJson.write(Documents.failure(problem)))));
          } else {
            Text.problem(WireJson.read(WireJson.write(Documents.problem(problem)))).forEach(console.err()::println);
          }
          return Session.WRONG_USE;
        });
    line.setExecutionExceptionHandler(
        (e, command, parsed) -> {
          e.printStackTrace(console.err());
          return Session.FAILED;
        });
    return line;
  }
}
