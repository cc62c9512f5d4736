package comfyui.cockpit.source;

import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.net.Answer;
import java.io.IOException;
import java.net.URI;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What an answer that is not the file means, host by host. The tables are those of facts about each host. */
final class Refusals {
  private static final int BODY = 4096;
  private static final Pattern RATE_LIMIT = Pattern.compile("r=(\\d+)\\s*;\\s*t=(\\d+)");

  private final Clock clock;

  Refusals(Clock clock) {
    this.clock = clock;
  }

  /** The Hub: facts/sources 1.4. */
  Problem huggingFace(Answer answer, ModelSource.HuggingFace source, boolean withToken, URI page) {
    String code = answer.header("X-Error-Code").orElse("");
    String body = body(answer);
    String text = answer.header("X-Error-Message").orElse(message(body));
    String repo = source.repo();
    return switch (answer.status()) {
      case 401 ->
          switch (code) {
            case "GatedRepo" ->
                withToken
                    ? Problem.of(Code.TOKEN_REJECTED, repo + " is gated and the hub does not know this HF_TOKEN.").link(page)
                    : Problem.of(Code.TOKEN_MISSING, repo + " is gated: the hub gives it only to signed-in users who accepted its terms.")
                        .withHint("Accept the terms on the page, then set HF_TOKEN.")
                        .link(page);
            default -> {
              if (text.contains("Invalid credentials") || body.contains("Invalid credentials")) {
                yield Problem.of(Code.TOKEN_REJECTED, "The hub rejected HF_TOKEN; it does so even for public files.")
                    .withHint("Make a new token in the hub's settings and set HF_TOKEN, or unset it for public files.");
              }
              yield Problem.of(Code.REPOSITORY_NOT_FOUND, repo + " does not exist, or it is private" + (withToken ? " and this HF_TOKEN may not read it." : " and no HF_TOKEN is set."));
            }
          };
      case 403 ->
          code.equals("GatedRepo")
              ? Problem.of(Code.LICENCE_NOT_ACCEPTED, "The terms of " + repo + " are not accepted yet by the account of HF_TOKEN.").link(page)
              : body.contains("Access to this resource is disabled") || text.contains("Access to this resource is disabled")
                  ? Problem.of(Code.REMOVED_BY_HOST, "The hub has disabled " + repo + ".")
                  : challenge(answer, body).orElseGet(() -> Problem.of(Code.ACCESS_DENIED, "The hub refuses " + repo + ": " + quote(text)).link(page));
      case 404 ->
          switch (code) {
            case "RevisionNotFound" -> Problem.of(Code.REVISION_NOT_FOUND, repo + " has no revision \"" + source.revision() + "\".");
            case "EntryNotFound" -> Problem.of(Code.FILE_NOT_FOUND, repo + " has no file \"" + source.path() + "\" at \"" + source.revision() + "\".");
            case "RepoNotFound" -> Problem.of(Code.REPOSITORY_NOT_FOUND, repo + " does not exist, or this token may not see it.");
            default -> Problem.of(Code.FILE_NOT_FOUND, "The hub has nothing at " + answer.url() + ".");
          };
      default -> general(answer, body);
    };
  }

  /** Civitai: facts/sources 2.3. */
  Problem civitai(Answer answer, String subject, boolean withToken, URI page) {
    String body = body(answer);
    String text = message(body);
    String lower = (text + " " + Json.read(body).flatMap(json -> json.text("message")).orElse("")).toLowerCase(Locale.ROOT);
    return switch (answer.status()) {
      case 401 ->
          lower.contains("disabled downloads")
              ? Problem.of(Code.DOWNLOAD_DISABLED, "The creator of " + subject + " has disabled downloads; a token does not help.").link(page)
              : withToken
                  ? Problem.of(Code.TOKEN_REJECTED, "Civitai asks for a login for " + subject + "; it does not know this CIVITAI_TOKEN.")
                      .withHint("Make a new API key in your Civitai account settings and set CIVITAI_TOKEN.")
                  : Problem.of(Code.TOKEN_MISSING, "Civitai asks for a login for " + subject + ".")
                      .withHint("Make an API key in your Civitai account settings and set CIVITAI_TOKEN.");
      case 403 -> {
        if (lower.contains("early access")) {
          Optional<String> until = Json.read(body).flatMap(json -> json.text("deadline"));
          Problem problem = Problem.of(Code.EARLY_ACCESS, subject + " is in early access" + until.map(date -> " until " + date).orElse("") + ".").link(page);
          yield until.isPresent() ? problem.with("until", until.get()) : problem;
        }
        if (lower.contains("do not have access")) {
          yield Problem.of(Code.ACCESS_DENIED, "The account of CIVITAI_TOKEN has no access to " + subject + ".").link(page);
        }
        yield challenge(answer, body)
            .orElseGet(() -> Problem.of(Code.BLOCKED, "Civitai refuses this machine or account (403): " + quote(text)));
      }
      case 404 -> Problem.of(Code.VERSION_NOT_FOUND, "Civitai has no " + subject + ", or its file is gone.").link(page);
      case 410 -> Problem.of(Code.REMOVED_BY_HOST, "Civitai has archived " + subject + ".").link(page);
      case 429 -> {
        Problem problem = general(answer, body);
        yield problem.args().containsKey("retry_after") ? problem : problem.with("tries", 2);
      }
      default -> general(answer, body);
    };
  }

