package comfyui.cockpit.git;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.kernel.CommitId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckoutTest {
  private Bench bench;
  private Git git;
  private RepoUrl http;

  @BeforeEach
  void serve(@TempDir Path root) throws IOException {
    bench = new Bench(root);
    git = bench.repository("one");
    git.write("a.txt", "a\n").write("deep/er/run.sh", "#!/bin/sh\n").write("deep/é.txt", "é\n").write("crlf.txt", "x\ny\n")
        .write(".gitattributes", "crlf.txt text eol=crlf\n");
    Files.createSymbolicLink(git.directory.resolve("link"), Path.of("deep/er"));
    git.run("add", "--all");
    git.run("update-index", "--chmod=+x", "deep/er/run.sh");
    git.commitIndex("first");
    http = bench.http("one");
  }

  @AfterEach
  void close() {
    bench.close();
  }

  @Test
  void gitFindsItClean() throws IOException {
    CommitId commit = bench.fetch(http, git.head());
    Git checkout = bench.checkout(http, commit, "target");
    assertEquals("", checkout.run("status", "--porcelain", "--ignored"));
    assertEquals(commit.hex(), checkout.run("rev-parse", "HEAD"));
    assertEquals("x\r\ny\r\n", Files.readString(checkout.directory.resolve("crlf.txt")));
    assertTrue(Files.isExecutable(checkout.directory.resolve("link/run.sh")));
    checkout.run("fsck");
    checkout.run("log");
  }

  @Test
  void aSecondCheckoutFetchesNothingAndOwnsNoObjects() throws IOException {
    CommitId commit = bench.fetch(http, git.head());
    bench.checkout(http, commit, "one");
    long fetches = bench.server.fetches();
    bench.fetch(http, git.head());
    Git second = bench.checkout(http, commit, "two");
    assertEquals(fetches, bench.server.fetches());
    assertEquals("0 objects, 0 kilobytes", second.run("count-objects"));
  }

  @Test
  void theFilesAreListedAsGitListsThem() throws IOException {
    CommitId commit = bench.fetch(http, git.head());
    List<String> ours = bench.repositories.tracked(http, commit, List.of()).stream().map(file -> file.mode() + " " + file.path() + " " + file.size())
        .toList();
    assertEquals(git.run("ls-tree", "-r", "-z", "--format=%(objectmode) %(path) %(objectsize)", "HEAD").replace('\0', '\n').strip(),
        String.join("\n", ours));
  }
}
