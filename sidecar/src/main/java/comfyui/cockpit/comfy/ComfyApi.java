package comfyui.cockpit.comfy;

import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.json.Value.Arr;
import comfyui.cockpit.json.Value.Member;
import comfyui.cockpit.json.Value.Obj;
import comfyui.cockpit.json.Value.Str;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.net.Answer;
import comfyui.cockpit.net.Http;
import comfyui.cockpit.net.Http.Ask;
import comfyui.cockpit.net.Url;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What a running ComfyUI answers over HTTP. Its websocket tells the same earlier; what counts in the end stands in its history. */
public final class ComfyApi {
  /** A history holds the whole workflow and the inputs of a node that failed. */
  private static final int LARGEST = 64 << 20;

  private static final String NOT_THERE =
      "If it is a model's file: declare it in the version's models, or name the folder that has it with --models-dir.";

  private final Http http;
  private final Url base;

  public ComfyApi(Http http, int port) {
    this.http = http;
    this.base = Url.parse("http://127.0.0.1:" + port);
  }

  /**
   * True if it answers as ComfyUI does, and is the one that was started with these arguments: another one may have taken the port.
   */
  public boolean isUp(List<String> arguments, CancelSignal cancel) {
    try {
      Optional<Value> told = get("system_stats", cancel).get("system").flatMap(system -> system.get("argv"));
      Set<String> argv = new HashSet<>();
      told.ifPresent(list -> ((Arr) list).items().forEach(item -> argv.add(item instanceof Str text ? text.text() : "")));
      return told.isEmpty() || argv.containsAll(arguments);
    } catch (ProblemException e) {
      cancel.throwIfCancelled();
      return false;
    }
  }

