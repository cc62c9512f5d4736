package comfyui.cockpit.gcs;

import comfyui.cockpit.json.Json;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Checksum.Algorithm;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.net.Answer;
import comfyui.cockpit.net.Http;
import comfyui.cockpit.net.Http.Ask;
import comfyui.cockpit.net.Http.Content;
import comfyui.cockpit.net.Retry;
import comfyui.cockpit.net.Url;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One file on its way to become one object, by Google's resumable upload: a session is opened, the bytes go there in chunks, and after a
 * break the session says how far they came. A chunk names its place: where a kept connection turns out to be closed, {@link Http} sends it
 * again on another one, and what came before counts once.
 */
final class Upload {
  /** Google wants multiples of 256 KiB; one of these is held in memory. */
  static final int CHUNK = 8 << 20;

  private static final int BUFFER = 1 << 20;
  private static final String JSON = "application/json; charset=UTF-8";
  private static final Pattern RANGE = Pattern.compile("bytes=0-(\\d{1,18})");

  private final Http http;
  private final Gcs gcs;
  private final Target target;
  private final Path file;
  private final CancelSignal cancel;
  private final ProgressSink progress;

  private Optional<Url> session = Optional.empty();
  private List<Checksum> checksums = List.of();
  private long size;
  private long furthest;

  /**
   * What the file is to become.
   *
   * @param mime its content type
   * @param publicRead true if everybody may read it
   */
  record Target(Bucket bucket, String object, String mime, boolean publicRead) {
    String uri() {
      return bucket.uri(object);
    }

    Scope scope() {
      return publicRead ? Scope.SHARE : Scope.WRITE;
    }
  }

  /** What the session says of itself. */
  private sealed interface State {
    /** @param bytes that it has and wants no more */
    record Open(long bytes) implements State {}

    record Finished(StoredObject object) implements State {}
  }

  Upload(Http http, Gcs gcs, Target target, Path file, CancelSignal cancel, ProgressSink progress) {
    this.http = http;
    this.gcs = gcs;
    this.target = target;
    this.file = file;
    this.cancel = cancel;
    this.progress = progress;
  }

  /** Bytes, as the file was when it was read last. */
  long size() {
    return size;
  }

  /** Runs until it is done or fails for good. A try that came further than all before is no failure. */
  StoredObject run() {
    Retry retry = gcs.settings().retry();
    for (int failed = 0; ; failed++) {
      long before = furthest;
      try {
        return attempt();
      } catch (ProblemException e) {
        failed = furthest > before ? 0 : failed;
        if (!retry.mayRetry(e.problem(), failed)) {
          throw e;
        }
        if (e.problem().code() == Code.CHECKSUM_OF_HOST_DIFFERS) {
          session = Optional.empty();
        }
        progress.phase("waiting");
        cancel.sleep(retry.pause(e.problem(), failed));
      }
    }
  }

  private StoredObject attempt() {
    State state = session.isPresent() ? send(session.get(), new byte[0], "bytes */" + size) : new State.Open(open());
    progress.phase("uploading");
    while (state instanceof State.Open open) {
      progress.bytes(open.bytes(), size);
      state = sendFrom(open.bytes());
    }
    StoredObject object = ((State.Finished) state).object();
    requireSame(object);
    progress.bytes(size, size);
    return object;
  }

  /** Opens a session for what the file holds now, and returns where to begin. */
  private long open() {
    readFile();
    Url url =
        gcs.settings().endpoint().append("upload", "storage", "v1", "b", target.bucket().name(), "o").withQuery("uploadType", "resumable").withQuery("name", target.object());
    Ask ask =
        Ask.post(target.publicRead() ? url.withQuery("predefinedAcl", "publicRead") : url, new Content(JSON, metadata()))
            .header("X-Upload-Content-Type", target.mime())
            .header("X-Upload-Content-Length", String.valueOf(size));
    progress.phase("asking");
    try (Answer answer = http.once(gcs.signed(ask, target.scope(), cancel), cancel)) {
      if (answer.status() != 200 && answer.status() != 201) {
        throw refusal(answer);
      }
      session = Optional.of(session(answer));
      return 0;
    }
  }

  /** What goes along, so that Google itself refuses bytes that differ. */
  private byte[] metadata() {
    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("contentType", target.mime());
    for (Checksum each : checksums) {
      metadata.put(each.algorithm() == Algorithm.MD5 ? "md5Hash" : "crc32c", Base64.getEncoder().encodeToString(HexFormat.of().parseHex(each.hex())));
    }
    return Json.write(metadata).getBytes(StandardCharsets.UTF_8);
  }

  /** Whoever has a session's address may write: it is the endpoint's, or none. */
  private Url session(Answer answer) {
    String location =
        answer.header("Location").orElseThrow(() -> Problem.of(Code.HOST_ERROR, answer.url().host() + " opened an upload and gave no address for it.").toException());
    Url endpoint = gcs.settings().endpoint();
    return answer
        .url()
        .resolve(location)
        .filter(endpoint::sameOrigin)
        .orElseThrow(
            () ->
                Problem.of(Code.REDIRECT_REFUSED, "The upload to " + target.uri() + " was not sent: its address leads away from " + endpoint + ".")
                    .withHint("Write gcs_endpoint as the server itself writes its address.")
                    .toException());
  }

