package comfyui.cockpit.app;

import comfyui.cockpit.app.models.InstallModels;
import comfyui.cockpit.app.models.Models;
import comfyui.cockpit.download.Presence;
import comfyui.cockpit.files.Disk;
import comfyui.cockpit.gcs.Gcs;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.Sizes;
import comfyui.cockpit.model.Declaration;
import comfyui.cockpit.model.DeclaredModel;
import comfyui.cockpit.model.ModelsFile;
import comfyui.cockpit.net.Url;
import comfyui.cockpit.settings.Settings;
import comfyui.cockpit.source.Hubs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What is wrong with this machine; names no secret, and opens no connection. */
public final class Doctor {
  private static final long LITTLE_SPACE = 10_000_000_000L;
  /** A clock outside of these years refuses every certificate. */
  private static final int FIRST_YEAR = 2026;

  private static final int LAST_YEAR = 2045;

  private final Models models;
  private final InstallModels install;
  private final Gcs gcs;
  private final String java;
  private final String version;
  private final Clock clock;

  /** @param java which Java this is, for people */
  public Doctor(Models models, InstallModels install, Gcs gcs, String java, String version, Clock clock) {
    this.models = models;
    this.install = install;
    this.gcs = gcs;
    this.java = java;
    this.version = version;
    this.clock = clock;
  }

  /** How a check came out. */
  public enum State {
    OK,
    WARNING,
    FAILED
  }

  /**
   * One thing looked at.
   *
   * @param code what was found, for those who say it in another language; {@code args} are its values
   * @param hint empty where there is nothing to do
   */
  public record Check(String name, State state, String code, Map<String, Object> args, String detail, String hint) {
    static Check ok(String name, String code, Map<String, Object> args, String detail) {
      return new Check(name, State.OK, code, args, detail, "");
    }

    static Check of(String name, State state, String code, Problem problem) {
      return of(name, state, code, problem, Map.of(), "");
    }

    /**
     * What a problem says is told in its words; {@code problem}, {@code detail} and {@code hint} of the arguments are the problem's.
     *
     * @param before what is said before it
     */
    static Check of(String name, State state, String code, Problem problem, Map<String, Object> args, String before) {
      Map<String, Object> all = new LinkedHashMap<>(args);
      all.put("problem", problem.code().wireName());
      all.put("detail", problem.detail());
      all.put("hint", problem.hint());
      return new Check(name, state, code, all, before + problem.detail(), problem.hint());
    }
  }

  public List<Check> examine() {
    Settings settings = models.settings();
    List<Check> checks = new ArrayList<>();
    checks.add(Check.ok("version", "version", Map.of("version", version), "ComfyUI Cockpit " + version));
    checks.add(Check.ok("java", "java", Map.of("java", java), java));
    checks.add(root(settings.root()));
    checks.add(modelsDir(settings.roots().main()));
    checks.add(space(settings.roots().main()));
    checks.add(declaration());
    checks.add(autoInstall());
    checks.add(settings(settings.errors(), settings.warnings()));
    checks.add(hub("huggingface", settings.hubs().huggingFace(), Hubs.HUGGING_FACE, settings.hubs().huggingFaceToken().isPresent(), "HF_TOKEN"));
    checks.add(hub("civitai", settings.hubs().civitai(), Hubs.CIVITAI, settings.hubs().civitaiToken().isPresent(), "CIVITAI_TOKEN"));
    checks.add(google());
    checks.add(proxy(String.join(", ", settings.net().proxies().keySet())));
    checks.add(certificates(settings.net().certificates()));
    checks.add(time(clock.now()));
    return checks;
  }

  /** Asks nobody: a machine of Google's shows itself when a gs:// source is asked. */
  private Check google() {
    String address = gcs.settings().endpoint().toString();
    try {
      return gcs.account()
          .map(
              account ->
                  Check.ok(
                      "gcs", "gcs_credentials", Map.of("address", address, "type", account.type(), "path", account.origin()),
                      address + ", credentials: " + account.type() + " in " + account.origin()))
          .orElseGet(
              () ->
                  Check.ok(
                      "gcs", "gcs_anonymous", Map.of("address", address),
                      address + ", no credentials file: the account of a machine of Google's, else public objects only"));
    } catch (ProblemException e) {
      return Check.of("gcs", State.WARNING, "gcs_wrong", e.problem());
    }
  }

  private static Check root(Path root) {
    Map<String, Object> args = Map.of("path", root.toString());
    return Files.isWritable(root)
        ? Check.ok("root", "root", args, root.toString())
        : new Check(
            "root", State.WARNING, "root_not_writable", args, root + " is not writable.", "models.json cannot be written from here; give this user the right to write there.");
  }

  private static Check modelsDir(Path directory) {
    Map<String, Object> args = Map.of("path", directory.toString());
    if (!Files.isWritable(existing(directory))) {
      return new Check(
          "models_dir", State.FAILED, "models_dir_not_writable", args, directory + " is not writable.", "Give this user the right to write there, or set models_dir in cockpit.json.");
    }
    return Files.exists(directory)
        ? Check.ok("models_dir", "models_dir", args, directory.toString())
        : Check.ok("models_dir", "models_dir_to_make", args, directory + " (will be made)");
  }

  private static Path existing(Path directory) {
    Path existing = directory;
    while (!Files.exists(existing) && existing.getParent() instanceof Path parent) {
      existing = parent;
    }
    return existing;
  }

