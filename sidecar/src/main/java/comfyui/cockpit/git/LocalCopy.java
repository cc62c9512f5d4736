package comfyui.cockpit.git;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.ProgressSink;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import org.eclipse.jgit.errors.MissingObjectException;
import org.eclipse.jgit.internal.storage.file.ObjectDirectory;
import org.eclipse.jgit.lib.Constants;
import org.eclipse.jgit.lib.FileMode;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.ObjectInserter;
import org.eclipse.jgit.lib.ObjectLoader;
import org.eclipse.jgit.lib.ObjectReader;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.lib.RepositoryBuilder;
import org.eclipse.jgit.lib.RepositoryCache;
import org.eclipse.jgit.revwalk.RevCommit;
import org.eclipse.jgit.revwalk.RevObject;
import org.eclipse.jgit.revwalk.RevWalk;
import org.eclipse.jgit.treewalk.CanonicalTreeParser;
import org.eclipse.jgit.util.FS;

/**
 * A commit out of a repository on this machine: its objects are copied. JGit's own way speaks the protocol through two small pipes in one
 * process, and both sides wait for each other for good once the cache has some sixty commits to tell of.
 */
final class LocalCopy {
  private final RepoUrl repo;
  private final Repository from;
  private final Repository into;
  private final CancelSignal cancel;

  private LocalCopy(RepoUrl repo, Repository from, Repository into, CancelSignal cancel) {
    this.repo = repo;
    this.from = from;
    this.into = into;
    this.cancel = cancel;
  }

  /** @throws comfyui.cockpit.kernel.ProblemException {@code git_unreachable} if there is none */
  static Repository open(RepoUrl repo) {
    if (!Files.exists(repo.localPath())) {
      throw Remote.unreachable(repo, "Nothing is at " + repo.localPath() + ".", false)
          .withHint("Check the path; a relative one begins at the declaration's folder.").toException();
    }
    File directory = RepositoryCache.FileKey.resolve(repo.localPath().toFile(), FS.DETECTED);
    if (directory == null) {
      throw Remote.unreachable(repo, "There is no git repository at " + repo.localPath() + ".", false).toException();
    }
    try {
      return new RepositoryBuilder().setGitDir(directory).build();
    } catch (IOException e) {
      throw DiskProblems.of(e, repo.localPath()).toException();
    }
  }

  /**
   * Copies what a commit needs, without its history.
   *
   * @return the commit itself, or the one behind it if it is an annotated tag
   * @throws comfyui.cockpit.kernel.ProblemException {@code ref_not_found}, {@code git_unreachable} if objects are missing there, {@code cancelled}
   */
  static CommitId copy(RepoUrl repo, CommitId commit, Repository into, CancelSignal cancel, ProgressSink progress) throws IOException {
    try (Repository from = open(repo)) {
      return new LocalCopy(repo, from, into, cancel).copy(commit, progress);
    } catch (MissingObjectException e) {
      throw Remote.unreachable(repo, "It has the commit " + commit.abbreviated() + " and lacks " + e.getObjectId().name() + " of it.", false)
          .withHint("Fetch all of it there, or name the address that it was cloned from.")
          .toException();
    } catch (Remote.NotGiven e) {
      throw Remote.unreachable(repo, "It gave " + e.getMessage() + ".", false).toException();
    }
  }

  private CommitId copy(CommitId asked, ProgressSink progress) throws IOException, Remote.NotGiven {
    try (RevWalk walk = new RevWalk(from);
        ObjectReader reader = from.newObjectReader()) {
      RevCommit commit = peeled(walk, asked);
      Set<ObjectId> needed = objects(commit, reader);
      progress.log("Copying objects: " + needed.size());
      // All in one pack, which is there whole or not at all.
      try (ObjectInserter inserter = ((ObjectDirectory) into.getObjectDatabase()).newPackInserter()) {
        for (ObjectId id : needed) {
          cancel.throwIfCancelled();
          ObjectLoader object = reader.open(id);
          try (InputStream content = object.openStream()) {
            inserter.insert(object.getType(), object.getSize(), content);
          }
        }
        inserter.flush();
      }
      CommitId came = new CommitId(commit.name());
      BareCache.endHistory(into, came);
      Fetches.requireObjects(into, came);
      return came;
    }
  }

  private RevCommit peeled(RevWalk walk, CommitId asked) throws IOException {
    RevObject object;
    try {
      object = walk.peel(walk.parseAny(ObjectId.fromString(asked.hex())));
    } catch (MissingObjectException e) {
      throw Fetches.notFound(repo, asked.hex(), "").toException();
    }
    if (object instanceof RevCommit commit) {
      return commit;
    }
    throw Fetches.notFound(repo, asked.hex(), "It names a " + Constants.typeString(object.getType()) + ", not a commit.").toException();
  }

  /** The commit, its trees and its files. A submodule's commit is none of its objects. */
  private static Set<ObjectId> objects(RevCommit commit, ObjectReader reader) throws IOException {
    Set<ObjectId> all = new HashSet<>(Set.of(commit.copy()));
    Deque<ObjectId> trees = new ArrayDeque<>();
    if (all.add(commit.getTree().copy())) {
      trees.add(commit.getTree().copy());
    }
    while (!trees.isEmpty()) {
      CanonicalTreeParser entries = new CanonicalTreeParser(null, reader, trees.remove());
      for (; !entries.eof(); entries = entries.next()) {
        boolean submodule = FileMode.GITLINK.equals(entries.getEntryRawMode());
        if (!submodule && all.add(entries.getEntryObjectId()) && FileMode.TREE.equals(entries.getEntryRawMode())) {
          trees.add(entries.getEntryObjectId());
        }
      }
    }
    return all;
  }
}
