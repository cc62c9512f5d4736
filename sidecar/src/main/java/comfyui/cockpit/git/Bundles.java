package comfyui.cockpit.git;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.git.Remote.NotGiven;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProgressSink;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.UUID;
import org.eclipse.jgit.lib.NullProgressMonitor;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.transport.BundleWriter;
import org.eclipse.jgit.transport.RefSpec;
import org.eclipse.jgit.transport.TagOpt;
import org.eclipse.jgit.transport.Transport;
import org.eclipse.jgit.transport.URIish;

/** Commits as files. */
final class Bundles {
  static final String REF = "refs/heads/cockpit";

  private final Repositories repositories;

  Bundles(Repositories repositories) {
    this.repositories = repositories;
  }

  void write(RepoUrl repo, CommitId commit, Path file) {
    Path temp = file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID().toString().substring(0, 8) + ".cockpit-new");
    try (Repository repository = repositories.bare(repo).openWith(repo, commit)) {
      Files.createDirectories(file.toAbsolutePath().getParent());
      BundleWriter writer = new BundleWriter(repository);
      writer.include(REF, ObjectId.fromString(commit.hex()));
      try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(temp))) {
        writer.writeBundle(NullProgressMonitor.INSTANCE, out);
      }
      Files.move(temp, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw DiskProblems.of(e, file).toException();
    } finally {
      discard(temp);
    }
  }

  void read(RepoUrl repo, Path file, CommitId commit) {
    BareCache cache = repositories.bare(repo);
    if (cache.has(commit)) {
      return;
    }
    if (!Files.isRegularFile(file)) {
      throw Problem.of(Code.FILE_MISSING, "The bundle " + file + " is not there.").with("path", file.toString()).toException();
    }
    try (BareCache.Hold hold = cache.enter(new CancelSignal(), ProgressSink.NONE);
        Repository repository = cache.open()) {
      unpack(repository, file, commit);
      BareCache.endHistory(repository, commit);
      Fetches.requireObjects(repository, commit);
      BareCache.markComplete(repository, commit);
    } catch (NotGiven | IOException e) {
      throw new comfyui.cockpit.kernel.ProblemException(broken(file, commit, String.valueOf(e.getMessage())), e);
    }
  }

  private static void unpack(Repository repository, Path file, CommitId commit) throws IOException {
    try (Transport transport = Transport.open(repository, new URIish().setPath(file.toAbsolutePath().toString()))) {
      transport.setTagOpt(TagOpt.NO_TAGS);
      transport.setCheckFetchedObjects(false);
      transport.fetch(NullProgressMonitor.INSTANCE, List.of(new RefSpec(REF)));
    }
    if (!repository.getObjectDatabase().has(ObjectId.fromString(commit.hex()))) {
      throw new IOException("it holds another commit");
    }
  }

  private static Problem broken(Path file, CommitId commit, String why) {
    return Problem.of(Code.FILE_MISSING, "The bundle " + file + " does not give commit " + commit.abbreviated() + ": " + why + ".")
        .withHint("Pack the version again where it is complete.")
        .with("path", file.toString());
  }

  private static void discard(Path temp) {
    try {
      Files.deleteIfExists(temp);
    } catch (IOException e) {
      throw DiskProblems.of(e, temp).toException();
    }
  }
}
