package comfyui.cockpit.git;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.net.Http;
import comfyui.cockpit.net.NetSettings;
import comfyui.cockpit.net.Retry;
import java.io.EOFException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ProtocolException;
import java.net.SocketException;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.regex.Pattern;
import org.eclipse.jgit.lib.EmptyProgressMonitor;
import org.eclipse.jgit.lib.ProgressMonitor;
import org.eclipse.jgit.lib.Ref;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.transport.FetchConnection;
import org.eclipse.jgit.transport.FetchResult;
import org.eclipse.jgit.transport.FilterSpec;
import org.eclipse.jgit.transport.RefSpec;
import org.eclipse.jgit.transport.TagOpt;
import org.eclipse.jgit.transport.Transport;
import org.eclipse.jgit.transport.TransportHttp;
import org.eclipse.jgit.transport.URIish;

/** Repositories where they are served: what refs they have, and their objects. What goes wrong on the way is told in our words. */
final class Remote implements AutoCloseable {
  /** One more try for what may pass. */
  private static final Retry RETRY = new Retry(1, Duration.ofMillis(500));
  /** JGit writes with java.io, whose errors are only texts. */
  private static final Pattern DISK = Pattern.compile("No space left|quota exceeded|Permission denied|Read-only file system|File too large");
  private static final Pattern CONNECTION =
      Pattern.compile("hung up unexpectedly|unknown host|Connection refused|timed out|Short read|Invalid packet line header");
  private static final int LONGEST_SAYING = 300;

  private final NetSettings settings;
  private final Http http;
  private final Netrc netrc;

  Remote(GitAccess access) {
    this.settings = access.net();
    this.http = new Http(access.net());
    this.netrc = Netrc.read(access.netrc());
  }

  /**
   * What to fetch.
   *
   * @param depth how much of the history; 0 is all of it, 1 none
   * @param commitsOnly without trees and files, if the server can do that
   */
  record Want(List<String> specs, int depth, boolean commitsOnly) {
    /** Servers of old close the connection on whoever asks for a commit that is no tip, and JGit misses the word they say before. */
    boolean isRefusedBySilence() {
      return depth == 1;
    }
  }

  /** The server has no such object or ref, or does not give it by this way of asking; it answered all the same. */
  static final class NotGiven extends Exception {
    private static final long serialVersionUID = 1;

    NotGiven(String saying, Throwable cause) {
      super(saying, cause);
    }
  }

  boolean isOffline() {
    return settings.offline();
  }

  Http http() {
    return http;
  }

  GitHttp requests(CancelSignal cancel, ProgressSink progress) {
    return new GitHttp(http, netrc, cancel, progress);
  }

  String redact(String text) {
    return netrc.redact(text);
  }

  /**
   * The refs that begin with one of these, and {@code HEAD} if it is among them; the servers of old send all.
   *
   * @throws ProblemException {@code git_unreachable}, {@code offline}, {@code cancelled}
   */
  Map<String, Ref> refs(RepoUrl repo, List<String> prefixes, CancelSignal cancel) {
    return RETRY.run(
        cancel,
        () -> {
          try {
            return talk(
                repo,
                false,
                cancel,
                ProgressSink.NONE,
                requests -> {
                  try (Transport transport = open(repo, Optional.empty(), requests);
                      FetchConnection connection = transport.openFetch(List.of(), prefixes.toArray(String[]::new))) {
                    return Map.copyOf(connection.getRefsMap());
                  }
                });
          } catch (NotGiven e) {
            throw unreachable(repo, "It answered: " + e.getMessage() + ".", true).toException();
          }
        });
  }

  /**
   * Brings objects into a repository of ours.
   *
   * @throws NotGiven if the server was reached and does not give this
   * @throws ProblemException {@code git_unreachable}, {@code offline}, {@code cancelled}, and those of the disk
   */
  FetchResult fetch(RepoUrl repo, Repository into, Want want, CancelSignal cancel, ProgressSink progress) throws NotGiven {
    for (int failed = 0; ; failed++) {
      try {
        return talk(
            repo,
            want.isRefusedBySilence(),
            cancel,
            progress,
            requests -> {
              try (Transport transport = open(repo, Optional.of(into), requests)) {
                transport.setTagOpt(TagOpt.NO_TAGS);
                // With a depth JGit's own check fails always; the caller has a better one.
                transport.setCheckFetchedObjects(false);
                if (want.depth() > 0) {
                  transport.setDepth(want.depth());
                }
                if (want.commitsOnly()) {
                  transport.setFilterSpec(FilterSpec.fromFilterLine("tree:0"));
                }
                return transport.fetch(new Monitor(cancel, progress), want.specs().stream().map(RefSpec::new).toList());
              }
            });
      } catch (ProblemException e) {
        if (!RETRY.mayRetry(e.problem(), failed)) {
          throw e;
        }
        cancel.sleep(RETRY.pause(e.problem(), failed));
      }
    }
  }

