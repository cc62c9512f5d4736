package comfyui.cockpit.cli;

import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.wire.CockpitApi;
import comfyui.cockpit.wire.Documents;
import comfyui.cockpit.wire.WireJson;
import java.io.OutputStream;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.ToIntBiFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** A verb: makes a session, does its work in it, and gives the exit status. */
@Command(mixinStandardHelpOptions = true, sortOptions = false)
abstract class Verb implements Callable<Integer> {
  @Mixin private Options options = new Options();

  @Spec private CommandSpec spec;

  /** What every verb needs from outside. */
  record World(Function<Options, CockpitApi> api, Function<Options, Foreground> foreground, Console console, Clock clock, Map<String, String> environment) {}

  abstract int run(Session session) throws Exception;

  Options options() {
    return options;
  }

  CommandSpec spec() {
    return spec;
  }

  /**
   * Runs a program until it ends; whoever interrupts this command ends it. What it says is its own, and no document: with {@code --json} that
   * goes to standard error, and the document comes at the end.
   *
   * @param told what the document says besides how the program ended
   */
  int inForeground(Session session, Map<String, Object> told, ToIntBiFunction<Foreground, OutputStream> program) {
    Foreground programs = world().foreground().apply(options);
    Thread onInterrupt = new Thread(programs::close);
    Session.addHook(onInterrupt);
    int status;
    try {
      status = program.applyAsInt(programs, options.json ? session.console().err() : session.console().out());
    } finally {
      Session.removeHook(onInterrupt);
      programs.close();
    }
    if (options.json) {
      Map<String, Object> document = new LinkedHashMap<>(Map.of("ok", status == Session.DONE));
      document.putAll(told);
      document.put("exit_status", status);
      session.print(WireJson.read(WireJson.write(document)), shown -> {});
    }
    return status;
  }

  World world() {
    return ((RootCommand) spec.root().userObject()).world();
  }

  @Override
  public Integer call() throws Exception {
    World world = world();
    CockpitApi api;
    try {
      api = world.api().apply(options);
    } catch (ProblemException e) {
      api = new Broken(e);
    }
    try (Session session = new Session(api, world.console(), world.clock(), options.json, options.quiet)) {
      try {
        return run(session);
      } catch (ProblemException e) {
        throw session.fail(WireJson.read(WireJson.write(Documents.problem(e.problem()))));
      }
    } catch (Session.Ended e) {
      return e.exit();
    }
  }

  /** Could not even begin: every call says why. */
  private record Broken(ProblemException cause) implements CockpitApi {
    @Override
    public Reply call(String method, String path, String body) {
      throw cause;
    }

    @Override
    public void close() {
      // Nothing was opened.
    }
  }
}
