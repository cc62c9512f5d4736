package comfyui.cockpit.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.Sizes;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code models <verb>}. */
@Command(
    name = "models",
    description = "Models that models.json declares.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "VERB",
    subcommands = {
      ModelsCommand.Status.class,
      ModelsCommand.Plan.class,
      ModelsCommand.Install.class,
      ModelsCommand.Wait.class,
      ModelsCommand.Verify.class,
      ModelsCommand.Pin.class,
      ModelsCommand.Declare.class,
      ModelsCommand.FromWorkflow.class,
      ModelsCommand.Templates.class,
      ModelsCommand.FromTemplate.class,
      ModelsCommand.Remove.class,
      ModelsCommand.Validate.class
    })
final class ModelsCommand implements Callable<Integer> {
  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return Session.WRONG_USE;
  }

  /** Which models. */
  static final class Choice {
    @Option(names = "--bundle", paramLabel = "B", description = "All models of this bundle; may be repeated.")
    List<String> bundles = new ArrayList<>();

    @Option(names = "--model", paramLabel = "M", description = "This model; may be repeated.")
    List<String> models = new ArrayList<>();

    @Option(names = "--all", description = "Everything that is declared.")
    boolean all;

    boolean isEmpty() {
      return bundles.isEmpty() && models.isEmpty() && !all;
    }

    Map<String, Object> body() {
      Map<String, Object> body = new LinkedHashMap<>();
      body.put("bundles", bundles);
      body.put("models", models);
      body.put("all", all);
      return body;
    }
  }

  @Command(name = "status", description = "What is there; exit status 3 if something is missing or wrong.")
  static final class Status extends Verb {
    @Override
    int run(Session session) {
      JsonNode status = session.get("/api/models");
      session.print(status, document -> Text.status(session, document));
      if (status.path("declaration").path("state").asText().equals("invalid")) {
        return Session.WRONG_USE;
      }
      return allInstalled(status, List.of()) ? Session.DONE : Session.DIFFERS;
    }
  }

  @Command(name = "plan", description = "What an installation would do, and everything that would fail.")
  static final class Plan extends Verb {
    @CommandLine.Mixin Choice choice = new Choice();

    @Option(names = "--overwrite", description = "As if files that differ were to be replaced.")
    boolean overwrite;

    @Override
    int run(Session session) {
      Map<String, Object> body = choice.body();
      body.put("overwrite", overwrite);
      JsonNode plan = session.post("/api/models/plan", body);
      session.print(plan, document -> Text.plan(session, document));
      return plan.path("ok").asBoolean() ? Session.DONE : Session.FAILED;
    }
  }

  @Command(name = "install", description = "Brings the chosen models; without a choice those of the enabled bundles with auto_install.")
  static final class Install extends Verb {
    @CommandLine.Mixin Choice choice = new Choice();

    @Option(names = "--overwrite", description = "Replace files that are there and are not what they should be.")
    boolean overwrite;

    @Override
    int run(Session session) {
      Map<String, Object> body = choice.body();
      body.put("overwrite", overwrite);
      JsonNode job = session.run("/api/models/install", body);
      session.print(job.path("result"), document -> Text.install(session, document));
      return exitOf(job);
    }
  }

  @Command(name = "wait", description = "Waits until the models of the bundles are there; exit status 3 if that takes too long.")
  static final class Wait extends Verb {
    @Option(names = "--bundle", paramLabel = "B", required = true, description = "Wait for the models of this bundle; may be repeated.")
    List<String> bundles = new ArrayList<>();

    @Option(names = "--timeout", paramLabel = "S", description = "Seconds to wait at most (default: for ever).")
    double timeout = Double.POSITIVE_INFINITY;

    @Override
    int run(Session session) {
      long start = session.clock().nanos();
      while (true) {
        JsonNode status = session.get("/api/models");
        for (String id : bundles) {
          if (bundle(status, id).isMissingNode() && !status.path("declaration").path("state").asText().equals("invalid")) {
            throw Problem.of(Code.UNKNOWN_ID, "models.json declares no bundle \"" + id + "\".").with("id", id).toException();
          }
        }
        boolean there = allInstalled(status, bundles);
        boolean late = session.clock().secondsSince(start) >= timeout;
        if (there || late) {
          ObjectNode document = ((ObjectNode) status).put("timed_out", !there);
          session.print(document, waited -> Text.status(session, waited));
          return there ? Session.DONE : Session.DIFFERS;
        }
        session.pause();
      }
    }
  }

  @Command(name = "verify", description = "Reads every byte of what is there; exit status 3 if something is missing or differs.")
  static final class Verify extends Verb {
    @CommandLine.Mixin Choice choice = new Choice();

    @Option(names = "--fast", description = "Trust the record of files that did not change since they were read.")
    boolean fast;

    @Override
    int run(Session session) {
      Map<String, Object> body = choice.body();
      body.put("fast", fast);
      JsonNode result = session.run("/api/models/verify", body).path("result");
      session.print(result, document -> Text.verify(session, document));
      return result.path("ok").asBoolean() ? Session.DONE : Session.DIFFERS;
    }
  }

  @Command(name = "pin", description = "Writes sha256 and size into models.json where they are not there yet.")
  static final class Pin extends Verb {
    @CommandLine.Mixin Choice choice = new Choice();

    @Override
    int run(Session session) {
      JsonNode job = session.run("/api/models/pin", choice.body());
      session.print(job.path("result"), document -> Text.pin(session, document));
      return exitOf(job);
    }
  }

  @Command(name = "declare", description = "Makes an entry of models.json from any link; --write adds it.")
  static final class Declare extends Verb {
    @Parameters(paramLabel = "URL", description = "A page or file at Hugging Face or Civitai, an AIR, any address, a path.")
    String url = "";

    @Option(names = "--bundle", paramLabel = "B", description = "Add it to this bundle; made if it is not there.")
    String bundle = "";

    @Option(names = "--path", paramLabel = "PATH", description = "Where the file is to lie (default: ComfyUI's folder for its kind).")
    String path = "";

    @Option(names = "--write", description = "Write it into models.json.")
    boolean write;

    @Override
    int run(Session session) {
      Map<String, Object> body = new LinkedHashMap<>();
      body.put("url", url);
      body.put("bundle", bundle);
      body.put("path", path);
      body.put("write", write);
      JsonNode result = session.post("/api/models/declare", body);
      session.print(result, document -> Text.declare(session, document));
      return Session.DONE;
    }
  }

  @Command(name = "from-workflow", description = "Every model file that workflows name; exit status 3 if one is neither there nor declared.")
  static final class FromWorkflow extends Verb {
    @Parameters(paramLabel = "FILE", arity = "1..*", description = "A workflow's .json, or a PNG or WebP that ComfyUI saved.")
    List<Path> files = new ArrayList<>();

    @Option(names = "--bundle", paramLabel = "B", description = "Put the models into this bundle; made if it is not there.")
    String bundle = "";

    @Option(names = "--write", description = "Declare the missing ones that have a link.")
    boolean write;

    @Override
    int run(Session session) {
      List<Object> workflows = new ArrayList<>();
      for (Path file : files) {
        try {
          workflows.add(Map.of("name", file.toString(), "base64", Base64.getEncoder().encodeToString(Files.readAllBytes(file))));
        } catch (IOException e) {
          throw Problem.of(Code.FILE_MISSING, file + " cannot be read.").withHint("Check the path.").toException();
        }
      }
      Map<String, Object> body = new LinkedHashMap<>();
      body.put("workflows", workflows);
      body.put("bundle", bundle);
      body.put("write", write);
      JsonNode result = session.post("/api/models/from-workflow", body);
      session.print(result, document -> Text.fromWorkflow(session, document));
      return result.path("ok").asBoolean() ? Session.DONE : Session.DIFFERS;
    }
  }

  @Command(name = "templates", description = "The official workflow templates, and how much of each is missing.")
  static final class Templates extends Verb {
    @Option(names = "--search", paramLabel = "S", description = "Words that title, name, category or description must have.")
    String search = "";

    @Override
    int run(Session session) {
      String query = search.isEmpty() ? "" : "?search=" + URLEncoder.encode(search, StandardCharsets.UTF_8);
      JsonNode result = session.get("/api/templates" + query);
      session.print(result, document -> Text.templates(session, document));
      return Session.DONE;
    }
  }

  @Command(name = "from-template", description = "The models of an official template; --write makes a bundle of them.")
  static final class FromTemplate extends Verb {
    @Parameters(paramLabel = "NAME", description = "As `models templates` shows it.")
    String name = "";

    @Option(names = "--bundle", paramLabel = "B", description = "The bundle's id (default: the template's name).")
    String bundle = "";

    @Option(names = "--write", description = "Declare the missing ones and make the bundle.")
    boolean write;

    @Override
    int run(Session session) {
      Map<String, Object> body = new LinkedHashMap<>();
      body.put("name", name);
      body.put("bundle", bundle);
      body.put("write", write);
      JsonNode result = session.post("/api/models/from-template", body);
      session.print(result, document -> Text.fromWorkflow(session, document));
      return result.path("ok").asBoolean() ? Session.DONE : Session.DIFFERS;
    }
  }

  @Command(name = "remove", description = "Removes the files of the chosen models, never their declaration.")
  static final class Remove extends Verb {
    @CommandLine.Mixin Choice choice = new Choice();

    @Parameters(paramLabel = "ID", arity = "0..*", description = "Models to remove, as with --model.")
    List<String> ids = new ArrayList<>();

    @Option(names = "--yes", description = "Do not ask.")
    boolean yes;

    @Override
    int run(Session session) throws IOException {
      choice.models.addAll(ids);
      if (choice.isEmpty()) {
        throw new CommandLine.ParameterException(spec().commandLine(), "Name what to remove: ids, --bundle B or --all.");
      }
      JsonNode status = session.get("/api/models");
      List<String> chosen = chosen(session, status);
      long bytes = 0;
      for (JsonNode model : status.path("models")) {
        if (chosen.contains(model.path("id").asText()) && !model.path("state").asText().equals("missing")) {
          bytes += model.path("size_bytes").asLong();
        }
      }
      if (!yes) {
        if (!session.console().terminal()) {
          throw new CommandLine.ParameterException(spec().commandLine(), "Without a terminal to ask on, --yes is needed.");
        }
        if (!session.console().confirm("Remove " + chosen.size() + " files, " + Sizes.bytes(bytes) + "?")) {
          return Session.CANCELLED;
        }
      }
      ObjectNode all = JsonNodeFactory.instance.objectNode();
      all.put("ok", true).putArray("removed");
      all.putArray("kept");
      for (String id : chosen) {
        JsonNode one = remove(session, id);
        one.path("removed").forEach(all.withArray("removed")::add);
        one.path("kept").forEach(all.withArray("kept")::add);
        all.put("ok", all.path("ok").asBoolean() && one.path("ok").asBoolean());
      }
      session.print(all, document -> Text.remove(session, document));
      return all.path("ok").asBoolean() ? Session.DONE : Session.FAILED;
    }

    private static JsonNode remove(Session session, String id) {
      return session.delete("/api/models/" + URLEncoder.encode(id, StandardCharsets.UTF_8).replace("+", "%20") + "/file");
    }

    private List<String> chosen(Session session, JsonNode status) {
      Set<String> known = new LinkedHashSet<>();
      status.path("models").forEach(model -> known.add(model.path("id").asText()));
      // What is not declared is refused, and before anything else is gone.
      choice.models.stream().filter(id -> !known.contains(id)).forEach(id -> remove(session, id));
      Set<String> ids = new LinkedHashSet<>(choice.models);
      if (choice.all) {
        status.path("models").forEach(model -> ids.add(model.path("id").asText()));
      }
      for (String bundle : choice.bundles) {
        JsonNode found = bundle(status, bundle);
        if (found.isMissingNode()) {
          throw new CommandLine.ParameterException(spec().commandLine(), "models.json declares no bundle \"" + bundle + "\".");
        }
        found.path("models").forEach(id -> ids.add(id.asText()));
      }
      return List.copyOf(ids);
    }
  }

  @Command(name = "validate", description = "Says everything that is wrong with models.json, each error at its line.")
  static final class Validate extends Verb {
    @Override
    int run(Session session) {
      JsonNode result = session.post("/api/models/validate", Map.of());
      session.print(result, document -> Text.validate(session, document));
      return result.path("ok").asBoolean() ? Session.DONE : Session.WRONG_USE;
    }
  }

  private static int exitOf(JsonNode job) {
    return switch (job.path("state").asText()) {
      case "done" -> Session.DONE;
      case "cancelled" -> Session.CANCELLED;
      default -> Session.FAILED;
    };
  }

  private static JsonNode bundle(JsonNode status, String id) {
    for (JsonNode bundle : status.path("bundles")) {
      if (bundle.path("id").asText().equals(id)) {
        return bundle;
      }
    }
    return MissingNode.getInstance();
  }

  /** @param bundles whose models are meant; none means all models */
  private static boolean allInstalled(JsonNode status, List<String> bundles) {
    Set<String> wanted = new HashSet<>();
    bundles.forEach(id -> bundle(status, id).path("models").forEach(model -> wanted.add(model.asText())));
    for (JsonNode model : status.path("models")) {
      if ((bundles.isEmpty() || wanted.contains(model.path("id").asText())) && !model.path("state").asText().equals("installed")) {
        return false;
      }
    }
    return true;
  }
}
