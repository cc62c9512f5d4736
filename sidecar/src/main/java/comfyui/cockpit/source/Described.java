package comfyui.cockpit.source;

import comfyui.cockpit.kernel.Checksum;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a host says about a file before any of it is fetched.
 *
 * @param source pinned: a branch has become a commit, a choice of files one file
 * @param host as people call it
 * @param filename the file's own name there
 * @param size bytes
 * @param tolerance how many bytes the host's own figure may be off; {@link #GUESS} where it binds nobody
 * @param checksum what the host itself publishes
 * @param title the model's name and its version's, for an id and a display name
 * @param page where people look at it
 * @param also further checksums that the host publishes; all are enforced
 */
public record Described(
    ModelSource source,
    String host,
    String filename,
    OptionalLong size,
    long tolerance,
    Optional<Checksum> checksum,
    Optional<Title> title,
    Optional<URI> page,
    Optional<Gate> gate,
    Optional<String> licence,
    List<Checksum> also) {
  /** What a plain server says to a HEAD is often wrong: good for a plan, and the GET decides. */
  public static final long GUESS = Long.MAX_VALUE;

  /** A file of which the host publishes one checksum at most. */
  public Described(
      ModelSource source,
      String host,
      String filename,
      OptionalLong size,
      long tolerance,
      Optional<Checksum> checksum,
      Optional<Title> title,
      Optional<URI> page,
      Optional<Gate> gate,
      Optional<String> licence) {
    this(source, host, filename, size, tolerance, checksum, title, page, gate, licence, List.of());
  }

  /**
   * @param id what makes it one of a kind at its host: a version id, the first 8 of a commit
   * @param type ComfyUI's word for the kind of model, where the host says one
   */
  public record Title(String name, String version, String id, Optional<String> type, Optional<String> baseModel) {}

  /** What stands between the user and the bytes. */
  public record Gate(String kind, Optional<URI> url, Optional<String> until) {}

  /** One file of several that the user's words fit. */
  public record Choice(String filename, OptionalLong size, ModelSource source) {}

  Described with(Optional<Gate> itsGate, Optional<String> itsLicence) {
    return new Described(source, host, filename, size, tolerance, checksum, title, page, itsGate, itsLicence, also);
  }

  /** Several files, of which the user must choose one. */
  static comfyui.cockpit.kernel.ProblemException ambiguous(String detail, List<Choice> choices) {
    List<Object> listed =
        choices.stream()
            .map(
                choice -> {
                  java.util.Map<String, Object> map = new java.util.LinkedHashMap<>();
                  map.put("filename", choice.filename());
                  map.put("size_bytes", choice.size().isPresent() ? choice.size().getAsLong() : null);
                  map.put("source", choice.source().uri());
                  return (Object) map;
                })
            .toList();
    String names = String.join("; ", choices.stream().limit(12).map(choice -> choice.filename() + " = " + choice.source().uri()).toList());
    return comfyui.cockpit.kernel.Problem.of(comfyui.cockpit.kernel.Code.SOURCE_AMBIGUOUS, detail)
        .withHint("Choose one of: " + names + (choices.size() > 12 ? "; …" : "") + ".")
        .with("choices", listed)
        .toException();
  }
}
