package comfyui.cockpit.git;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.eclipse.jgit.lib.FileMode;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.ObjectLoader;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.revwalk.RevCommit;
import org.eclipse.jgit.revwalk.RevWalk;
import org.eclipse.jgit.treewalk.TreeWalk;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Commits of repositories, without a git program: which commit a ref is, its objects in a shared bare cache, and checkouts that borrow
 * from there. One object for a cache and a process; other processes may use the same cache at the same time.
 */
public final class Repositories implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Repositories.class);

  private final Path cache;
  private final Clock clock;
  private final Remote remote;
  private final Scratch scratch;
  private final Fetches fetches;
  private final ConcurrentHashMap<String, BareCache> bares = new ConcurrentHashMap<>();

  /**
   * Opens nothing and makes nothing yet.
   *
   * @param cache where the bare repositories lie, each under its {@link RepoUrl#slug()}
   */
  public Repositories(Path cache, GitAccess access, Clock clock) {
    QuietSystem.install();
    this.cache = cache.toAbsolutePath().normalize();
    this.clock = clock;
    this.remote = new Remote(access);
    this.scratch = new Scratch(this.cache.resolve(Scratch.NAME), clock);
    this.fetches = new Fetches(remote, scratch);
  }

  /**
   * Which commit a ref is at the repository now.
   *
   * @param ref a branch, else a tag (an annotated one stands for its commit), else a commit by 7 digits or more; or a full name
   *     {@code refs/…}; nothing is the repository's {@code HEAD}. A full commit is taken as it is where the cache has it, and fetched
   *     otherwise.
   * @throws ProblemException {@code ref_not_found} (args {@code repo}, {@code ref}), {@code git_unreachable}, {@code offline} (args
   *     {@code missing}), {@code cancelled}
   */
  public Resolved resolve(RepoUrl repo, Optional<String> ref, CancelSignal cancel) {
    return fetches.resolve(repo, ref.map(String::strip).filter(text -> !text.isEmpty()), bare(repo), cancel);
  }

  /** True if the cache holds the commit with every file of it; a fetch that was killed does not make it so. */
  public boolean has(RepoUrl repo, CommitId commit) {
    return bare(repo).has(commit);
  }

  /**
   * Brings a commit into the shared cache, without its history where the server allows that. One fetch at a time into one bare
   * repository, also across processes; does nothing if the commit is there.
   *
   * @param refHint a ref that the commit is likely to be reached from, for servers that give no single commits
   * @throws ProblemException {@code ref_not_found}, {@code git_unreachable}, {@code offline}, {@code cancelled}, {@code disk_full},
   *     {@code not_writable}
   */
  public void fetch(RepoUrl repo, CommitId commit, Optional<String> refHint, CancelSignal cancel, ProgressSink progress) {
    CommitId came = fetches.fetch(repo, commit, refHint, bare(repo), cancel, progress);
    if (!came.equals(commit)) {
      throw Fetches.notFound(repo, commit.hex(), "It names a tag, whose commit is " + came + ".").toException();
    }
  }

  /**
   * The tree of a commit in the cache.
   *
   * @return 40 hexadecimal digits
   */
  public String tree(RepoUrl repo, CommitId commit) {
    return reading(
        repo,
        commit,
        (repository, parsed) -> parsed.getTree().name());
  }

  /**
   * One file of a commit in the cache.
   *
   * @param path with {@code /} between its parts
   * @param limit the most bytes it may have
   * @return nothing if the commit has no such file; a symbolic link or a directory is none
   * @throws ProblemException {@code source_unsupported} if it is larger
   */
  public Optional<byte[]> read(RepoUrl repo, CommitId commit, String path, int limit) {
    return reading(repo, commit, (repository, parsed) -> readFile(repository, parsed, path, limit, repo));
  }

  static Optional<byte[]> readFile(Repository repository, RevCommit commit, String path, int limit, RepoUrl repo) throws IOException {
    try (TreeWalk walk = TreeWalk.forPath(repository, path, commit.getTree())) {
      if (walk == null || (walk.getFileMode().getBits() & FileMode.TYPE_MASK) != FileMode.TYPE_FILE) {
        return Optional.empty();
      }
      ObjectLoader loader = repository.open(walk.getObjectId(0));
      if (loader.getSize() > limit) {
        throw Problem.of(Code.SOURCE_UNSUPPORTED, path + " of " + repo + " has " + loader.getSize() + " bytes; at most " + limit + " are read.")
            .withHint("Use another commit of this repository.")
            .toException();
      }
      return Optional.of(loader.getBytes(limit));
    }
  }

  /**
   * The submodules of a commit, those of submodules too, each before its own. Fetches what it must see.
   *
   * @throws ProblemException {@code source_unsupported} for an address that is refused, {@code declaration_invalid} for a path that is,
   *     and whatever a fetch ends with; the detail names the submodule
   */
  public List<Submodule> submodules(RepoUrl repo, CommitId commit, CancelSignal cancel, ProgressSink progress) {
    return new Submodules(this).of(repo, commit, cancel, progress);
  }

  /**
   * Writes a commit's files, and those of its submodules, into an empty or absent directory, which becomes a git work tree: {@code .git} is
   * a small directory of its own that borrows its objects from the shared cache, HEAD is detached at the commit, and {@code git status} is
   * clean. Runs no hook and no filter. If it fails, the directory is empty or absent again.
   *
   * @param submodules what {@link #submodules} said
   * @throws ProblemException {@code path_taken} if something is there, {@code path_outside_root} for a symbolic link that leads out,
   *     {@code declaration_invalid} for names that some file system takes for others or for git's own, {@code file_missing} for a
   *     commit the cache lacks or an LFS file that cannot be had, {@code disk_full}, {@code not_writable}, {@code cancelled}
   */
  public void checkout(RepoUrl repo, CommitId commit, List<Submodule> submodules, Path target, CancelSignal cancel, ProgressSink progress) {
    new Checkout(this, cancel, progress).write(repo, commit, submodules, target.toAbsolutePath().normalize());
  }

  /** The files that the commit and its submodules track, in git's order, out of the cache. */
  public List<TrackedFile> tracked(RepoUrl repo, CommitId commit, List<Submodule> submodules) {
    List<TrackedFile> files = new ArrayList<>();
    for (Entry entry : Entry.all(this, repo, commit, submodules)) {
      files.add(new TrackedFile(entry.path(), entry.mode(), entry.contentSize()));
    }
    return files;
  }

  /**
   * Packs a commit that is in the cache into a file that git takes for a bundle, as the branch {@code cockpit}, with as much of its history
   * as the cache has. LFS contents are not in it. Where the history is cut, which is the rule, {@code git bundle verify} is content and
   * {@code git clone} is not, for want of the parents; git reads it in a repository that knows of the cut:
   * {@code git init r; echo <commit> > r/.git/shallow; git -C r fetch <file> cockpit}.
   *
   * @throws ProblemException {@code file_missing} if the cache lacks the commit, and those of the disk
   */
  public void bundle(RepoUrl repo, CommitId commit, Path file) {
    new Bundles(this).write(repo, commit, file);
  }

  /**
   * Takes a commit out of a bundle into the cache; does nothing if it is there.
   *
   * @throws ProblemException {@code file_missing} if the file is not there or does not give that commit whole
   */
  public void unbundle(RepoUrl repo, Path file, CommitId commit) {
    new Bundles(this).read(repo, file, commit);
  }

  /**
   * The LFS files of one commit, without those of its submodules, for whoever carries them elsewhere beside a {@link #bundle}.
   *
   * @return where the cache keeps each, by path; a checkout has brought them there
   */
  public Map<String, Path> lfsFiles(RepoUrl repo, CommitId commit) {
    Map<String, Path> files = new TreeMap<>();
    for (Entry entry : Entry.of(this, repo, commit, "")) {
      entry.lfs().map(pointer -> bare(repo).lfsObject(pointer.sha256())).filter(Files::isRegularFile)
          .ifPresent(stored -> files.put(entry.path(), stored));
    }
    return files;
  }

  /**
   * Takes the content of one LFS file into the cache.
   *
   * @param path of the file in the commit, which is in the cache
   * @throws ProblemException {@code git_unreachable} if the content is not the one that the commit points to, {@code file_missing} if the
   *     commit has no such LFS file
   */
  public void addLfsFile(RepoUrl repo, CommitId commit, String path, Path content) {
    Entry entry =
        Entry.of(this, repo, commit, "").stream()
            .filter(at -> at.path().equals(path) && at.lfs().isPresent())
            .findFirst()
            .orElseThrow(() -> Problem.of(Code.FILE_MISSING, "\"" + path + "\" of " + repo + " is no LFS file.").toException());
    new Lfs(this, new CancelSignal(), ProgressSink.NONE).add(repo, entry, content);
  }

  /**
   * How much a bare repository takes.
   *
   * @param bare one of {@link #caches}
   * @return bytes of its files
   */
  public long size(Path bare) {
    try (Stream<Path> files = Files.walk(bare)) {
      return files.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum();
    } catch (IOException | UncheckedIOException e) {
      throw DiskProblems.of(e instanceof IOException io ? io : new IOException(e), bare).toException();
    }
  }

  /**
   * Removes a bare repository that none of the commits needs. A checkout that still borrows from it is useless afterwards, so the caller
   * names the commits of all checkouts.
   *
   * @param bare one of {@link #caches}
   * @return whether it was removed
   */
  public boolean deleteUnused(Path bare, Set<CommitId> used, CancelSignal cancel) {
    BareCache unused = bare(bare.getFileName().toString());
    if (!caches().contains(bare)) {
      return false;
    }
    try (BareCache.Hold hold = unused.enter(cancel, ProgressSink.NONE)) {
      if (unused.complete().stream().anyMatch(used::contains)) {
        return false;
      }
      // In one step out of sight, so that a kill leaves no half that passes for a cache.
      Path away = scratch.fresh();
      Files.move(unused.directory(), away);
      Scratch.delete(away);
      return true;
    } catch (IOException e) {
      throw DiskProblems.of(e, bare).toException();
    }
  }

  /** True if none of the commits is in this bare repository: {@link #deleteUnused} would remove it. */
  public boolean isUnused(Path bare, Set<CommitId> used) {
    try {
      return bare(bare.getFileName().toString()).complete().stream().noneMatch(used::contains);
    } catch (IOException e) {
      throw DiskProblems.of(e, bare).toException();
    }
  }

  /** The bare repositories there are. */
  public List<Path> caches() {
    if (!Files.isDirectory(cache)) {
      return List.of();
    }
    try (Stream<Path> all = Files.list(cache)) {
      return all.filter(path -> !path.getFileName().toString().startsWith(".") && Files.isRegularFile(path.resolve("HEAD"))
          && Files.isDirectory(path.resolve("objects")))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw DiskProblems.of(e, cache).toException();
    }
  }

  @FunctionalInterface
  interface Reading<T> {
    T of(Repository repository, RevCommit commit) throws IOException;
  }

  /** Looks at a commit that is in the cache. */
  <T> T reading(RepoUrl repo, CommitId commit, Reading<T> reading) {
    BareCache bare = bare(repo);
    try (Repository repository = bare.openWith(repo, commit);
        RevWalk walk = new RevWalk(repository)) {
      return reading.of(repository, walk.parseCommit(ObjectId.fromString(commit.hex())));
    } catch (IOException e) {
      throw damaged(bare, e);
    }
  }

  /** Objects that a complete commit should have are not readable. */
  static ProblemException damaged(BareCache bare, IOException e) {
    return new ProblemException(
        Problem.of(Code.FILE_MISSING, "The shared cache " + bare.directory() + " is damaged: " + e.getMessage() + ".")
            .withHint("Delete that directory; what is needed of it is fetched again.")
            .with("path", bare.directory().toString()),
        e);
  }

  BareCache bare(RepoUrl repo) {
    return bare(repo.slug());
  }

  private BareCache bare(String slug) {
    return bares.computeIfAbsent(slug, name -> new BareCache(cache.resolve(name), cache.resolve(".locks").resolve(name), clock));
  }

  Remote remote() {
    return remote;
  }

  Clock clock() {
    return clock;
  }

  @Override
  public void close() {
    for (BareCache bare : bares.values()) {
      try {
        bare.close();
      } catch (IOException e) {
        LOG.warn("the lock of {} could not be closed: {}", bare.directory(), e.getMessage());
      }
    }
    remote.close();
  }
}
