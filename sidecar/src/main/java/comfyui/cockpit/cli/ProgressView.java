package comfyui.cockpit.cli;

import com.fasterxml.jackson.databind.JsonNode;
import comfyui.cockpit.job.Tail;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Sizes;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** How a job goes: a bar that is drawn over in a terminal, a line every few seconds elsewhere. */
final class ProgressView implements AutoCloseable {
  private static final double LINE_EVERY_SECONDS = 5;
  private static final int BAR = 12;

  private final Console console;
  private final Clock clock;
  private final boolean quiet;
  private final Set<String> ended = new HashSet<>();
  private long lastLine;
  private boolean drawn;
  private List<String> shown = List.of();

  ProgressView(Console console, Clock clock, boolean quiet) {
    this.console = console;
    this.clock = clock;
    this.quiet = quiet;
    this.lastLine = clock.nanos();
  }

  void show(JsonNode job, JsonNode all) {
    if (quiet) {
      return;
    }
    JsonNode current = job;
    if (!job.path("kind").asText().startsWith("models.")) {
      showSteps(job);
      return;
    }
    for (JsonNode part : all) {
      if (part.path("parent").asText().equals(job.path("id").asText())) {
        if (part.path("state").asText().equals("running")) {
          current = part;
        }
        sayEnd(part);
      }
    }
    if (console.terminal()) {
      draw(line(job, current));
    } else if (clock.secondsSince(lastLine) >= LINE_EVERY_SECONDS) {
      lastLine = clock.nanos();
      console.err().println(line(job, current));
    }
  }

  /** A version is made of many small steps, and a workflow has ComfyUI's own log: each line stands for itself. */
  private void showSteps(JsonNode job) {
    List<String> log = new ArrayList<>();
    job.path("log").forEach(line -> log.add(line.asText()));
    for (String line : Tail.since(shown, log)) {
      clear();
      console.err().println(line);
    }
    shown = log;
    if (console.terminal()) {
      JsonNode progress = job.path("progress");
      String steps = progress.path("total_steps").asInt() > 0 ? "[" + progress.path("done_steps").asInt() + "/" + progress.path("total_steps").asInt() + "] " : "";
      draw(steps + Text.text(progress.path("current")) + "  " + progress.path("phase").asText());
    }
  }

  private void sayEnd(JsonNode part) {
    String state = part.path("state").asText();
    if (state.matches("queued|running") || !ended.add(part.path("id").asText())) {
      return;
    }
    clear();
    String id = part.path("subjects").path(0).asText();
    String said = part.path("result").path("models").path(0).path("state").asText(state);
    console.err().println(switch (said) {
      case "installed" -> "✓ " + id + " installed";
      case "present" -> "✓ " + id + " was there";
      case "cancelled" -> "○ " + id + " cancelled";
      default -> "✗ " + id + " " + said;
    });
  }

  private static String line(JsonNode job, JsonNode current) {
    JsonNode progress = current.path("progress");
    String subject = current.path("subjects").size() == 1 ? current.path("subjects").path(0).asText() : progress.path("current").asText("");
    String steps = job.path("progress").path("total_steps").asInt() > 1 ? "[" + (job.path("progress").path("done_steps").asInt() + 1) + "/" + job.path("progress").path("total_steps").asInt() + "] " : "";
    StringBuilder line = new StringBuilder(steps).append(subject).append("  ");
    if (job.path("state").asText().equals("queued")) {
      return line.append("queued").append(job.path("queue_place").isNumber() ? ", place " + job.path("queue_place").asInt() : "").toString();
    }
    long done = progress.path("done_bytes").asLong();
    if (progress.path("total_bytes").isNumber() && progress.path("total_bytes").asLong() > 0) {
      long total = progress.path("total_bytes").asLong();
      int percent = (int) (done * 100 / total);
      line.append(bar(percent)).append(String.format("%4d%%", percent)).append("  ").append(Sizes.bytes(done)).append(" of ").append(Sizes.bytes(total));
    } else {
      line.append(Sizes.bytes(done));
    }
    String phase = progress.path("phase").asText();
    if (!phase.equals("downloading")) {
      return line.append("  ").append(phase).toString();
    }
    if (progress.path("stalled").asBoolean()) {
      return line.append("  nothing comes").toString();
    }
    if (progress.path("bytes_per_second").isNumber()) {
      line.append("  ").append(Sizes.bytes(progress.path("bytes_per_second").asLong())).append("/s");
    }
    if (progress.path("seconds_left").isNumber()) {
      line.append("  ").append(Sizes.seconds(progress.path("seconds_left").asDouble())).append(" left");
    }
    return line.toString();
  }

  private static String bar(int percent) {
    int full = percent * BAR / 100;
    return "█".repeat(full) + "░".repeat(BAR - full);
  }

  private void draw(String line) {
    String cut = line.length() > console.width() - 1 ? line.substring(0, console.width() - 1) : line;
    console.err().print("\r\u001b[K" + cut);
    console.err().flush();
    drawn = true;
  }

  private void clear() {
    if (drawn) {
      console.err().print("\r\u001b[K");
      drawn = false;
    }
  }

  @Override
  public void close() {
    clear();
    console.err().flush();
  }
}
