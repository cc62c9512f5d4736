package comfyui.cockpit.git;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.net.NetSettings;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TroubleTest {
  private Bench bench;
  private Git git;
  private String head;
  private RepoUrl http;

  @BeforeEach
  void serve(@TempDir Path root) throws IOException {
    bench = new Bench(root);
    git = bench.repository("one");
    head = git.write("a.txt", "a\n").commit("first");
    http = bench.http("one");
  }

  @AfterEach
  void close() {
    bench.close();
  }

  @Test
  void twoFetchersShareOneFetch() throws Exception {
    try (Repositories other = bench.repositories(bench.cache, false);
        Repositories alone = bench.repositories(bench.root.resolve("alone"), false)) {
      alone.fetch(http, new CommitId(head), Optional.empty(), new CancelSignal(), ProgressSink.NONE);
      long once = bench.server.fetches();
      CompletableFuture<Void> one = CompletableFuture.runAsync(() -> bench.fetch(http, head));
      CompletableFuture<Void> two =
          CompletableFuture.runAsync(() -> other.fetch(http, new CommitId(head), Optional.empty(), new CancelSignal(), ProgressSink.NONE));
      one.get();
      two.get();
      assertEquals(2 * once, bench.server.fetches());
    }
  }

  @Test
  void whoWaitsForTheCacheCanBeCancelled() throws Exception {
    BareCache cache = new BareCache(bench.cache.resolve(http.slug()), bench.cache.resolve(".locks").resolve(http.slug()), Clock.system());
    try (BareCache.Hold hold = cache.enter(new CancelSignal(), ProgressSink.NONE)) {
      CancelSignal cancel = new CancelSignal();
      CompletableFuture<Problem> waiting =
          CompletableFuture.supplyAsync(() ->
              Bench.problem(() -> bench.repositories.fetch(http, new CommitId(head), Optional.empty(), cancel, ProgressSink.NONE)));
      cancel.sleep(Duration.ofMillis(300));
      cancel.cancel();
      assertEquals(Code.CANCELLED, waiting.get().code());
    }
    cache.close();
  }

  @Test
  void whatAKilledFetchLeftDisturbsNobody() throws IOException {
    Path bare = bench.cache.resolve(http.slug());
    Files.createDirectories(bare.resolve("objects/pack"));
    Files.createDirectories(bare.resolve("refs/cockpit"));
    assertFalse(bench.repositories.has(http, new CommitId(head)));
    List<Path> left =
        List.of(
            bare.resolve("objects/incoming_1.pack"), bare.resolve("objects/pack/pack-1.keep"), bare.resolve("shallow.lock"),
                bare.resolve("refs/cockpit/" + head + ".lock"),
            bare.resolve("FETCH_HEAD.lock"));
    for (Path path : left) {
      Files.writeString(path, "half");
    }
    bench.fetch(http, head);
    assertTrue(bench.repositories.has(http, new CommitId(head)));
    for (Path path : left) {
      assertFalse(Files.exists(path), path.toString());
    }
    try (Stream<Path> all = Files.walk(bare)) {
      assertEquals(List.of(), all.filter(path -> path.toString().matches(".*(\\.lock|\\.keep|incoming_.*|\\.probe.*)")).toList());
    }
  }

  @Test
  void objectsWithoutTheirMarkDoNotPass() throws IOException {
    bench.fetch(http, head);
    Files.delete(bench.cache.resolve(http.slug()).resolve("refs/cockpit").resolve(head));
    assertFalse(bench.repositories.has(http, new CommitId(head)));
    assertEquals(Code.FILE_MISSING, Bench.problem(() -> bench.repositories.tree(http, new CommitId(head))).code());
    bench.fetch(http, head);
    assertTrue(bench.repositories.has(http, new CommitId(head)));
  }

  @Test
  void offlineTheCacheIsEnoughOrItIsSaid() throws IOException {
    try (Repositories offline = bench.repositories(bench.cache, true)) {
      RepoUrl far = new RepoUrl("https://git.example.invalid/a/b");
      Problem problem = Bench.problem(() -> offline.resolve(far, Optional.of("main"), new CancelSignal()));
      assertEquals(Code.OFFLINE, problem.code());
      assertEquals(List.of(far + "@main"), problem.args().get("missing"));
      assertEquals(Code.OFFLINE, Bench.problem(() -> offline.fetch(far, new CommitId(head), Optional.empty(), new CancelSignal(), ProgressSink.NONE))
          .code());
      assertEquals(head, offline.resolve(bench.file("one"), Optional.of("main"), new CancelSignal()).commit().hex());
      bench.fetch(http, head);
      int asked = bench.server.asked().size();
      assertEquals(head, offline.resolve(http, Optional.of(head), new CancelSignal()).commit().hex());
      assertEquals(head, offline.resolve(http, Optional.of(head.substring(0, 9)), new CancelSignal()).commit().hex());
      assertEquals(Code.OFFLINE, Bench.problem(() -> offline.resolve(http, Optional.of("main"), new CancelSignal())).code());
      assertEquals(asked, bench.server.asked().size());
    }
  }

  @Test
  void aHostThatIsNotThereIsSaid() throws IOException {
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    for (String url : List.of("http://127.0.0.1:" + port + "/a", "git://127.0.0.1:" + port + "/a", "http://name.invalid/a", "git://name.invalid/a",
        "/absent", "ssh://git@127.0.0.1/a", "git@127.0.0.1:a")) {
      Problem problem = Bench.problem(() -> bench.resolve(new RepoUrl(url), "main"));
      assertEquals(Code.GIT_UNREACHABLE, problem.code(), problem.detail());
      assertEquals(url, problem.args().get("repo"));
    }
  }

  @Test
  void aServerThatSaysNothingIsNotWaitedForLong() throws IOException {
    try (TcpGit silent = new TcpGit(bench.served, true)) {
      for (RepoUrl repo : List.of(silent.url("one"), new RepoUrl("http://127.0.0.1:" + silent.port() + "/one"))) {
        long start = Clock.system().nanos();
        Problem problem = Bench.problem(() -> bench.resolve(repo, "main"));
        assertEquals(Code.GIT_UNREACHABLE, problem.code(), problem.detail());
        assertTrue(Clock.system().secondsSince(start) < 4, problem.detail());
      }
    }
  }

  @Test
  void aServerThatSaysNothingCanBeLeft() throws Exception {
    NetSettings patient = new NetSettings(Duration.ofSeconds(2), Duration.ofMinutes(5), Map.of(), Optional.empty(), false, "comfyui-cockpit/test");
    try (TcpGit silent = new TcpGit(bench.served, true);
        Repositories waiting = new Repositories(bench.cache, new GitAccess(patient, Optional.empty()), Clock.system())) {
      for (RepoUrl repo : List.of(silent.url("one"), new RepoUrl("http://127.0.0.1:" + silent.port() + "/one"))) {
        CancelSignal cancel = new CancelSignal();
        CompletableFuture<Problem> end = CompletableFuture.supplyAsync(() -> Bench.problem(() -> waiting.resolve(repo, Optional.of("main"), cancel)));
        cancel.sleep(Duration.ofMillis(300));
        cancel.cancel();
        assertEquals(Code.CANCELLED, end.get(3, TimeUnit.SECONDS).code());
      }
    }
  }

  @Test
  void aPassingFailureIsTriedOnceMore() {
    int[] failures = {1};
    bench.server.insteadAnswer(
        exchange -> {
          if (failures[0]-- > 0) {
            GitServer.send(exchange, 503, "");
            return true;
          }
          return false;
        });
    assertEquals(head, bench.resolve(http, "main").hex());
    failures[0] = 99;
    int before = bench.server.asked().size();
    assertEquals(Code.GIT_UNREACHABLE, Bench.problem(() -> bench.resolve(http, "main")).code());
    assertEquals(2, bench.server.asked().size() - before);
  }

  @Test
  void aTransferThatBreaksIsTriedOnceMoreAndLeavesNothing() throws IOException {
    git.write("noise.bin", new java.util.Random(1).ints(200_000).mapToObj(Integer::toHexString).collect(Collectors.joining()));
    CommitId commit = new CommitId(git.commit("large"));
    int[] broken = {0};
    bench.server.breakAfter(100_000, () -> broken[0]++ < 2);
    assertEquals(Code.GIT_UNREACHABLE, Bench.problem(() -> bench.fetch(http, commit.hex())).code());
    assertFalse(bench.repositories.has(http, commit));
    assertEquals(2, broken[0]);
    broken[0] = 1;
    bench.fetch(http, commit.hex());
    assertTrue(bench.repositories.has(http, commit));
    assertEquals("", bench.checkout(http, commit, "target").run("status", "--porcelain"));
  }

  @Test
  void aPageIsNoRepository() {
    bench.server.insteadAnswer(
        exchange -> {
          exchange.getResponseHeaders().add("Content-Type", "text/html");
          GitServer.send(exchange, 200, "<html>Sign in</html>");
          return true;
        });
    Problem problem = Bench.problem(() -> bench.resolve(http, "main"));
    assertEquals(Code.GIT_UNREACHABLE, problem.code());
    assertTrue(problem.detail().contains("page"), problem.detail());
    assertFalse(problem.retryable());
  }

  @Test
  void anAbsentRepositoryIsSaidAndNotTriedAgain() {
    Problem problem = Bench.problem(() -> bench.resolve(bench.http("absent"), "main"));
    assertEquals(Code.GIT_UNREACHABLE, problem.code());
    assertEquals(404, problem.args().get("status"));
    assertEquals(1, bench.server.asked().size());
  }

  @Test
  void aLoginComesFromNetrcForItsHostOnly() throws IOException {
    bench.server.wantLogin("me:s3cret-word");
    Problem without = Bench.problem(() -> bench.resolve(http, "main"));
    assertEquals(Code.GIT_UNREACHABLE, without.code());
    assertTrue(without.hint().contains("netrc"), without.hint());
    Files.writeString(bench.root.resolve("netrc"), "machine 127.0.0.1\n  login me\n  password s3cret-word\n");
    try (Repositories with = bench.repositories(bench.cache, false)) {
      assertEquals(head, with.resolve(http, Optional.of("main"), new CancelSignal()).commit().hex());
      with.fetch(http, new CommitId(head), Optional.empty(), new CancelSignal(), ProgressSink.NONE);
    }
    Files.writeString(bench.root.resolve("netrc"), "default login me password s3cret-word\nmachine 127.0.0.2 login me password s3cret-word\n");
    try (Repositories other = bench.repositories(bench.cache, false)) {
      assertEquals(Code.GIT_UNREACHABLE, Bench.problem(() -> other.resolve(http, Optional.of("main"), new CancelSignal())).code());
    }
  }

  @Test
  void aLoginStandsInNoError() throws IOException {
    String encoded = java.util.Base64.getEncoder().encodeToString("me:s3cret-word".getBytes());
    Files.writeString(bench.root.resolve("netrc"), "machine 127.0.0.1 login me password s3cret-word\n");
    try (Repositories with = bench.repositories(bench.cache, false)) {
      bench.server.wantLogin("me:another");
      assertClean(Bench.problem(() -> with.resolve(http, Optional.of("main"), new CancelSignal())), encoded);
      bench.server.insteadAnswer(
          exchange -> {
            exchange.getResponseHeaders().add("Content-Type", "application/x-git-upload-pack-advertisement");
            String line = "ERR you sent s3cret-word as " + encoded;
            GitServer.send(exchange, 200, "001e# service=git-upload-pack\n0000" + String.format("%04x", line.length() + 4) + line);
            return true;
          });
      bench.server.wantLogin("me:s3cret-word");
      Problem echo = Bench.problem(() -> with.resolve(http, Optional.of("main"), new CancelSignal()));
      assertClean(echo, encoded);
      assertTrue(echo.detail().contains("you sent"), echo.detail());
    }
  }

  private static void assertClean(Problem problem, String encoded) {
    String all = problem.toString() + problem.toException();
    assertFalse(all.contains("s3cret-word") || all.contains(encoded), all);
  }

  @Test
  void aRedirectIsFollowedByGitsRules() throws IOException {
    try (GitServer front = new GitServer(bench.served)) {
      front.insteadAnswer(
          exchange -> {
            exchange.getResponseHeaders().add("Location", bench.server.url("one") + "/info/refs?service=git-upload-pack");
            GitServer.send(exchange, 301, "");
            return true;
          });
      RepoUrl moved = new RepoUrl(front.url("old"));
      assertEquals(head, bench.resolve(moved, "main").hex());
      bench.fetch(moved, head);
      for (String elsewhere : List.of("ext::sh/info/refs", "file:///etc/info/refs", "git://127.0.0.1/one/info/refs", bench.server.url("login"))) {
        front.insteadAnswer(
            exchange -> {
              exchange.getResponseHeaders().add("Location", elsewhere);
              GitServer.send(exchange, 302, "");
              return true;
            });
        assertEquals(Code.GIT_UNREACHABLE, Bench.problem(() -> bench.resolve(moved, "main")).code(), elsewhere);
      }
    }
  }

  @Test
  void aProxyIsUsedAsForDownloads() throws IOException {
    // A proxy gets the whole address in the request line; this one is the git server itself.
    Map<String, String> proxies = Map.of("http_proxy", "http://127.0.0.1:" + bench.server.port());
    NetSettings settings = new NetSettings(Duration.ofSeconds(2), Duration.ofSeconds(2), proxies, Optional.empty(), false, "comfyui-cockpit/test");
    try (Repositories behind = new Repositories(bench.cache, new GitAccess(settings, Optional.empty()), Clock.system())) {
      assertEquals(head, behind.resolve(new RepoUrl("http://git.example.invalid/one"), Optional.of("main"), new CancelSignal()).commit().hex());
    }
  }

  @Test
  void aCacheThatNobodyUsesIsRemoved() throws IOException {
    CommitId commit = bench.fetch(http, head);
    Path bare = bench.repositories.caches().getFirst();
    assertEquals(List.of(bench.cache.resolve(http.slug())), bench.repositories.caches());
    assertTrue(bench.repositories.size(bare) > 100);
    assertFalse(bench.repositories.deleteUnused(bare, Set.of(commit), new CancelSignal()));
    assertTrue(bench.repositories.deleteUnused(bare, Set.of(), new CancelSignal()));
    assertEquals(List.of(), bench.repositories.caches());
    bench.fetch(http, head);
    assertTrue(bench.repositories.has(http, commit));
  }
}
