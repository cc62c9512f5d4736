package comfyui.cockpit.cli;

import com.fasterxml.jackson.databind.JsonNode;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.wire.CockpitApi;
import comfyui.cockpit.wire.Documents;
import comfyui.cockpit.wire.WireJson;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** {@code comfyui-cockpit <noun> <verb>}. */
@Command(
    name = "comfyui-cockpit",
    description = "ComfyUI on rented machines: its models and its versions, declared in files, there and verified; its workflows, run.",
    subcommands = {ModelsCommand.class, VersionCommand.class, WorkflowCommand.class, WorkflowCommand.Handler.class, DockerCommand.class, JobsCommand.class, DoctorCommand.class, OpenApiCommand.class},
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "NOUN")
public final class RootCommand implements Callable<Integer> {
  private final Verb.World world;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  private RootCommand(Verb.World world) {
    this.world = world;
  }

  Verb.World world() {
    return world;
  }

  /** A noun alone shows its verbs: nothing was asked for. */
  @Override
  public Integer call() {
    spec.commandLine().usage(world.console().err());
    return Session.WRONG_USE;
  }

  /**
   * The command line.
   *
   * @param api the product for a root: a daemon's or this process's own
   * @param foreground what runs programs as children of this command
   * @param environment the caller's variables
   * @param version printed by {@code --version}
   */
  public static CommandLine of(
      Function<Options, CockpitApi> api, Function<Options, Foreground> foreground, Console console, Clock clock, Map<String, String> environment, String version) {
    CommandLine line = prepare(new CommandLine(new RootCommand(new Verb.World(api, foreground, console, clock, environment))), console);
    line.getCommandSpec().version("comfyui-cockpit " + version);
    return line;
  }

  /** One verb alone: a daemon's start does not wait for the tree of all verbs. */
  public static CommandLine alone(Object verb, Console console) {
    return prepare(new CommandLine(verb), console);
  }

  private static CommandLine prepare(CommandLine line, Console console) {
    line.setOut(new java.io.PrintWriter(console.out(), true));
    line.setErr(new java.io.PrintWriter(console.err(), true));
    line.setParameterExceptionHandler(
        (e, args) -> {
          String hint = "`" + e.getCommandLine().getCommandSpec().qualifiedName() + " --help` shows the usage.";
          fail(console, Problem.of(Code.BAD_REQUEST, sentence(e.getMessage())).withHint(hint), List.of(args).contains("--json"));
          return Session.WRONG_USE;
        });
    line.setExecutionExceptionHandler(
        (e, command, parsed) -> {
          boolean json = parsed.originalArgs().contains("--json");
          if (e instanceof ProblemException known) {
            return Session.exitOf(fail(console, known.problem(), json));
          }
          e.printStackTrace(console.err());
          fail(console, Problem.of(Code.DAEMON_FAILED, "The command has a defect: " + e + ".").withHint("Report it with what standard error shows."), json);
          return Session.FAILED;
        });
    return line;
  }

  /** Prints the problem as the whole answer; gives its document. */
  private static JsonNode fail(Console console, Problem problem, boolean json) {
    JsonNode document = WireJson.read(WireJson.write(Documents.problem(problem)));
    if (json) {
      console.out().println(WireJson.pretty(WireJson.read(WireJson.write(Documents.failure(problem)))));
    } else {
      Text.problem(document).forEach(console.err()::println);
    }
    return document;
  }

  /** What picocli says begins small and ends without a full stop. */
  private static String sentence(String text) {
    String begun = text.isEmpty() ? "The arguments are wrong" : Character.toUpperCase(text.charAt(0)) + text.substring(1);
    return begun.matches("(?s).*[.?!]") ? begun : begun + ".";
  }
}
