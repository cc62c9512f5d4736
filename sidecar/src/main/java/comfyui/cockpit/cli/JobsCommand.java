package comfyui.cockpit.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code jobs <verb>}: what the running daemon does. */
@Command(
    name = "jobs",
    description = "What the running daemon does.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "VERB",
    subcommands = {JobsCommand.All.class, JobsCommand.Show.class, JobsCommand.Cancel.class})
final class JobsCommand implements Callable<Integer> {
  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return Session.WRONG_USE;
  }

  @Command(name = "list", description = "All jobs.")
  static final class All extends Verb {
    @Override
    int run(Session session) {
      JsonNode jobs = session.get("/api/jobs");
      session.print(jobs, document -> Text.jobs(session, document));
      return Session.DONE;
    }
  }

  @Command(name = "show", description = "One job with its last log lines.")
  static final class Show extends Verb {
    @Parameters(paramLabel = "ID", description = "As `jobs list` shows it.")
    String id = "";

    @Override
    int run(Session session) {
      JsonNode job = session.get("/api/jobs/" + id);
      session.print(job, document -> Text.job(session, document));
      return Session.DONE;
    }
  }

  @Command(name = "cancel", description = "Ends a job; nothing half-done is left.")
  static final class Cancel extends Verb {
    @Parameters(paramLabel = "ID", description = "As `jobs list` shows it.")
    String id = "";

    @Override
    int run(Session session) {
      JsonNode job = session.post("/api/jobs/" + id + "/cancel", Map.of());
      session.print(job, document -> Text.job(session, document));
      return Session.DONE;
    }
  }
}
