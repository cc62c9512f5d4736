package comfyui.cockpit.source;

import comfyui.cockpit.gcs.Gcs;
import comfyui.cockpit.gcs.StoredObject;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.net.Answer;
import comfyui.cockpit.net.Http;
import comfyui.cockpit.net.Http.Ask;
import comfyui.cockpit.net.Retry;
import comfyui.cockpit.net.Url;
import comfyui.cockpit.source.Described.Choice;
import comfyui.cockpit.source.Described.Gate;
import comfyui.cockpit.source.Described.Title;
import comfyui.cockpit.source.ModelSource.Civitai;
import comfyui.cockpit.source.ModelSource.GcsObject;
import comfyui.cockpit.source.ModelSource.HuggingFace;
import comfyui.cockpit.source.ModelSource.Local;
import comfyui.cockpit.source.ModelSource.RepoType;
import comfyui.cockpit.source.ModelSource.Web;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Stream;

/** Asks hosts about files and opens them. */
public final class Sources {
  /** What a hub says who has the file and does not give it. */
  private static final Set<Code> BYTES_REFUSED = Set.of(Code.TOKEN_MISSING, Code.TOKEN_REJECTED, Code.ACCESS_DENIED, Code.LICENCE_NOT_ACCEPTED);

  private static final int METADATA_LIMIT = 8 << 20;

  private final Http http;
  private final Hubs hubs;
  private final Gcs gcs;
  private final Retry retry;
  private final Refusals refusals;

  public Sources(Http http, Hubs hubs, Gcs gcs, Retry retry, Clock clock) {
    this.http = http;
    this.hubs = hubs;
    this.gcs = gcs;
    this.retry = retry;
    this.refusals = new Refusals(clock);
  }

  /** The host as people call it; {@code file} for this machine's own files. */
  public String host(ModelSource source) {
    return switch (source) {
      case HuggingFace hf -> hubs.huggingFace().host();
      case Civitai civitai -> hubs.civitai().host();
      case Web web -> web.url().host();
      case Local local -> "file";
      case GcsObject object -> gcs.settings().endpoint().host();
    };
  }

  /** True for a file of this machine, which needs no connection. */
  public boolean isLocal(ModelSource source) {
    return source instanceof Local;
  }

  /**
   * Asks the host.
   *
   * @param expected a checksum that the user declared; decides between several files of one version
   * @throws ProblemException what the host refuses, or that the source fits several files
   */
  public Described describe(ModelSource source, Optional<Checksum> expected, CancelSignal cancel) {
    return switch (source) {
      case HuggingFace hf -> retry.run(cancel, () -> huggingFace(hf, cancel));
      case Civitai civitai -> retry.run(cancel, () -> civitai(civitai, expected, cancel));
      case Web web -> retry.run(cancel, () -> web(web, cancel));
      case Local local -> local(local);
      case GcsObject object -> gcs.settings().retry().run(cancel, () -> gcs(object, cancel));
    };
  }

  /**
   * Asks the host for all that somebody wants to know who has never seen the model: its licence, and what stands between them and its bytes. A hub tells
   * of a gated repository everything but the bytes.
   *
   * @throws ProblemException as {@link #describe}; not where only the bytes are refused
   */
  public Described look(ModelSource source, CancelSignal cancel) {
    if (!(source instanceof HuggingFace hf) || hf.path().isEmpty()) {
      return describe(source, Optional.empty(), cancel);
    }
    Optional<Value> card = retry.run(cancel, () -> card(hf, cancel));
    Optional<String> licence = card.flatMap(json -> json.get("cardData")).flatMap(data -> data.text("license"));
    try {
      return describe(source, Optional.empty(), cancel).with(Optional.empty(), licence);
    } catch (ProblemException e) {
      boolean gated = card.flatMap(json -> json.text("gated")).isPresent();
      Optional<Described> listed = gated && BYTES_REFUSED.contains(e.problem().code()) ? card.flatMap(json -> listed(hf, json)) : Optional.empty();
      return listed.orElseThrow(() -> e).with(Optional.of(new Gate("licence", Optional.of(page(hf)), Optional.empty())), licence);
    }
  }

  /** How often a transfer from there is tried again. */
  public Retry patience(ModelSource source, Retry otherwise) {
    return source instanceof GcsObject ? gcs.settings().retry() : otherwise;
  }

