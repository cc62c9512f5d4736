package comfyui.cockpit.git;

import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.eclipse.jgit.attributes.Attribute;
import org.eclipse.jgit.attributes.Attributes;
import org.eclipse.jgit.errors.CorruptObjectException;
import org.eclipse.jgit.lib.CoreConfig.EolStreamType;
import org.eclipse.jgit.lib.FileMode;
import org.eclipse.jgit.lib.ObjectChecker;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.ObjectLoader;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.revwalk.RevCommit;
import org.eclipse.jgit.treewalk.TreeWalk;

/**
 * One name of a commit's tree, with what a checkout must know of it.
 *
 * @param path relative to the outermost checkout
 * @param inner relative to its own repository
 * @param type a regular file, an executable one, a symbolic link or a gitlink
 * @param size bytes of the stored blob; 0 for a gitlink
 * @param eol how line endings are written
 * @param lfs what an LFS pointer points to
 * @param link where a symbolic link points to
 */
record Entry(String path, String inner, FileMode type, ObjectId id, long size, EolStreamType eol, Optional<LfsPointer> lfs, Optional<String> link) {
  private static final int LONGEST_LINK = 4096;
  private static final int MOST_LINKS = 40;

  String mode() {
    return type == FileMode.SYMLINK ? "120000" : type == FileMode.EXECUTABLE_FILE ? "100755" : "100644";
  }

  long contentSize() {
    return lfs.map(LfsPointer::size).orElse(size);
  }

  boolean isGitlink() {
    return type == FileMode.GITLINK;
  }

  boolean isLink() {
    return type == FileMode.SYMLINK;
  }

  /** All files of the commit and its submodules, without the gitlinks. */
  static List<Entry> all(Repositories repositories, RepoUrl repo, CommitId commit, List<Submodule> submodules) {
    List<Entry> all = new ArrayList<>(of(repositories, repo, commit, ""));
    for (Submodule submodule : submodules) {
      all.addAll(of(repositories, submodule.repo(), submodule.commit(), submodule.path() + "/"));
    }
    return all.stream().filter(entry -> !entry.isGitlink()).toList();
  }

  /** The names of one commit, in git's order. */
  static List<Entry> of(Repositories repositories, RepoUrl repo, CommitId commit, String prefix) {
    return repositories.reading(repo, commit, (repository, parsed) -> read(repository, parsed, prefix));
  }

  private static List<Entry> read(Repository repository, RevCommit commit, String prefix) throws IOException {
    List<Entry> entries = new ArrayList<>();
    try (TreeWalk walk = new TreeWalk(repository)) {
      walk.setOperationType(TreeWalk.OperationType.CHECKOUT_OP);
      walk.setAttributesNodeProvider(repository.createAttributesNodeProvider());
      walk.addTree(commit.getTree());
      walk.setRecursive(true);
      while (walk.next()) {
        FileMode type = walk.getFileMode();
        String inner = walk.getPathString();
        ObjectId id = walk.getObjectId(0);
        if (type == FileMode.GITLINK) {
          entries.add(new Entry(prefix + inner, inner, type, id, 0, EolStreamType.DIRECT, Optional.empty(), Optional.empty()));
          continue;
        }
        ObjectLoader loader = walk.getObjectReader().open(id);
        if (type == FileMode.SYMLINK) {
          String link = loader.getSize() > LONGEST_LINK ? "/" : new String(loader.getCachedBytes(LONGEST_LINK), StandardCharsets.UTF_8);
          entries.add(new Entry(prefix + inner, inner, type, id, loader.getSize(), EolStreamType.DIRECT, Optional.empty(), Optional.of(link)));
          continue;
        }
        Attributes attributes = walk.getAttributes();
        Attribute filter = attributes.get("filter");
        boolean isLfs = filter != null && "lfs".equals(filter.getValue()) && loader.getSize() <= LfsPointer.LONGEST;
        Optional<LfsPointer> lfs = isLfs ? LfsPointer.parse(loader.getCachedBytes((int) LfsPointer.LONGEST)) : Optional.empty();
        EolStreamType eol = walk.getEolStreamType(TreeWalk.OperationType.CHECKOUT_OP);
        entries.add(new Entry(prefix + inner, inner, type, id, loader.getSize(), eol == null ? EolStreamType.DIRECT : eol, lfs, Optional.empty()));
      }
    }
    return entries;
  }

