package comfyui.cockpit.kernel;

import java.net.URI;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What went wrong, where, and what to do about it (RFC 9457 on the wire).
 *
 * @param detail one sentence: what happened; never holds a secret
 * @param hint one sentence: what to do
 * @param args facts for programs, JSON values only
 * @param errors the single problems that this one gathers
 */
public record Problem(
    Code code,
    String detail,
    String hint,
    Map<String, Object> args,
    Optional<Where> where,
    boolean retryable,
    Optional<URI> link,
    List<Problem> errors) {

  public Problem {
    args = Collections.unmodifiableMap(new LinkedHashMap<>(args));
    errors = List.copyOf(errors);
  }

  public static Problem of(Code code, String detail) {
    return new Problem(code, detail, code.hint(), Map.of(), Optional.empty(), code.retryable(), Optional.empty(), List.of());
  }

  public Problem withHint(String hint) {
    return new Problem(code, detail, hint, args, where, retryable, link, errors);
  }

  public Problem with(String name, Object value) {
    Map<String, Object> more = new LinkedHashMap<>(args);
    more.put(name, value);
    return new Problem(code, detail, hint, more, where, retryable, link, errors);
  }

  public Problem at(Where where) {
    return new Problem(code, detail, hint, args, Optional.of(where), retryable, link, errors);
  }

  public Problem link(URI link) {
    return new Problem(code, detail, hint, args, where, retryable, Optional.of(link), errors);
  }

  public Problem gathering(List<Problem> errors) {
    return new Problem(code, detail, hint, args, where, retryable, link, errors);
  }

  public ProblemException toException() {
    return new ProblemException(this);
  }

  /** One problem that stands for several: the only one itself, else the first with all of them listed. */
  public static Problem summary(List<Problem> problems) {
    if (problems.size() == 1) {
      return problems.getFirst();
    }
    Problem first = problems.getFirst();
    return new Problem(
        first.code(), problems.size() + " problems. The first: " + first.detail(), first.hint(), first.args(), first.where(),
        first.retryable(), first.link(), new ArrayList<>(problems));
  }
}
