package comfyui.cockpit.download;

import comfyui.cockpit.download.Gate.Hold;
import comfyui.cockpit.files.Disk;
import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.files.Roots;
import comfyui.cockpit.files.Stat;
import comfyui.cockpit.files.Writing;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Checksum.Algorithm;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProcessIdentity;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.kernel.Sizes;
import comfyui.cockpit.source.Described;
import comfyui.cockpit.source.ModelSource;
import comfyui.cockpit.source.Sources;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** Makes wanted files be there: one at a time on a volume, verified, published in one step; looks at those that are. */
public final class Downloads implements AutoCloseable {
  /** What we leave on a volume. */
  public static final String OWN_DIRECTORY = ".comfyui-cockpit";

  private static final int BUFFER = 1 << 20;
  /** A file that is replaced more often while it comes is no file to have. */
  private static final int MOST_REPLACED = 2;

  private final Roots roots;
  private final Sources sources;
  private final Limits limits;
  private final Clock clock;
  private final Gate gate;
  private final Records records;

  public Downloads(Roots roots, Sources sources, Limits limits, Clock clock, ProcessIdentity self) {
    this.roots = roots;
    this.sources = sources;
    this.limits = limits;
    this.clock = clock;
    Path own = roots.main().resolve(OWN_DIRECTORY);
    this.gate = new Gate(own, clock, self);
    this.records = new Records(own.resolve("verified"));
  }

  /** What is at the file's place, without reading it. */
  public Presence presence(WantedFile wanted) {
    return Presence.of(wanted, records, roots.show(wanted.target()));
  }

  public static boolean executesCode(String fileName) {
    return HeaderCheck.executesCode(fileName);
  }

  /** Removes what killed processes left; does nothing while another process writes, which has done so itself. */
  public void sweep() {
    if (!Files.isDirectory(roots.main().resolve(OWN_DIRECTORY).resolve("writing"))) {
      return;
    }
    Optional<Hold> entered = gate.tryEnter();
    if (entered.isEmpty()) {
      return;
    }
    try (Hold hold = entered.get()) {
      hold.fence();
      records.sweep();
    } catch (IOException e) {
      throw DiskProblems.of(e, roots.main()).toException();
    }
  }

  /**
   * Makes the file be there. A file that is there and not known to differ is left alone.
   *
   * @param overwrite replace a file that differs, or that cannot be shown to be the right one
   * @throws ProblemException with whatever kept it away; nothing half-done is left then
   */
  public Fetched fetch(WantedFile wanted, boolean overwrite, CancelSignal cancel, ProgressSink progress) {
    Optional<Fetched> there = alreadyThere(wanted, overwrite);
    if (there.isPresent()) {
      return there.get();
    }
    for (int replaced = 0; ; replaced++) {
      progress.phase("asking");
      Described described = sources.describe(wanted.source(), wanted.checksum(), cancel);
      try {
        return fetch(wanted, described, overwrite, cancel, progress);
      } catch (ProblemException e) {
        // What the host described is there no more, and the user asked for whatever is there.
        if (e.problem().code() != Code.REVISION_NOT_FOUND || described.source().equals(wanted.source()) || replaced == MOST_REPLACED) {
          throw e;
        }
        progress.log("The host replaced the file meanwhile; asking again.");
      }
    }
  }

  private Fetched fetch(WantedFile wanted, Described described, boolean overwrite, CancelSignal cancel, ProgressSink progress) {
    Expected expected = Expected.of(wanted, described);
    contradiction(wanted, described).ifPresent(problem -> {
          throw problem.toException();
        });
    String shown = roots.show(wanted.target());
    try (Hold hold = gate.enter(cancel, progress)) {
      // Whoever held the gate before may have brought it.
      Optional<Fetched> meanwhile = alreadyThere(wanted, overwrite);
      if (meanwhile.isPresent()) {
        return meanwhile.get();
      }
      if (overwrite && Stat.of(wanted.target()).isPresent()) {
        Optional<Fetched> same = keepIfRight(wanted, expected, cancel, progress);
        if (same.isPresent()) {
          return same.get();
        }
      }
      OptionalLong size = expected.size().isPresent() ? expected.size() : described.size();
      if (size.isPresent()) {
        needSpace(wanted.target(), size.getAsLong());
      }
      try {
        records.sweep();
        return bring(wanted, described, expected, overwrite, hold, cancel, progress);
      } catch (IOException e) {
        throw new ProblemException(withShortfall(DiskProblems.of(e, Path.of(shown)), wanted.target(), expected), e);
      } catch (ProblemException e) {
        throw new ProblemException(withShortfall(e.problem(), wanted.target(), expected), e);
      }
    } catch (ProblemException e) {
      progress.log(shown + ": " + e.problem().detail());
      throw e;
    }
  }

