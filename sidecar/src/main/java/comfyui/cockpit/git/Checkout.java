package comfyui.cockpit.git;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProgressSink;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.eclipse.jgit.lib.Config;
import org.eclipse.jgit.lib.FileMode;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.ObjectReader;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.util.io.EolStreamTypeUtil;

/** Writes one checkout with its submodules. JGit's own would run the filters of a configuration and knows no borrowed objects. */
final class Checkout {
  /** Git looks again into files that are as young as its index, and would find an LFS file's content where it expects a pointer. */
  private static final long LFS_AGE_SECONDS = 10;

  private final Repositories repositories;
  private final CancelSignal cancel;
  private final ProgressSink progress;

  Checkout(Repositories repositories, CancelSignal cancel, ProgressSink progress) {
    this.repositories = repositories;
    this.cancel = cancel;
    this.progress = progress;
  }

  /** One repository of the checkout; the outermost has the path "". */
  private record Part(String path, RepoUrl repo, CommitId commit, List<Entry> entries) {
    Path in(Path target) {
      return path.isEmpty() ? target : target.resolve(path);
    }
  }

  void write(RepoUrl repo, CommitId commit, List<Submodule> submodules, Path target) {
    List<Part> parts = new ArrayList<>();
    parts.add(new Part("", repo, commit, Entry.of(repositories, repo, commit, "")));
    for (Submodule submodule : submodules) {
      parts.add(new Part(submodule.path(), submodule.repo(), submodule.commit(),
          Entry.of(repositories, submodule.repo(), submodule.commit(), submodule.path() + "/")));
    }
    List<Entry> all = parts.stream().flatMap(part -> part.entries().stream()).toList();
    Entry.check(repo, all);
    checkGitlinks(repo, parts, submodules);
    boolean existed = refuseIfTaken(target);
    boolean done = false;
    try {
      for (Part part : parts) {
        bringLfs(part);
      }
      progress.phase("publishing");
      long total = all.stream().mapToLong(Entry::contentSize).sum();
      long written = 0;
      for (Part part : parts) {
        written = new PartWriter(part, target).write(written, total);
      }
      done = true;
    } catch (InvalidPathException e) {
      throw Problem.of(Code.NOT_WRITABLE, "\"" + e.getInput() + "\" cannot be the name of a file under this system's locale.")
          .withHint("Set LANG=C.UTF-8 and start again.")
          .with("path", e.getInput())
          .toException();
    } catch (IOException e) {
      throw DiskProblems.of(e, target).toException();
    } finally {
      if (!done) {
        undo(target, existed);
      }
    }
  }

  /** A submodule must be where its parent's tree has a gitlink to that very commit. */
  private static void checkGitlinks(RepoUrl repo, List<Part> parts, List<Submodule> submodules) {
    Map<String, String> links =
        parts.stream().flatMap(part -> part.entries().stream()).filter(Entry::isGitlink)
            .collect(Collectors.toMap(Entry::path, entry -> entry.id().name()));
    for (Submodule submodule : submodules) {
      if (!submodule.commit().hex().equals(links.get(submodule.path()))) {
        throw Problem.of(Code.DECLARATION_INVALID, "\"" + submodule.path() + "\" of " + repo + " is no submodule at commit " + submodule.commit()
            + ".").toException();
      }
    }
  }

