package comfyui.cockpit.git;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.net.NetSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** Repositories to fetch from, below {@code served}, and caches with impatient settings. */
final class Bench implements AutoCloseable {
  final Path root;
  final Path served;
  final Path cache;
  final GitServer server;
  final Repositories repositories;

  Bench(Path root) throws IOException {
    this.root = root;
    this.served = Files.createDirectories(root.resolve("served"));
    this.cache = root.resolve("cache");
    this.server = new GitServer(served);
    this.repositories = repositories(cache, false);
  }

  Repositories repositories(Path cache, boolean offline) {
    return new Repositories(cache, new GitAccess(settings(offline), Optional.of(root.resolve("netrc"))), Clock.system());
  }

  static NetSettings settings(boolean offline) {
    return new NetSettings(Duration.ofSeconds(2), Duration.ofMillis(900), Map.of(), Optional.empty(), offline, "comfyui-cockpit/test");
  }

  Git repository(String name) throws IOException {
    return Git.init(served.resolve(name));
  }

  RepoUrl http(String name) {
    return new RepoUrl(server.url(name));
  }

  RepoUrl file(String name) {
    return new RepoUrl(served.resolve(name).toUri().toString().replaceFirst("^file:/+", "file:///"));
  }

  CommitId resolve(RepoUrl repo, String ref) {
    return repositories.resolve(repo, Optional.of(ref), new CancelSignal()).commit();
  }

  CommitId fetch(RepoUrl repo, String commit) {
    CommitId id = new CommitId(commit);
    repositories.fetch(repo, id, Optional.empty(), new CancelSignal(), ProgressSink.NONE);
    return id;
  }

  List<Submodule> submodules(RepoUrl repo, CommitId commit) {
    return repositories.submodules(repo, commit, new CancelSignal(), ProgressSink.NONE);
  }

  /** With its submodules, into a directory of that name. */
  Git checkout(RepoUrl repo, CommitId commit, String target) {
    Path directory = root.resolve(target);
    repositories.checkout(repo, commit, submodules(repo, commit), directory, new CancelSignal(), ProgressSink.NONE);
    return Git.in(directory);
  }

  /** The problem that it must end with. */
  static Problem problem(Runnable action) {
    try {
      action.run();
    } catch (ProblemException e) {
      return e.problem();
    }
    throw new AssertionError("it should have failed");
  }

  static Problem problem(Supplier<?> action) {
    return problem(
        () -> {
          action.get();
        });
  }

  @Override
  public void close() {
    repositories.close();
    server.close();
  }
}