  /** Measured when the temporary file is gone again. */
  private static Problem withShortfall(Problem problem, Path target, Expected expected) {
    if (problem.code() != Code.DISK_FULL || problem.args().containsKey("file_system")) {
      return problem;
    }
    Disk.Space space = Disk.spaceAt(target);
    Problem placed = problem.with("file_system", space.path().toString());
    return expected.size().isPresent() ? placed.with("shortfall_bytes", Math.max(0, expected.size().getAsLong() - space.freeBytes())) : placed;
  }

  /** What must fail before anything is fetched: the user's word and the host's cannot both be right. */
  public static Optional<Problem> contradiction(WantedFile wanted, Described described) {
    Optional<Checksum> hub = described.checksum();
    if (wanted.checksum().isPresent() && hub.isPresent() && hub.get().algorithm() == wanted.checksum().get().algorithm() && !hub.equals(wanted.checksum())) {
      return Optional.of(
          Problem.of(Code.CHECKSUM_DIFFERS, described.host() + " has another file than declared: its " + hub.get().algorithm().name().toLowerCase(java.util.Locale.ROOT) + " is " + hub.get().hex() + ".")
              .withHint("Correct sha256 in models.json, or name the revision or version that has the declared file.")
              .with("expected", wanted.checksum().get().hex())
              .with("actual", hub.get().hex()));
    }
    OptionalLong size = described.size();
    if (wanted.size().isPresent() && size.isPresent() && Math.abs(size.getAsLong() - wanted.size().getAsLong()) > described.tolerance()) {
      return Optional.of(
          Problem.of(Code.SIZE_DIFFERS, described.host() + " has a file of " + size.getAsLong() + " bytes; " + wanted.size().getAsLong() + " are declared.")
              .withHint("Correct size_bytes in models.json, or name the revision or version that has the declared file.")
              .with("expected", wanted.size().getAsLong())
              .with("actual", size.getAsLong()));
    }
    return Optional.empty();
  }

  private Optional<Fetched> alreadyThere(WantedFile wanted, boolean overwrite) {
    return switch (presence(wanted)) {
      case Presence.Missing missing -> Optional.empty();
      case Presence.Present present when !overwrite || present.verified() == Verified.DECLARED || present.verified() == Verified.HUB ->
          Optional.of(new Fetched.Present(present.stat().size(), present.sha256(), present.verified() == Verified.UNCHECKED ? Verified.NONE : present.verified()));
      case Presence.Present present -> Optional.empty();
      case Presence.Differs differs -> {
        if (!overwrite || differs.stat().isEmpty()) {
          throw differs.problem().toException();
        }
        yield Optional.empty();
      }
    };
  }

  /** A file that nobody has looked at may be the right one: reading it is cheaper than fetching it. */
  private Optional<Fetched> keepIfRight(WantedFile wanted, Expected expected, CancelSignal cancel, ProgressSink progress) {
    Optional<Checksum> word = expected.declared().or(expected::hub);
    if (word.isEmpty() || presence(wanted) instanceof Presence.Differs) {
      return Optional.empty();
    }
    progress.phase("verifying");
    Sums sums = hash(wanted.target(), List.of(word.get()), cancel, progress);
    if (!word.get().equals(sums.sums().get(word.get().algorithm()))) {
      return Optional.empty();
    }
    remember(wanted.target(), sums, expected.verified());
    return Optional.of(new Fetched.Present(sums.stat().size(), Optional.ofNullable(sums.sums().get(Algorithm.SHA256)), expected.verified()));
  }

