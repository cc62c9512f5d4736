package comfyui.cockpit.app.workflows;

import comfyui.cockpit.app.versions.WorkDirectory;
import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.gcs.Bucket;
import comfyui.cockpit.gcs.Stored;
import comfyui.cockpit.gcs.UploadSettings;
import comfyui.cockpit.gcs.Uploads;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.kernel.Sizes;
import comfyui.cockpit.version.Place;
import comfyui.cockpit.workflow.Output;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;

/** Brings what a workflow saved to where it is wanted. What cannot be brought there stays in the version's own output folder: nothing is lost. */
public final class Deliver {
  /** With base64's third more still below the 10 MB that RunPod takes back from a job; it drops what is larger, and calls the job completed. */
  static final long LARGEST_BASE64 = 7L << 20;

  private final Uploads uploads;
  private final UploadSettings settings;
  private final String usual;

  /** @param usual the mode where nobody says another */
  public Deliver(Uploads uploads, UploadSettings settings, String usual) {
    this.uploads = uploads;
    this.settings = settings;
    this.usual = usual;
  }

  /** How outputs are delivered. */
  public enum Mode {
    BASE64,
    GCS,
    FILE;

    public String wireName() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Where to.
   *
   * @param file absolute; of {@code FILE}: a directory that is there, or the name of the first output, else the version's own output folder;
   *     of {@code BASE64}: gets the text of the first output
   * @param bucket and {@code prefix} of {@code GCS}, instead of the variables
   */
  public record To(Mode mode, Optional<Path> file, Optional<String> bucket, Optional<String> prefix) {
    /** For whoever only looks at what was saved. */
    public static final To NOWHERE = new To(Mode.FILE, Optional.empty(), Optional.empty(), Optional.empty());
  }

  /**
   * One output where it was wanted.
   *
   * @param gcsUri {@code gs://bucket/object}
   * @param path of a file
   * @param url that everybody may read
   * @param signedUrl that everybody may read who has it, for some time
   */
  public record Delivered(Output output, Optional<String> gcsUri, Optional<Path> path, Optional<String> url, Optional<String> signedUrl) {
    static Delivered inMemory(Output output) {
      return new Delivered(output, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
    }

    static Delivered file(Output output, Path path) {
      return new Delivered(output, Optional.empty(), Optional.of(path), Optional.empty(), Optional.empty());
    }
  }

  /**
   * @param mode as the user calls it; the one of the settings where he says nothing
   * @throws ProblemException {@code bad_request} if there is no such mode
   */
  public To to(Optional<String> mode, Optional<Path> file, Optional<String> bucket, Optional<String> prefix) {
    String wanted = mode.orElse(usual);
    for (Mode each : Mode.values()) {
      if (each.wireName().equals(wanted)) {
        return new To(each, file, bucket, prefix);
      }
    }
    throw Problem.of(Code.BAD_REQUEST, "Outputs are delivered as \"base64\", \"gcs\" or \"file\", not \"" + wanted + "\".")
        .withHint(mode.isPresent() ? "Write one of these." : "Correct OUTPUT_MODE.")
        .toException();
  }

  /** @throws ProblemException for whatever is seen to be wrong without asking anybody */
  void check(To to) {
    if (to.mode() == Mode.GCS) {
      bucket(to);
      if (to.file().isPresent()) {
        throw Problem.of(Code.BAD_REQUEST, "Outputs go to a bucket, and no file is written.").withHint("Leave --out-file out, or ask for --output base64 or --output file.").toException();
      }
    } else if (to.file().isPresent()) {
      Path file = to.file().get();
      if (!Files.isDirectory(file) && !Files.isDirectory(file.getParent())) {
        throw Problem.of(Code.BAD_REQUEST, "There is no directory " + file.getParent() + ".").withHint("Make it, or name another --out-file.").toException();
      }
      if (to.mode() == Mode.BASE64 && Files.isDirectory(file)) {
        throw Problem.of(Code.BAD_REQUEST, file + " is a directory.").withHint("Name a file for the text with --out-file.").toException();
      }
    }
  }

  private String bucket(To to) {
    return to.bucket()
        .or(settings::bucket)
        .map(text -> Bucket.of(text).name())
        .orElseThrow(
            () ->
                Problem.of(Code.BAD_REQUEST, "Outputs go to a bucket, and none is named.")
                    .withHint("Name it with --gcs-bucket or GCS_BUCKET; or ask for --output base64 or --output file.")
                    .toException());
  }

  /** What is better known before any work is done. */
  void before(To to, CancelSignal cancel) {
    if (to.mode() == Mode.GCS) {
      if (settings.signedUrlTtl().isPresent()) {
        uploads.requireSigner();
      }
      if (settings.validate()) {
        uploads.requireWritable(bucket(to), cancel);
      }
    }
  }

  /**
   * A run whose work costs money, whatever becomes of it.
   *
   * @param output the directory that ComfyUI saves in
   */
  record Run(String versionId, String requestId, Place place, WorkDirectory temporary, Path output) {}

  List<Delivered> deliver(To to, Run run, List<Output> outputs, CancelSignal cancel, ProgressSink progress) {
    if (outputs.isEmpty()) {
      return List.of();
    }
    progress.phase("delivering");
    try {
      return switch (to.mode()) {
        case BASE64 -> inMemory(to, run, outputs);
        case GCS -> toBucket(to, run, outputs, cancel, progress);
        case FILE -> to.file().isPresent() ? toFile(outputs, to.file().get()) : keep(run, outputs);
      };
    } catch (ProblemException e) {
      throw stays(e.problem(), run, outputs);
    } catch (IOException e) {
      throw stays(DiskProblems.of(e, to.file().orElse(run.place().data())), run, outputs);
    }
  }

