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
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HostileTreeTest {
  private Bench bench;
  private Git git;

  @BeforeEach
  void serve(@TempDir Path root) throws IOException {
    bench = new Bench(root);
    git = bench.repository("one");
    git.write("a.txt", "a\n").commit("first");
  }

  @AfterEach
  void close() {
    bench.close();
  }

  private Problem refusal(String commit) {
    RepoUrl repo = bench.file("one");
    CommitId id = bench.fetch(repo, commit);
    Path target = bench.root.resolve("target");
    Problem problem = Bench.problem(() -> bench.repositories.checkout(repo, id, List.of(), target, new CancelSignal(), ProgressSink.NONE));
    assertFalse(Files.exists(target));
    return problem;
  }

  @ParameterizedTest
  @CsvSource({"a,/etc/passwd", "a,../x", "d/a,../../x", "a,.", "a,d/../../x", "a,.git/config", "a,d/../.GIT/hooks"})
  void aLinkThatLeadsOutIsRefused(String path, String to) throws IOException {
    Path link = git.directory.resolve(path);
    Files.createDirectories(link.getParent());
    Files.createSymbolicLink(link, Path.of(to));
    git.write("b/x.txt", "x\n");
    git.run("add", "--all");
    if (to.equals(".")) {
      // By itself it leads nowhere; another link that goes through it leads out.
      Files.createSymbolicLink(git.directory.resolve("z"), Path.of("a/../x"));
      git.run("add", "--all");
    }
    Problem problem = refusal(git.commitIndex("hostile"));
    assertEquals(Code.PATH_OUTSIDE_ROOT, problem.code());
    assertTrue(problem.detail().contains("one"), problem.detail());
  }

  @Test
  void linksInsideAreWrittenAlsoIntoNowhere() throws IOException {
    for (String[] link : new String[][] {{"here", "a.txt"}, {"d/up", "../a.txt"}, {"nowhere", "absent"}, {"round", "round"}}) {
      Path file = git.directory.resolve(link[0]);
      Files.createDirectories(file.getParent());
      Files.createSymbolicLink(file, Path.of(link[1]));
    }
    CommitId commit = bench.fetch(bench.file("one"), git.commit("links"));
    Git checkout = bench.checkout(bench.file("one"), commit, "target");
    assertEquals("", checkout.run("status", "--porcelain"));
    assertEquals("a\n", Files.readString(checkout.directory.resolve("d/up")));
  }

  @ParameterizedTest
  @ValueSource(strings = {".git", ".GIT", ".gIt", "git~1", ".git.", ".git ", ".g\u200cit", "..", "."})
  void aNameOfGitsOwnIsRefused(String name) throws IOException {
    String blob = git.run("rev-parse", "HEAD:a.txt");
    Path listing = bench.root.resolve("listing");
    Files.writeString(listing, "100644 blob " + blob + "\tpost-checkout\n");
    String inner = mktree(listing);
    Files.writeString(listing, "040000 tree " + inner + "\t" + name + "\n");
    String commit = git.run("commit-tree", "-m", "hostile", mktree(listing));
    git.run("update-ref", "refs/heads/hostile", commit);
    assertEquals(Code.DECLARATION_INVALID, refusal(commit).code());
  }

  private String mktree(Path listing) throws IOException {
    return git.runWith(listing, "mktree");
  }

  @ParameterizedTest
  @CsvSource({"x/readme,x/README", "A.TXT,b", "\u00c9,\u00e9", "\u00e9,e\u0301"})
  void namesThatAreOneWhereCaseDoesNotCountAreRefused(String one, String other) throws IOException {
    git.write(one, "1\n").write(other, "2\n");
    git.run("-c", "core.precomposeunicode=false", "add", "--all");
    Problem problem = refusal(git.commitIndex("hostile"));
    assertEquals(Code.DECLARATION_INVALID, problem.code());
  }

  @Test
  void aLinkThatIsADirectoryWhereCaseDoesNotCountIsRefused() throws IOException {
    Files.createSymbolicLink(git.directory.resolve("A"), Path.of("a.txt"));
    git.write("a/post", "x\n");
    assertEquals(Code.DECLARATION_INVALID, refusal(git.commit("hostile")).code());
  }

  @Test
  void noFilterNorHookRuns() throws IOException {
    Path trace = bench.root.resolve("ran");
    git.write(".gitattributes", "* filter=evil\n");
    Files.writeString(bench.root.resolve("gitconfig"), "[filter \"evil\"]\n\tsmudge = touch " + trace + "\n");
    CommitId commit = bench.fetch(bench.file("one"), git.commit("filtered"));
    Git checkout = bench.checkout(bench.file("one"), commit, "target");
    assertFalse(Files.exists(trace));
    assertFalse(Files.exists(checkout.directory.resolve(".git/hooks")));
  }

  @Test
  void whatIsThereIsLeftAlone() throws IOException {
    CommitId commit = bench.fetch(bench.file("one"), git.head());
    Path target = Files.createDirectories(bench.root.resolve("target"));
    Files.writeString(target.resolve("mine"), "mine");
    assertEquals(
        Code.PATH_TAKEN,
        Bench.problem(() -> bench.repositories.checkout(bench.file("one"), commit, List.of(), target, new CancelSignal(), ProgressSink.NONE)).code());
    assertEquals("mine", Files.readString(target.resolve("mine")));
  }

  @Test
  void aCancelledCheckoutLeavesAnEmptyDirectoryEmpty() throws IOException {
    CommitId commit = bench.fetch(bench.file("one"), git.head());
    Path target = Files.createDirectories(bench.root.resolve("target"));
    CancelSignal cancel = new CancelSignal();
    ProgressSink cancelling = new ProgressSink() {
      @Override
      public void bytes(long done, long total) {
        cancel.cancel();
      }
    };
    git.write("b.txt", "b\n");
    CommitId two = bench.fetch(bench.file("one"), git.commit("two"));
    assertEquals(Code.CANCELLED, Bench.problem(() -> bench.repositories.checkout(bench.file("one"), two, List.of(), target, cancel, cancelling))
        .code());
    try (var content = Files.list(target)) {
      assertEquals(0, content.count());
    }
    bench.repositories.checkout(bench.file("one"), commit, List.of(), target, new CancelSignal(), ProgressSink.NONE);
  }
}
