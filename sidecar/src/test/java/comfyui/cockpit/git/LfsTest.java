package comfyui.cockpit.git;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
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
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LfsTest {
  private static final byte[] CONTENT = "many bytes, as weights are\n".repeat(1000).getBytes(StandardCharsets.UTF_8);

  private Bench bench;
  private CommitId commit;
  private String oid;

  @BeforeEach
  void serve(@TempDir Path root) throws Exception {
    bench = new Bench(root);
    oid = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(CONTENT));
    Git git = bench.repository("one");
    git.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    git.write("weights.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:" + oid + "\nsize " + CONTENT.length + "\n");
    git.write("about.txt", "version https://git-lfs.github.com/spec/v1\noid sha256:" + oid + "\nsize 1\n");
    commit = new CommitId(git.commit("first"));
  }

  @AfterEach
  void close() {
    bench.close();
  }

  /** What the server says to the batch API, and what it gives for the content. */
  private void answer(String batch, byte[] content) {
    bench.server.insteadAnswer(
        exchange -> {
          String path = exchange.getRequestURI().getPath();
          if (path.equals("/one.git/info/lfs/objects/batch")) {
            String question = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(question.contains(oid) && question.contains("\"download\""), question);
            GitServer.send(exchange, 200, batch);
            return true;
          }
          if (path.equals("/content")) {
            assertEquals("yes", exchange.getRequestHeaders().getFirst("X-Allowed"));
            exchange.sendResponseHeaders(200, content.length);
            exchange.getResponseBody().write(content);
            return true;
          }
          return false;
        });
  }

  private String batch() {
    return "{\"transfer\":\"basic\",\"objects\":[{\"oid\":\"" + oid + "\",\"size\":" + CONTENT.length + ",\"actions\":{\"download\":{\"href\":\""
        + bench.server.url("content")
        + "\",\"header\":{\"X-Allowed\":\"yes\"}}}}]}";
  }

  @Test
  void theContentStandsInTheCheckoutAndGitFindsItClean() throws IOException {
    answer(batch(), CONTENT);
    bench.fetch(bench.http("one"), commit.hex());
    Git checkout = bench.checkout(bench.http("one"), commit, "target");
    assertArrayEquals(CONTENT, Files.readAllBytes(checkout.directory.resolve("weights.bin")));
    assertTrue(Files.readString(checkout.directory.resolve("about.txt")).startsWith("version"));
    assertEquals("", checkout.run("status", "--porcelain"));
    bench.server.insteadAnswer(exchange -> false);
    bench.checkout(bench.http("one"), commit, "again");
    assertEquals(CONTENT.length, bench.repositories.tracked(bench.http("one"), commit, List.of()).stream()
        .filter(file -> file.path().equals("weights.bin")).findFirst().orElseThrow().size());
  }

  @Test
  void anotherContentIsRefusedAndNothingIsLeft() throws IOException {
    answer(batch(), "something else".getBytes(StandardCharsets.UTF_8));
    Problem problem = failure();
    assertEquals(Code.GIT_UNREACHABLE, problem.code());
    assertTrue(problem.detail().contains("weights.bin") && problem.detail().contains("LFS pointer"), problem.detail());
    assertFalse(Files.exists(bench.root.resolve("target")));
  }

  @Test
  void aHostWithoutTheContentIsSaid() {
    answer("{\"objects\":[{\"oid\":\"" + oid + "\",\"error\":{\"code\":404,\"message\":\"Object does not exist\"}}]}", CONTENT);
    Problem problem = failure();
    assertEquals(Code.FILE_MISSING, problem.code());
    assertTrue(problem.detail().contains("weights.bin") && problem.detail().contains("Object does not exist"), problem.detail());
  }

  @Test
  void aHostWithoutLfsIsSaid() {
    Problem problem = failure();
    assertEquals(Code.GIT_UNREACHABLE, problem.code());
    assertTrue(problem.detail().contains("weights.bin"), problem.detail());
  }

  private Problem failure() {
    bench.fetch(bench.http("one"), commit.hex());
    return Bench.problem(() -> bench.checkout(bench.http("one"), commit, "target"));
  }

  @Test
  void aLocalRepositoryHasTheContentBesideIt() throws IOException {
    RepoUrl repo = bench.file("one");
    bench.fetch(repo, commit.hex());
    assertEquals(Code.FILE_MISSING, Bench.problem(() -> bench.checkout(repo, commit, "target")).code());
    Path object = bench.served.resolve("one/.git/lfs/objects").resolve(oid.substring(0, 2)).resolve(oid.substring(2, 4)).resolve(oid);
    Files.createDirectories(object.getParent());
    Files.write(object, CONTENT);
    assertArrayEquals(CONTENT, Files.readAllBytes(bench.checkout(repo, commit, "target").directory.resolve("weights.bin")));
  }

  @Test
  void theContentCanBeCarriedToAnotherCache() throws IOException {
    answer(batch(), CONTENT);
    RepoUrl repo = bench.http("one");
    bench.fetch(repo, commit.hex());
    bench.checkout(repo, commit, "target");
    Path bundle = bench.root.resolve("one.bundle");
    bench.repositories.bundle(repo, commit, bundle);
    try (Repositories other = bench.repositories(bench.root.resolve("other"), true)) {
      other.unbundle(repo, bundle, commit);
      Path target = bench.root.resolve("elsewhere");
      Problem problem = Bench.problem(() -> other.checkout(repo, commit, List.of(), target, new CancelSignal(), ProgressSink.NONE));
      assertEquals(Code.OFFLINE, problem.code());
      bench.repositories.lfsFiles(repo, commit).forEach((path, content) -> other.addLfsFile(repo, commit, path, content));
      other.checkout(repo, commit, List.of(), target, new CancelSignal(), ProgressSink.NONE);
      assertArrayEquals(CONTENT, Files.readAllBytes(target.resolve("weights.bin")));
    }
  }
}