  private void needSpace(Path target, long bytes) {
    Disk.Space space = Disk.spaceAt(target);
    if (space.freeBytes() < bytes) {
      long shortfall = bytes - space.freeBytes();
      throw Problem.of(
              Code.DISK_FULL,
              Sizes.bytes(bytes) + " are needed and " + Sizes.bytes(space.freeBytes()) + " are free on the file system of " + space.path() + ".")
          .withHint("Free " + Sizes.bytes(shortfall) + " there, or install less.")
          .with("shortfall_bytes", shortfall)
          .with("file_system", space.path().toString())
          .toException();
    }
  }

  private Fetched bring(
      WantedFile wanted, Described described, Expected expected, boolean overwrite, Hold hold, CancelSignal cancel, ProgressSink progress)
      throws IOException {
    Path target = wanted.target();
    Path shown = Path.of(roots.show(target));
    try (Writing.Draft draft = gate.writing().open(target)) {
      Transfer.Result result =
          described.source() instanceof ModelSource.Local local
              ? copy(local.path(), target, draft.channel(), expected, cancel, progress)
              : new Transfer(sources, described, expected, limits, clock, draft.channel(), shown, cancel, progress).run();
      compare(shown.toString(), described, expected, result.sums());
      cancel.throwIfCancelled();
      progress.phase("publishing");
      draft.force(result.length());
      cancel.throwIfCancelled();
      hold.fence();
      // The declared path may have become a link that leads out while the bytes came.
      if (target.startsWith(roots.main())) {
        roots.resolve(new comfyui.cockpit.kernel.RelativePath(roots.show(target)));
      } else {
        roots.resolve(target);
      }
      draft.publish(overwrite);
      Checksum sha256 = java.util.Objects.requireNonNull(result.sums().get(Algorithm.SHA256));
      Optional<Stat> stat = Stat.of(target);
      if (stat.isPresent()) {
        records.put(target, new Records.Entry(stat.get(), sha256, expected.verified(), Optional.empty()));
      }
      return new Fetched.Installed(result.length(), Optional.of(sha256), expected.verified());
    }
  }

  private static void compare(String shown, Described described, Expected expected, Map<Algorithm, Checksum> sums) {
    if (expected.declared().isPresent()) {
      Checksum declared = expected.declared().get();
      Checksum actual = java.util.Objects.requireNonNull(sums.get(declared.algorithm()));
      if (!declared.equals(actual)) {
        throw Problem.of(Code.CHECKSUM_DIFFERS, "What " + described.host() + " sent for " + shown + " is not the declared file; it was thrown away.")
            .withHint("Correct sha256 in models.json, or name the source of the declared file.")
            .with("expected", declared.hex())
            .with("actual", actual.hex())
            .toException();
      }
    }
    Optional<Checksum> broken = expected.brokenByHost(sums);
    if (broken.isPresent() && expected.declared().isEmpty()) {
      throw Problem.of(Code.CHECKSUM_OF_HOST_DIFFERS, described.host() + " publishes one checksum for " + shown + " and sends a file with another; it was thrown away.")
          .with("expected", broken.get().hex())
          .with("actual", java.util.Objects.requireNonNull(sums.get(broken.get().algorithm())).hex())
          .toException();
    }
  }

  /** Copies a file of this machine and sees to it that it stood still meanwhile. */
  private Transfer.Result copy(Path from, Path target, FileChannel to, Expected expected, CancelSignal cancel, ProgressSink progress) throws IOException {
    Stat before = Stat.of(from).orElseThrow(() -> Problem.of(Code.FILE_MISSING, "The source " + from + " is not there.").toException());
    if (Files.exists(target) && Files.isSameFile(from, target)) {
      throw Problem.of(Code.PATH_TAKEN, "The source " + from + " is the target itself.").withHint("Name another source.").toException();
    }
    expected.lengthProblem(before.size(), from.getFileName().toString(), "The source").ifPresent(problem -> {
          throw problem.toException();
        });
    HeaderCheck header = new HeaderCheck(target.getFileName().toString());
    progress.phase("downloading");
    try (FileChannel source = FileChannel.open(from, StandardOpenOption.READ);
        Hasher hasher = new Hasher(to, expected.algorithms(), before.size())) {
      ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
      long done = 0;
      while (source.read(buffer.clear()) >= 0) {
        cancel.throwIfCancelled();
        buffer.flip();
        while (buffer.hasRemaining()) {
          done += to.write(buffer, done);
        }
        if (done > before.size()) {
          break;
        }
        hasher.upTo(done);
        header.look(to, done, OptionalLong.of(before.size()), false);
        progress.bytes(done, before.size());
      }
      if (done != before.size() || !Stat.of(from).filter(after -> after.equals(before)).isPresent()) {
        throw Problem.of(Code.INCOMPLETE, "The source " + from + " changed while it was copied.").toException();
      }
      header.look(to, done, OptionalLong.of(done), true);
      progress.phase("verifying");
      return new Transfer.Result(done, hasher.finish(done));
    }
  }