  /**
   * Google Cloud Storage: facts/sources 3.2. Without the right to list a bucket nobody learns whether a thing is private or missing.
   *
   * @param signed true if the request said who we are
   */
  Problem gcs(Answer answer, ModelSource.GcsObject source, boolean signed) {
    String body = body(answer);
    Optional<Value> error = Json.read(body).flatMap(json -> json.get("error"));
    String reason = error.flatMap(e -> e.items("errors").stream().findFirst()).flatMap(e -> e.text("reason")).orElse("");
    String text = error.flatMap(e -> e.text("message")).orElseGet(() -> message(body));
    String lower = text.toLowerCase(Locale.ROOT);
    String object = source.uri();
    if (lower.contains("requester pays") || body.contains("UserProjectMissing")) {
      return Problem.of(Code.ACCESS_DENIED, "Whoever reads from the bucket " + source.bucket() + " pays for it (requester pays), and no project is charged from here.")
          .withHint("Copy the object into a bucket of yours: gcloud storage cp --billing-project=PROJECT " + object + " gs://YOUR-BUCKET/");
    }
    return switch (answer.status()) {
      case 401 ->
          signed
              ? Problem.of(Code.TOKEN_REJECTED, "Google Cloud Storage rejects the access token for " + object + ": " + quote(text))
                  .withHint("Check the account of GOOGLE_APPLICATION_CREDENTIALS, or make a new key.")
              : privateOrMissing(source);
      case 403 ->
          switch (reason) {
            case "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded" ->
                withRetryAfter(Problem.of(Code.RATE_LIMITED, "Google Cloud Storage wants fewer requests (403): " + quote(text)), answer);
            default ->
                signed
                    ? Problem.of(Code.ACCESS_DENIED, "The account in use may not read " + object + ", or it does not exist: " + quote(text))
                        .withHint("Give the account the role Storage Object Viewer on the bucket, or name another one in GOOGLE_APPLICATION_CREDENTIALS.")
                    : privateOrMissing(source);
          };
      case 404 ->
          lower.contains("bucket") && !lower.contains("object")
              ? Problem.of(Code.REPOSITORY_NOT_FOUND, "There is no bucket " + source.bucket() + ".").withHint("Check the bucket's name.")
              : source.generation().isPresent()
                  ? goneGeneration(source)
                  : Problem.of(Code.FILE_NOT_FOUND, "There is no object " + object + ".").withHint("Check the object's name; upper and lower case count.");
      case 412 -> goneGeneration(source);
      default -> general(answer, body);
    };
  }

  private static Problem privateOrMissing(ModelSource.GcsObject source) {
    return Problem.of(Code.TOKEN_MISSING, source.uri() + " is private or missing: who says not who he is may not read it.")
        .withHint("Check the names; for a private object set GOOGLE_APPLICATION_CREDENTIALS to the key file of an account that may read it.");
  }

  static Problem goneGeneration(ModelSource.GcsObject source) {
    return Problem.of(Code.REVISION_NOT_FOUND, "There is no " + source.uri() + ": the object has no such generation, or none any more.")
        .withHint("A bucket keeps old generations only if it has versioning; name the one that is there now, or none.");
  }

  /** Any other host, and what all hosts share. */
  Problem general(Answer answer) {
    return general(answer, body(answer));
  }

