package comfyui.cockpit.gcs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.net.Retry;
import comfyui.cockpit.net.Url;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AccountTest {
  @TempDir Path directory;

  private static GcsSettings settings(Optional<Path> named, Optional<Path> wellKnown) {
    return new GcsSettings(Url.parse(GcsSettings.ENDPOINT), named, wellKnown, Optional.empty(), new Retry(0, Duration.ZERO));
  }

  private Path write(String name, String text) throws IOException {
    return Files.writeString(directory.resolve(name), text);
  }

  @Test
  void shouldPreferTheFileThatIsNamed() throws IOException {
    Path named = write("key.json", "{\"type\": \"service_account\"}");
    Path gcloud = write("adc.json", "{\"type\": \"authorized_user\"}");
    assertEquals(Optional.of(new Account(named, true, "service_account")), Account.find(settings(Optional.of(named), Optional.of(gcloud))));
    assertEquals(Optional.of(new Account(gcloud, false, "authorized_user")), Account.find(settings(Optional.empty(), Optional.of(gcloud))));
    assertEquals(Optional.empty(), Account.find(settings(Optional.empty(), Optional.of(directory.resolve("none.json")))));
    assertEquals(Optional.empty(), Account.find(settings(Optional.empty(), Optional.empty())));
  }

  /** Case 56: a file that counts and cannot be used is never the same as none. */
  @Test
  void shouldRefuseToBecomeAnonymous() throws IOException {
    Path gcloud = write("adc.json", "{\"type\": \"authorized_user\"}");
    Problem missing = problem(settings(Optional.of(directory.resolve("none.json")), Optional.of(gcloud)));
    assertEquals(Code.TOKEN_MISSING, missing.code());
    assertEquals(Code.TOKEN_REJECTED, problem(settings(Optional.of(directory), Optional.of(gcloud))).code());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", "SECRET-text", "[]", "{\"type\": \"SECRET-type\", ", "{}", "{\"type\": \"gdch_service_account\", \"private_key\": \"SECRET\"}",
        "{\"type\": \"external_account\", \"credential_source\": {\"executable\": {\"command\": \"SECRET\"}}}"
      })
  void shouldSayWhatIsBrokenWithoutItsContent(String text) throws IOException {
    Path file = write("key.json", text);
    for (GcsSettings each : new GcsSettings[] {settings(Optional.of(file), Optional.empty()), settings(Optional.empty(), Optional.of(file))}) {
      Problem problem = problem(each);
      assertEquals(Code.TOKEN_REJECTED, problem.code());
      assertFalse((problem.detail() + problem.hint()).contains("SECRET"), problem.detail());
    }
  }

  private static Problem problem(GcsSettings settings) {
    return assertThrows(ProblemException.class, () -> Account.find(settings)).problem();
  }
}
