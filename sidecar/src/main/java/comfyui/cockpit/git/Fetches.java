package comfyui.cockpit.git;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.git.Remote.NotGiven;
import comfyui.cockpit.git.Remote.Want;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProgressSink;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.eclipse.jgit.errors.MissingObjectException;
import org.eclipse.jgit.lib.AbbreviatedObjectId;
import org.eclipse.jgit.lib.Constants;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.ObjectReader;
import org.eclipse.jgit.lib.Ref;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.revwalk.ObjectWalk;
import org.eclipse.jgit.revwalk.RevCommit;
import org.eclipse.jgit.revwalk.RevObject;
import org.eclipse.jgit.revwalk.RevWalk;
import org.eclipse.jgit.transport.FetchResult;

/** From a ref to a commit, and from a commit to its objects in a cache. */
final class Fetches {
  private static final Pattern ABBREVIATED = Pattern.compile("[0-9a-fA-F]{7,40}");
  private static final int NEAR_ENOUGH = 4;
  /** Where the branches and tags of a server stand that gives no single commits, so that the next such fetch brings only what is new. */
  private static final List<String> ALL = List.of("+refs/heads/*:refs/cockpit-seen/heads/*", "+refs/tags/*:refs/cockpit-seen/tags/*");

  private final Remote remote;
  private final Scratch scratch;

  Fetches(Remote remote, Scratch scratch) {
    this.remote = remote;
    this.scratch = scratch;
  }

  Resolved resolve(RepoUrl repo, Optional<String> ref, BareCache cache, CancelSignal cancel) {
    String name = ref.orElse(Constants.HEAD);
    if (CommitId.isFull(name.toLowerCase(Locale.ROOT))) {
      CommitId commit = new CommitId(name.toLowerCase(Locale.ROOT));
      return new Resolved(fetch(repo, commit, Optional.empty(), cache, cancel, ProgressSink.NONE), Optional.empty());
    }
    boolean mayBeCommit = ABBREVIATED.matcher(name).matches();
    Optional<CommitId> cached = mayBeCommit ? abbreviatedIn(cache, name) : Optional.empty();
    if (cached.isPresent() && !repo.isLocal() && remote.isOffline()) {
      return new Resolved(cached.get(), Optional.empty());
    }
    remote.refuseIfOffline(repo, List.of(name));
    List<String> candidates = candidates(name);
    Map<String, Ref> refs = candidates.isEmpty() ? Map.of() : remote.refs(repo, candidates, cancel);
    for (String candidate : candidates) {
      Ref found = refs.get(candidate);
      if (found != null && found.getObjectId() != null) {
        return resolved(found);
      }
    }
    if (mayBeCommit) {
      Optional<CommitId> commit = cached.isPresent() ? cached : abbreviatedAt(repo, name.toLowerCase(Locale.ROOT), cancel);
      if (commit.isPresent()) {
        return new Resolved(commit.get(), Optional.empty());
      }
    }
    throw notFound(repo, name, nearest(repo, name, cancel)).toException();
  }

  private static Resolved resolved(Ref ref) {
    ObjectId id = ref.getPeeledObjectId() != null ? ref.getPeeledObjectId() : ref.getObjectId();
    // HEAD is said by the branch that it is, where the server tells.
    String name = ref.isSymbolic() ? ref.getLeaf().getName() : ref.getName();
    return new Resolved(new CommitId(id.name()), name.equals(Constants.HEAD) ? Optional.empty() : Optional.of(name));
  }

  /** As {@code git clone --branch}: a branch before a tag of the same name. */
  private static List<String> candidates(String name) {
    if (name.equals(Constants.HEAD)) {
      return List.of(name);
    }
    List<String> names = name.startsWith("refs/") ? List.of(name) : List.of("refs/heads/" + name, "refs/tags/" + name, "refs/" + name);
    return names.stream().filter(Repository::isValidRefName).toList();
  }

  static Problem notFound(RepoUrl repo, String ref, String more) {
    return Problem.of(Code.REF_NOT_FOUND, "The repository " + repo + " has no branch, tag or commit \"" + ref + "\"."
        + (more.isEmpty() ? "" : " " + more))
        .with("repo", repo.text())
        .with("ref", ref);
  }

  private static Problem notFound(RepoUrl repo, String ref, Optional<String> hint) {
    Problem problem = notFound(repo, ref, "");
    return hint.map(problem::withHint).orElse(problem);
  }

