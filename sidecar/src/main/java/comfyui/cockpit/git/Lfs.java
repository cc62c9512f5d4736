package comfyui.cockpit.git;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.net.Answer;
import comfyui.cockpit.net.Http;
import comfyui.cockpit.net.Url;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.jgit.lib.RepositoryCache;
import org.eclipse.jgit.util.FS;

/**
 * The contents that LFS pointers stand for: asked for by git-lfs' batch API (basic transfers) or copied from a local repository, and kept
 * in the bare cache under their checksum.
 */
final class Lfs {
  private static final int LARGEST_ANSWER = 4 << 20;
  /** How many the batch API is asked for at once; more is refused by some hosts. */
  private static final int BATCH = 100;
  private static final String JSON = "application/vnd.git-lfs+json";

  private final Repositories repositories;
  private final CancelSignal cancel;
  private final ProgressSink progress;

  Lfs(Repositories repositories, CancelSignal cancel, ProgressSink progress) {
    this.repositories = repositories;
    this.cancel = cancel;
    this.progress = progress;
  }

  /**
   * Brings what the cache lacks.
   *
   * @throws ProblemException {@code file_missing} or {@code git_unreachable}, naming the file
   */
  void bring(RepoUrl repo, List<Entry> wanted) {
    BareCache bare = repositories.bare(repo);
    if (lacking(bare, wanted).isEmpty()) {
      return;
    }
    try (BareCache.Hold hold = bare.enter(cancel, progress)) {
      // Another process may have brought them meanwhile.
      Map<String, Entry> lacking = lacking(bare, wanted);
      if (lacking.isEmpty()) {
        return;
      }
      progress.phase("downloading");
      if (repo.isLocal()) {
        for (Entry entry : lacking.values()) {
          copy(repo, bare, entry);
        }
      } else {
        download(repo, bare, new ArrayList<>(lacking.values()));
      }
    } catch (IOException e) {
      throw DiskProblems.of(e, bare.directory()).toException();
    }
  }

  /** Takes a content that came by other means. */
  void add(RepoUrl repo, Entry entry, Path file) {
    BareCache bare = repositories.bare(repo);
    try (BareCache.Hold hold = bare.enter(cancel, progress);
        InputStream in = Files.newInputStream(file)) {
      keep(repo, bare, entry, in);
    } catch (IOException e) {
      throw DiskProblems.of(e, file).toException();
    }
  }

  /** By checksum, so that two equal files come once. */
  private static Map<String, Entry> lacking(BareCache bare, List<Entry> wanted) {
    Map<String, Entry> lacking = new LinkedHashMap<>();
    for (Entry entry : wanted) {
      LfsPointer pointer = entry.lfs().orElseThrow();
      if (!Files.isRegularFile(bare.lfsObject(pointer.sha256()))) {
        lacking.putIfAbsent(pointer.sha256(), entry);
      }
    }
    return lacking;
  }

  private void copy(RepoUrl repo, BareCache bare, Entry entry) throws IOException {
    LfsPointer pointer = entry.lfs().orElseThrow();
    java.io.File directory = RepositoryCache.FileKey.resolve(repo.localPath().toFile(), FS.DETECTED);
    Optional<Path> source =
        Optional.ofNullable(directory)
            .map(java.io.File::toPath)
            .map(git -> git.resolve("lfs").resolve("objects").resolve(pointer.sha256().substring(0, 2)).resolve(pointer.sha256().substring(2, 4))
                .resolve(pointer.sha256()))
            .filter(Files::isRegularFile);
    if (source.isEmpty()) {
      throw missing(repo, entry, "the repository on this machine does not have it").toException();
    }
    try (InputStream in = Files.newInputStream(source.get())) {
      keep(repo, bare, entry, in);
    }
  }

  private void download(RepoUrl repo, BareCache bare, List<Entry> wanted) throws IOException {
    if (!repo.isHttp()) {
      throw missing(repo, wanted.getFirst(), "LFS files come only over http(s)").toException();
    }
    repositories.remote().refuseIfOffline(repo, wanted.stream().map(entry -> "LFS file " + entry.path()).toList());
    try (GitHttp requests = repositories.remote().requests(cancel, progress)) {
      for (int from = 0; from < wanted.size(); from += BATCH) {
        List<Entry> some = wanted.subList(from, Math.min(from + BATCH, wanted.size()));
        Map<String, Value> answers = ask(repo, some, requests);
        for (Entry entry : some) {
          cancel.throwIfCancelled();
          Value object = Optional.ofNullable(answers.get(entry.lfs().orElseThrow().sha256()))
              .orElseThrow(() -> missing(repo, entry, "the host says nothing of it").toException());
          fetch(repo, bare, entry, object, requests);
        }
      }
    }
  }

  private Map<String, Value> ask(RepoUrl repo, List<Entry> wanted, GitHttp requests) {
    List<Map<String, Object>> objects = new ArrayList<>();
    for (Entry entry : wanted) {
      LfsPointer pointer = entry.lfs().orElseThrow();
      objects.add(Map.of("oid", pointer.sha256(), "size", pointer.size()));
    }
    Map<String, Object> question = new LinkedHashMap<>();
    question.put("operation", "download");
    question.put("transfers", List.of("basic"));
    question.put("objects", objects);
    question.put("hash_algo", "sha256");
    Entry first = wanted.getFirst();
    Http.Ask ask =
        Http.Ask.post(batchAddress(repo), new Http.Content(JSON, Json.write(question).getBytes(StandardCharsets.UTF_8))).header("Accept", JSON);
    try (Answer answer = requests.follow(ask)) {
      if (answer.status() != 200) {
        throw unreachable(repo, first, "the host answered with status " + answer.status());
      }
      Value root = Json.read(answer.text(LARGEST_ANSWER)).orElseThrow(() -> unreachable(repo, first, "the host's answer is no JSON"));
      Map<String, Value> byOid = new HashMap<>();
      for (Value object : root.items("objects")) {
        object.text("oid").ifPresent(oid -> byOid.put(oid, object));
      }
      return byOid;
    } catch (ProblemException e) {
      throw named(e, repo, first);
    } catch (IOException e) {
      throw named(repositories.remote().http().failure(e, batchAddress(repo)), repo, first);
    }
  }

