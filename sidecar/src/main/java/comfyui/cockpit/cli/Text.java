package comfyui.cockpit.cli;

import com.fasterxml.jackson.databind.JsonNode;
import comfyui.cockpit.kernel.Sizes;
import java.util.ArrayList;
import java.util.List;

/** Documents as people read them in a terminal. */
final class Text {
  private Text() {}

  static List<String> problem(JsonNode problem) {
    List<String> lines = new ArrayList<>();
    if (problem.path("errors").size() > 1) {
      lines.add("error: " + problem.path("title").asText() + " (" + problem.path("code").asText() + ")");
      problem.path("errors").forEach(error -> lines.addAll(indented(problem(error))));
      return lines;
    }
    lines.add("error: " + place(problem) + problem.path("detail").asText() + " (" + problem.path("code").asText() + ")");
    if (!problem.path("hint").asText().isEmpty()) {
      lines.add("  hint: " + problem.path("hint").asText());
    }
    if (!problem.path("link").isNull() && problem.has("link")) {
      lines.add("  link: " + problem.path("link").asText());
    }
    return lines;
  }

  private static List<String> indented(List<String> lines) {
    return lines.stream().map(line -> "  " + line.replaceFirst("^error: ", "")).toList();
  }

  private static String place(JsonNode problem) {
    JsonNode where = problem.path("where");
    return where.isObject() ? where.path("file").asText() + ":" + where.path("line").asInt() + ":" + where.path("column").asInt() + ": " : "";
  }

  static String size(JsonNode bytes) {
    return bytes.isNumber() ? Sizes.bytes(bytes.asLong()) : "?";
  }

  static String text(JsonNode node) {
    return node.isNull() || node.isMissingNode() ? "" : node.asText();
  }

  static void status(Session session, JsonNode status) {
    String file = status.path("declaration").path("file").asText();
    if (status.path("declaration").path("state").asText().equals("missing")) {
      session.line("There is no " + file + " here. `comfyui-cockpit models declare <url> --write` begins one.");
      return;
    }
    status.path("declaration").path("errors").forEach(error -> problem(error).forEach(session.console().err()::println));
    List<List<String>> rows = new ArrayList<>();
    int installed = 0;
    for (JsonNode model : status.path("models")) {
      String state = model.path("state").asText();
      installed += state.equals("installed") ? 1 : 0;
      String verified = state.equals("installed") && !model.path("verified").asText().matches("none|unchecked") ? "verified" : "";
      rows.add(
          List.of(
              mark(state), model.path("id").asText(), state, size(model.path("size_bytes")), text(model.path("type")), model.path("host").asText(), verified,
              model.path("executes_code").asBoolean() ? "runs code when loaded" : ""));
    }
    Console.table(rows).forEach(session::line);
    for (JsonNode model : status.path("models")) {
      if (model.path("problem").isObject()) {
        session.line("");
        session.line(model.path("id").asText());
        problem(model.path("problem")).forEach(line -> session.line("  " + line));
      }
    }
    session.line(installed + " of " + status.path("models").size() + " models installed in " + status.path("models_dir").asText());
  }

  private static String mark(String state) {
    return switch (state) {
      case "installed", "ok", "present", "declared", "repaired" -> "✓";
      case "missing" -> "○";
      default -> "✗";
    };
  }

  static void plan(Session session, JsonNode plan) {
    List<List<String>> rows = new ArrayList<>();
    for (JsonNode step : plan.path("steps")) {
      String action = step.path("action").asText();
      rows.add(
          List.of(
              action.equals("blocked") ? "✗" : action.equals("present") ? "✓" : "+", action, step.path("id").asText(), size(step.path("size_bytes")),
              step.path("host").asText(), step.path("path").asText(), step.path("executes_code").asBoolean() ? "runs code when loaded" : ""));
    }
    Console.table(rows).forEach(session::line);
    for (JsonNode system : plan.path("file_systems")) {
      session.line(
          "disk " + system.path("path").asText() + ": " + size(system.path("needed_bytes")) + " of " + size(system.path("free_bytes")) + " free needed"
              + (system.path("shortfall_bytes").asLong() > 0 ? ", " + size(system.path("shortfall_bytes")) + " too little" : ""));
    }
    if (plan.path("unknown_sizes").asInt() > 0) {
      session.line(plan.path("unknown_sizes").asInt() + " of unknown size");
    }
    plan.path("problems").forEach(problem -> problem(problem).forEach(session::line));
    if (plan.path("steps").isEmpty()) {
      session.line("Nothing is chosen: no enabled bundle has auto_install. Name one with --bundle, a model with --model, or everything with --all.");
    }
  }

  static void install(Session session, JsonNode result) {
    List<List<String>> rows = new ArrayList<>();
    for (JsonNode model : result.path("models")) {
      String state = model.path("state").asText();
      rows.add(
          List.of(
              state.equals("installed") ? "✓" : mark(state), model.path("id").asText(), state, size(model.path("size_bytes")), model.path("path").asText()));
    }
    Console.table(rows).forEach(session::line);
    for (JsonNode model : result.path("models")) {
      if (model.path("problem").isObject()) {
        session.line(model.path("id").asText());
        problem(model.path("problem")).forEach(line -> session.line("  " + line));
      }
    }
    if (result.path("models").isEmpty()) {
      session.line("Nothing is chosen: no enabled bundle has auto_install. Name one with --bundle, a model with --model, or everything with --all.");
    }
  }

