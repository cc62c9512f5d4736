package comfyui.cockpit.git;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RepoUrlTest {
  private static final Path FOLDER = Path.of("/decl/aration");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "https://github.com/comfyanonymous/ComfyUI", "https://github.com/comfyanonymous/ComfyUI.git/", "http://127.0.0.1:3000/a/b",
            "ssh://git@host:22/a", "git@github.com:a/b.git",
        "git://host/a", "file:///srv/a%20b", "/srv/a b", "https://[::1]:8080/a"
      })
  void whatGitTakesIsTaken(String text) {
    assertEquals(text, RepoUrl.parse(text, FOLDER).text());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", " ", "ext::sh -c touch% /tmp/x", "fd::7", "-oProxyCommand=x", "--upload-pack=x", "ssh://-oProxyCommand=x/a",
            "ssh://git@-oProxyCommand=x/a", "git@-host:a", "host:-a",
        "https://host/-a", "https://host", "https://host/", "ftp://host/a", "javascript://host/a", "https://host/a?token=x", "https://host/a#x",
            "https://host/a\nb", "git://host/a%0ab",
        "https://host/a/../b", "file://host/a", "https:///a", "https://ho st/a", "ssh://git@host:x/a", "/srv/a\u0000b", "git@host:../a"
      })
  void whatMayBeSomethingElseIsRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> RepoUrl.parse(text, FOLDER));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "https://user:s3cret@host/a", "https://s3cret@host/a", "ssh://user:s3cret@host/a", "user:s3cret@host/a", "user:s3cret@host:a",
            "https://user:s3/cret@host/a", "git://user:s3cret@host/a",
        "foo://user:s3cret@host/a", "https://us%20er:s3cret@host/a"
      })
  void aLoginIsRefusedAndNotRepeated(String text) {
    String said = assertThrows(IllegalArgumentException.class, () -> RepoUrl.parse(text, FOLDER)).getMessage();
    assertFalse(said.contains("s3"), said);
  }

  @Test
  void aLoginBelongsIntoNetrc() {
    assertTrue(assertThrows(IllegalArgumentException.class, () -> new RepoUrl("https://user:s3cret@host/a")).getMessage().contains("~/.netrc"));
  }

  @ParameterizedTest
  @CsvSource({"repos/one,/decl/aration/repos/one", "./one,/decl/aration/one", "../one,/decl/one", "one,/decl/aration/one",
      "github.com/a/b,/decl/aration/github.com/a/b"})
  void aRelativePathBeginsAtTheFolderAndIsLocal(String text, String path) {
    RepoUrl repo = RepoUrl.parse(text, FOLDER);
    assertEquals(path, repo.text());
    assertTrue(repo.isLocal());
  }

  @Test
  void aSlugIsReadable() {
    assertTrue(new RepoUrl("https://github.com/comfyanonymous/ComfyUI").slug().matches("github\\.com-comfyanonymous-ComfyUI-[0-9a-f]{8}"));
  }

  @ParameterizedTest
  @ValueSource(strings =
      {"https://GitHub.com/a/b", "https://github.com/a/b.git", "https://github.com/a/b/", "https://github.com/a/b.git/",
      "https://github.com:443/a/b", "HTTPS://github.com/a/b"})
  void oneRepositoryHasOneSlug(String text) {
    assertEquals(new RepoUrl("https://github.com/a/b").slug(), new RepoUrl(text).slug());
  }

  @ParameterizedTest
  @ValueSource(strings =
      {"https://github.com/A/b", "https://github.com/a-b", "https://github.com/a/b-", "http://github.com/a/b", "https://github.com:444/a/b",
      "git@github.com:a/b", "/a/b"})
  void twoRepositoriesHaveTwoSlugs(String text) {
    assertNotEquals(new RepoUrl("https://github.com/a/b").slug(), new RepoUrl(text).slug());
  }

  @ParameterizedTest
  @ValueSource(strings =
      {"https://host/../x", "/..", "https://host/.git", "/srv/.git", "https://host/%2e%2e", "https://host/a/....", "https://host/é/漢"})
  void aSlugIsAPlainNameAlways(String text) {
    if (!text.contains("/../")) {
      assertTrue(new RepoUrl(text).slug().matches("[A-Za-z0-9_][A-Za-z0-9._-]*"), new RepoUrl(text).slug());
    }
  }

  @ParameterizedTest
  @CsvSource({"https://github.com/a/ComfyUI-Manager.git,ComfyUI-Manager", "https://github.com/a/b/,b", "git@host:a/b.git,b", "git@host:b,b",
      "/srv/x.git,x", "file:///srv/a%20b,a b", "/srv/x/.git,x", "/srv/..,repository", "https://h/..x,repository", "https://h/.git,repository"})
  void theNameIsTheLastPart(String text, String name) {
    assertEquals(name, new RepoUrl(text).name());
  }

  @ParameterizedTest
  @CsvSource({
    "https://h/a/b.git,../c.git,https://h/a/c.git", "https://h/a/b,./c,https://h/a/b/c", "https://h/a/b/,../../c/d,https://h/c/d",
        "git@h:a/b,../c,git@h:a/c", "git@h:b,../c,git@h:c",
    "/srv/a,../b,/srv/b", "file:///srv/a,../b,file:///srv/b", "https://h/a/b,https://x/y,https://x/y", "/srv/a,/srv/b,/srv/b",
        "/srv/a,https://x/y,https://x/y"
  })
  void aSubmodulesAddressBeginsAtItsParent(String parent, String url, String resolved) {
    assertEquals(resolved, new RepoUrl(parent).resolveSubmodule(url).text());
  }

  @ParameterizedTest
  @CsvSource({"https://h/a/b,/srv/x", "https://h/a/b,file:///srv/x", "https://h/a/b,../../../c", "https://h/a/b,../../..", "https://h/a/b,ext::x",
      "https://h/a/b,./../x/../../y", "/srv/a,../../../../x", "git@h:b,../../c"})
  void aSubmoduleDoesNotLeave(String parent, String url) {
    assertThrows(IllegalArgumentException.class, () -> new RepoUrl(parent).resolveSubmodule(url));
  }
}
