package comfyui.cockpit.gcs;

import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A file that says who we are to Google.
 *
 * @param named true if the user named it, false if it is the one of gcloud
 * @param type as Google calls this kind of account
 */
public record Account(Path file, boolean named, String type) {
  private static final List<String> TYPES = List.of("service_account", "authorized_user", "external_account", "impersonated_service_account");

  /** In words. */
  public String origin() {
    return named ? "the file " + file + " that GOOGLE_APPLICATION_CREDENTIALS names" : "gcloud's file " + file;
  }

  /**
   * The file that counts, if there is one. One that is broken is an error and never the same as none: anonymous readers see less.
   *
   * @throws comfyui.cockpit.kernel.ProblemException if the file that counts cannot be used
   */
  static Optional<Account> find(GcsSettings settings) {
    if (settings.named().isPresent()) {
      Path file = settings.named().get();
      String text =
          read(file, true)
              .orElseThrow(
                  () ->
                      Problem.of(Code.TOKEN_MISSING, "GOOGLE_APPLICATION_CREDENTIALS names " + file + ", and there is no such file.")
                          .withHint("Name the key file of an account that may read the object, or unset the variable for public objects.")
                          .toException());
      return Optional.of(of(file, true, text));
    }
    return settings.wellKnown().flatMap(file -> read(file, false).map(text -> of(file, false, text)));
  }

  private static Optional<String> read(Path file, boolean named) {
    try {
      return SmallFile.read(file);
    } catch (IOException e) {
      throw broken(file, named, "cannot be read: " + e.getMessage()).toException();
    }
  }

  private static Account of(Path file, boolean named, String text) {
    Value json = Json.read(text).orElseThrow(() -> broken(file, named, "is not JSON").toException());
    String type = json.text("type").orElse("");
    if (!TYPES.contains(type)) {
      throw broken(file, named, "holds no account that is known here (\"type\": \"" + type + "\"; known are " + String.join(", ", TYPES) + ")").toException();
    }
    // Google's library would start a program by itself; children are ours to start.
    if (json.get("credential_source").flatMap(source -> source.get("executable")).isPresent()) {
      throw broken(file, named, "wants a program to be run for a token, which is not done here").toException();
    }
    return new Account(file, named, type);
  }

  /** @param what is wrong with it, without its content */
  static Problem broken(Path file, boolean named, String what) {
    return Problem.of(Code.TOKEN_REJECTED, "The Google credentials in " + file + " " + what + ".")
        .withHint(
            named
                ? "Correct GOOGLE_APPLICATION_CREDENTIALS, or unset it for public objects."
                : "Run `gcloud auth application-default login` again, or name another file in GOOGLE_APPLICATION_CREDENTIALS.");
  }
}
