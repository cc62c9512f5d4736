package comfyui.cockpit.wire;

import comfyui.cockpit.json.Checker;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.json.Value.Obj;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.model.Declaration.Selection;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The body of a request, checked. */
record Body(Checker checker, Obj obj) {
  static Body of(Routes.Request request, List<String> known) {
    Checker checker = new Checker("request");
    String text = request.body().isBlank() ? "{}" : request.body();
    Optional<Obj> obj = checker.parse(text).flatMap(value -> checker.object(value, ""));
    obj.ifPresent(o -> checker.knownKeys(o, "", known));
    Body body = new Body(checker, obj.orElse(new Obj(new Value.Place(0, 0, 1, 1), Map.of())));
    body.throwIfWrong();
    return body;
  }

  private void throwIfWrong() {
    if (!checker.errors().isEmpty()) {
      Problem first = checker.errors().getFirst();
      throw Problem.of(Code.BAD_REQUEST, "The request is wrong: " + first.detail()).withHint(first.hint()).gathering(checker.errors()).toException();
    }
  }

  Selection selection() {
    Selection selection = new Selection(texts("bundles"), texts("models"), flag("all"));
    throwIfWrong();
    return selection;
  }

  boolean flag(String key) {
    boolean flag = checker.flag(obj, "", key, false);
    throwIfWrong();
    return flag;
  }

  Optional<String> text(String key) {
    return anyText(key).filter(text -> !text.isBlank());
  }

  Optional<String> anyText(String key) {
    Optional<Value> value = checker.optional(obj, key);
    if (value.isEmpty() || value.get() instanceof Value.Nul) {
      return Optional.empty();
    }
    Optional<String> text = checker.anyString(obj, "", key);
    throwIfWrong();
    return text;
  }

  Optional<Duration> seconds(String key) {
    Optional<Double> seconds = checker.decimal(obj, "", key, 0);
    throwIfWrong();
    return seconds.map(value -> Duration.ofMillis(Math.max(1, Math.round(value * 1000))));
  }

  /** An absolute path; a relative one would mean another place in each process. */
  Optional<Path> path(String key) {
    Optional<String> text = text(key);
    if (text.isPresent() && text.get().indexOf('\0') >= 0) {
      throw Problem.of(Code.BAD_REQUEST, "\"" + key + "\" is no path.").toException();
    }
    if (text.isPresent() && !Path.of(text.get()).isAbsolute()) {
      throw Problem.of(Code.BAD_REQUEST, "\"" + key + "\" must be an absolute path, not \"" + text.get() + "\".").toException();
    }
    return text.map(Path::of).map(Path::normalize);
  }

  List<String> texts(String key) {
    List<String> texts = new ArrayList<>();
    int index = 0;
    for (Value item : checker.list(obj, "", key)) {
      checker.string(item, "/" + key + "/" + index++).ifPresent(texts::add);
    }
    throwIfWrong();
    return texts;
  }
}