  /** What can be said of a source without asking anybody. */
  public Described assume(ModelSource source, Optional<Checksum> checksum) {
    Optional<Title> title =
        source instanceof HuggingFace hf
            ? Optional.of(new Title(hf.repo().substring(hf.repo().indexOf('/') + 1), stem(last(hf.path())), hf.revision(), Optional.empty(), Optional.empty()))
            : Optional.empty();
    String name =
        switch (source) {
          case HuggingFace hf -> last(hf.path());
          case Civitai civitai -> subject(civitai);
          case Web web -> web.url().segments().getLast();
          case Local local -> last(local.path().toString());
          case GcsObject object -> last(object.object());
        };
    return new Described(source, host(source), name, OptionalLong.empty(), 0, checksum, title, Optional.empty(), Optional.empty(), Optional.empty());
  }

  private static String last(String path) {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  /**
   * Opens a remote file, whole or a part of it, always from its stable address: signed addresses expire, and may be signed for the very
   * range.
   *
   * @param range {@code bytes=a-b} or {@code bytes=a-}
   * @param validator a strong ETag or a date for {@code If-Range}
   * @return an answer with status 200, 206 or 416
   * @throws ProblemException what the host refuses
   */
  public Answer open(Described described, Optional<String> range, Optional<String> validator, CancelSignal cancel) {
    Ask ask =
        switch (described.source()) {
          case HuggingFace hf -> Ask.get(resolveUrl(hf)).with(hubs::huggingFaceHeaders);
          case Civitai civitai -> Ask.get(downloadUrl(civitai)).with(hubs::civitaiHeaders);
          case Web web -> Ask.get(web.url());
          case Local local -> throw new IllegalArgumentException("a local file is not opened over HTTP");
          case GcsObject object -> gcs.media(object.bucket(), object.object(), object.generation(), cancel);
        };
    Ask whole = ask.forBody();
    Ask ranged = range.isPresent() ? whole.header("Range", range.get()) : whole;
    // A generation is a better validator than any that the bucket's own server would compare.
    boolean pinned = described.source() instanceof GcsObject object && object.generation().isPresent();
    Ask request = validator.isPresent() && range.isPresent() && !pinned ? ranged.header("If-Range", validator.get()) : ranged;
    Answer answer = http.follow(request, hop -> changedMeanwhile(described, hop), cancel);
    boolean good = false;
    try {
      if (answer.isRedirect()) {
        throw Problem.of(Code.CHECKSUM_OF_HOST_DIFFERS, described.host() + " now names another content for " + described.filename() + " than a moment ago.").toException();
      }
      Optional<Problem> gated = pageInstead(described, answer);
      if (gated.isPresent()) {
        throw gated.get().toException();
      }
      if (described.source() instanceof GcsObject object) {
        refuseOther(described, object, answer);
      }
      int status = answer.status();
      good = status == 200 || range.isPresent() && (status == 206 || status == 416);
      if (good) {
        return answer;
      }
      if (status == 206 || status == 204 || status == 205 || status == 416) {
        throw Problem.of(Code.HOST_ERROR, answer.url().host() + " answered " + status + " to a request for the whole file.").toException();
      }
      throw refusal(described, request.url(), answer).toException();
    } finally {
      if (!good) {
        answer.close();
      }
    }
  }

  /** Civitai leads to the version's page while its early access lasts. */
  private static Optional<Problem> pageInstead(Described described, Answer answer) {
    boolean page = answer.status() == 200 && answer.header("Content-Type").orElse("").startsWith("text/html");
    return described.gate().filter(gate -> page && gate.kind().equals("early_access")).map(
        gate -> {
          String until = gate.until().orElse("");
          Problem problem = Problem.of(Code.EARLY_ACCESS, described.filename() + " is in early access" + (until.isEmpty() ? "" : " until " + until) + ".");
          Problem linked = described.page().map(problem::link).orElse(problem);
          return until.isEmpty() ? linked : linked.with("until", until);
        });
  }

  /** A branch may move between two requests; the Hub's redirect names the content's hash. */
  private static boolean changedMeanwhile(Described described, Answer hop) {
    Optional<Checksum> announced = hop.header("X-Linked-ETag").flatMap(Sources::sha256OfEtag);
    return announced.isPresent()
        && described.checksum().filter(c -> c.algorithm() == Checksum.Algorithm.SHA256).map(c -> !c.equals(announced.get())).orElse(false);
  }

  private Problem refusal(Described described, Url first, Answer answer) {
    if (!answer.url().sameOrigin(first)) {
      // Not the hub but its storage: an address that was signed too long ago, or for another range. One more try gets a new one.
      Problem problem = refusals.general(answer);
      int status = answer.status();
      return status == 400 || status == 401 || status == 403 || status == 404
          ? Problem.of(Code.HOST_ERROR, "The storage of " + described.host() + " refuses the file: " + problem.detail()).with("tries", 1)
          : problem;
    }
    return switch (described.source()) {
      case HuggingFace hf -> refusals.huggingFace(answer, hf, hubs.huggingFaceToken().isPresent(), page(hf));
      case Civitai civitai -> {
        Problem problem = refusals.civitai(answer, subject(civitai), hubs.civitaiToken().isPresent(), page(civitai));
        // The download route also says 404 when its storage lookup fails for a moment.
        yield problem.code() == Code.VERSION_NOT_FOUND
            ? new Problem(problem.code(), problem.detail(), problem.hint(), problem.args(), problem.where(), true, problem.link(), List.of()).with("tries", 2)
            : problem;
      }
      case Web web -> refusals.general(answer);
      case Local local -> refusals.general(answer);
      case GcsObject object -> refusals.gcs(answer, object, gcs.isSigned());
    };
  }

  // Hugging Face

  private Url resolveUrl(HuggingFace hf) {
    List<String> segments = new ArrayList<>();
    if (!hf.type().prefix().isEmpty()) {
      segments.add(hf.type().prefix().replace("/", ""));
    }
    segments.addAll(List.of(hf.repo().split("/")));
    segments.add("resolve");
    segments.add(hf.revision());
    segments.addAll(List.of(hf.path().split("/")));
    return hubs.huggingFace().append(segments);
  }

  private Url apiUrl(HuggingFace hf) {
    List<String> segments = new ArrayList<>(List.of("api", hf.type() == RepoType.MODEL ? "models" : hf.type().prefix().replace("/", "")));
    segments.addAll(List.of(hf.repo().split("/")));
    return hubs.huggingFace().append(segments);
  }

  private URI page(HuggingFace hf) {
    return URI.create(Hubs.HUGGING_FACE + "/" + hf.type().prefix() + hf.repo());
  }

  private Described huggingFace(HuggingFace hf, CancelSignal cancel) {
    if (hf.path().isEmpty()) {
      throw huggingFaceFiles(hf, cancel);
    }
    // The answer that counts is the hub's own: the last before the storage.
    Http.HopCheck ownRedirect = hop -> hop.header("X-Linked-Size").isPresent() || hop.header("X-Linked-ETag").isPresent() || leavesHub(hop);
    Answer head = http.follow(Ask.head(resolveUrl(hf)).with(hubs::huggingFaceHeaders), ownRedirect, cancel);
    try (head) {
      if (head.status() < 400) {
        return described(hf, head);
      }
      if (head.status() != 405 && head.status() != 501 && !(head.status() == 403 && head.header("X-Error-Code").isEmpty())) {
        // A HEAD has no body, in which some refusals say what they mean.
        if (head.header("X-Error-Code").isPresent() || head.status() != 401 && head.status() != 403) {
          throw refusals.huggingFace(head, hf, hubs.huggingFaceToken().isPresent(), page(hf)).toException();
        }
      }
    }
    Ask probe = Ask.get(resolveUrl(hf)).with(hubs::huggingFaceHeaders).header("Range", "bytes=0-0");
    try (Answer get = http.follow(probe, ownRedirect, cancel)) {
      if (get.status() < 400) {
        return described(hf, get);
      }
      throw refusals.huggingFace(get, hf, hubs.huggingFaceToken().isPresent(), page(hf)).toException();
    }
  }

  /** What the hub tells of a repository; nothing if it does not, and then its files say why. */
  private Optional<Value> card(HuggingFace hf, CancelSignal cancel) {
    Url url = apiUrl(hf).append("revision", hf.revision()).withQuery("blobs", "true");
    try (Answer answer = http.follow(Ask.get(url).with(hubs::huggingFaceHeaders), hop -> false, cancel)) {
      return answer.status() == 200 ? Optional.of(metadata(answer)) : Optional.empty();
    } catch (IOException e) {
      throw http.failure(e, url);
    }
  }

  /** A file as its repository's card lists it. */
  private Optional<Described> listed(HuggingFace hf, Value card) {
    return card.items("siblings").stream()
        .filter(file -> file.text("rfilename").equals(Optional.of(hf.path())))
        .findFirst()
        .map(
            file -> {
              Optional<String> commit = card.text("sha").filter(sha -> sha.matches("[0-9a-f]{40}"));
              Optional<Checksum> sha256 = file.get("lfs").flatMap(lfs -> lfs.text("sha256")).filter(Checksum::looksLikeSha256).map(Checksum::sha256);
              return described(hf, commit, file.number("size"), sha256);
            });
  }

  private boolean leavesHub(Answer hop) {
    return hop.location().flatMap(hop.url()::resolve).map(next -> !next.sameOrigin(hubs.huggingFace())).orElse(false);
  }

  private Described described(HuggingFace hf, Answer answer) {
    Optional<String> commit = answer.header("X-Repo-Commit").filter(c -> c.matches("[0-9a-f]{40}"));
    String etag = answer.header("X-Linked-ETag").or(() -> answer.isRedirect() ? Optional.empty() : answer.header("ETag")).orElse("");
    OptionalLong size = linkedSize(answer);
    Optional<Checksum> checksum =
        sha256OfEtag(etag).or(() -> Optional.of(bare(etag)).filter(hex -> hex.matches("[0-9a-f]{40}") && size.isPresent()).map(Checksum::gitBlob));
    return described(hf, commit, size, checksum);
  }

  private Described described(HuggingFace hf, Optional<String> commit, OptionalLong size, Optional<Checksum> checksum) {
    HuggingFace pinned = commit.map(c -> new HuggingFace(hf.type(), hf.repo(), c, hf.path())).orElse(hf);
    String name = hf.repo().substring(hf.repo().indexOf('/') + 1);
    String file = hf.path().substring(hf.path().lastIndexOf('/') + 1);
    Title title = new Title(name, stem(file), commit.map(c -> c.substring(0, 8)).orElse(hf.revision()), Optional.empty(), Optional.empty());
    return new Described(
        pinned, hubs.huggingFace().host(), file, size, 0, checksum, Optional.of(title), Optional.of(page(hf)), Optional.empty(), Optional.empty());
  }

  private static OptionalLong linkedSize(Answer answer) {
    Optional<Long> linked = answer.header("X-Linked-Size").filter(text -> text.matches("\\d{1,18}")).map(Long::parseLong);
    if (linked.isPresent()) {
      return OptionalLong.of(linked.get());
    }
    if (answer.isRedirect()) {
      return OptionalLong.empty();
    }
    Optional<Long> range = answer.header("Content-Range").filter(text -> text.matches("bytes \\d+-\\d+/\\d+")).map(text -> Long.parseLong(text.substring(text.indexOf('/') + 1)));
    if (answer.status() == 206) {
      return range.map(OptionalLong::of).orElseGet(OptionalLong::empty);
    }
    try {
      return answer.contentLength();
    } catch (IllegalArgumentException e) {
      return OptionalLong.empty();
    }
  }

  private static Optional<Checksum> sha256OfEtag(String etag) {
    return Optional.of(bare(etag)).filter(Checksum::looksLikeSha256).map(Checksum::sha256);
  }

  private static String bare(String etag) {
    String text = etag.startsWith("W/") ? etag.substring(2) : etag;
    return text.replace("\"", "").toLowerCase(Locale.ROOT);
  }

  /** A page of a repository names no file: the files that a model loader reads are the choices. */
  private ProblemException huggingFaceFiles(HuggingFace hf, CancelSignal cancel) {
    Url tree = apiUrl(hf).append("tree", hf.revision()).withQuery("recursive", "true");
    try (Answer answer = http.follow(Ask.get(tree).with(hubs::huggingFaceHeaders), hop -> false, cancel)) {
      if (answer.status() != 200) {
        throw refusals.huggingFace(answer, hf, hubs.huggingFaceToken().isPresent(), page(hf)).toException();
      }
      List<Choice> choices = new ArrayList<>();
      if (metadata(answer) instanceof Value.Arr files) {
        for (Value file : files.items()) {
          String path = file.text("path").orElse("");
          if (path.matches("(?i).+\\.(safetensors|gguf|ckpt|pt|pth|sft|bin|onnx)")) {
            choices.add(new Choice(path, file.number("size"), new HuggingFace(hf.type(), hf.repo(), hf.revision(), path)));
          }
        }
      }
      if (choices.isEmpty()) {
        return Problem.of(Code.FILE_NOT_FOUND, hf.repo() + " holds no model file.").link(page(hf)).toException();
      }
      return Described.ambiguous("\"" + hf.uri() + "\" names a repository of " + choices.size() + " model files.", choices);
    } catch (IOException e) {
      throw http.failure(e, tree);
    }
  }

  // Civitai

  private Url downloadUrl(Civitai civitai) {
    Url url = hubs.civitai().append("api", "download", "models", String.valueOf(civitai.version().orElseThrow()));
    if (civitai.file().isPresent()) {
      return url.withQuery("fileId", String.valueOf(civitai.file().get()));
    }
    Url typed = civitai.type().isPresent() ? url.withQuery("type", civitai.type().get()) : url;
    return civitai.format().isPresent() ? typed.withQuery("format", civitai.format().get()) : typed;
  }

  private URI page(Civitai civitai) {
    return URI.create(
        civitai.model().isPresent()
            ? Hubs.CIVITAI + "/models/" + civitai.model().get() + civitai.version().map(v -> "?modelVersionId=" + v).orElse("")
            : Hubs.CIVITAI + "/model-versions/" + civitai.version().orElse(0L));
  }

  private static String subject(Civitai civitai) {
    return civitai.version().map(id -> "version " + id).orElseGet(() -> "model " + civitai.model().orElse(0L));
  }

  private Value civitaiJson(Url url, Civitai civitai, CancelSignal cancel) {
    try (Answer answer = http.follow(Ask.get(url).with(hubs::civitaiHeaders), hop -> false, cancel)) {
      if (answer.status() != 200) {
        throw refusals.civitai(answer, subject(civitai), hubs.civitaiToken().isPresent(), page(civitai)).toException();
      }
      return metadata(answer);
    } catch (IOException e) {
      throw http.failure(e, url);
    }
  }

  private Described civitai(Civitai civitai, Optional<Checksum> expected, CancelSignal cancel) {
    if (civitai.version().isEmpty()) {
      throw civitaiVersions(civitai, cancel);
    }
    long version = civitai.version().get();
    Value json = civitaiJson(hubs.civitai().append("api", "v1", "model-versions", String.valueOf(version)), civitai, cancel);
    Optional<Long> model = json.number("modelId").isPresent() ? Optional.of(json.number("modelId").getAsLong()) : civitai.model();
    List<Value> files = json.items("files");
    if (files.isEmpty()) {
      throw Problem.of(Code.REMOVED_BY_HOST, "Civitai lists no file for " + subject(civitai) + ".").link(page(civitai)).toException();
    }
    List<Value> fitting = files.stream().filter(file -> fits(file, civitai)).toList();
    List<Value> declared =
        fitting.stream().filter(file -> expected.isPresent() && expected.equals(sha256(file))).toList();
    List<Value> chosen = declared.size() == 1 ? declared : fitting;
    if (chosen.size() > 1) {
      throw Described.ambiguous(
          "Version " + version + " has " + chosen.size() + " files" + (fitting.size() < files.size() ? " that fit." : "."),
          chosen.stream().map(file -> new Choice(file.text("name").orElse("?"), size(file), pinned(model, version, file))).toList());
    }
    if (chosen.isEmpty()) {
      throw Problem.of(Code.FILE_NOT_FOUND, "Version " + version + " has no file of that id, type and format.")
          .withHint("It has: " + String.join(", ", files.stream().map(file -> file.text("name").orElse("?")).toList()) + ".")
          .link(page(civitai))
          .toException();
    }
    Value file = chosen.getFirst();
    String modelName = json.get("model").flatMap(m -> m.text("name")).orElse("model");
    Title title =
        new Title(
            modelName, json.text("name").orElse(""), String.valueOf(version), json.get("model").flatMap(m -> m.text("type")), json.text("baseModel"));
    Optional<Gate> gate =
        json.text("availability").filter("EarlyAccess"::equals)
            .map(a -> new Gate("early_access", Optional.of(page(civitai)), json.text("earlyAccessEndsAt").or(() -> json.text("earlyAccessDeadline"))));
    Civitai pinned = pinned(model, version, file);
    return new Described(
        pinned, hubs.civitai().host(), file.text("name").orElse("model"), size(file), 1024, sha256(file), Optional.of(title), Optional.of(page(pinned)), gate,
        Optional.empty());
  }

  private static boolean fits(Value file, Civitai civitai) {
    return civitai.file().map(id -> file.number("id").equals(OptionalLong.of(id))).orElse(true)
        && civitai.type().map(type -> file.text("type").orElse("").equalsIgnoreCase(type)).orElse(true)
        && civitai.format().map(format -> file.get("metadata").flatMap(m -> m.text("format")).orElse("").equalsIgnoreCase(format)).orElse(true);
  }

  private static Civitai pinned(Optional<Long> model, long version, Value file) {
    OptionalLong id = file.number("id");
    return new Civitai(model, Optional.of(version), id.isPresent() ? Optional.of(id.getAsLong()) : Optional.empty(), Optional.empty(), Optional.empty());
  }

  private static Optional<Checksum> sha256(Value file) {
    return file.get("hashes").flatMap(hashes -> hashes.text("SHA256")).filter(Checksum::looksLikeSha256).map(Checksum::sha256);
  }

  /** Kibibytes with fractions; right to about one of them. */
  private static OptionalLong size(Value file) {
    return file.get("sizeKB")
        .map(value -> value instanceof Value.Num num ? OptionalLong.of(Math.round(num.number().doubleValue() * 1024)) : OptionalLong.empty())
        .orElseGet(OptionalLong::empty);
  }

  private ProblemException civitaiVersions(Civitai civitai, CancelSignal cancel) {
    long model = civitai.model().orElseThrow(() -> new IllegalArgumentException("neither model nor version"));
    Value json = civitaiJson(hubs.civitai().append("api", "v1", "models", String.valueOf(model)), civitai, cancel);
    List<Choice> choices = new ArrayList<>();
    for (Value version : json.items("modelVersions")) {
      for (Value file : version.items("files")) {
        if (version.number("id").isPresent()) {
          choices.add(new Choice(file.text("name").orElse("?"), size(file), pinned(Optional.of(model), version.number("id").getAsLong(), file)));
        }
      }
    }
    if (choices.isEmpty()) {
      return Problem.of(Code.REMOVED_BY_HOST, "Civitai lists no file for model " + model + ".").link(page(civitai)).toException();
    }
    return Described.ambiguous("Model " + model + " has " + choices.size() + " files in its versions, and the source names no version.", choices);
  }

  // Google Cloud Storage

  private Described gcs(GcsObject object, CancelSignal cancel) {
    Ask ask = gcs.metadata(object.bucket(), object.object(), object.generation(), cancel);
    try (Answer answer = http.follow(ask, hop -> false, cancel)) {
      if (answer.status() != 200) {
        throw refusals.gcs(answer, object, gcs.isSigned()).toException();
      }
      StoredObject stored =
          StoredObject.read(metadata(answer))
              .orElseThrow(() -> Problem.of(Code.HOST_ERROR, answer.url().host() + " answered something that describes no object.").toException());
      if (stored.encoding().isPresent()) {
        throw packed(object, stored.encoding().get());
      }
      GcsObject pinned = new GcsObject(object.bucket(), object.object(), Optional.of(stored.generation()));
      return new Described(
          pinned, host(object), last(object.object()), stored.size(), 0, stored.checksums().stream().findFirst(), Optional.empty(), Optional.empty(),
          Optional.empty(), Optional.empty(), stored.checksums().stream().skip(1).toList());
    } catch (IOException e) {
      throw http.failure(e, ask.url());
    }
  }

  /** The size and the checksums are those of what is stored, and what would come is something else. */
  private static ProblemException packed(GcsObject object, String encoding) {
    return Refusals.permanent(Problem.of(Code.HOST_ERROR, object.uri() + " is stored compressed (Content-Encoding: " + encoding + "), so that nothing tells whether what comes is right."))
        .withHint("Upload the file again as it is: without -z, -Z or --gzip-local, and without a Content-Encoding.")
        .toException();
  }

  /** The bytes must be those that were described: another generation may have come in between, and not every server looks at the one asked for. */
  private static void refuseOther(Described described, GcsObject object, Answer answer) {
    int status = answer.status();
    if (status != 200 && status != 206) {
      return;
    }
    Optional<String> encoding = StoredObject.encoding(answer);
    if (encoding.isPresent()) {
      throw packed(object, encoding.get());
    }
    Optional<Long> generation = StoredObject.generation(answer);
    if (object.generation().isPresent() && generation.isPresent() && !generation.equals(object.generation())) {
      throw Refusals.goneGeneration(object).toException();
    }
    List<Checksum> known = Stream.concat(described.checksum().stream(), described.also().stream()).toList();
    for (Checksum announced : StoredObject.checksums(answer)) {
      Optional<Checksum> contradicted = known.stream().filter(sum -> sum.algorithm() == announced.algorithm() && !sum.equals(announced)).findFirst();
      if (contradicted.isPresent() && generation.isEmpty()) {
        throw Refusals.goneGeneration(object).toException();
      }
      if (contradicted.isPresent()) {
        throw Problem.of(Code.CHECKSUM_OF_HOST_DIFFERS, described.host() + " now names another content for " + described.filename() + " than a moment ago.")
            .with("expected", contradicted.get().hex())
            .with("actual", announced.hex())
            .toException();
      }
    }
  }

  // Others

  private Described web(Web web, CancelSignal cancel) {
    String last = web.url().segments().getLast();
    String file = last.isEmpty() ? "file" : last;
    Described nothingKnown =
        new Described(web, web.url().host(), file, OptionalLong.empty(), 0, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
    try (Answer head = http.follow(Ask.head(web.url()), hop -> false, cancel)) {
      if (head.status() == 200) {
        boolean page = head.header("Content-Type").orElse("").startsWith("text/html");
        OptionalLong length = page ? OptionalLong.empty() : positive(linkedSize(head));
        return new Described(
            web, web.url().host(), file, length, Described.GUESS, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
      }
      return switch (head.status()) {
        // Many servers refuse or forget HEAD; only the GET decides.
        case 400, 401, 403, 405, 501 -> nothingKnown;
        default -> throw refusals.general(head).toException();
      };
    }
  }

  /** A HEAD that says 0 is more often a lie than an empty file. */
  private static OptionalLong positive(OptionalLong size) {
    return size.isPresent() && size.getAsLong() > 0 ? size : OptionalLong.empty();
  }

  private static Described local(Local local) {
    Path path = local.path();
    String name = path.getFileName() == null ? "" : path.getFileName().toString();
    try {
      if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
        throw Problem.of(Code.FILE_MISSING, "The source " + path + " is not there.").toException();
      }
      // Only a regular file: a pipe would wait for ever, a device never ends.
      if (!Files.isRegularFile(path.toRealPath())) {
        throw Problem.of(Code.SOURCE_UNSUPPORTED, "The source " + path + " is not a regular file.").withHint("Name the file itself.").toException();
      }
      if (!Files.isReadable(path)) {
        throw Problem.of(Code.ACCESS_DENIED, "The source " + path + " may not be read by this user.").withHint("Give this user the right to read it.").toException();
      }
      return new Described(
          local, "file", name, OptionalLong.of(Files.size(path)), 0, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
    } catch (IOException e) {
      throw new ProblemException(Problem.of(Code.FILE_MISSING, "The source " + path + " cannot be read: " + e.getMessage() + "."), e);
    }
  }

  private static Value metadata(Answer answer) throws IOException {
    return Json.read(answer.text(METADATA_LIMIT))
        .orElseThrow(() -> Problem.of(Code.HOST_ERROR, answer.url().host() + " answered something that is not JSON.").toException());
  }

  private static String stem(String file) {
    int dot = file.lastIndexOf('.');
    return dot > 0 ? file.substring(0, dot) : file;
  }
}
