package comfyui.cockpit.git;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
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

class SubmodulesTest {
  private Bench bench;
  private String leaf;
  private String middle;

  @BeforeEach
  void serve(@TempDir Path root) throws IOException {
    bench = new Bench(root);
    leaf = bench.repository("leaf").write("leaf.txt", "leaf\n").commit("leaf");
    Git git = bench.repository("middle");
    git.write("middle.txt", "middle\n").run("add", "middle.txt");
    middle = git.link("in/leaf", "../leaf", leaf).commitIndex("middle");
  }

  @AfterEach
  void close() {
    bench.close();
  }

  private CommitId top(String name, String path, String url) throws IOException {
    return top(name, path, url, middle);
  }

  private CommitId top(String name, String path, String url, String commit) throws IOException {
    Git git = bench.repository("top");
    git.write("top.txt", "top\n").run("add", "top.txt");
    git.run("update-index", "--add", "--cacheinfo", "160000," + commit + ",mods/middle");
    return new CommitId(git.section(name, path, url).commitIndex("top"));
  }

  private Problem refusal(CommitId commit) {
    bench.fetch(bench.http("top"), commit.hex());
    return Bench.problem(() -> bench.submodules(bench.http("top"), commit));
  }

  @Test
  void thoseInsideOthersAreFoundToo() throws IOException {
    CommitId commit = bench.fetch(bench.http("top"), top("m", "mods/middle", "../middle").hex());
    assertEquals(
        List.of(new Submodule("mods/middle", bench.http("middle"), new CommitId(middle)),
            new Submodule("mods/middle/in/leaf", bench.http("leaf"), new CommitId(leaf))),
        bench.submodules(bench.http("top"), commit));
  }

  @Test
  void gitFindsACheckoutWithThemClean() throws IOException {
    RepoUrl repo = bench.http("top");
    CommitId commit = bench.fetch(repo, top("m", "mods/middle", "../middle").hex());
    Git checkout = bench.checkout(repo, commit, "target");
    assertEquals("", checkout.run("status", "--porcelain"));
    assertEquals("leaf\n", Files.readString(checkout.directory.resolve("mods/middle/in/leaf/leaf.txt")));
    assertTrue(checkout.run("submodule", "status", "--recursive").lines().allMatch(line -> line.startsWith(" ")),
        checkout.run("submodule", "status", "--recursive"));
    assertEquals(leaf, Git.in(checkout.directory.resolve("mods/middle/in/leaf")).head());
    assertEquals(
        List.of(".gitmodules", "top.txt", "mods/middle/.gitmodules", "mods/middle/middle.txt", "mods/middle/in/leaf/leaf.txt"),
        bench.repositories.tracked(repo, commit, bench.submodules(repo, commit)).stream().map(TrackedFile::path).toList());
  }

  @Test
  void aLinkWithoutASectionStaysEmpty() throws IOException {
    Git git = bench.repository("top");
    git.run("update-index", "--add", "--cacheinfo", "160000," + middle + ",stray");
    CommitId commit = bench.fetch(bench.http("top"), git.commitIndex("top"));
    assertEquals(List.of(), bench.submodules(bench.http("top"), commit));
    assertEquals("", bench.checkout(bench.http("top"), commit, "target").run("status", "--porcelain"));
  }

  @ParameterizedTest
  @CsvSource({
    "m,mods/middle,ext::sh -c touch% /tmp/pwned,source_unsupported",
    "m,mods/middle,-u./payload,source_unsupported",
    "m,mods/middle,--upload-pack=payload,source_unsupported",
    "m,mods/middle,ssh://-oProxyCommand=payload/x,source_unsupported",
    "m,mods/middle,https://user:secret@host/x,source_unsupported",
    "m,-c,../middle,source_unsupported",
    "m,../outside,../middle,declaration_invalid",
    "m,mods/../../x,../middle,declaration_invalid",
    "m,.git/hooks,../middle,declaration_invalid",
    "m,a/.GIT/x,../middle,declaration_invalid",
    "../../x,mods/middle,../middle,declaration_invalid",
    "m,mods/middle,/srv/local,source_unsupported",
    "m,mods/middle,file:///srv/local,source_unsupported"
  })
  void aHostileOneIsRefused(String name, String path, String url, String code) throws IOException {
    Problem problem = refusal(top(name, path, url));
    assertEquals(code, problem.code().wireName(), problem.detail());
    assertTrue(problem.detail().contains(path), problem.detail());
    assertTrue(!problem.detail().contains("secret"), problem.detail());
  }

  @Test
  void oneThatIsGoneIsNamed() throws IOException {
    Problem problem = refusal(top("m", "mods/middle", "../middle", "1".repeat(40)));
    assertEquals(Code.REF_NOT_FOUND, problem.code());
    assertTrue(problem.detail().contains("mods/middle"), problem.detail());
  }

  @Test
  void tooManyInsideEachOtherAreRefused() throws IOException {
    String commit = leaf;
    String below = "leaf";
    for (int i = 0; i < 9; i++) {
      commit = bench.repository("deep" + i).link("d", "../" + below, commit).commitIndex("deep");
      below = "deep" + i;
    }
    CommitId top = bench.fetch(bench.http(below), commit);
    RepoUrl repo = bench.http(below);
    assertEquals(Code.SOURCE_UNSUPPORTED, Bench.problem(() -> bench.submodules(repo, top)).code());
  }
}