  /** What a workflow had saved until it failed is kept; of one that was cancelled nobody wants it. */
  <T> T rescuing(Run run, Supplier<T> work) {
    try {
      return work.get();
    } catch (ProblemException e) {
      if (e.problem().code() == Code.CANCELLED || !Files.isDirectory(run.output())) {
        throw e;
      }
      try {
        throw stays(e.problem(), run, Output.below(run.output()));
      } catch (IOException unread) {
        e.addSuppressed(unread);
        throw e;
      }
    }
  }

  /** The problem, and where the outputs are all the same. */
  private static ProblemException stays(Problem problem, Run run, List<Output> outputs) {
    if (outputs.isEmpty()) {
      return problem.toException();
    }
    try {
      // Whoever stops this process now must not remove what is on its way.
      run.temporary().leave();
      List<String> paths = keep(run, outputs).stream().flatMap(each -> each.path().stream()).map(Path::toString).toList();
      run.temporary().discard();
      return problem.withHint(problem.hint() + " What the workflow saved is here: " + String.join(", ", paths) + ".").with("kept", paths).toException();
    } catch (IOException e) {
      String left = "What the workflow saved could not be moved (" + e.getMessage() + "); it stays in " + run.temporary().path() + " until tomorrow.";
      return problem.withHint(problem.hint() + " " + left).with("kept", List.of(run.temporary().path().toString())).toException();
    }
  }

  private static List<Delivered> inMemory(To to, Run run, List<Output> outputs) throws IOException {
    long bytes = outputs.stream().mapToLong(Output::sizeBytes).sum();
    if (bytes > LARGEST_BASE64) {
      throw Problem.of(Code.OUTPUT_TOO_LARGE, "The outputs have " + Sizes.bytes(bytes) + "; as base64 at most " + Sizes.bytes(LARGEST_BASE64) + " are delivered.").toException();
    }
    if (to.file().isPresent()) {
      Path text = run.temporary().path().resolve("first.base64");
      Files.write(text, Base64.getEncoder().encode(Files.readAllBytes(outputs.getFirst().file())));
      publish(text, to.file().get());
    }
    return outputs.stream().map(Delivered::inMemory).toList();
  }

  private List<Delivered> toBucket(To to, Run run, List<Output> outputs, CancelSignal cancel, ProgressSink progress) {
    String bucket = bucket(to);
    String prefix = to.prefix().map(text -> text.replaceAll("^/+|/+$", "")).orElse(settings.prefix());
    String below = prefix.isEmpty() ? "" : prefix + "/";
    List<Delivered> delivered = new ArrayList<>();
    for (Output output : outputs) {
      String object = below + run.versionId() + "/" + run.requestId() + "/" + output.name();
      progress.log("uploading " + output.name() + " to gs://" + bucket + "/" + object);
      Stored stored = uploads.upload(output.file(), bucket, object, output.media().mime(), settings.isPublic(), cancel, progress);
      Optional<String> signed = settings.signedUrlTtl().map(ttl -> uploads.signedUrl(bucket, object, ttl));
      delivered.add(new Delivered(output, Optional.of(stored.uri()), Optional.empty(), settings.isPublic() ? Optional.of(stored.publicUrl()) : Optional.empty(), signed));
    }
    return delivered;
  }

  /** Into a directory under their own names, or others where these are taken; else the first under this name, and others beside it, numbered. */
  private static List<Delivered> toFile(List<Output> outputs, Path file) throws IOException {
    boolean directory = Files.isDirectory(file);
    List<Delivered> delivered = new ArrayList<>();
    for (Output output : outputs) {
      Path to = directory ? free(file.resolve(output.name())) : delivered.isEmpty() ? file : free(numbered(file, delivered.size() + 1, output.name()));
      publish(output.file(), to);
      delivered.add(Delivered.file(output, to));
    }
    return delivered;
  }

  /** Moves a file to its final name in one step; what is no file there (a pipe, a device) gets the bytes, and a link keeps leading where it leads. */
  private static void publish(Path from, Path to) throws IOException {
    if (Files.exists(to) && !Files.isRegularFile(to)) {
      try (OutputStream out = Files.newOutputStream(to, StandardOpenOption.WRITE)) {
        Files.copy(from, out);
      }
      return;
    }
    Path name = Files.exists(to) ? to.toRealPath() : to;
    Files.createDirectories(name.toAbsolutePath().getParent());
    try {
      Files.move(from, name, StandardCopyOption.ATOMIC_MOVE);
    } catch (FileSystemException e) {
      // Another file system.
      Path half = name.resolveSibling("." + name.getFileName() + "." + UUID.randomUUID().toString().substring(0, 8) + ".cockpit-new");
      try {
        Files.copy(from, half);
        Files.move(half, name, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(half);
      }
    }
  }

  private static Path numbered(Path file, int number, String name) {
    String own = file.getFileName().toString();
    int dot = own.lastIndexOf('.');
    int end = name.lastIndexOf('.');
    return file.resolveSibling((dot <= 0 ? own : own.substring(0, dot)) + "_" + number + (end < 0 ? "" : name.substring(end)));
  }

  /** In ComfyUI's own folder of outputs, in a directory of this run; what was delivered already is there no more. */
  private static List<Delivered> keep(Run run, List<Output> outputs) throws IOException {
    Path directory = Files.createDirectories(run.place().data().resolve("output").resolve(run.requestId()));
    return toFile(outputs.stream().filter(output -> Files.exists(output.file())).toList(), directory);
  }

  /** A name that nothing has yet: the same request may run twice. */
  private static Path free(Path path) {
    Path free = path;
    for (int number = 2; Files.exists(free); number++) {
      free = numbered(path, number, path.getFileName().toString());
    }
    return free;
  }
}
