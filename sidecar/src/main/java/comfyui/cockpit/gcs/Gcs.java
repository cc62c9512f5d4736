package comfyui.cockpit.gcs;

import comfyui.cockpit.files.Stat;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.Secret;
import comfyui.cockpit.net.Answer;
import comfyui.cockpit.net.Http;
import comfyui.cockpit.net.Http.Ask;
import comfyui.cockpit.net.Url;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Questions to Google Cloud Storage's JSON API, signed where there is an account. Google's library is loaded only when a file or a machine
 * says that there is one.
 */
public final class Gcs {
  /** Off Google's machines nobody answers, and everybody who asks for a public object would wait for it. */
  private static final Duration LONGEST_LOOK = Duration.ofMillis(1500);

  private final Http http;
  private final GcsSettings settings;
  private final Executor asking = Thread::startVirtualThread;
  private @Nullable Signed signed;
  private @Nullable Boolean onGoogle;

  /** The account in use, and the file it was read from as it then was. */
  private record Signed(Optional<Account> account, Optional<Stat> stat, GoogleTokens tokens) {}

  public Gcs(Http http, GcsSettings settings) {
    this.http = http;
    this.settings = settings;
  }

  public GcsSettings settings() {
    return settings;
  }

  /**
   * The file that says who we are, if there is one; asks nobody.
   *
   * @throws ProblemException if the one that counts cannot be used
   */
  public Optional<Account> account() {
    return Account.find(settings);
  }

  /** True if the last question was signed. */
  public synchronized boolean isSigned() {
    return signed != null;
  }

  /** Who signed the last question, in words; nothing if nobody did. */
  synchronized Optional<String> signedBy() {
    return Optional.ofNullable(signed).map(each -> each.tokens().origin());
  }

  /** The account as one that signs; nothing if there is none, or none that can. */
  synchronized Optional<Signer> signer() {
    lookAgain();
    return Optional.ofNullable(signed).flatMap(each -> each.tokens().signer());
  }

  /** Asks what there is to know of an object. */
  public Ask metadata(String bucket, String object, Optional<Long> generation, CancelSignal cancel) {
    return ask(bucket, object, generation, cancel);
  }

  /** Asks for an object's bytes as they are stored. */
  public Ask media(String bucket, String object, Optional<Long> generation, CancelSignal cancel) {
    Ask metadata = ask(bucket, object, generation, cancel);
    return Ask.get(metadata.url().withQuery("alt", "media")).with(metadata.credentials());
  }

  private Ask ask(String bucket, String object, Optional<Long> generation, CancelSignal cancel) {
    refuseOffline("gs://" + bucket + "/" + object);
    Url url = settings.endpoint().append("storage", "v1", "b", bucket, "o", object);
    Url pinned = generation.isPresent() ? url.withQuery("generation", String.valueOf(generation.get())) : url;
    return signed(Ask.get(pinned), Scope.READ, cancel);
  }

  /** Said for the thing itself: otherwise it would be said of the server that gives tokens. */
  void refuseOffline(String uri) {
    if (http.isCutOff(settings.endpoint())) {
      throw Problem.of(Code.OFFLINE, "--offline: no connection to " + settings.endpoint().host() + " was opened.").with("missing", List.of(uri)).toException();
    }
  }

  /** The same question with a token, where there is an account and as long as it goes to the endpoint. */
  Ask signed(Ask ask, Scope scope, CancelSignal cancel) {
    return ask.with(hop -> headers(hop, scope, cancel));
  }

  private Map<String, String> headers(Url hop, Scope scope, CancelSignal cancel) {
    if (!settings.endpoint().sameOrigin(hop)) {
      return Map.of();
    }
    return token(scope, cancel).map(token -> Map.of("Authorization", "Bearer " + token.reveal())).orElse(Map.of());
  }

  /** A question to the server that gives tokens cannot be cancelled; but who waits for its answer can. */
  private Optional<Secret> token(Scope scope, CancelSignal cancel) {
    CompletableFuture<Optional<Secret>> answer = CompletableFuture.supplyAsync(() -> current(scope), asking);
    try (CancelSignal.Registration ignored = cancel.onCancel(() -> answer.completeExceptionally(CancelSignal.problem().toException()))) {
      return answer.join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof ProblemException problem ? new ProblemException(problem.problem(), problem) : e;
    }
  }

  private synchronized Optional<Secret> current(Scope scope) {
    lookAgain();
    if (signed == null || signed.account().isPresent()) {
      return Optional.ofNullable(signed).map(each -> each.tokens().current(scope));
    }
    Optional<Secret> token = signed.tokens().ofThisMachine(scope);
    if (token.isEmpty()) {
      // A machine without an account, which stays so as long as it lives.
      onGoogle = false;
      signed = null;
    }
    return token;
  }

  /** Each time anew, since a daemon outlives a login. */
  private void lookAgain() {
    Optional<Account> account = Account.find(settings);
    Optional<Stat> stat = account.flatMap(each -> Stat.of(each.file()));
    if (signed != null && signed.account().equals(account) && signed.stat().equals(stat)) {
      return;
    }
    if (account.isPresent()) {
      signed = new Signed(account, stat, GoogleTokens.of(account.get(), http));
    } else {
      signed = isOnGoogle() ? new Signed(account, stat, GoogleTokens.ofMachine(http)) : null;
    }
  }

  private boolean isOnGoogle() {
    if (onGoogle == null) {
      onGoogle = settings.metadataServer().map(this::answers).orElse(false);
    }
    return onGoogle;
  }

  /** Only who answers as Google's server does is believed: in other networks the name may belong to anybody. */
  private boolean answers(String server) {
    CancelSignal enough = new CancelSignal();
    CompletableFuture<Boolean> answer =
        CompletableFuture.supplyAsync(
            () -> {
              try (Answer reply = http.once(Ask.get(Url.parse("http://" + server + "/")).header(GoogleTokens.FLAVOR, GoogleTokens.GOOGLE), enough)) {
                return reply.header(GoogleTokens.FLAVOR).filter(GoogleTokens.GOOGLE::equals).isPresent();
              } catch (ProblemException | IllegalArgumentException e) {
                return false;
              }
            },
            asking);
    boolean there = answer.completeOnTimeout(false, LONGEST_LOOK.toMillis(), TimeUnit.MILLISECONDS).join();
    enough.cancel();
    return there;
  }
}
