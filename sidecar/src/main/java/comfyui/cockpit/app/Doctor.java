package comfyui.cockpit.app;

import comfyui.cockpit.files.Disk;
import comfyui.cockpit.gcs.Gcs;
import comfyui.cockpit.gcs.GcsSettings;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.Sizes;
import comfyui.cockpit.model.ModelsFile;
import comfyui.cockpit.net.Url;
import comfyui.cockpit.source.Hubs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What is wrong with this machine; names no secret. */
public final class Doctor {
  private static final long LITTLE_SPACE = 10_000_000_000L;

  private final Models models;
  private final Gcs gcs;
  private final String java;
  private final String version;

  /** @param java which Java this is, for people */
  public Doctor(Models models, Gcs gcs, String java, String version) {
    this.models = models;
    this.gcs = gcs;
    this.java = java;
    this.version = version;
  }

  /** How a check came out. */
  public enum State {
    OK,
    WARNING,
    FAILED
  }

  public record Check(String name, State state, String detail, String hint) {
    static Check ok(String name, String detail) {
      return new Check(name, State.OK, detail, "");
    }
  }

  public List<Check> examine() {
    Settings settings = models.settings();
    List<Check> checks = new ArrayList<>();
    checks.add(Check.ok("version", "ComfyUI Cockpit " + version));
    checks.add(Check.ok("java", java));
    checks.add(Check.ok("root", settings.root().toString()));
    checks.add(directory(settings.roots().main()));
    checks.add(space(settings.roots().main()));
    checks.add(declaration());
    checks.add(settings("settings", settings.errors(), settings.warnings()));
    checks.add(hub("huggingface", settings.hubs().huggingFace(), Hubs.HUGGING_FACE, settings.hubs().huggingFaceToken().isPresent(), "HF_TOKEN"));
    checks.add(hub("civitai", settings.hubs().civitai(), Hubs.CIVITAI, settings.hubs().civitaiToken().isPresent(), "CIVITAI_TOKEN"));
    checks.add(google());
    List<String> proxies = settings.net().proxies().keySet().stream().toList();
    checks.add(Check.ok("proxy", proxies.isEmpty() ? "no proxy variable is set" : "set: " + String.join(", ", proxies)));
    checks.add(Check.ok("certificates", settings.net().certificates().map(path -> "Java's own and " + path).orElse("Java's own and the system's")));
    return checks;
  }

  /** Asks nobody: a machine of Google's shows itself when a gs:// source is asked. */
  private Check google() {
    Url endpoint = gcs.settings().endpoint();
    String at = endpoint.equals(Url.parse(GcsSettings.ENDPOINT)) ? "" : endpoint + " instead of " + GcsSettings.ENDPOINT + ", ";
    try {
      String who =
          gcs.account().map(account -> "credentials: " + account.type() + " in " + account.origin())
              .orElse("no credentials file; " + gcs.settings().metadataServer().map(server -> "the machine's own account if it is one of Google's, else ").orElse("") + "public objects only");
      return Check.ok("gcs", at + who);
    } catch (ProblemException e) {
      return new Check("gcs", State.WARNING, at + e.problem().detail(), e.problem().hint());
    }
  }

  private static Check directory(Path directory) {
    Path existing = directory;
    while (!Files.exists(existing) && existing.getParent() instanceof Path parent) {
      existing = parent;
    }
    return Files.isWritable(existing)
        ? Check.ok("models_dir", directory + (Files.exists(directory) ? "" : " (will be made)"))
        : new Check("models_dir", State.FAILED, directory + " is not writable.", "Give this user the right to write there, or set models_dir in cockpit.json.");
  }

  private static Check space(Path directory) {
    try {
      Disk.Space space = Disk.spaceAt(directory);
      String locks = Disk.hasKernelLocks(directory) ? "" : "; a network volume, guarded by a lease";
      return space.freeBytes() < LITTLE_SPACE
          ? new Check("disk", State.WARNING, Sizes.bytes(space.freeBytes()) + " free" + locks, "Models are large; free space or use a larger volume.")
          : Check.ok("disk", Sizes.bytes(space.freeBytes()) + " free" + locks);
    } catch (ProblemException e) {
      return new Check("disk", State.FAILED, e.problem().detail(), e.problem().hint());
    }
  }

  private Check declaration() {
    ModelsFile.Snapshot snapshot = models.file().now();
    return switch (snapshot.state()) {
      case OK -> Check.ok("models.json", snapshot.declaration().models().size() + " models, " + snapshot.declaration().bundles().size() + " bundles");
      case MISSING -> new Check("models.json", State.WARNING, "There is none.", "Write one; `comfyui-cockpit models declare <url> --write` begins it.");
      case INVALID -> {
        Problem first = snapshot.errors().getFirst();
        yield new Check("models.json", State.FAILED, snapshot.errors().size() + " errors. The first: " + first.detail(), first.hint());
      }
    };
  }

  private static Check settings(String name, List<Problem> errors, List<Problem> warnings) {
    Optional<Problem> first = errors.stream().findFirst().or(() -> warnings.stream().findFirst());
    return first
        .map(problem -> new Check(name, errors.isEmpty() ? State.WARNING : State.FAILED, problem.detail(), problem.hint()))
        .orElseGet(() -> Check.ok(name, "cockpit.json and the environment are in order"));
  }

  private static Check hub(String name, Url address, String usual, boolean token, String variable) {
    String detail = address + (token ? ", " + variable + " is set" : ", no " + variable);
    if (!address.sameOrigin(Url.parse(usual)) && token) {
      return new Check(name, State.WARNING, detail, "The token goes to this address, which is not the hub's own.");
    }
    return Check.ok(name, detail);
  }
}