  /**
   * Puts a workflow into the queue.
   *
   * @return ComfyUI's id of it
   * @throws ProblemException {@code workflow_refused} with ComfyUI's own errors, node by node; also if it would leave out only some outputs
   */
  public String submit(Prompt prompt, String id, CancelSignal cancel) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("prompt", prompt.nodes());
    body.put("prompt_id", id);
    body.put("client_id", id);
    Ask ask = Ask.post(base.append("prompt"), new Http.Content("application/json", Json.write(body).getBytes(StandardCharsets.UTF_8)));
    try (Answer answer = http.once(ask, cancel)) {
      String text = answer.text(LARGEST);
      Optional<Value> json = Json.readPython(text);
      List<Problem> errors = json.flatMap(value -> value.get("node_errors")).map(value -> nodeErrors(prompt, value)).orElse(List.of());
      if (answer.status() == 400 && json.isPresent() || !errors.isEmpty()) {
        throw refused(json.orElseThrow(), errors).toException();
      }
      return json.filter(value -> answer.status() == 200)
          .flatMap(value -> value.text("prompt_id"))
          .orElseThrow(() -> Problem.of(Code.WORKFLOW_FAILED, "ComfyUI did not take the workflow (" + answer.status() + "): " + shorter(text) + ".").toException());
    } catch (IOException e) {
      cancel.throwIfCancelled();
      throw http.failure(e, base);
    }
  }

  private static Problem refused(Value answer, List<Problem> errors) {
    String message = answer.get("error").flatMap(error -> error.text("message")).orElse("");
    String details = answer.get("error").flatMap(error -> error.text("details")).orElse("");
    String said = message.isEmpty() || !errors.isEmpty() ? "" : message + (details.isEmpty() ? "" : " (" + details + ")");
    String detail = said.isEmpty() ? errors.isEmpty() ? "ComfyUI refuses the workflow." : errors.getFirst().detail() : "ComfyUI: " + ended(said);
    Problem first = errors.isEmpty() ? Problem.of(Code.WORKFLOW_REFUSED, detail) : errors.getFirst();
    Problem problem = Problem.of(Code.WORKFLOW_REFUSED, errors.size() > 1 ? errors.size() + " inputs are wrong. The first: " + detail : detail).withHint(first.hint()).gathering(errors);
    return answer.get("error").flatMap(error -> error.text("type")).map(type -> problem.with("type", type)).orElse(problem);
  }

  private static List<Problem> nodeErrors(Prompt prompt, Value nodes) {
    List<Problem> problems = new ArrayList<>();
    if (nodes instanceof Obj obj) {
      for (Member member : obj.members().values()) {
        String node = "Node " + member.key() + " (" + member.value().text("class_type").orElseGet(() -> prompt.classOf(member.key())) + ")";
        for (Value error : member.value().items("errors")) {
          String details = error.text("details").orElse("");
          String said = error.text("message").orElse("is wrong") + (details.isEmpty() ? "" : ": " + details);
          String type = error.text("type").orElse("");
          Problem problem = Problem.of(Code.WORKFLOW_REFUSED, node + ": " + ended(said)).with("node_id", member.key()).with("type", type);
          problems.add(type.equals("value_not_in_list") ? problem.withHint(NOT_THERE) : problem);
        }
      }
    }
    return problems;
  }

  private static String ended(String sentence) {
    return sentence.matches("(?s).*[.!?]") ? sentence : sentence + ".";
  }

  private static String shorter(String text) {
    String line = text.strip().replaceAll("\\s+", " ");
    return line.length() > 200 ? line.substring(0, 200) + "…" : line;
  }

  /**
   * What became of a workflow.
   *
   * @param outputs by node, as the nodes told them
   */
  public record Finished(Obj outputs, Optional<Problem> problem) {}

  /** Nothing while it waits or runs. */
  public Optional<Finished> finished(String id, CancelSignal cancel) {
    Optional<Value> entry = get("history/" + id, cancel).get(id);
    return entry.map(
        value ->
            new Finished(
                value.get("outputs").filter(Obj.class::isInstance).map(Obj.class::cast).orElseGet(() -> new Obj(value.place(), Map.of())), failure(value.get("status"))));
  }

  /** True while it waits or runs. */
  public boolean isQueued(String id, CancelSignal cancel) {
    Value queue = get("queue", cancel);
    return List.of("queue_running", "queue_pending").stream()
        .flatMap(list -> queue.items(list).stream())
        .anyMatch(item -> item instanceof Arr parts && parts.items().size() > 1 && parts.items().get(1) instanceof Str text && text.text().equals(id));
  }

  /**
   * Fetches a file that a node told of.
   *
   * @return false if ComfyUI has none of that name either
   */
  public boolean view(String name, String subfolder, String type, Path to, CancelSignal cancel) throws IOException {
    Url url = base.append("view").withQuery("filename", name).withQuery("subfolder", subfolder).withQuery("type", type);
    try (Answer answer = http.once(Ask.get(url).forBody(), cancel)) {
      if (answer.status() != 200) {
        return false;
      }
      Files.createDirectories(to.getParent());
      Files.copy(answer.body(), to);
      return true;
    } catch (IOException e) {
      cancel.throwIfCancelled();
      throw e;
    }
  }

  private static Optional<Problem> failure(Optional<Value> status) {
    if (status.isEmpty() || status.get().text("status_str").orElse("success").equals("success") && status.get().flag("completed")) {
      return Optional.empty();
    }
    for (Value message : status.get().items("messages")) {
      if (message instanceof Arr pair && pair.items().size() == 2 && pair.items().getFirst() instanceof Str name) {
        Value said = pair.items().get(1);
        if (name.text().equals("execution_error")) {
          return Optional.of(ofNode(said));
        }
        if (name.text().equals("execution_interrupted")) {
          return Optional.of(Problem.of(Code.WORKFLOW_FAILED, "Node " + said.text("node_id").orElse("?") + " was interrupted.").with("node_id", said.text("node_id").orElse("")));
        }
      }
    }
    return Optional.of(Problem.of(Code.WORKFLOW_FAILED, "ComfyUI says that the workflow failed, and not why."));
  }

  private static Problem ofNode(Value said) {
    String id = said.text("node_id").orElse("?");
    String type = said.text("exception_type").orElse("an error");
    String message = said.text("exception_message").orElse("").strip();
    List<String> traceback = said.items("traceback").stream().map(line -> line instanceof Str str ? str.text().stripTrailing() : "").toList();
    Problem problem =
        Problem.of(Code.WORKFLOW_FAILED, "Node " + id + " (" + said.text("node_type").orElse("?") + ") failed with " + type + (message.isEmpty() ? "." : ": " + ended(message)))
            .with("node_id", id)
            .with("node_type", said.text("node_type").orElse(""))
            .with("exception_type", type)
            .with("traceback", traceback);
    return type.endsWith("OutOfMemoryError")
        ? problem.withHint("The GPU has too little memory for it: ask for a smaller picture or batch, or start ComfyUI with -- --lowvram.")
        : problem.withHint("It is the node's own error; ComfyUI's log has its traceback.");
  }

  private Value get(String path, CancelSignal cancel) {
    try (Answer answer = http.once(Ask.get(base.append(path.split("/"))), cancel)) {
      String text = answer.text(LARGEST);
      return Json.readPython(text)
          .filter(value -> answer.status() == 200)
          .orElseThrow(() -> Problem.of(Code.WORKFLOW_FAILED, "ComfyUI answered /" + path + " with " + answer.status() + ": " + shorter(text) + ".").toException());
    } catch (IOException e) {
      cancel.throwIfCancelled();
      throw http.failure(e, base);
    }
  }
}