  /** What the user may have meant, said in a hint; nothing if the server tells nothing more. */
  private Optional<String> nearest(RepoUrl repo, String name, CancelSignal cancel) {
    Map<String, Ref> all = remote.refs(repo, List.of("HEAD", "refs/heads/", "refs/tags/"), cancel);
    Optional<String> near =
        all.keySet().stream()
            .filter(ref -> ref.startsWith("refs/heads/") || ref.startsWith("refs/tags/"))
            .map(ref -> ref.substring(ref.indexOf('/', 5) + 1))
            .filter(branch -> distance(branch, name) < Math.min(NEAR_ENOUGH, Math.max(2, name.length())))
            .min(Comparator.comparingInt((String branch) -> distance(branch, name)).thenComparing(Comparator.naturalOrder()));
    if (near.isPresent()) {
      return Optional.of("Did you mean \"" + near.get() + "\"?");
    }
    return Optional.ofNullable(all.get(Constants.HEAD))
        .filter(Ref::isSymbolic)
        .map(head -> "Its default branch is \"" + Repository.shortenRefName(head.getLeaf().getName())
            + "\"; a commit that a force-push removed is gone for those who have no copy.");
  }

  /** How many letters must be added, dropped or changed, upper and lower case being the same. */
  private static int distance(String a, String b) {
    String left = a.toLowerCase(Locale.ROOT);
    String right = b.toLowerCase(Locale.ROOT);
    int[] row = new int[right.length() + 1];
    for (int j = 0; j <= right.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= left.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= right.length(); j++) {
        int above = row[j];
        row[j] = Math.min(Math.min(row[j], row[j - 1]) + 1, diagonal + (left.charAt(i - 1) == right.charAt(j - 1) ? 0 : 1));
        diagonal = above;
      }
    }
    return row[right.length()];
  }

  private static Optional<CommitId> abbreviatedIn(BareCache cache, String digits) {
    if (!cache.exists()) {
      return Optional.empty();
    }
    try {
      List<CommitId> fitting = cache.complete().stream().filter(commit -> commit.hex().startsWith(digits.toLowerCase(Locale.ROOT))).toList();
      return fitting.size() == 1 ? Optional.of(fitting.getFirst()) : Optional.empty();
    } catch (IOException e) {
      throw DiskProblems.of(e, cache.directory()).toException();
    }
  }

  /** The protocol knows no abbreviations: all tips are looked at, then all commits, without their files where the server can do that. */
  private Optional<CommitId> abbreviatedAt(RepoUrl repo, String digits, CancelSignal cancel) {
    try {
      if (repo.isLocal()) {
        return abbreviatedIn(repo, digits);
      }
      Set<String> tips =
          remote.refs(repo, List.of("refs/heads/", "refs/tags/"), cancel).values().stream()
              .flatMap(ref -> Stream.of(Optional.ofNullable(ref.getPeeledObjectId()), Optional.ofNullable(ref.getObjectId()))
                  .flatMap(Optional::stream).limit(1))
              .map(ObjectId::name)
              .filter(hex -> hex.startsWith(digits))
              .collect(Collectors.toCollection(TreeSet::new));
      if (!tips.isEmpty()) {
        return one(repo, digits, tips);
      }
      Path directory = scratch.fresh();
      BareCache history = new BareCache(directory, directory.resolveSibling(directory.getFileName() + ".lock"), scratch.clock());
      try (BareCache.Hold hold = history.enter(cancel, ProgressSink.NONE);
          Repository repository = history.open()) {
        List<String> all = List.of("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*");
        try {
          remote.fetch(repo, repository, new Want(all, 0, true), cancel, ProgressSink.NONE);
        } catch (NotGiven e) {
          remote.fetch(repo, repository, new Want(all, 0, false), cancel, ProgressSink.NONE);
        }
        return one(repo, digits, commitsLike(repository, digits));
      } finally {
        history.close();
        Scratch.delete(directory);
        Scratch.delete(directory.resolveSibling(directory.getFileName() + ".lock"));
      }
    } catch (NotGiven e) {
      throw Remote.unreachable(repo, "It answered: " + e.getMessage() + ".", true).toException();
    } catch (IOException e) {
      throw DiskProblems.of(e, Path.of(repo.slug())).toException();
    }
  }

  private static Optional<CommitId> abbreviatedIn(RepoUrl repo, String digits) throws IOException {
    try (Repository repository = LocalCopy.open(repo)) {
      return one(repo, digits, commitsLike(repository, digits));
    }
  }

  private static Set<String> commitsLike(Repository repository, String digits) throws IOException {
    Set<String> commits = new TreeSet<>();
    try (ObjectReader reader = repository.newObjectReader();
        RevWalk walk = new RevWalk(reader)) {
      for (ObjectId id : reader.resolve(AbbreviatedObjectId.fromString(digits))) {
        if (walk.parseAny(id) instanceof RevCommit commit) {
          commits.add(commit.name());
        }
      }
    }
    return commits;
  }

  private static Optional<CommitId> one(RepoUrl repo, String digits, Set<String> commits) {
    if (commits.size() > 1) {
      throw notFound(repo, digits, "These digits fit more than one: " + String.join(", ", commits.stream().limit(5).toList()) + ".")
          .withHint("Write more digits of the commit.")
          .toException();
    }
    return commits.stream().map(CommitId::new).findFirst();
  }

  /** @return the commit itself, or the one behind it if it is an annotated tag */
  CommitId fetch(RepoUrl repo, CommitId commit, Optional<String> refHint, BareCache cache, CancelSignal cancel, ProgressSink progress) {
    if (cache.has(commit)) {
      return commit;
    }
    remote.refuseIfOffline(repo, List.of(commit.hex()));
    try (BareCache.Hold hold = cache.enter(cancel, progress);
        Repository bare = cache.open()) {
      if (BareCache.isComplete(bare, commit)) {
        return commit;
      }
      progress.phase("downloading");
      CommitId came = repo.isLocal() ? LocalCopy.copy(repo, commit, bare, cancel, progress) : bring(repo, commit, refHint, bare, cancel, progress);
      BareCache.markComplete(bare, came);
      return came;
    } catch (IOException e) {
      throw DiskProblems.of(e, cache.directory()).toException();
    }
  }

  private CommitId bring(RepoUrl repo, CommitId commit, Optional<String> refHint, Repository bare, CancelSignal cancel,
      ProgressSink progress) throws IOException {
    try {
      remote.fetch(repo, bare, new Want(List.of(commit.hex()), 1, false), cancel, progress);
      CommitId came = peeled(repo, bare, commit);
      requireObjects(bare, came);
      return came;
    } catch (NotGiven single) {
      progress.log("The server gives no single commits; fetching more.");
    }
    // Parents that an earlier fetch left out must come now, or the commit may stay out of sight behind them.
    int depth = bare.getObjectDatabase().getShallowCommits().isEmpty() ? 0 : Constants.INFINITE_DEPTH;
    Optional<String> hint = refHint.filter(name -> name.startsWith("refs/") && Repository.isValidRefName(name));
    for (List<String> specs : hint.map(name -> List.of(List.of(name), ALL)).orElse(List.of(ALL))) {
      try {
        FetchResult result = remote.fetch(repo, bare, new Want(specs, depth, false), cancel, progress);
        if (reaches(bare, result, commit)) {
          requireObjects(bare, commit);
          return commit;
        }
      } catch (NotGiven e) {
        if (specs.equals(ALL)) {
          throw Remote.unreachable(repo, "It answered: " + e.getMessage() + ".", true).toException();
        }
      }
    }
    throw notFound(repo, commit.hex(), Optional.<String>empty()).toException();
  }

  private CommitId peeled(RepoUrl repo, Repository bare, CommitId id) throws IOException {
    try (RevWalk walk = new RevWalk(bare)) {
      RevObject object = walk.peel(walk.parseAny(ObjectId.fromString(id.hex())));
      if (object instanceof RevCommit commit) {
        return new CommitId(commit.name());
      }
      throw notFound(repo, id.hex(), "It names a " + Constants.typeString(object.getType()) + ", not a commit.").toException();
    }
  }

  /** A server may promise a commit and send less; what complete commits have needs no look again. */
  static void requireObjects(Repository bare, CommitId commit) throws IOException, NotGiven {
    try (ObjectWalk walk = new ObjectWalk(bare)) {
      walk.setRetainBody(false);
      walk.markStart(walk.parseCommit(ObjectId.fromString(commit.hex())));
      for (Ref ref : bare.getRefDatabase().getRefsByPrefix(BareCache.COMPLETE)) {
        walk.markUninteresting(walk.parseCommit(ref.getObjectId()));
      }
      walk.checkConnectivity();
    } catch (MissingObjectException e) {
      throw new NotGiven("a pack without " + e.getObjectId().name(), e);
    }
  }

  /** Whether a commit is among what was asked for, and so among what came. */
  private static boolean reaches(Repository bare, FetchResult result, CommitId commit) throws IOException {
    ObjectId wanted = ObjectId.fromString(commit.hex());
    try (RevWalk walk = new RevWalk(bare)) {
      walk.setRetainBody(false);
      for (Ref ref : result.getAdvertisedRefs()) {
        try {
          if (walk.peel(walk.parseAny(ref.getObjectId())) instanceof RevCommit tip) {
            walk.markStart(tip);
          }
        } catch (MissingObjectException e) {
          // Advertised, and not asked for.
        }
      }
      for (RevCommit at : walk) {
        if (at.equals(wanted)) {
          return true;
        }
      }
      return false;
    }
  }
}
