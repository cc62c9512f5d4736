package comfyui.cockpit.gcs;

import com.google.api.client.http.HttpResponseException;
import com.google.auth.http.HttpTransportFactory;
import com.google.auth.oauth2.ComputeEngineCredentials;
import com.google.auth.oauth2.GoogleCredentials;
import com.google.auth.oauth2.ServiceAccountCredentials;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.Secret;
import comfyui.cockpit.net.Http;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;

/** Access tokens by Google's library, which is loaded with this class and not before. */
final class GoogleTokens {
  static final String FLAVOR = "Metadata-Flavor";
  static final String GOOGLE = "Google";

  /** We read; a token that leaked could do no more. */
  private static final List<String> SCOPES = List.of("https://www.googleapis.com/auth/devstorage.read_only");

  private final GoogleCredentials credentials;
  private final String origin;

  private GoogleTokens(GoogleCredentials credentials, String origin) {
    this.credentials = credentials;
    this.origin = origin;
  }

  static GoogleTokens of(Account account, Http http) {
    HttpTransportFactory transport = () -> new TokenTransport(http);
    try (InputStream in = Files.newInputStream(account.file())) {
      GoogleCredentials read = GoogleCredentials.fromStream(in, transport);
      // Whoever asks for an object tries again by rules of his own.
      GoogleCredentials patient = read instanceof ServiceAccountCredentials service ? service.toBuilder().setDefaultRetriesEnabled(false).build() : read;
      return new GoogleTokens(patient.createScoped(SCOPES), account.origin());
    } catch (IOException | RuntimeException e) {
      // The library's text may quote the file.
      throw new ProblemException(Account.broken(account.file(), account.named(), "are incomplete or hold no usable key"), e);
    }
  }

  static GoogleTokens ofMachine(Http http) {
    return new GoogleTokens(
        ComputeEngineCredentials.newBuilder().setHttpTransportFactory(() -> new TokenTransport(http)).build().createScoped(SCOPES), "this machine");
  }

  /** Fetched when there is none or it ends soon. */
  Secret current() {
    try {
      return token();
    } catch (ProblemException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw failure(e);
    }
  }

  /** The same for a machine of Google's; nothing if the machine has no account. */
  Optional<Secret> ofThisMachine() {
    try {
      return Optional.of(token());
    } catch (ProblemException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      if (String.valueOf(e.getMessage()).startsWith("Error code 404")) {
        return Optional.empty();
      }
      throw failure(e);
    }
  }

  private Secret token() throws IOException {
    credentials.refreshIfExpired();
    return new Secret(credentials.getAccessToken().getTokenValue());
  }

  /** What the library's failure means; its own text may hold what was sent. */
  private ProblemException failure(Exception e) {
    Optional<HttpResponseException> answer = Optional.empty();
    for (Throwable at = e; at != null && answer.isEmpty(); at = at.getCause()) {
      if (at instanceof ProblemException problem) {
        return new ProblemException(problem.problem(), e);
      }
      answer = at instanceof HttpResponseException refusal ? Optional.of(refusal) : Optional.empty();
    }
    int status = answer.map(HttpResponseException::getStatusCode).orElse(0);
    String reason = answer.map(HttpResponseException::getContent).flatMap(Json::read).map(GoogleTokens::reason).orElse("");
    Problem problem =
        status == 429
            ? Problem.of(Code.RATE_LIMITED, "Google wants fewer requests for tokens (429).")
            : status == 0 || status >= 500
                ? Problem.of(Code.HOST_ERROR, "Google gave no access token for " + origin + (status == 0 ? "." : " (" + status + ")."))
                : Problem.of(Code.TOKEN_REJECTED, "Google gives no access token for " + origin + " (" + status + reason + ").")
                    .withHint("Make a new key, or run `gcloud auth application-default login` again; a clock that is wrong has the same effect.");
    return new ProblemException(problem, e);
  }

  private static String reason(Value json) {
    String error = json.text("error").or(() -> json.get("error").flatMap(object -> object.text("message"))).orElse("");
    String text = (error + json.text("error_description").map(more -> ": " + more).orElse("")).replaceAll("\\p{Cntrl}", " ");
    return text.isEmpty() ? "" : ", \"" + (text.length() > 200 ? text.substring(0, 200) + "…" : text) + "\"";
  }
}