  static void verify(Session session, JsonNode result) {
    List<List<String>> rows = new ArrayList<>();
    for (JsonNode model : result.path("models")) {
      rows.add(List.of(mark(model.path("state").asText()), model.path("id").asText(), model.path("state").asText(), model.path("path").asText()));
    }
    Console.table(rows).forEach(session::line);
    for (JsonNode model : result.path("models")) {
      if (model.path("problem").isObject()) {
        problem(model.path("problem")).forEach(session::line);
      }
    }
  }

  static void pin(Session session, JsonNode result) {
    for (JsonNode model : result.path("changed")) {
      session.line("✓ " + model.path("id").asText() + "  " + model.path("sha256").asText() + "  " + size(model.path("size_bytes")) + "  from the " + model.path("from").asText());
    }
    result.path("problems").forEach(problem -> problem(problem).forEach(session::line));
    session.line(result.path("changed").size() + " pinned, " + result.path("unchanged").size() + " already were");
  }

  static void declare(Session session, JsonNode result) {
    session.line("\"" + result.path("id").asText() + "\": " + result.path("model").toPrettyString());
    String next = "`comfyui-cockpit models install " + result.path("id").asText() + "` fetches it.";
    session.line(result.path("written").asBoolean() ? "Written to models.json. " + next : "Not written; --write adds it to models.json.");
    if (result.path("gate").isObject()) {
      session.line("Gate: " + result.path("gate").path("kind").asText() + " " + text(result.path("gate").path("url")));
    }
  }

  static void fromWorkflow(Session session, JsonNode result) {
    List<List<String>> rows = new ArrayList<>();
    for (JsonNode file : result.path("files")) {
      String state = file.path("state").asText();
      rows.add(List.of(mark(state), state, text(file.path("folder")), file.path("name").asText(), file.path("node_type").asText(), text(file.path("link"))));
    }
    Console.table(rows.stream().distinct().toList()).forEach(session::line);
    for (JsonNode unread : result.path("unread_nodes")) {
      session.line("? " + unread.path("name").asText() + " in " + unread.path("node_type").asText() + ", a node that is not known");
    }
    if (rows.isEmpty()) {
      session.line("No node names a model file.");
    }
  }

  static void templates(Session session, JsonNode result) {
    if (result.path("source").isNull()) {
      session.line("The official templates are not installed here: pip install comfyui-workflow-templates-json");
      return;
    }
    List<List<String>> rows = new ArrayList<>();
    for (JsonNode template : result.path("templates")) {
      long missing = template.path("missing_bytes").asLong();
      rows.add(
          List.of(
              template.path("name").asText(), template.path("title").asText(), template.path("category").asText(), size(template.path("size_bytes")),
              missing == 0 ? "" : size(template.path("missing_bytes")) + " missing"));
    }
    Console.table(rows).forEach(session::line);
    session.line(rows.size() + " templates");
  }

  static void remove(Session session, JsonNode result) {
    result.path("removed").forEach(model -> session.line("✓ removed " + model.path("path").asText() + ", freed " + size(model.path("freed_bytes"))));
    result.path("kept").forEach(model -> session.line("○ " + model.path("path").asText() + ": " + model.path("reason").asText()));
  }

  static void validate(Session session, JsonNode result) {
    result.path("errors").forEach(error -> problem(error).forEach(session::line));
    result.path("warnings").forEach(warning -> problem(warning).forEach(line -> session.line(line.replaceFirst("^error", "warning"))));
    if (result.path("errors").isEmpty()) {
      session.line(result.path("file").asText() + " is valid.");
    }
  }

  static void jobs(Session session, JsonNode result) {
    List<List<String>> rows = new ArrayList<>();
    for (JsonNode job : result.path("jobs")) {
      if (job.path("parent").isNull()) {
        JsonNode progress = job.path("progress");
        rows.add(
            List.of(
                job.path("id").asText(), job.path("kind").asText(), job.path("state").asText(), progress.path("done_steps").asInt() + "/" + progress.path("total_steps").asInt(),
                size(progress.path("done_bytes"))));
      }
    }
    Console.table(rows).forEach(session::line);
    if (rows.isEmpty()) {
      session.line("No jobs.");
    }
  }

  static void job(Session session, JsonNode result) {
    JsonNode job = result.path("job");
    session.line(job.path("id").asText() + "  " + job.path("kind").asText() + "  " + job.path("state").asText());
    job.path("log").forEach(line -> session.line("  " + line.asText()));
    if (job.path("problem").isObject()) {
      problem(job.path("problem")).forEach(session::line);
    }
  }

  static void doctor(Session session, JsonNode result) {
    for (JsonNode check : result.path("checks")) {
      String mark =
          switch (check.path("state").asText()) {
            case "ok" -> "✓";
            case "warning" -> "!";
            default -> "✗";
          };
      session.line(mark + " " + check.path("name").asText() + ": " + check.path("detail").asText());
      if (!check.path("hint").asText().isEmpty()) {
        session.line("    " + check.path("hint").asText());
      }
    }
  }
}
