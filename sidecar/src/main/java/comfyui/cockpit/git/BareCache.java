package comfyui.cockpit.git;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.files.VolumeLock;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProgressSink;
import java.io.IOException;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.Ref;
import org.eclipse.jgit.lib.RefUpdate;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.lib.RepositoryBuilder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import org.eclipse.jgit.revwalk.RevCommit;

import org.eclipse.jgit.revwalk.RevWalk;

/**
 * One shared bare repository: {@code objects} that checkouts borrow from, and one ref {@code refs/cockpit/<commit>} for each commit that
 * is complete here. The ref is written after the pack and after every object was found, so that a killed fetch leaves nothing that
 * passes for a commit.
 */
final class BareCache {
  private static final Logger LOG = LoggerFactory.getLogger(BareCache.class);
  private static final Duration POLL = Duration.ofMillis(100);
  /** Where locks tell nothing, a file of a fetch is taken for a dead one's after this time. */
  private static final Duration SURELY_DEAD = Duration.ofHours(6);
  private static final String CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n[gc]\n\tauto = 0\n\tautoPackLimit = 0\n";

  static final String COMPLETE = "refs/cockpit/";

  private final Path directory;
  private final VolumeLock volumeLock;
  private final Clock clock;
  private final ReentrantLock within = new ReentrantLock(true);

  BareCache(Path directory, Path lockFile, Clock clock) {
    this.directory = directory;
    this.volumeLock = new VolumeLock(lockFile);
    this.clock = clock;
  }

  Path directory() {
    return directory;
  }

  Path objects() {
    return directory.resolve("objects");
  }

  /** Where the content of an LFS file is kept. */
  Path lfsObject(String sha256) {
    return directory.resolve("lfs").resolve("objects").resolve(sha256.substring(0, 2)).resolve(sha256.substring(2, 4)).resolve(sha256);
  }

  boolean exists() {
    return Files.isRegularFile(directory.resolve("HEAD"));
  }

  /** The caller closes it. JGit's files are opened anew each time, so that an interrupted operation spoils nobody else's. */
  Repository open() throws IOException {
    Repository repository = new RepositoryBuilder().setGitDir(directory.toFile()).setBare().setMustExist(true).build();
    // After a fetch JGit would tidy up in the background, past our lock, once there are many packs.
    repository.getConfig().setInt("gc", null, "auto", 0);
    repository.getConfig().setInt("gc", null, "autoPackLimit", 0);
    repository.getConfig().setBoolean("gc", null, "autoDetach", false);
    return repository;
  }

  boolean has(CommitId commit) {
    if (!exists()) {
      return false;
    }
    try (Repository repository = open()) {
      return isComplete(repository, commit);
    } catch (IOException e) {
      LOG.warn("the cache {} is unreadable: {}", directory, e.getMessage());
      return false;
    }
  }

  static boolean isComplete(Repository repository, CommitId commit) throws IOException {
    ObjectId id = ObjectId.fromString(commit.hex());
    Ref ref = repository.exactRef(COMPLETE + commit.hex());
    return ref != null && id.equals(ref.getObjectId()) && repository.getObjectDatabase().has(id);
  }

  static void markComplete(Repository repository, CommitId commit) throws IOException {
    RefUpdate update = repository.updateRef(COMPLETE + commit.hex());
    update.setNewObjectId(ObjectId.fromString(commit.hex()));
    update.disableRefLog();
    RefUpdate.Result result = update.forceUpdate();
    switch (result) {
      case NEW, FORCED, NO_CHANGE, FAST_FORWARD -> {
        // It is written.
      }
      case NOT_ATTEMPTED, LOCK_FAILURE, REJECTED, REJECTED_CURRENT_BRANCH, IO_FAILURE, RENAMED, REJECTED_MISSING_OBJECT, REJECTED_OTHER_REASON ->
          throw new IOException("the ref of " + commit + " could not be written: " + result);
    }
  }

  /** Notes where the history of what came was cut: a parent that is not here was left out. */
  static void endHistory(Repository repository, CommitId commit) throws IOException {
    Set<ObjectId> shallow = new HashSet<>(repository.getObjectDatabase().getShallowCommits());
    int before = shallow.size();
    Set<ObjectId> seen = new HashSet<>();
    List<ObjectId> todo = new ArrayList<>(List.of(ObjectId.fromString(commit.hex())));
    try (RevWalk walk = new RevWalk(repository)) {
      while (!todo.isEmpty()) {
        ObjectId id = todo.removeLast();
        if (!seen.add(id) || shallow.contains(id)) {
          continue;
        }
        RevCommit at = walk.parseCommit(id);
        for (RevCommit parent : at.getParents()) {
          if (repository.getObjectDatabase().has(parent)) {
            todo.add(parent.copy());
          } else {
            shallow.add(id.copy());
          }
        }
      }
    }
    if (shallow.size() > before) {
      repository.getObjectDatabase().setShallowCommits(shallow);
    }
  }

