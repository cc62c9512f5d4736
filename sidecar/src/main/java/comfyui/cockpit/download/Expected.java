package comfyui.cockpit.download;

import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Checksum.Algorithm;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.source.Described;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What the file must be, and by whose word: the user's comes before the host's.
 *
 * @param size bytes
 * @param tolerance how many bytes the size may be off
 * @param also further checksums by the host's word
 */
record Expected(OptionalLong size, long tolerance, Optional<Checksum> declared, Optional<Checksum> hub, List<Checksum> also, boolean sizeDeclared) {
  static Expected of(WantedFile wanted, Described described) {
    boolean declared = wanted.size().isPresent();
    OptionalLong said = described.tolerance() == Described.GUESS ? OptionalLong.empty() : described.size();
    return new Expected(
        declared ? wanted.size() : said, declared ? 0 : described.tolerance(), wanted.checksum(), described.checksum(), described.also(), declared);
  }

  /** Which sums must be made to hold the file against them. */
  Set<Algorithm> algorithms() {
    return Stream.of(declared.stream(), hub.stream(), also.stream()).flatMap(Function.identity()).map(Checksum::algorithm).collect(Collectors.toSet());
  }

  /** The first word of the host that the sums contradict. */
  Optional<Checksum> brokenByHost(Map<Algorithm, Checksum> sums) {
    return Stream.concat(hub.stream(), also.stream()).filter(word -> !word.equals(sums.get(word.algorithm()))).findFirst();
  }

  /** The most bytes that may come. */
  long most(long otherwise) {
    return size.isPresent() ? size.getAsLong() + tolerance : otherwise;
  }

  /** What speaks against a whole length, if anything does. */
  Optional<Problem> lengthProblem(long length, String name, String host) {
    if (size.isEmpty() || Math.abs(length - size.getAsLong()) <= tolerance) {
      return Optional.empty();
    }
    Problem problem =
        sizeDeclared
            ? Problem.of(Code.SIZE_DIFFERS, host + " sends " + length + " bytes for " + name + "; " + size.getAsLong() + " are declared.")
                .withHint("Correct size_bytes in models.json, or name another source.")
            : Problem.of(Code.HOST_ERROR, host + " announced " + size.getAsLong() + " bytes for " + name + " and sends " + length + ".");
    return Optional.of(problem.with("expected", size.getAsLong()).with("actual", length));
  }

  Verified verified() {
    return declared.isPresent() ? Verified.DECLARED : hub.isPresent() ? Verified.HUB : Verified.NONE;
  }
}