  /**
   * Every byte of a file that is there, hashed.
   *
   * @param stat the file as it was before and after
   */
  public record Sums(Stat stat, Map<Algorithm, Checksum> sums) {}

  /** Reads the whole file. */
  public Sums hash(Path file, List<Checksum> wanted, CancelSignal cancel, ProgressSink progress) {
    String shown = roots.show(file);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      Stat before = Stat.of(file).orElseThrow(() -> Problem.of(Code.FILE_MISSING, shown + " is not there.").toException());
      Map<Algorithm, java.security.MessageDigest> digests = new EnumMap<>(Algorithm.class);
      digests.put(Algorithm.SHA256, Hasher.digest(Algorithm.SHA256, before.size()));
      for (Checksum checksum : wanted) {
        digests.computeIfAbsent(checksum.algorithm(), algorithm -> Hasher.digest(algorithm, before.size()));
      }
      ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
      long done = 0;
      while (channel.read(buffer.clear()) >= 0) {
        cancel.throwIfCancelled();
        buffer.flip();
        done += buffer.remaining();
        for (java.security.MessageDigest digest : digests.values()) {
          digest.update(buffer.duplicate());
        }
        progress.bytes(done, before.size());
      }
      if (!Stat.of(file).filter(before::equals).isPresent()) {
        throw Problem.of(Code.BUSY, shown + " changed while it was read.").toException();
      }
      Map<Algorithm, Checksum> sums = new EnumMap<>(Algorithm.class);
      digests.forEach((algorithm, digest) -> sums.put(algorithm, Checksum.of(algorithm, digest.digest())));
      return new Sums(before, sums);
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, Path.of(shown)), e);
    }
  }

  /** Notes what the file is, so that nobody has to read it again until it changes. Best effort: on a read-only volume it stays unknown. */
  public void remember(Path file, Sums sums, Verified verified) {
    remember(file, sums, verified, Optional.empty());
  }

  /** The same for a file that is not what it should be. */
  public void remember(Path file, Sums sums, Verified verified, Optional<Checksum> contradicts) {
    Checksum sha256 = java.util.Objects.requireNonNull(sums.sums().get(Algorithm.SHA256));
    try {
      records.put(file, new Records.Entry(sums.stat(), sha256, verified, contradicts));
    } catch (IOException e) {
      org.slf4j.LoggerFactory.getLogger(Downloads.class).warn("what {} is could not be noted: {}", roots.show(file), e.getMessage());
    }
  }

  /** The checksum that the file had when it was last held against somebody's word. */
  public Optional<Checksum> lastVerified(Path file) {
    return records.last(file).filter(entry -> entry.verified() == Verified.HUB && entry.contradicts().isEmpty()).map(Records.Entry::sha256)
        .or(() -> records.last(file).flatMap(Records.Entry::contradicts));
  }

  /** Removes the file, and directories that this leaves empty stay: they are the user's. */
  public long remove(WantedFile wanted, CancelSignal cancel) {
    try (Hold hold = gate.enter(cancel, ProgressSink.NONE)) {
      Stat stat =
          Stat.of(wanted.target()).orElseThrow(() -> Problem.of(Code.FILE_MISSING, roots.show(wanted.target()) + " is not there.").toException());
      hold.fence();
      // A link is taken away, never what it leads to.
      boolean link = Files.isSymbolicLink(wanted.target());
      Files.delete(wanted.target());
      records.forget(wanted.target());
      return link ? 0 : stat.size();
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, Path.of(roots.show(wanted.target()))), e);
    }
  }

  public Roots roots() {
    return roots;
  }

  public Sources sources() {
    return sources;
  }

  @Override
  public void close() throws IOException {
    gate.close();
  }
}
