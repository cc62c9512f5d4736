package comfyui.cockpit.download;

import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.source.Described;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What the file must be, and by whose word: the user's comes before the host's.
 *
 * @param size bytes
 * @param tolerance how many bytes the size may be off
 */
record Expected(OptionalLong size, long tolerance, Optional<Checksum> declared, Optional<Checksum> hub, boolean sizeDeclared) {
  static Expected of(WantedFile wanted, Described described) {
    boolean declared = wanted.size().isPresent();
    OptionalLong said = described.tolerance() == Described.GUESS ? OptionalLong.empty() : described.size();
    return new Expected(
        declared ? wanted.size() : said, declared ? 0 : described.tolerance(), wanted.checksum(), described.checksum(), declared);
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