  /** @return whether the directory is there, empty */
  private static boolean refuseIfTaken(Path target) {
    try {
      if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
        return false;
      }
      if (Files.isDirectory(target)) {
        try (Stream<Path> content = Files.list(target)) {
          if (content.findAny().isEmpty()) {
            return true;
          }
        }
      }
      throw Problem.of(Code.PATH_TAKEN, "Something else is at " + target + "; a checkout needs an empty directory.").with("path", target.toString())
          .toException();
    } catch (IOException e) {
      throw DiskProblems.of(e, target).toException();
    }
  }

  private void undo(Path target, boolean existed) {
    try {
      if (existed) {
        Scratch.deleteBelow(target);
      } else {
        Scratch.delete(target);
      }
    } catch (IOException e) {
      progress.log("What was written to " + target + " could not be removed: " + e.getMessage());
    }
  }

  private void bringLfs(Part part) {
    List<Entry> wanted = part.entries().stream().filter(entry -> entry.lfs().isPresent()).toList();
    if (!wanted.isEmpty()) {
      new Lfs(repositories, cancel, progress).bring(part.repo(), wanted);
    }
  }

  /** Writes one repository's files and its {@code .git}. */
  private final class PartWriter {
    private final Part part;
    private final Path root;
    private final BareCache bare;
    private final Set<Path> made = new HashSet<>();

    PartWriter(Part part, Path target) {
      this.part = part;
      this.root = part.in(target);
      this.bare = repositories.bare(part.repo());
    }

    long write(long already, long total) throws IOException {
      long written = already;
      try (Repository repository = bare.openWith(part.repo(), part.commit());
          ObjectReader reader = repository.newObjectReader()) {
        Files.createDirectories(root);
        writeGit(repository);
        for (Entry entry : part.entries()) {
          cancel.throwIfCancelled();
          if (entry.isGitlink()) {
            makeDirectory(root.resolve(entry.inner()));
          } else if (!entry.isLink()) {
            writeFile(reader, entry);
            written += entry.contentSize();
            progress.bytes(written, total);
          }
        }
        // Links come last, so that nothing is ever written through one.
        for (Entry entry : part.entries()) {
          if (entry.isLink()) {
            Path link = root.resolve(entry.inner());
            makeDirectory(link.getParent());
            Files.createSymbolicLink(link, Path.of(entry.link().orElseThrow()));
          }
        }
        GitIndex.write(root, part.entries());
        // HEAD comes last: until then this is no repository.
        Files.writeString(root.resolve(".git").resolve("HEAD"), part.commit().hex() + "\n");
      }
      return written;
    }

    private void makeDirectory(Path directory) throws IOException {
      if (made.add(directory)) {
        Files.createDirectories(directory);
      }
    }

    private void writeFile(ObjectReader reader, Entry entry) throws IOException {
      Path file = root.resolve(entry.inner());
      makeDirectory(file.getParent());
      Path stored = entry.lfs().map(pointer -> bare.lfsObject(pointer.sha256())).orElse(file);
      try (OutputStream out = Files.newOutputStream(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        if (entry.lfs().isPresent()) {
          Files.copy(stored, out);
        } else {
          try (InputStream in = EolStreamTypeUtil.wrapInputStream(reader.open(entry.id()).openStream(), entry.eol())) {
            in.transferTo(out);
          }
        }
      }
      if (entry.type() == FileMode.EXECUTABLE_FILE) {
        makeExecutable(file);
      }
      if (entry.lfs().isPresent()) {
        Files.setLastModifiedTime(file, FileTime.from(repositories.clock().now().minusSeconds(LFS_AGE_SECONDS)));
      }
    }

    /** For whoever may read it, which is what the umask says. */
    private static void makeExecutable(Path file) throws IOException {
      if (!file.getFileSystem().supportedFileAttributeViews().contains("posix")) {
        return;
      }
      Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(file);
      Set<PosixFilePermission> more = new HashSet<>(permissions);
      if (permissions.contains(PosixFilePermission.OWNER_READ)) {
        more.add(PosixFilePermission.OWNER_EXECUTE);
      }
      if (permissions.contains(PosixFilePermission.GROUP_READ)) {
        more.add(PosixFilePermission.GROUP_EXECUTE);
      }
      if (permissions.contains(PosixFilePermission.OTHERS_READ)) {
        more.add(PosixFilePermission.OTHERS_EXECUTE);
      }
      Files.setPosixFilePermissions(file, more);
    }

    private void writeGit(Repository repository) throws IOException {
      Path git = root.resolve(".git");
      Files.createDirectories(git.resolve("objects").resolve("info"));
      Files.createDirectories(git.resolve("objects").resolve("pack"));
      Files.createDirectories(git.resolve("refs").resolve("heads"));
      Files.writeString(git.resolve("objects").resolve("info").resolve("alternates"), bare.objects().toRealPath() + "\n");
      // Where the history was left out of the cache, it ends here too.
      Set<ObjectId> shallow = repository.getObjectDatabase().getShallowCommits();
      if (!shallow.isEmpty()) {
        Files.writeString(git.resolve("shallow"), shallow.stream().map(ObjectId::name).sorted().collect(Collectors.joining("\n", "", "\n")));
      }
      Files.writeString(git.resolve("config"), config().toText());
    }

    private Config config() {
      Config config = new Config();
      config.setInt("core", null, "repositoryformatversion", 0);
      config.setBoolean("core", null, "filemode", root.getFileSystem().supportedFileAttributeViews().contains("posix"));
      config.setBoolean("core", null, "bare", false);
      config.setBoolean("core", null, "logallrefupdates", true);
      // The index knows a file by its size and time alone, so a copied checkout is still clean.
      config.setString("core", null, "checkStat", "minimal");
      config.setBoolean("core", null, "trustctime", false);
      config.setString("remote", "origin", "url", part.repo().text());
      config.setString("remote", "origin", "fetch", "+refs/heads/*:refs/remotes/origin/*");
      if (part.entries().stream().anyMatch(Entry::isGitlink)) {
        Submodules.Named named = Submodules.named(repositories, part.repo(), part.commit(), "");
        for (Submodules.Section section : named.sections().values()) {
          if (named.links().containsKey(section.path())) {
            config.setBoolean("submodule", section.name(), "active", true);
            config.setString("submodule", section.name(), "url", part.repo().resolveSubmodule(section.url()).text());
          }
        }
      }
      return config;
    }
  }
}
