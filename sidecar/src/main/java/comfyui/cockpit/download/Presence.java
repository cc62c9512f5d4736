package comfyui.cockpit.download;

import comfyui.cockpit.files.Stat;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;

/** What is at a wanted file's place, told without reading the file. */
public sealed interface Presence {
  /** Nothing is there. */
  record Missing() implements Presence {}

  /** A file of the right size is there, and nothing speaks against it. */
  record Present(Stat stat, Optional<Checksum> sha256, Verified verified) implements Presence {}

  /** Something is there that contradicts the declaration. */
  record Differs(Optional<Stat> stat, Optional<Checksum> sha256, Problem problem) implements Presence {}

  static Presence of(WantedFile wanted, Records records, String shown) {
    Path target = wanted.target();
    Optional<Stat> stat = Stat.of(target);
    if (stat.isEmpty()) {
      return Files.exists(target, LinkOption.NOFOLLOW_LINKS)
          ? new Differs(
              Optional.empty(),
              Optional.empty(),
              Problem.of(Code.PATH_TAKEN, shown + " is " + (Files.isSymbolicLink(target) ? "a symbolic link to nothing." : "no file.")).with("path", shown))
          : new Missing();
    }
    if (wanted.size().isPresent() && wanted.size().getAsLong() != stat.get().size()) {
      return new Differs(
          stat,
          Optional.empty(),
          Problem.of(Code.SIZE_DIFFERS, shown + " has " + stat.get().size() + " bytes; " + wanted.size().getAsLong() + " are declared.")
              .with("expected", wanted.size().getAsLong())
              .with("actual", stat.get().size()));
    }
    Optional<Records.Entry> known = records.of(target, stat.get());
    if (known.isEmpty()) {
      return new Present(stat.get(), Optional.empty(), Verified.UNCHECKED);
    }
    Optional<Checksum> declared = wanted.checksum().filter(c -> c.algorithm() == Checksum.Algorithm.SHA256);
    if (declared.isPresent() && !declared.get().equals(known.get().sha256())) {
      return new Differs(stat, Optional.of(known.get().sha256()), checksumDiffers(shown, declared.get(), known.get().sha256()));
    }
    if (declared.isEmpty() && known.get().contradicts().isPresent()) {
      return new Differs(stat, Optional.of(known.get().sha256()), checksumDiffers(shown, known.get().contradicts().get(), known.get().sha256()));
    }
    // A record made before the user declared a checksum says more now: the same bytes fit his word.
    Verified verified = declared.isPresent() ? Verified.DECLARED : known.get().verified();
    return new Present(stat.get(), Optional.of(known.get().sha256()), verified);
  }

  static Problem checksumDiffers(String shown, Checksum expected, Checksum actual) {
    return Problem.of(Code.CHECKSUM_DIFFERS, shown + " is not the file that it should be: its sha256 is " + actual.hex() + ".")
        .with("expected", expected.hex())
        .with("actual", actual.hex());
  }
}