  /** @throws ProblemException {@code offline} if the repository is not on this machine and we may not leave it */
  void refuseIfOffline(RepoUrl repo, List<String> what) {
    if (settings.offline() && !repo.isLocal()) {
      throw Problem.of(Code.OFFLINE, "--offline: " + String.join(", ", what) + " of " + repo + " is not in the cache.")
          .with("missing", what.stream().map(one -> repo + "@" + one).toList())
          .toException();
    }
  }

  private Transport open(RepoUrl repo, Optional<Repository> into, GitHttp requests) throws IOException {
    URIish uri = uri(repo);
    Transport transport = into.isPresent() ? Transport.open(into.get(), uri) : Transport.open(uri);
    if (transport instanceof TransportHttp overHttp) {
      overHttp.setHttpConnectionFactory(requests);
    }
    transport.setTimeout((int) Math.max(1, (settings.headerTimeout().toMillis() + 999) / 1000));
    return transport;
  }

  private static URIish uri(RepoUrl repo) throws IOException {
    if (repo.isLocal()) {
      return new URIish().setPath(repo.localPath().toString());
    }
    try {
      return new URIish(repo.text());
    } catch (URISyntaxException e) {
      throw new IOException("the address cannot be read", e);
    }
  }

  @FunctionalInterface
  private interface Talk<T> {
    T with(GitHttp requests) throws IOException;
  }

  /** @param silenceRefuses whether an end without an answer may be the answer */
  private <T> T talk(RepoUrl repo, boolean silenceRefuses, CancelSignal cancel, ProgressSink progress, Talk<T> talk) throws NotGiven {
    cancel.throwIfCancelled();
    if (repo.isSsh()) {
      throw unreachable(repo, "Repositories are not fetched over ssh.", false)
          .withHint("Write its https:// address; a login for it goes into ~/.netrc.").toException();
    }
    if (repo.isLocal()) {
      LocalCopy.open(repo).close();
    }
    try (GitHttp requests = requests(cancel, progress)) {
      try {
        return interruptible(cancel, () -> talk.with(requests));
      } catch (ProblemException e) {
        throw translated(e.problem(), repo);
      } catch (IOException | RuntimeException e) {
        cancel.throwIfCancelled();
        throw failure(e, repo, silenceRefuses, requests);
      }
    }
  }

