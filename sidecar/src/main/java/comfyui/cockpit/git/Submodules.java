package comfyui.cockpit.git;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.eclipse.jgit.errors.ConfigInvalidException;
import org.eclipse.jgit.errors.CorruptObjectException;
import org.eclipse.jgit.lib.Config;
import org.eclipse.jgit.lib.FileMode;
import org.eclipse.jgit.lib.ObjectChecker;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.revwalk.RevCommit;
import org.eclipse.jgit.treewalk.TreeWalk;
import org.jspecify.annotations.Nullable;

/** Reads {@code .gitmodules}, which anybody may have written, and finds the commits that the tree names. */
final class Submodules {
  private static final int DEEPEST = 8;
  private static final int MOST = 200;
  private static final int LARGEST_FILE = 1 << 20;

  private final Repositories repositories;

  Submodules(Repositories repositories) {
    this.repositories = repositories;
  }

  /**
   * One section of the file.
   *
   * @param branch where the commit is likely to be reached from
   */
  record Section(String name, String path, String url, Optional<String> branch) {}

  /** What a commit says of its submodules: the sections by path, and the gitlinks of its tree. */
  record Named(Map<String, Section> sections, Map<String, CommitId> links) {}

  List<Submodule> of(RepoUrl repo, CommitId commit, CancelSignal cancel, ProgressSink progress) {
    List<Submodule> found = new ArrayList<>();
    collect(repo, commit, "", List.of(), found, cancel, progress);
    return List.copyOf(found);
  }

  private void collect(RepoUrl repo, CommitId commit, String prefix, List<String> above, List<Submodule> found, CancelSignal cancel,
      ProgressSink progress) {
    Named named = named(repositories, repo, commit, prefix);
    List<String> here = new ArrayList<>(above);
    here.add(repo.slug() + "@" + commit);
    for (Map.Entry<String, CommitId> link : named.links().entrySet()) {
      cancel.throwIfCancelled();
      String path = prefix + link.getKey();
      Section section = named.sections().get(link.getKey());
      if (section == null) {
        // Somebody added a clone as if it were a directory; git itself leaves such a directory empty.
        progress.log("\"" + path + "\" of " + repo + " names a commit and .gitmodules no repository for it; it stays empty.");
        continue;
      }
      RepoUrl inner = address(repo, path, section);
      String key = inner.slug() + "@" + link.getValue();
      if (here.contains(key)) {
        throw refused(Code.SOURCE_UNSUPPORTED, repo, path, "it contains itself");
      }
      if (here.size() > DEEPEST || found.size() >= MOST) {
        throw refused(Code.SOURCE_UNSUPPORTED, repo, path, "there are more than " + MOST + " submodules, or more than " + DEEPEST
            + " inside each other");
      }
      found.add(new Submodule(path, inner, link.getValue()));
      fetch(inner, link.getValue(), section, path, cancel, progress);
      collect(inner, link.getValue(), path + "/", here, found, cancel, progress);
    }
  }

  private void fetch(RepoUrl inner, CommitId commit, Section section, String path, CancelSignal cancel, ProgressSink progress) {
    try {
      repositories.fetch(inner, commit, section.branch().map(branch -> "refs/heads/" + branch), cancel, progress);
    } catch (ProblemException e) {
      Problem problem = e.problem();
      if (problem.code() == Code.CANCELLED) {
        throw e;
      }
      throw new ProblemException(
          new Problem(
                  problem.code(), "Submodule \"" + path + "\": " + problem.detail(), problem.hint(), problem.args(), problem.where(),
                      problem.retryable(), problem.link(), problem.errors())
              .with("submodule", path),
          e);
    }
  }

  private static RepoUrl address(RepoUrl repo, String path, Section section) {
    try {
      return repo.resolveSubmodule(section.url());
    } catch (IllegalArgumentException e) {
      throw refused(Code.SOURCE_UNSUPPORTED, repo, path, "its address is refused: " + e.getMessage());
    }
  }

  /**
   * Reads and checks; a section that nothing in the tree belongs to is checked only for what is never innocent.
   *
   * @param prefix what goes before each path in messages
   */
  static Named named(Repositories repositories, RepoUrl repo, CommitId commit, String prefix) {
    return repositories.reading(repo, commit, (repository, parsed) -> read(repository, parsed, repo, prefix));
  }

  private static Named read(Repository repository, RevCommit commit, RepoUrl repo, String prefix) throws IOException {
    Optional<byte[]> text = Repositories.readFile(repository, commit, ".gitmodules", LARGEST_FILE, repo);
    Map<String, CommitId> links = links(repository, commit);
    Map<String, Section> sections = new HashMap<>();
    if (text.isEmpty()) {
      return new Named(sections, links);
    }
    Config config = new Config();
    try {
      config.fromText(new String(text.get(), StandardCharsets.UTF_8));
    } catch (ConfigInvalidException e) {
      throw refused(Code.DECLARATION_INVALID, repo, prefix + ".gitmodules", "it cannot be read");
    }
    Set<String> taken = new HashSet<>();
    for (String name : config.getSubsections("submodule")) {
      @Nullable String path = config.getString("submodule", name, "path");
      @Nullable String url = config.getString("submodule", name, "url");
      if (path == null || url == null) {
        continue;
      }
      checkSection(repo, prefix, name, path, url);
      if (!taken.add(path)) {
        throw refused(Code.DECLARATION_INVALID, repo, prefix + path, "two sections of .gitmodules have this path");
      }
      @Nullable String branch = config.getString("submodule", name, "branch");
      sections.put(path, new Section(name, path, url, Optional.ofNullable(branch).filter(value -> Repository.isValidRefName("refs/heads/" + value))));
    }
    return new Named(sections, links);
  }

  private static void checkSection(RepoUrl repo, String prefix, String name, String path, String url) {
    String shown = prefix + path.replaceAll("\\p{Cntrl}+", " ");
    if (url.startsWith("-") || path.startsWith("-") || url.contains("::")) {
      throw refused(Code.SOURCE_UNSUPPORTED, repo, shown, "its path or address would be taken for an option or run a program");
    }
    if (name.isEmpty() || List.of(name.split("[/\\\\]")).contains("..")) {
      throw refused(Code.DECLARATION_INVALID, repo, shown, "its name in .gitmodules would lead out of .git");
    }
    try {
      new ObjectChecker().setSafeForMacOS(true).checkPath(path);
    } catch (CorruptObjectException e) {
      throw refused(Code.DECLARATION_INVALID, repo, shown, "its path is not one that a directory in a checkout may have");
    }
  }

  private static Map<String, CommitId> links(Repository repository, RevCommit commit) throws IOException {
    Map<String, CommitId> links = new java.util.TreeMap<>();
    try (TreeWalk walk = new TreeWalk(repository)) {
      walk.addTree(commit.getTree());
      walk.setRecursive(true);
      while (walk.next()) {
        if (walk.getFileMode() == FileMode.GITLINK) {
          links.put(walk.getPathString(), new CommitId(walk.getObjectId(0).name()));
        }
      }
    }
    return links;
  }

  private static ProblemException refused(Code code, RepoUrl repo, String path, String why) {
    return Problem.of(code, "Submodule \"" + path + "\" of " + repo + " is refused: " + why + ".")
        .withHint("Use another commit of this repository, or tell its owner.")
        .with("repo", repo.text())
        .with("submodule", path)
        .toException();
  }
}
