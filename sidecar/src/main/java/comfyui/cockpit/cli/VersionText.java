package comfyui.cockpit.cli;

import com.fasterxml.jackson.databind.JsonNode;
import comfyui.cockpit.kernel.Sizes;
import java.util.ArrayList;
import java.util.List;

/** Documents about versions as people read them in a terminal. */
final class VersionText {
  private static final int SHORT = 12;
  private static final int CHANGES = 40;

  private VersionText() {}

  private static String digest(JsonNode node) {
    String text = Text.text(node);
    return text.length() > SHORT ? text.substring(0, SHORT) : text.isEmpty() ? "-" : text;
  }

  static void resolve(Session session, JsonNode result) {
    int shown = 0;
    for (JsonNode change : result.path("changed")) {
      if (shown++ < CHANGES) {
        String from = Text.text(change.path("from"));
        session.line("  " + change.path("what").asText() + "  " + (from.isEmpty() ? "" : shorter(from) + " -> ") + shorter(Text.text(change.path("to"))));
      }
    }
    if (shown > CHANGES) {
      session.line("  … and " + (shown - CHANGES) + " more");
    }
    session.line((shown == 0 ? "Nothing changed. " : "") + "lock " + digest(result.path("lock_digest")) + " in " + result.path("lock_file").asText());
  }

  private static String shorter(String text) {
    return text.isEmpty() ? "gone" : text.matches("[0-9a-f]{40,}") ? text.substring(0, 10) : text;
  }

  static void plan(Session session, JsonNode plan) {
    if (plan.path("action").asText().equals("nothing")) {
      session.line(plan.path("version_id").asText() + " is realized already; nothing would be done.");
      return;
    }
    List<List<String>> rows = new ArrayList<>();
    for (JsonNode step : plan.path("steps")) {
      rows.add(List.of(step.path("kind").asText(), step.path("subject").asText(), Text.text(step.path("from")), step.path("size_bytes").isNumber() ? Text.size(step.path("size_bytes")) : ""));
    }
    Console.table(rows).forEach(session::line);
    for (JsonNode system : plan.path("file_systems")) {
      session.line(system.path("path").asText() + ": " + Text.size(system.path("needed_bytes")) + " needed, " + Text.size(system.path("free_bytes")) + " free");
    }
    plan.path("missing").forEach(problem -> Text.problem(problem).forEach(session.console().err()::println));
  }

  static void realize(Session session, String version, JsonNode result) {
    String target = result.path("target").asText();
    session.line((result.path("state").asText().equals("unchanged") ? "unchanged: " : "realized: ") + target);
    session.line("  lock " + digest(result.path("lock_digest")) + ", environment " + digest(result.path("environment_digest")));
    session.line("  run it: comfyui-cockpit version run-ui " + version);
  }

  static void status(Session session, JsonNode status) {
    session.line(status.path("version_id").asText() + ": " + status.path("state").asText());
    session.line("  target " + status.path("target").asText());
    session.line("  lock " + digest(status.path("lock_digest")) + ", environment " + digest(status.path("environment_digest")));
    differences(session, status.path("differences"));
  }

  private static void differences(Session session, JsonNode differences) {
    int shown = 0;
    for (JsonNode difference : differences) {
      if (shown++ < CHANGES) {
        session.line("  " + Text.problem(difference).getFirst().replaceFirst("^error: ", ""));
      }
    }
    if (shown > CHANGES) {
      session.line("  … and " + (shown - CHANGES) + " more");
    }
  }

  static void list(Session session, JsonNode result) {
    if (result.path("versions").isEmpty()) {
      session.line("There is no version in " + result.path("directory").asText() + ". `comfyui-cockpit version create` makes the first.");
      return;
    }
    List<List<String>> rows = new ArrayList<>();
    for (JsonNode status : result.path("versions")) {
      JsonNode first = status.path("differences").path(0);
      rows.add(List.of(status.path("version_id").asText(), status.path("state").asText(), digest(status.path("lock_digest")), first.isMissingNode() ? status.path("target").asText() : first.path("detail").asText()));
    }
    Console.table(rows).forEach(session::line);
  }

  static void diff(Session session, JsonNode result) {
    if (result.path("equal").asBoolean()) {
      session.line("They are equal.");
    }
    for (JsonNode difference : result.path("differences")) {
      session.line(difference.path("pointer").asText());
      session.line("  - " + (difference.path("a").isNull() ? "(not there)" : difference.path("a").asText()));
      session.line("  + " + (difference.path("b").isNull() ? "(not there)" : difference.path("b").asText()));
    }
  }

  static void reproduce(Session session, JsonNode result) {
    for (JsonNode run : result.path("runs")) {
      session.line("lock " + digest(run.path("lock_digest")) + ", environment " + digest(run.path("environment_digest")));
    }
    session.line(result.path("equal").asBoolean() ? "Twice the same." : "They differ:");
    differences(session, result.path("differences"));
  }

  static void freed(Session session, JsonNode result) {
    boolean dry = result.path("dry_run").asBoolean();
    result.path("removed").forEach(each -> session.line((dry ? "would remove " : "removed ") + each.path("path").asText() + "  " + Text.size(each.path("freed_bytes"))));
    result.path("kept").forEach(each -> session.line("kept " + each.path("path").asText() + ": " + each.path("reason").asText()));
    session.line(VersionCommand.freed(result.path("removed")) + (dry ? " would be freed." : " freed."));
  }

  static void pack(Session session, JsonNode result, String id) {
    long bytes = 0;
    for (JsonNode file : result.path("files")) {
      bytes += file.path("size_bytes").asLong();
    }
    session.line(result.path("files").size() + " files, " + Sizes.bytes(bytes) + ", in " + result.path("path").asText());
    session.line("  there: comfyui-cockpit version realize --spec " + result.path("path").asText() + "/" + id + ".json --offline");
  }

  static void init(Session session, JsonNode result) {
    session.line("ComfyUI " + digest(result.path("commit")) + " in " + result.path("path").asText() + "/ComfyUI");
    session.line("  Python " + result.path("python").asText() + " in " + result.path("venv").asText());
    session.line("  " + result.path("torch").asText());
  }
}