  private static Check space(Path directory) {
    try {
      Disk.Space space = Disk.spaceAt(directory);
      boolean lease = !Disk.hasKernelLocks(directory);
      String detail = Sizes.bytes(space.freeBytes()) + " free" + (lease ? "; a network volume, guarded by a lease" : "");
      Map<String, Object> args = Map.of("free_bytes", space.freeBytes(), "lease", lease);
      return space.freeBytes() < LITTLE_SPACE
          ? new Check("disk", State.WARNING, "disk_low", args, detail, "Models are large; free space or use a larger volume.")
          : Check.ok("disk", "disk", args, detail);
    } catch (ProblemException e) {
      return Check.of("disk", State.FAILED, "disk_unknown", e.problem());
    }
  }

  private Check declaration() {
    ModelsFile.Snapshot snapshot = models.file().now();
    return switch (snapshot.state()) {
      case OK -> {
        int declared = snapshot.declaration().models().size();
        int bundles = snapshot.declaration().bundles().size();
        yield Check.ok("models.json", "declaration", Map.of("models", declared, "bundles", bundles), counted(declared, "model") + ", " + counted(bundles, "bundle"));
      }
      case MISSING ->
          new Check(
              "models.json", State.WARNING, "declaration_missing", Map.of(), "There is none.", "Write one; `comfyui-cockpit models declare <url> --write` begins it.");
      case INVALID -> {
        Problem first = snapshot.errors().getFirst();
        int errors = snapshot.errors().size();
        yield Check.of("models.json", State.FAILED, "declaration_invalid", first, Map.of("errors", errors), errors + " errors. The first: ");
      }
    };
  }

  /** What became of the models that are installed at the start. */
  private Check autoInstall() {
    List<DeclaredModel> chosen = models.file().now().declaration().select(Declaration.Selection.NONE);
    if (chosen.isEmpty()) {
      return Check.ok("auto_install", "auto_install_none", Map.of(), "no enabled bundle has auto_install");
    }
    Map<String, Presence> presence = models.presence(chosen);
    int installed = (int) chosen.stream().filter(model -> presence.get(model.id()) instanceof Presence.Present).count();
    int active = (int) chosen.stream().filter(model -> install.activeJob(model).isPresent()).count();
    Optional<Problem> failure = chosen.stream().filter(model -> !(presence.get(model.id()) instanceof Presence.Present)).flatMap(model -> install.lastFailure(model).stream()).findFirst();
    String counted = installed + " of " + chosen.size() + " models installed";
    Map<String, Object> args = Map.of("installed", installed, "models", chosen.size(), "active", active);
    if (active > 0) {
      return Check.ok("auto_install", "auto_install_active", args, counted + ", " + active + " under way");
    }
    if (failure.isPresent()) {
      return Check.of("auto_install", State.WARNING, "auto_install_failed", failure.get(), args, counted + ". ");
    }
    return installed == chosen.size()
        ? Check.ok("auto_install", "auto_install", args, counted)
        : new Check("auto_install", State.WARNING, "auto_install_missing", args, counted, "Install the missing ones, or restart the daemon.");
  }

  private static Check settings(List<Problem> errors, List<Problem> warnings) {
    if (!errors.isEmpty()) {
      return Check.of("settings", State.FAILED, "settings_invalid", errors.getFirst());
    }
    return warnings.isEmpty()
        ? Check.ok("settings", "settings", Map.of(), "cockpit.json and the environment are in order")
        : Check.of("settings", State.WARNING, "settings_warning", warnings.getFirst());
  }

  private static Check hub(String name, Url address, String usual, boolean token, String variable) {
    Map<String, Object> args = Map.of("address", address.toString(), "variable", variable);
    if (!token) {
      return Check.ok(name, "hub_without_token", args, address + ", no " + variable);
    }
    String detail = address + ", " + variable + " is set";
    return address.sameOrigin(Url.parse(usual))
        ? Check.ok(name, "hub_with_token", args, detail)
        : new Check(name, State.WARNING, "hub_elsewhere", args, detail, "The token goes to this address, which is not the hub's own.");
  }

  private static String counted(int count, String what) {
    return count + " " + what + (count == 1 ? "" : "s");
  }

  private static Check proxy(String names) {
    return names.isEmpty()
        ? Check.ok("proxy", "proxy_none", Map.of(), "no proxy variable is set")
        : Check.ok("proxy", "proxy", Map.of("variables", names), "set: " + names);
  }

  private static Check certificates(Optional<Path> own) {
    return own.map(path -> Check.ok("certificates", "certificates_own", Map.of("path", path.toString()), "Java's own and " + path))
        .orElseGet(() -> Check.ok("certificates", "certificates", Map.of(), "Java's own and the system's"));
  }

  private static Check time(Instant now) {
    String shown = now.truncatedTo(ChronoUnit.SECONDS).toString();
    int year = now.atZone(ZoneOffset.UTC).getYear();
    Map<String, Object> args = Map.of("time", shown);
    return year < FIRST_YEAR || year > LAST_YEAR
        ? new Check("clock", State.FAILED, "clock_wrong", args, shown, "Set the clock of this machine: with a wrong date every host's certificate is refused.")
        : Check.ok("clock", "clock", args, shown);
  }
}
