package comfyui.cockpit.git;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProgressSink;
import java.nio.file.Files;
import java.util.List;

/** The contents that LFS pointers stand for. */
final class Lfs {
  private final Repositories repositories;

  Lfs(Repositories repositories, CancelSignal cancel, ProgressSink progress) {
    this.repositories = repositories;
  }

  void bring(RepoUrl repo, List<Entry> wanted) {
    for (Entry entry : wanted) {
      if (!Files.exists(repositories.bare(repo).lfsObject(entry.lfs().orElseThrow().sha256()))) {
        throw Problem.of(Code.FILE_MISSING, "\"" + entry.path() + "\" of " + repo + " is an LFS pointer whose content could not be had.").toException();
      }
    }
  }
}
