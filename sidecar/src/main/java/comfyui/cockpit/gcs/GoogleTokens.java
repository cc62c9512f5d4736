package comfyui.cockpit.gcs;

import com.google.api.client.http.HttpResponseException;
import com.google.auth.ServiceAccountSigner;
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
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** Access tokens by Google's library, which is loaded with this class and not before. */
final class GoogleTokens {
  static final String FLAVOR = "Metadata-Flavor";
  static final String GOOGLE = "Google";

  private final GoogleCredentials credentials;
  private final Map<Scope, GoogleCredentials> scoped = new EnumMap<>(Scope.class);
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
      return new GoogleTokens(patient, account.origin());
    } catch (IOException | RuntimeException e) {
      // The library's text may quote the file.
      throw new ProblemException(Account.broken(account.file(), account.named(), "are incomplete or hold no usable key"), e);
    }
  }

  static GoogleTokens ofMachine(Http http) {
    return new GoogleTokens(ComputeEngineCredentials.newBuilder().setHttpTransportFactory(() -> new TokenTransport(http)).build(), "this machine");
  }

  /** Whose tokens they are, in words. */
  String origin() {
    return origin;
  }

  /** Fetched when there is none or it ends soon. */
  Secret current(Scope scope) {
    try {
      return token(scope);
    } catch (ProblemException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw failure(e);
    }
  }

  /** The same for a machine of Google's; nothing if the machine has no account. */
  Optional<Secret> ofThisMachine(Scope scope) {
    try {
      return Optional.of(token(scope));
    } catch (ProblemException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      if (String.valueOf(e.getMessage()).startsWith("Error code 404")) {
        return Optional.empty();
      }
      throw failure(e);
    }
  }

  /** Nothing if this kind of account cannot sign. */
  Optional<Signer> signer() {
    return of(Scope.SIGN) instanceof ServiceAccountSigner signer ? Optional.of(new AccountSigner(signer)) : Optional.empty();
  }

  private Secret token(Scope scope) throws IOException {
    GoogleCredentials with = of(scope);
    with.refreshIfExpired();
    return new Secret(with.getAccessToken().getTokenValue());
  }

  private synchronized GoogleCredentials of(Scope scope) {
    return scoped.computeIfAbsent(scope, each -> credentials.createScoped(List.of(each.uri())));
  }

  private final class AccountSigner implements Signer {
    private final ServiceAccountSigner signer;

    AccountSigner(ServiceAccountSigner signer) {
      this.signer = signer;
    }

    @Override
    public String account() {
      return orSay(signer::getAccount);
    }

    @Override
    public byte[] sign(byte[] text) {
      return orSay(() -> signer.sign(text));
    }

    private <T> T orSay(Supplier<T> question) {
      try {
        return question.get();
      } catch (RuntimeException e) {
        throw problemIn(e)
            .orElseGet(() -> new ProblemException(SignedUrl.cannotSign("Google does not sign for " + origin + "."), e));
      }
    }
  }

  /** What the library's failure means; its own text may hold what was sent. */
  private ProblemException failure(Exception e) {
    Optional<ProblemException> ours = problemIn(e);
    if (ours.isPresent()) {
      return ours.get();
    }
    Optional<HttpResponseException> answer = causes(e).filter(HttpResponseException.class::isInstance).map(HttpResponseException.class::cast).findFirst();
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

  /** What our own transport had to say. */
  private static Optional<ProblemException> problemIn(Exception e) {
    return causes(e).filter(ProblemException.class::isInstance).map(at -> new ProblemException(((ProblemException) at).problem(), e)).findFirst();
  }

  private static Stream<Throwable> causes(Throwable e) {
    return Stream.iterate(e, Objects::nonNull, Throwable::getCause);
  }

  private static String reason(Value json) {
    String error = json.text("error").or(() -> json.get("error").flatMap(object -> object.text("message"))).orElse("");
    String text = (error + json.text("error_description").map(more -> ": " + more).orElse("")).replaceAll("\\p{Cntrl}", " ");
    return text.isEmpty() ? "" : ", \"" + (text.length() > 200 ? text.substring(0, 200) + "…" : text) + "\"";
  }
}