  /**
   * Runs on a virtual thread: there an interrupt ends also a wait in a socket, which is how JGit's time-outs and our cancelling get through
   * to a server that says nothing.
   */
  private static <T> T interruptible(CancelSignal cancel, Callable<T> work) throws IOException {
    FutureTask<T> task = new FutureTask<>(work);
    Thread thread = Thread.ofVirtual().name("git").unstarted(task);
    try (CancelSignal.Registration registration = cancel.onCancel(thread::interrupt)) {
      thread.start();
      return task.get();
    } catch (InterruptedException e) {
      thread.interrupt();
      Thread.currentThread().interrupt();
      throw CancelSignal.problem().toException();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException io -> throw io;
        case RuntimeException runtime -> throw runtime;
        case Error error -> throw error;
        default -> throw new IllegalStateException(e.getCause());
      }
    }
  }

  private static Optional<ProblemException> problemIn(Throwable e) {
    for (Throwable at = e; at != null; at = at.getCause()) {
      if (at instanceof ProblemException problem) {
        return Optional.of(problem);
      }
    }
    return Optional.empty();
  }

  /** What our HTTP said, as a problem of the repository. */
  private static ProblemException translated(Problem problem, RepoUrl repo) {
    return switch (problem.code()) {
      case STALLED -> silent(repo);
      case CONNECTION_FAILED, REDIRECT_REFUSED, HOST_ERROR -> {
        Problem git = unreachable(repo, problem.detail(), problem.retryable());
        yield (problem.hint().equals(problem.code().hint()) ? git : git.withHint(problem.hint())).toException();
      }
      default -> problem.toException();
    };
  }

  private ProblemException failure(Exception e, RepoUrl repo, boolean silenceRefuses, GitHttp requests) throws NotGiven {
    Optional<ProblemException> ours = problemIn(e);
    if (ours.isPresent()) {
      return translated(ours.get().problem(), repo);
    }
    for (Throwable at = e; at != null; at = at.getCause()) {
      if (at instanceof FileSystemException disk) {
        return DiskProblems.of(disk, Path.of(Optional.ofNullable(disk.getFile()).orElse("the cache"))).toException();
      }
      if (DISK.matcher(String.valueOf(at.getMessage())).find()) {
        return DiskProblems.of(new IOException(at.getMessage()), Path.of("the cache")).toException();
      }
    }
    if (requests.notSmart()) {
      return unreachable(repo, "What answers there is a page, not a repository.", false)
          .withHint("Check the address; it is the one that `git clone` takes.").toException();
    }
    int status = requests.lastStatus().orElse(200);
    if (status != 200) {
      return refused(repo, status, requests.loginWasSent());
    }
    if (silenceRefuses && requests.receivedNothing() && isEnd(e)) {
      throw new NotGiven("it closed the connection", e);
    }
    if (isTimeOut(e)) {
      return silent(repo);
    }
    if (isOfTheConnection(e)) {
      return unreachable(repo, "The connection failed: " + saying(e) + ".", true).toException();
    }
    throw new NotGiven(saying(e), e);
  }

  private static ProblemException refused(RepoUrl repo, int status, boolean loginWasSent) {
    Problem problem =
        switch (status) {
          case 401 -> loginWasSent
              ? unreachable(repo, "It does not take the login that ~/.netrc has for " + repo.host() + " (401).", false)
                  .withHint("Correct the login in ~/.netrc; a token may have expired or lack the right to read this repository.")
              : unreachable(repo, "It wants a login (401): it is private, or it does not exist.", false)
                  .withHint("Check the address; for a private one write a login for " + repo.host() + " into ~/.netrc (machine, login, password).");
          case 403 -> unreachable(repo, "It refuses to serve this machine or this login (403).", false);
          case 404, 410 -> unreachable(repo, "There is no such repository (" + status + ").", false)
              .withHint("Check the address; a private repository may answer like one that does not exist.");
          case 301, 302, 303, 307, 308 -> unreachable(repo, "It redirects to an address that is not followed for a repository.", false)
              .withHint("Write the repository's new address.");
          case 429 -> unreachable(repo, "It limits how often it may be asked (429).", true).withHint("Wait, then try again.");
          default -> unreachable(repo, "It answered with status " + status + ".", status >= 500);
        };
    return problem.with("status", status).toException();
  }

  static Problem unreachable(RepoUrl repo, String why, boolean retryable) {
    Problem base = Problem.of(Code.GIT_UNREACHABLE, "The repository " + repo + " cannot be reached. " + why).with("repo", repo.text());
    return new Problem(base.code(), base.detail(), base.hint(), base.args(), base.where(), retryable, base.link(), base.errors());
  }

  /** Has had all the time there is; another try of ours would make the user wait as long again. */
  private static ProblemException silent(RepoUrl repo) {
    return unreachable(repo, "It took the connection and then said nothing.", true).with("tries", 0).toException();
  }

  /** JGit's timer interrupts the thread, which closes the socket. */
  private static boolean isTimeOut(Throwable e) {
    for (Throwable at = e; at != null; at = at.getCause()) {
      if (at instanceof InterruptedIOException || at instanceof SocketException && String.valueOf(at.getMessage()).contains("interrupt")) {
        return true;
      }
    }
    return false;
  }

  private static boolean isEnd(Throwable e) {
    for (Throwable at = e; at != null; at = at.getCause()) {
      if (at instanceof EOFException || String.valueOf(at.getMessage()).contains("Short read of block")) {
        return true;
      }
    }
    return false;
  }

  private static boolean isOfTheConnection(Throwable e) {
    for (Throwable at = e; at != null; at = at.getCause()) {
      String text = String.valueOf(at.getMessage());
      if (at instanceof SocketException || at instanceof UnknownHostException || at instanceof EOFException || at instanceof ProtocolException
          || CONNECTION.matcher(text).find()) {
        return true;
      }
    }
    return false;
  }

  /** The innermost message, on one line, without a login of ours. */
  private String saying(Throwable e) {
    Throwable innermost = e;
    while (innermost.getCause() != null && innermost.getCause() != innermost) {
      innermost = innermost.getCause();
    }
    String text = Optional.ofNullable(innermost.getMessage()).orElse(innermost.getClass().getSimpleName());
    String line = redact(text).replaceAll("\\p{Cntrl}+", " ").replaceAll("[.\\s]+$", "").strip();
    return line.length() > LONGEST_SAYING ? line.substring(0, LONGEST_SAYING) + "…" : line;
  }

  @Override
  public void close() {
    http.close();
  }

  /** Passes on what JGit counts, and stops it when we are cancelled. */
  private static final class Monitor extends EmptyProgressMonitor implements ProgressMonitor {
    private final CancelSignal cancel;
    private final ProgressSink progress;

    Monitor(CancelSignal cancel, ProgressSink progress) {
      this.cancel = cancel;
      this.progress = progress;
    }

    @Override
    public void beginTask(String title, int totalWork) {
      if (!title.startsWith("remote: ")) {
        progress.log(title + (totalWork > 0 ? ": " + totalWork : ""));
      }
    }

    @Override
    public boolean isCancelled() {
      return cancel.isCancelled();
    }
  }
}