  /**
   * Refuses what must not be written: names that are git's own or that some file system takes for the same, and links that lead out.
   *
   * @param entries all files of a checkout, those of its submodules too
   * @throws ProblemException {@code declaration_invalid}, {@code path_outside_root}
   */
  static void check(RepoUrl repo, List<Entry> entries) {
    ObjectChecker checker = new ObjectChecker().setSafeForMacOS(true);
    Map<String, String> folded = new HashMap<>();
    Map<String, String> links = new HashMap<>();
    Set<String> submodules = entries.stream().filter(Entry::isGitlink).map(Entry::path).collect(Collectors.toSet());
    for (Entry entry : entries) {
      try {
        checker.checkPath(entry.path());
      } catch (CorruptObjectException e) {
        throw refused(Code.DECLARATION_INVALID, repo, entry.path(), "its name is not one that a file in a checkout may have");
      }
      String other = folded.putIfAbsent(fold(entry.path()), entry.path());
      if (other != null) {
        throw refused(Code.DECLARATION_INVALID, repo, entry.path(), "\"" + other + "\" is the same name where upper and lower case are");
      }
      entry.link().ifPresent(link -> links.put(entry.path(), link));
    }
    for (Entry entry : entries) {
      for (int slash = entry.path().indexOf('/'); slash > 0; slash = entry.path().indexOf('/', slash + 1)) {
        String other = folded.get(fold(entry.path().substring(0, slash)));
        // A submodule's own files lie below its gitlink.
        if (other != null && !(submodules.contains(other) && entry.path().startsWith(other + "/"))) {
          throw refused(Code.DECLARATION_INVALID, repo, entry.path(), "\"" + other + "\" is no directory where upper and lower case are the same");
        }
      }
      if (entry.isLink() && leadsOut(entry.path(), links)) {
        throw refused(Code.PATH_OUTSIDE_ROOT, repo, entry.path(), "it is a symbolic link that leads out of the checkout or into .git");
      }
    }
  }

  private static String fold(String path) {
    return Normalizer.normalize(path, Normalizer.Form.NFC).toLowerCase(Locale.ROOT);
  }

  /** Follows the link as the kernel would, other links of the checkout included; what goes round in circles leads nowhere. */
  private static boolean leadsOut(String path, Map<String, String> links) {
    Deque<String> at = new ArrayDeque<>();
    Deque<String> todo = new ArrayDeque<>(List.of(path.split("/")));
    int followed = 0;
    while (!todo.isEmpty()) {
      String part = todo.removeFirst();
      if (part.isEmpty() || part.equals(".")) {
        continue;
      }
      if (part.equals("..")) {
        if (at.isEmpty()) {
          return true;
        }
        at.removeLast();
        continue;
      }
      at.addLast(part);
      if (part.equalsIgnoreCase(".git")) {
        return true;
      }
      String link = links.get(String.join("/", at));
      if (link == null) {
        continue;
      }
      if (link.startsWith("/") || link.indexOf('\0') >= 0 || link.indexOf('\\') >= 0 || link.matches("[A-Za-z]:.*")) {
        return true;
      }
      if (++followed > MOST_LINKS) {
        return false;
      }
      at.removeLast();
      List<String> parts = List.of(link.split("/"));
      for (int i = parts.size() - 1; i >= 0; i--) {
        todo.addFirst(parts.get(i));
      }
    }
    return false;
  }

  private static ProblemException refused(Code code, RepoUrl repo, String path, String why) {
    return Problem.of(code, "\"" + path + "\" of " + repo + " is not checked out: " + why + ".")
        .withHint("Use another commit of this repository, or tell its owner.")
        .with("repo", repo.text())
        .with("path", path)
        .toException();
  }
}
