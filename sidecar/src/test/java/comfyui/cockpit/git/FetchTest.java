package comfyui.cockpit.git;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProgressSink;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FetchTest {
  private Bench bench;
  private Git git;
  private String first;
  private String second;
  private RepoUrl http;

  @BeforeEach
  void serve(@TempDir Path root) throws IOException {
    bench = new Bench(root);
    git = bench.repository("one");
    first = git.write("a.txt", "first\n").commit("first");
    git.run("tag", "--annotate", "--message", "a tag", "v1");
    git.run("tag", "light");
    git.run("branch", "dev");
    second = git.write("a.txt", "second\n").write("sub/b.txt", "b\n").commit("second");
    http = bench.http("one");
  }

  @AfterEach
  void close() {
    bench.close();
  }

  @Test
  void aBranchIsItsTip() {
    assertEquals(new Resolved(new CommitId(second), Optional.of("refs/heads/main")),
        bench.repositories.resolve(http, Optional.of("main"), new CancelSignal()));
  }

  @Test
  void withoutARefItIsTheDefaultBranch() {
    assertEquals(new Resolved(new CommitId(second), Optional.of("refs/heads/main")),
        bench.repositories.resolve(http, Optional.empty(), new CancelSignal()));
  }

  @Test
  void anAnnotatedTagIsItsCommit() {
    assertEquals(first, bench.resolve(http, "v1").hex());
    assertEquals(first, bench.resolve(http, "refs/tags/v1").hex());
    assertEquals(first, bench.resolve(http, "light").hex());
  }

  @Test
  void aFewDigitsAreACommitAlsoOneThatNoBranchPointsTo() throws IOException {
    String middle = git.write("a.txt", "third\n").commit("third");
    git.write("a.txt", "fourth\n").commit("fourth");
    assertEquals(middle, bench.resolve(http, middle.substring(0, 8)).hex());
    assertEquals(middle, bench.resolve(bench.file("one"), middle.substring(0, 8)).hex());
    assertEquals(first, bench.resolve(http, first.substring(0, 7)).hex());
  }

  @Test
  void aFullCommitIsFetchedToBeSure() {
    assertEquals(first, bench.resolve(http, first).hex());
    assertTrue(bench.repositories.has(http, new CommitId(first)));
    assertEquals(Code.REF_NOT_FOUND, Bench.problem(() -> bench.resolve(http, "1".repeat(40))).code());
  }

  @Test
  void anUnknownRefNamesTheNearest() {
    Problem problem = Bench.problem(() -> bench.resolve(http, "mian"));
    assertEquals(Code.REF_NOT_FOUND, problem.code());
    assertEquals("mian", problem.args().get("ref"));
    assertTrue(problem.hint().contains("\"main\""), problem.hint());
  }

  @Test
  void aDeletedTagIsNotFound() throws IOException {
    git.run("tag", "--delete", "v1");
    assertEquals(Code.REF_NOT_FOUND, Bench.problem(() -> bench.resolve(http, "v1")).code());
  }

  @Test
  void aBranchThatMovedIsItsNewTip() throws IOException {
    assertEquals(second, bench.resolve(http, "main").hex());
    String third = git.write("a.txt", "third\n").commit("third");
    assertEquals(third, bench.resolve(http, "main").hex());
  }

  @Test
  void aCommitIsReadFromTheCache() {
    CommitId commit = bench.fetch(http, second);
    assertEquals("second\n", new String(bench.repositories.read(http, commit, "a.txt", 100).orElseThrow(), StandardCharsets.UTF_8));
    assertTrue(bench.repositories.read(http, commit, "absent", 100).isEmpty());
    assertTrue(bench.repositories.read(http, commit, "sub", 100).isEmpty());
  }

  @Test
  void theHistoryStaysAtTheServer() throws IOException {
    CommitId commit = bench.fetch(http, second);
    assertEquals("1", Git.in(bench.cache.resolve(http.slug())).run("rev-list", "--count", commit.hex()));
    assertFalse(bench.repositories.has(http, new CommitId(first)));
    bench.fetch(http, first);
    assertTrue(bench.repositories.has(http, new CommitId(first)));
    Git.in(bench.cache.resolve(http.slug())).run("fsck", "--strict");
  }

  @Test
  void theTreeIsGitsOwn() throws IOException {
    assertEquals(git.run("rev-parse", "HEAD^{tree}"), bench.repositories.tree(http, bench.fetch(http, second)));
  }

  @Test
  void aServerThatGivesOnlyTipsGivesACommitWithItsBranch() throws IOException {
    try (TcpGit old = new TcpGit(bench.served, false)) {
      RepoUrl repo = old.url("one");
      assertEquals(second, bench.resolve(repo, "main").hex());
      bench.fetch(repo, second);
      assertTrue(bench.repositories.has(repo, bench.fetch(repo, first)));
      String third = git.write("a.txt", "third\n").commit("third");
      git.write("a.txt", "fourth\n").commit("fourth");
      bench.repositories.fetch(repo, new CommitId(third), Optional.of("refs/heads/main"), new CancelSignal(), ProgressSink.NONE);
      assertTrue(bench.repositories.has(repo, new CommitId(third)));
      assertEquals(Code.REF_NOT_FOUND, Bench.problem(() -> bench.fetch(repo, "1".repeat(40))).code());
    }
  }

  @Test
  void aServerWithoutProtocolTwoIsUnderstood() {
    bench.server.speakOldProtocol();
    assertEquals(new Resolved(new CommitId(second), Optional.of("refs/heads/main")),
        bench.repositories.resolve(http, Optional.empty(), new CancelSignal()));
    assertTrue(bench.repositories.has(http, bench.fetch(http, first)));
  }

  @Test
  void whatAForcePushDroppedIsKeptWhereItWas() throws IOException {
    CommitId dropped = bench.fetch(http, second);
    git.run("reset", "--quiet", "--hard", first);
    git.run("reflog", "expire", "--expire=now", "--all");
    git.run("gc", "--quiet", "--prune=now");
    assertEquals(second, bench.resolve(http, second).hex());
    bench.checkout(http, dropped, "target");
    try (Repositories fresh = bench.repositories(bench.root.resolve("fresh"), false)) {
      Problem problem = Bench.problem(() -> fresh.resolve(http, Optional.of(second), new CancelSignal()));
      assertEquals(Code.REF_NOT_FOUND, problem.code());
      assertEquals(second, problem.args().get("ref"));
    }
  }

  @Test
  void theDigitsOfATagAreItsCommitAndThoseOfATreeNone() throws IOException {
    assertEquals(first, bench.resolve(http, git.run("rev-parse", "v1")).hex());
    String tree = git.run("rev-parse", "HEAD^{tree}");
    assertEquals(Code.REF_NOT_FOUND, Bench.problem(() -> bench.resolve(http, tree)).code());
  }

  @Test
  void theCacheIsNeverTidiedBehindOurBack() throws IOException {
    CommitId commit = bench.fetch(http, second);
    Path bare = bench.cache.resolve(http.slug());
    Files.writeString(bare.resolve("config"), "[core]\n\tbare = true\n[gc]\n\tautoPackLimit = 1\n");
    for (int i = 0; i < 3; i++) {
      bench.fetch(http, git.write("a.txt", "again " + i + "\n").commit("again"));
    }
    try (Stream<Path> packs = Files.list(bare.resolve("objects/pack"))) {
      assertEquals(4, packs.filter(path -> path.toString().endsWith(".pack")).count());
    }
    assertTrue(bench.repositories.has(http, commit));
  }

  @Test
  void aLocalRepositoryIsFetchedFrom() {
    CommitId commit = bench.fetch(bench.file("one"), first);
    assertTrue(bench.repositories.has(bench.file("one"), commit));
    assertEquals(second, bench.resolve(new RepoUrl(bench.served.resolve("one").toString()), "main").hex());
  }

  @Test
  void aCacheOfManyLocalCommitsTakesOneMore() throws IOException {
    RepoUrl local = bench.file("one");
    for (int i = 0; i < 90; i++) {
      git.write("a.txt", i + "\n");
      CommitId commit = bench.fetch(local, git.commit("commit " + i));
      assertEquals(i + "\n", new String(bench.repositories.read(local, commit, "a.txt", 100).orElseThrow(), StandardCharsets.UTF_8));
    }
    Git.in(bench.cache.resolve(local.slug())).run("fsck", "--strict");
  }

  @Test
  void aLocalRepositoryWithoutAllItsObjectsIsNamed() throws IOException {
    String lost = git.run("rev-parse", "HEAD:sub/b.txt");
    Files.delete(git.directory.resolve(".git/objects").resolve(lost.substring(0, 2)).resolve(lost.substring(2)));
    Problem problem = Bench.problem(() -> bench.fetch(bench.file("one"), second));
    assertEquals(Code.GIT_UNREACHABLE, problem.code());
    assertTrue(problem.detail().contains(lost), problem.detail());
    assertFalse(bench.repositories.has(bench.file("one"), new CommitId(second)));
    bench.fetch(bench.file("one"), first);
  }
}
