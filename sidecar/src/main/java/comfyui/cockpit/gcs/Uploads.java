package comfyui.cockpit.gcs;

import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.net.Answer;
import comfyui.cockpit.net.Http;
import comfyui.cockpit.net.Http.Ask;
import comfyui.cockpit.net.Url;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Writes objects to Google Cloud Storage. A bucket may be given as {@code name} or {@code gs://name} everywhere; whatever is no name ends
 * with {@code bad_request}. Tries again as the settings of {@link Gcs} say.
 */
public final class Uploads {
  private static final String CREATE = "storage.objects.create";
  private static final int LARGEST_ANSWER = 64 << 10;
  private static final int LONGEST_NAME = 1024;

  private final Http http;
  private final Gcs gcs;
  private final Clock clock;

  public Uploads(Http http, Gcs gcs, Clock clock) {
    this.http = http;
    this.gcs = gcs;
    this.clock = clock;
  }

  /**
   * Asks whether the account may create objects in the bucket; writes nothing.
   *
   * @throws ProblemException {@code bucket_not_writable}, {@code token_missing}, {@code token_rejected}, {@code rate_limited}, {@code
   *     host_error}, {@code connection_failed}, {@code stalled}, {@code offline}, {@code cancelled}
   */
  public void requireWritable(String bucket, CancelSignal cancel) {
    Bucket named = Bucket.of(bucket);
    gcs.refuseOffline(named.uri());
    gcs.settings()
        .retry()
        .run(
            cancel,
            () -> {
              askForRight(named, cancel);
              return named;
            });
  }

  /**
   * Asks whether addresses can be signed; a key file answers that without any request.
   *
   * @throws ProblemException {@code token_missing} if they cannot
   */
  public void requireSigner() {
    signer();
  }

  /**
   * Writes a file as an object, in place of one that has this name already. An upload that breaks goes on where it broke.
   *
   * @param object its whole name, at most 1024 bytes
   * @param mime such as {@code image/png}
   * @param publicRead true if everybody may read it
   * @throws ProblemException as {@link #requireWritable}, and {@code file_missing}, {@code size_differs} if the file changes meanwhile,
   *     {@code checksum_of_host_differs}, {@code redirect_refused}
   */
  public Stored upload(Path file, String bucket, String object, String mime, boolean publicRead, CancelSignal cancel, ProgressSink progress) {
    Bucket named = Bucket.of(bucket);
    gcs.refuseOffline(named.uri(object));
    Upload upload = new Upload(http, gcs, new Upload.Target(named, object(object), mime, publicRead), file, cancel, progress);
    StoredObject stored = upload.run();
    return new Stored(named.name(), object, stored.generation(), stored.size().orElse(upload.size()), address(named, object));
  }

  /**
   * An address by which everybody can read the object for a while.
   *
   * @param ttl how long it works: at least a second, and at most seven days even if this is longer
   * @throws ProblemException {@code token_missing} if the account cannot sign
   */
  public String signedUrl(String bucket, String object, Duration ttl) {
    return SignedUrl.of(address(Bucket.of(bucket), object(object)), signer(), clock.now(), ttl);
  }

  private Signer signer() {
    return gcs.signer()
        .orElseThrow(
            () ->
                SignedUrl.cannotSign(
                        gcs.signedBy()
                            .map(who -> "the account of " + who + " is no service account, and only one of these signs.")
                            .orElse("only a service account signs, and there is no account."))
                    .toException());
  }

  private void askForRight(Bucket bucket, CancelSignal cancel) {
    Url url = gcs.settings().endpoint().append("storage", "v1", "b", bucket.name());
    try (Answer answer = get(url.append("iam", "testPermissions").withQuery("permissions", CREATE), cancel)) {
      WriteRefusals refusals = new WriteRefusals(bucket, gcs.signedBy());
      switch (answer.status()) {
        case 200 -> {
          if (!grants(answer)) {
            throw refusals.noRight("it lacks " + CREATE + ".").toException();
          }
        }
        // A stand-in may know buckets and no rights.
        case 404, 405, 501 -> askForBucket(bucket, url.withQuery("fields", "name"), cancel);
        default -> throw refusals.of(answer).toException();
      }
    }
  }

  private void askForBucket(Bucket bucket, Url url, CancelSignal cancel) {
    try (Answer answer = get(url, cancel)) {
      if (answer.status() != 200) {
        throw new WriteRefusals(bucket, gcs.signedBy()).of(answer).toException();
      }
    }
  }

  private Answer get(Url url, CancelSignal cancel) {
    return http.follow(gcs.signed(Ask.get(url), Scope.WRITE, cancel), hop -> false, cancel);
  }

  private boolean grants(Answer answer) {
    return json(http, answer)
        .map(json -> json.items("permissions").stream().anyMatch(item -> item instanceof Value.Str text && text.text().equals(CREATE)))
        .orElse(false);
  }

  /** What an answer holds, if it is JSON. */
  static Optional<Value> json(Http http, Answer answer) {
    try {
      return Json.read(answer.text(LARGEST_ANSWER));
    } catch (IOException e) {
      throw http.failure(e, answer.url());
    }
  }

  private static String object(String name) {
    boolean fits = !name.isEmpty() && name.getBytes(StandardCharsets.UTF_8).length <= LONGEST_NAME;
    if (!fits || name.equals(".") || name.equals("..") || name.contains("\n") || name.contains("\r")) {
      throw Problem.of(Code.BAD_REQUEST, "This is not the name of an object: \"" + name + "\".")
          .withHint("A name has 1 to " + LONGEST_NAME + " bytes and no line breaks.")
          .toException();
    }
    return name;
  }

  private String address(Bucket bucket, String object) {
    String endpoint = gcs.settings().endpoint().reveal().replaceFirst("/$", "");
    return endpoint + "/" + bucket.name() + "/" + Url.encode(object).replace("%2F", "/");
  }
}
