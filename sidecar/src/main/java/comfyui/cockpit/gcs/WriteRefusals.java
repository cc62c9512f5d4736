package comfyui.cockpit.gcs;

import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.net.Answer;
import java.io.IOException;
import java.util.Locale;
import java.util.Optional;

/**
 * What it means that a bucket does not take something.
 *
 * @param signedBy who asked, in words; nothing if nobody said who he is
 */
record WriteRefusals(Bucket bucket, Optional<String> signedBy) {
  private static final int BODY = 4096;

  Problem of(Answer answer) {
    String body = body(answer);
    Optional<Value> error = Json.read(body).flatMap(json -> json.get("error"));
    String reason = error.flatMap(e -> e.items("errors").stream().findFirst()).flatMap(e -> e.text("reason")).orElse("");
    String text = error.flatMap(e -> e.text("message")).orElse(body.stripLeading().startsWith("<") ? "" : body);
    String lower = text.toLowerCase(Locale.ROOT);
    if (lower.contains("requester pays") || reason.equals("userProjectMissing")) {
      return problem("whoever uses it pays for it (requester pays), and no project is charged from here.").withHint("Use a bucket of yours.");
    }
    if (lower.contains("uniform bucket-level access") || lower.contains("public access prevention")) {
      return problem("it lets no single object be public: " + quote(text))
          .withHint("Set GCS_PUBLIC=false; GCS_SIGNED_URL_TTL makes addresses that work without an account.");
    }
    if (lower.contains("doesn't match calculated")) {
      return Problem.of(Code.CHECKSUM_OF_HOST_DIFFERS, host(answer) + " received other bytes than were sent: " + quote(text));
    }
    return switch (answer.status()) {
      case 401 ->
          signedBy
              .map(
                  who ->
                      Problem.of(Code.TOKEN_REJECTED, "Google Cloud Storage rejects the access token of " + who + ": " + quote(text))
                          .withHint("Check the account of GOOGLE_APPLICATION_CREDENTIALS, or make a new key."))
              .orElseGet(this::anonymous);
      case 403 ->
          switch (reason) {
            case "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded" -> withRetryAfter(Code.RATE_LIMITED, "wants fewer requests", text, answer);
            default -> noRight(quote(text));
          };
      case 404 -> missing();
      case 408, 500, 502, 503, 504 -> withRetryAfter(Code.HOST_ERROR, "has trouble", text, answer);
      case 429 -> withRetryAfter(Code.RATE_LIMITED, "wants fewer requests", text, answer);
      default -> permanent(Problem.of(Code.HOST_ERROR, host(answer) + " answered " + answer.status() + ": " + quote(text)));
    };
  }

  /** @param reason as the host gave it, a sentence */
  Problem noRight(String reason) {
    return signedBy
        .map(
            who ->
                problem("the account of " + who + " may not create objects in it: " + reason)
                    .withHint("Give the account the role Storage Object User on the bucket, or name another one in GOOGLE_APPLICATION_CREDENTIALS."))
        .orElseGet(this::anonymous);
  }

  Problem missing() {
    return problem("there is no such bucket" + signedBy.map(who -> " for the account of " + who).orElse("") + ".").withHint("Check the bucket's name, GCS_BUCKET.");
  }

  private Problem anonymous() {
    return Problem.of(Code.TOKEN_MISSING, "The bucket " + bucket.uri() + " cannot be written: who says not who he is may not create objects in it.")
        .withHint("Set GOOGLE_APPLICATION_CREDENTIALS to the key file of an account that may.");
  }

  private Problem problem(String why) {
    return Problem.of(Code.BUCKET_NOT_WRITABLE, "The bucket " + bucket.uri() + " cannot be written: " + why).with("bucket", bucket.name());
  }

  /** Google counts the seconds, where it says anything. */
  private static Problem withRetryAfter(Code code, String what, String text, Answer answer) {
    Problem problem = Problem.of(code, host(answer) + " " + what + " (" + answer.status() + "): " + quote(text));
    return answer.header("Retry-After").filter(seconds -> seconds.matches("\\d{1,9}")).map(seconds -> problem.with("retry_after", Long.parseLong(seconds))).orElse(problem);
  }

  static Problem permanent(Problem problem) {
    return new Problem(problem.code(), problem.detail(), problem.hint(), problem.args(), problem.where(), false, problem.link(), problem.errors());
  }

  private static String host(Answer answer) {
    return answer.url().host();
  }

  private static String body(Answer answer) {
    try {
      return answer.text(BODY);
    } catch (IOException e) {
      return "";
    }
  }

  private static String quote(String text) {
    String line = text.lines().findFirst().orElse("").strip();
    return line.isEmpty() ? "no reason given." : "\"" + (line.length() > 200 ? line.substring(0, 200) + "…" : line) + "\".";
  }
}