  private Problem general(Answer answer, String body) {
    int status = answer.status();
    String host = answer.url().host();
    String text = message(body);
    Optional<Problem> challenge = status == 403 || status == 503 ? challenge(answer, body) : Optional.empty();
    if (challenge.isPresent()) {
      return challenge.get();
    }
    return switch (status) {
      case 401 -> Problem.of(Code.ACCESS_DENIED, host + " asks for a login (401).").withHint("Use an address that needs no login; tokens go only to the hubs they belong to.");
      case 403 -> Problem.of(Code.ACCESS_DENIED, host + " refuses access (403): " + quote(text));
      case 404 -> Problem.of(Code.FILE_NOT_FOUND, "There is nothing at " + answer.url() + ".");
      case 410 -> Problem.of(Code.REMOVED_BY_HOST, host + " has removed " + answer.url() + ".");
      case 451 -> Problem.of(Code.BLOCKED, host + " does not serve this region (451).");
      case 511 -> Problem.of(Code.BLOCKED, "This network asks for a login of its own (511).").withHint("Sign in to the network first.");
      case 408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 530 -> withRetryAfter(Problem.of(Code.HOST_ERROR, host + " has trouble (" + status + "): " + quote(text)), answer);
      case 429 -> withRetryAfter(Problem.of(Code.RATE_LIMITED, host + " wants fewer requests (429): " + quote(text)), answer);
      default -> permanent(Problem.of(Code.HOST_ERROR, host + " answered " + status + " instead of the file: " + quote(text)));
    };
  }

  static Problem permanent(Problem problem) {
    return new Problem(problem.code(), problem.detail(), problem.hint(), problem.args(), problem.where(), false, problem.link(), problem.errors());
  }

  private Optional<Problem> challenge(Answer answer, String body) {
    boolean html = answer.header("Content-Type").orElse("").contains("text/html");
    boolean challenge = answer.header("cf-mitigated").isPresent() || html && (body.contains("challenge") || body.contains("Just a moment") || answer.header("CF-RAY").isPresent());
    return challenge
        ? Optional.of(Problem.of(Code.BLOCKED, answer.url().host() + " answered with a challenge page for browsers (" + answer.status() + ")."))
        : Optional.empty();
  }

  private Problem withRetryAfter(Problem problem, Answer answer) {
    Optional<Long> wait = answer.header("Retry-After").flatMap(this::seconds);
    Matcher limit = RATE_LIMIT.matcher(answer.header("RateLimit").orElse(""));
    if (problem.code() == Code.RATE_LIMITED && limit.find() && limit.group(1).equals("0")) {
      wait = Optional.of(Long.parseLong(limit.group(2)) + 1);
    }
    return wait.isPresent() ? problem.with("retry_after", wait.get()) : problem;
  }

  /** Seconds, or a date; a date in the past is now. */
  private Optional<Long> seconds(String header) {
    if (header.matches("\\d{1,9}")) {
      return Optional.of(Long.parseLong(header));
    }
    try {
      Instant date = ZonedDateTime.parse(header, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      return Optional.of(Math.max(0, Duration.between(clock.now(), date).toSeconds()));
    } catch (DateTimeException e) {
      return Optional.empty();
    }
  }

  static String body(Answer answer) {
    try {
      return answer.text(BODY);
    } catch (IOException e) {
      return "";
    }
  }

  /** The sentence in a JSON error, else the text itself where it is short and no page. */
  private static String message(String body) {
    Optional<Value> json = Json.read(body);
    if (json.isPresent()) {
      return json.get().text("error").or(() -> json.get().text("message")).or(() -> json.get().text("error_description"))
          .or(() -> json.get().items("errors").stream().findFirst().flatMap(error -> error.text("message")))
          .orElse("");
    }
    return body.stripLeading().startsWith("<") ? xml(body) : body.strip();
  }

  private static String xml(String body) {
    Matcher message = Pattern.compile("<(?:Message|title)>([^<]{1,300})</").matcher(body);
    return message.find() ? message.group(1) : "";
  }

  private static String quote(String text) {
    String line = text.lines().findFirst().orElse("").strip();
    return line.isEmpty() ? "no reason given." : "\"" + (line.length() > 200 ? line.substring(0, 200) + "…" : line) + "\".";
  }
}