  /** The commits that are complete here. */
  Set<CommitId> complete() throws IOException {
    try (Repository repository = open()) {
      return repository.getRefDatabase().getRefsByPrefix(COMPLETE).stream()
          .map(ref -> ref.getName().substring(COMPLETE.length()))
          .filter(CommitId::isFull)
          .map(CommitId::new)
          .collect(Collectors.toSet());
    }
  }

  /** The right to change it, until closed. */
  final class Hold implements AutoCloseable {
    private Hold() {}

    @Override
    public void close() {
      try {
        volumeLock.unlock();
      } catch (IOException e) {
        LOG.warn("the lock of {} could not be released: {}", directory, e.getMessage());
      } finally {
        within.unlock();
      }
    }
  }

  /** Waits for the right to change it, makes it if it is not there, and takes away what a dead process left in it. */
  Hold enter(CancelSignal cancel, ProgressSink progress) {
    try {
      boolean said = false;
      while (!within.tryLock(POLL.toMillis(), TimeUnit.MILLISECONDS)) {
        cancel.throwIfCancelled();
        said = say(said, progress);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CancelSignal.problem().toException();
    }
    boolean entered = false;
    try {
      VolumeLock.Answer answer = ask();
      boolean said = false;
      while (answer == VolumeLock.Answer.HELD) {
        said = say(said, progress);
        cancel.sleep(POLL);
        answer = ask();
      }
      make();
      sweep(answer == VolumeLock.Answer.TAKEN ? clock.now() : clock.now().minus(SURELY_DEAD));
      entered = true;
      return new Hold();
    } catch (IOException e) {
      throw DiskProblems.of(e, directory).toException();
    } finally {
      if (!entered) {
        new Hold().close();
      }
    }
  }

  private VolumeLock.Answer ask() throws IOException {
    try {
      return volumeLock.tryLock();
    } catch (OverlappingFileLockException e) {
      // Another object of this process has it; the kernel's locks do not tell the two apart.
      return VolumeLock.Answer.HELD;
    }
  }

  private static boolean say(boolean said, ProgressSink progress) {
    if (!said) {
      progress.phase("waiting");
      progress.log("Another process is fetching into this cache; waiting for it.");
    }
    return true;
  }

  /** Each step may be done already, and HEAD comes last: without it this is no repository. */
  private void make() throws IOException {
    if (exists()) {
      return;
    }
    Files.createDirectories(objects().resolve("pack"));
    Files.createDirectories(objects().resolve("info"));
    Files.createDirectories(directory.resolve("refs").resolve("heads"));
    Files.writeString(directory.resolve("config"), CONFIG);
    SmallFile.write(directory.resolve("HEAD"), "ref: refs/heads/cockpit\n");
  }

  /** Lock files, half packs and half LFS files of processes that are gone: the lock is ours, so nobody is writing them. */
  private void sweep(Instant notAfter) throws IOException {
    for (Path left : leftovers()) {
      try {
        if (!Files.getLastModifiedTime(left).toInstant().isAfter(notAfter)) {
          Files.deleteIfExists(left);
          LOG.info("removed {}, left by a fetch that was killed", left);
        }
      } catch (NoSuchFileException e) {
        // Somebody else removed it.
      }
    }
  }

  private List<Path> leftovers() throws IOException {
    List<Path> all = new ArrayList<>();
    try (Stream<Path> files = Files.list(directory)) {
      files.filter(file -> file.toString().endsWith(".lock")).forEach(all::add);
    }
    try (Stream<Path> files = Files.list(objects())) {
      files.filter(file -> name(file).matches("(incoming_|insert_|noz).*")).forEach(all::add);
    }
    try (Stream<Path> files = Files.list(objects().resolve("pack"))) {
      files.filter(file -> name(file).endsWith(".keep") || name(file).startsWith("tmp_")).forEach(all::add);
    }
    try (Stream<Path> files = Files.walk(directory.resolve("refs"))) {
      files.filter(file -> name(file).endsWith(".lock")).forEach(all::add);
    }
    Path lfs = directory.resolve("lfs");
    if (Files.isDirectory(lfs)) {
      try (Stream<Path> files = Files.list(lfs)) {
        files.filter(file -> name(file).startsWith("incoming_")).forEach(all::add);
      }
    }
    return all;
  }

  private static String name(Path file) {
    return file.getFileName().toString();
  }

  /** A commit that the caller believes to be here. */
  Repository openWith(RepoUrl repo, CommitId commit) {
    try {
      if (exists()) {
        Repository repository = open();
        if (isComplete(repository, commit)) {
          return repository;
        }
        repository.close();
      }
      throw Problem.of(Code.FILE_MISSING, "The shared cache does not hold commit " + commit.abbreviated() + " of " + repo + ".")
          .withHint("Run it once with a connection; the commit is fetched then.")
          .with("repo", repo.text())
          .with("commit", commit.hex())
          .toException();
    } catch (IOException e) {
      throw DiskProblems.of(e, directory).toException();
    }
  }

  void close() throws IOException {
    volumeLock.close();
  }
}