  private State sendFrom(long from) {
    byte[] chunk = chunk(from);
    String range = chunk.length == 0 ? "bytes */" + size : "bytes " + from + "-" + (from + chunk.length - 1) + "/" + size;
    State state = send(session.orElseThrow(), chunk, range);
    if (state instanceof State.Open open && open.bytes() <= from) {
      throw Problem.of(Code.HOST_ERROR, gcs.settings().endpoint().host() + " took nothing of what was sent for " + target.uri() + ".").toException();
    }
    return state;
  }

  private State send(Url to, byte[] bytes, String range) {
    Ask ask = Ask.put(to, new Content(target.mime(), bytes)).header("Content-Range", range);
    try (Answer answer = http.once(gcs.signed(ask, target.scope(), cancel), cancel)) {
      State state =
          switch (answer.status()) {
            case 200, 201 -> new State.Finished(object(answer));
            case 308 -> new State.Open(kept(answer));
            case 404, 410 -> {
              session = Optional.empty();
              throw Problem.of(Code.HOST_ERROR, answer.url().host() + " has lost the upload of " + target.uri() + " (" + answer.status() + ").").toException();
            }
            default -> throw refusal(answer);
          };
      furthest = Math.max(furthest, state instanceof State.Open open ? open.bytes() : size);
      return state;
    }
  }

  private StoredObject object(Answer answer) {
    return Uploads.json(http, answer)
        .flatMap(StoredObject::read)
        .orElseThrow(() -> Problem.of(Code.HOST_ERROR, answer.url().host() + " took " + target.uri() + " and did not describe it.").toException());
  }

  /** Bytes from the start that the session has; without the header it has none. */
  private long kept(Answer answer) {
    Optional<String> range = answer.header("Range");
    if (range.isEmpty()) {
      return 0;
    }
    Matcher matcher = RANGE.matcher(range.get());
    long kept = matcher.matches() ? Long.parseLong(matcher.group(1)) + 1 : -1;
    if (kept < 0 || kept > size) {
      throw WriteRefusals.permanent(Problem.of(Code.HOST_ERROR, answer.url().host() + " says that it has \"" + range.get() + "\" of " + size + " bytes."))
          .toException();
    }
    return kept;
  }

  private void requireSame(StoredObject object) {
    List<Algorithm> known = object.checksums().stream().map(Checksum::algorithm).toList();
    List<Checksum> expected = checksums.stream().filter(each -> known.contains(each.algorithm())).toList();
    if (object.size().orElse(size) != size || !object.checksums().containsAll(expected)) {
      throw Problem.of(Code.CHECKSUM_OF_HOST_DIFFERS, target.uri() + " was written, and what stands there is not what " + file + " holds.")
          .with("expected", expected.stream().map(Checksum::toString).toList())
          .with("actual", object.checksums().stream().map(Checksum::toString).toList())
          .toException();
    }
  }

  private ProblemException refusal(Answer answer) {
    return new WriteRefusals(target.bucket(), gcs.signedBy()).of(answer).toException();
  }

  /** Reads the file once to its end, for its size and checksums. */
  private void readFile() {
    progress.phase("verifying");
    MessageDigest crc = Algorithm.CRC32C.newDigest();
    MessageDigest md5 = Algorithm.MD5.newDigest();
    long read = 0;
    try (InputStream in = Files.newInputStream(file)) {
      byte[] buffer = new byte[BUFFER];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        cancel.throwIfCancelled();
        crc.update(buffer, 0, n);
        md5.update(buffer, 0, n);
        read += n;
      }
    } catch (IOException e) {
      throw unreadable(e);
    }
    size = read;
    checksums = List.of(Checksum.of(Algorithm.CRC32C, crc.digest()), Checksum.of(Algorithm.MD5, md5.digest()));
  }

  private byte[] chunk(long from) {
    ByteBuffer chunk = ByteBuffer.allocate((int) Math.min(CHUNK, size - from));
    try (FileChannel in = FileChannel.open(file)) {
      while (chunk.hasRemaining() && in.read(chunk, from + chunk.position()) >= 0) {
        cancel.throwIfCancelled();
      }
    } catch (IOException e) {
      throw unreadable(e);
    }
    if (chunk.hasRemaining()) {
      throw Problem.of(Code.SIZE_DIFFERS, file + " became shorter while it was uploaded.").withHint("Let nothing write to the file meanwhile.").toException();
    }
    return chunk.array();
  }

  private ProblemException unreadable(IOException e) {
    String why = e instanceof NoSuchFileException ? "is not there" : "cannot be read: " + e.getMessage();
    return new ProblemException(Problem.of(Code.FILE_MISSING, "The file " + file + " " + why + ".").withHint("Check the path, and that this user may read it."), e);
  }
}