  private static Url batchAddress(RepoUrl repo) {
    String text = repo.text().replaceAll("/+$", "");
    return Url.parse((text.endsWith(".git") ? text : text + ".git") + "/info/lfs/objects/batch");
  }

  private void fetch(RepoUrl repo, BareCache bare, Entry entry, Value object, GitHttp requests) throws IOException {
    Optional<String> refused = object.get("error").map(error -> error.number("code").orElse(0) + " " + error.text("message").orElse(""));
    if (refused.isPresent()) {
      throw missing(repo, entry, "the host says " + repositories.remote().redact(refused.get()).replaceAll("\\p{Cntrl}+", " ").strip()).toException();
    }
    Value download =
        object.get("actions").flatMap(actions -> actions.get("download"))
            .orElseThrow(() -> missing(repo, entry, "the host names no place to download it from").toException());
    Optional<Url> named = download.text("href").flatMap(Lfs::address);
    if (named.isEmpty()) {
      throw missing(repo, entry, "the host names no http(s) address for it").toException();
    }
    Url url = named.get();
    Map<String, String> headers = new HashMap<>();
    if (download.get("header").orElse(null) instanceof Value.Obj given) {
      given.members().forEach((name, member) -> {
        if (member.value() instanceof Value.Str text) {
          headers.put(name, text.text());
        }
      });
    }
    repositories.remote().http().refuseFurtherIn(url, batchAddress(repo));
    // The host gave these headers for this address; they go to no other.
    Http.Ask ask = Http.Ask.get(url).with(hop -> hop.sameOrigin(url) ? headers : Map.of());
    try (Answer answer = headers.isEmpty() ? requests.follow(ask) : repositories.remote().http().follow(ask, hop -> false, cancel)) {
      if (answer.status() != 200) {
        throw unreachable(repo, entry, "its host answered with status " + answer.status());
      }
      progress.log("LFS file " + entry.path());
      keep(repo, bare, entry, answer.body());
    } catch (ProblemException e) {
      throw named(e, repo, entry);
    }
  }

  private static Optional<Url> address(String href) {
    try {
      return Optional.of(Url.parse(href));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** Under another name until its length and checksum are right. */
  private void keep(RepoUrl repo, BareCache bare, Entry entry, InputStream content) throws IOException {
    LfsPointer pointer = entry.lfs().orElseThrow();
    Path target = bare.lfsObject(pointer.sha256());
    Files.createDirectories(target.getParent());
    Path incoming = bare.directory().resolve("lfs").resolve("incoming_" + UUID.randomUUID());
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      long size = 0;
      try (OutputStream out = Files.newOutputStream(incoming)) {
        DigestInputStream in = new DigestInputStream(content, digest);
        byte[] buffer = new byte[64 << 10];
        while (size <= pointer.size()) {
          cancel.throwIfCancelled();
          int read = read(repo, entry, in, buffer);
          if (read < 0) {
            break;
          }
          out.write(buffer, 0, read);
          size += read;
          progress.bytes(size, pointer.size());
        }
      }
      if (size != pointer.size() || !HexFormat.of().formatHex(digest.digest()).equals(pointer.sha256())) {
        throw unreachable(repo, entry, "what came has another length or checksum");
      }
      Files.move(incoming, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    } finally {
      Files.deleteIfExists(incoming);
    }
  }

  /** What breaks while reading is the connection's, not the disk's. */
  private int read(RepoUrl repo, Entry entry, InputStream in, byte[] buffer) {
    try {
      return in.read(buffer);
    } catch (IOException e) {
      cancel.throwIfCancelled();
      throw unreachable(repo, entry, "the transfer broke: " + e.getMessage());
    }
  }

  private static Problem missing(RepoUrl repo, Entry entry, String why) {
    return said(Problem.of(Code.FILE_MISSING, sentence(repo, entry, why))
        .withHint("Ask the repository's owner; its large files are not where it says."), repo, entry);
  }

  private static ProblemException unreachable(RepoUrl repo, Entry entry, String why) {
    return said(Problem.of(Code.GIT_UNREACHABLE, sentence(repo, entry, why)), repo, entry).toException();
  }

  private static ProblemException named(ProblemException e, RepoUrl repo, Entry entry) {
    Problem problem = e.problem();
    return switch (problem.code()) {
      case CONNECTION_FAILED, STALLED, REDIRECT_REFUSED, HOST_ERROR -> unreachable(repo, entry, problem.detail());
      default -> e;
    };
  }

  private static String sentence(RepoUrl repo, Entry entry, String why) {
    return "\"" + entry.path() + "\" of " + repo + " is an LFS pointer whose content could not be had: " + why.replaceAll("\\.$", "") + ".";
  }

  private static Problem said(Problem problem, RepoUrl repo, Entry entry) {
    return problem.with("repo", repo.text()).with("path", entry.path());
  }
}
