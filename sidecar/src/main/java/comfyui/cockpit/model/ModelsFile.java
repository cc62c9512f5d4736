package comfyui.cockpit.model;

import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.files.Stat;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.Where;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.Optional;

/** The user's models.json as it is now, and the last good one beside its errors. */
public final class ModelsFile {
  private final Path path;
  private final String shown;
  private final ModelsJson codec;
  private Optional<Snapshot> last = Optional.empty();
  private Optional<Stat> lastStat = Optional.empty();

  public ModelsFile(Path path, String shown, ModelsJson codec) {
    this.path = path;
    this.shown = shown;
    this.codec = codec;
  }

  /** How the file is. */
  public enum State {
    OK,
    MISSING,
    INVALID
  }

  /**
   * @param declaration the last good one
   * @param errors what is wrong with the file now
   * @param digest of the text, so that a change can be told
   */
  public record Snapshot(State state, Declaration declaration, List<Problem> errors, List<Problem> warnings, String digest) {}

  public Path path() {
    return path;
  }

  public String shown() {
    return shown;
  }

  /** Reads the file if it changed. Cheap enough to ask often, on network volumes too. */
  public synchronized Snapshot now() {
    Optional<Stat> stat = Stat.of(path);
    if (last.isPresent() && stat.isPresent() && stat.equals(lastStat)) {
      return last.get();
    }
    Declaration before = last.map(Snapshot::declaration).orElse(Declaration.EMPTY);
    Snapshot snapshot = read(before);
    last = Optional.of(snapshot);
    lastStat = stat;
    return snapshot;
  }

  /** @throws comfyui.cockpit.kernel.ProblemException {@code declaration_invalid} with all errors, {@code file_missing} */
  public Declaration good() {
    Snapshot snapshot = now();
    return switch (snapshot.state()) {
      case OK -> snapshot.declaration();
      case MISSING ->
          throw Problem.of(Code.DECLARATION_INVALID, "There is no " + shown + ".")
              .withHint("Write one (`comfyui-cockpit models declare <url> --write` does), or name its folder with --root.")
              .at(new Where(shown, "", 1, 1))
              .toException();
      case INVALID -> throw invalid(snapshot.errors()).toException();
    };
  }

  /** One problem for a whole file, with all its errors. */
  public Problem invalid(List<Problem> errors) {
    Problem first = errors.getFirst();
    String more = errors.size() == 1 ? "1 error" : errors.size() + " errors";
    Problem problem = Problem.of(Code.DECLARATION_INVALID, shown + " has " + more + ". The first: " + first.detail()).withHint(first.hint()).gathering(errors);
    return first.where().map(problem::at).orElse(problem);
  }

  public ModelsJson.Parsed check(String text) {
    return codec.parse(text, shown);
  }

  private Snapshot read(Declaration before) {
    Optional<String> text;
    try {
      text = SmallFile.read(path);
    } catch (IOException e) {
      Problem problem =
          Problem.of(Code.DECLARATION_INVALID, shown + " cannot be read: " + e.getMessage() + ".").withHint("Give this user the right to read it.").at(new Where(shown, "", 1, 1));
      return new Snapshot(State.INVALID, before, List.of(problem), List.of(), "unreadable");
    }
    if (text.isEmpty()) {
      return new Snapshot(State.MISSING, Declaration.EMPTY, List.of(), List.of(), "missing");
    }
    ModelsJson.Parsed parsed = codec.parse(text.get(), shown);
    return new Snapshot(
        parsed.declaration().isPresent() ? State.OK : State.INVALID, parsed.declaration().orElse(before), parsed.errors(), parsed.warnings(), digest(text.get()));
  }

  private static String digest(String text) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return Checksum.of(Checksum.Algorithm.SHA256, digest).hex().substring(0, 12);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
