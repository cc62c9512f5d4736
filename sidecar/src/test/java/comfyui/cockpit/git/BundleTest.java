package comfyui.cockpit.git;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BundleTest {
  private Bench bench;
  private Git git;
  private RepoUrl http;
  private Path bundle;

  @BeforeEach
  void serve(@TempDir Path root) throws IOException {
    bench = new Bench(root);
    git = bench.repository("one");
    git.write("a.txt", "first\n").commit("first");
    git.write("a.txt", "second\n").commit("second");
    http = bench.http("one");
    bundle = root.resolve("out/one.bundle");
  }

  @AfterEach
  void close() {
    bench.close();
  }

  @Test
  void anotherCacheTakesItWithoutAConnection() throws IOException {
    CommitId commit = bench.fetch(http, git.head());
    bench.repositories.bundle(http, commit, bundle);
    bench.server.close();
    try (Repositories other = bench.repositories(bench.root.resolve("other"), true)) {
      other.unbundle(http, bundle, commit);
      assertTrue(other.has(http, commit));
      assertEquals(git.run("rev-parse", "HEAD^{tree}"), other.tree(http, commit));
    }
    Git.in(bench.root.resolve("other").resolve(http.slug())).run("fsck", "--strict");
  }

  @Test
  void gitTakesOneWhoseHistoryIsCut() throws IOException {
    CommitId commit = bench.fetch(http, git.head());
    bench.repositories.bundle(http, commit, bundle);
    Git reader = Git.init(bench.root.resolve("reader"));
    reader.run("bundle", "verify", bundle.toString());
    Files.writeString(reader.directory.resolve(".git/shallow"), commit + "\n");
    reader.run("fetch", bundle.toString(), "cockpit");
    assertEquals(commit.hex(), reader.run("rev-parse", "FETCH_HEAD"));
    reader.run("checkout", "--quiet", "FETCH_HEAD");
    assertEquals("second\n", Files.readString(reader.directory.resolve("a.txt")));
  }

  @Test
  void gitClonesOneWithAllHistory() throws IOException {
    String second = git.head();
    git.write("a.txt", "third\n").commit("third");
    try (TcpGit old = new TcpGit(bench.served, false)) {
      bench.repositories.bundle(old.url("one"), bench.fetch(old.url("one"), second), bundle);
    }
    Git.in(bench.root).run("clone", "--quiet", "--branch", "cockpit", bundle.toString(), "cloned");
    assertEquals(second, Git.in(bench.root.resolve("cloned")).head());
  }

  @Test
  void aBrokenOneOrAnotherOnesGivesNothing() throws IOException {
    CommitId commit = bench.fetch(http, git.head());
    bench.repositories.bundle(http, commit, bundle);
    byte[] bytes = Files.readAllBytes(bundle);
    Path half = bench.root.resolve("half.bundle");
    Files.write(half, java.util.Arrays.copyOf(bytes, bytes.length / 2));
    CommitId unknown = new CommitId("1".repeat(40));
    try (Repositories other = bench.repositories(bench.root.resolve("other"), true)) {
      assertEquals(Code.FILE_MISSING, Bench.problem(() -> other.unbundle(http, half, commit)).code());
      assertFalse(other.has(http, commit));
      assertEquals(Code.FILE_MISSING, Bench.problem(() -> other.unbundle(http, bundle, unknown)).code());
      assertEquals(Code.FILE_MISSING, Bench.problem(() -> other.unbundle(http, bench.root.resolve("absent"), commit)).code());
    }
  }
}
