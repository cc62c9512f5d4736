package comfyui.cockpit.python;

import comfyui.cockpit.files.Trees;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.process.Children;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Turns requirements into a lock of packages, and a lock into what is installed. */
public final class Packages {
  /** Which backends source distributions are usually built with. */
  private static final String BUILD_BACKENDS = "setuptools\nwheel\nhatchling\npoetry-core\nflit-core\nsetuptools-scm\n";

  private static final int MOST_MISSING = 500;

  private final Uv uv;

  public Packages(Uv uv) {
    this.uv = uv;
  }

  /**
   * Where packages may come from.
   *
   * @param offline only from the cache
   * @param wheels no index, only the files in this directory
   * @param torchBackend {@code cpu}, {@code cu128}: which of PyTorch's indexes
   * @param places option lines, as requirement files have them
   */
  public record Origin(boolean offline, Optional<Path> wheels, Optional<String> torchBackend, List<String> places) {
    List<String> arguments() {
      List<String> arguments = new ArrayList<>();
      if (offline) {
        arguments.add("--offline");
      }
      if (wheels.isPresent()) {
        arguments.addAll(List.of("--no-index", "--find-links", wheels.get().toString()));
      }
      if (torchBackend.isPresent() && wheels.isEmpty()) {
        arguments.addAll(List.of("--torch-backend", torchBackend.get()));
      }
      return arguments;
    }
  }

  /**
   * What is to be resolved.
   *
   * @param platform as uv names it: {@code x86_64-manylinux_2_28}
   * @param pins packages that keep their version as long as the requirements allow it
   * @param prereleases whether they may be chosen
   */
  public record Order(List<Requirements> inputs, Interpreter python, String platform, Origin origin, List<LockedPackage> pins, boolean prereleases) {}

  /**
   * @param work an empty directory for what is written meanwhile
   * @throws ProblemException {@code dependency_conflict}, {@code wheel_missing} or {@code offline} with all that is missing, …
   */
  public Resolution resolve(Order order, Children children, Path work, CancelSignal cancel, ProgressSink progress) {
    try {
      List<Path> files = write(order.inputs(), work);
      if (order.inputs().stream().allMatch(input -> input.text().isBlank())) {
        return new Resolution(List.of(), List.of());
      }
      List<Resolution.Found> packages = compile(order, files, children, Files.createDirectories(work.resolve("all")), cancel, progress);
      boolean builds = packages.stream().anyMatch(found -> !(found.locked() instanceof LockedPackage.Dist dist && dist.isWheel()));
      return new Resolution(packages, builds ? backends(order, children, work, cancel, progress) : List.of());
    } catch (IOException e) {
      throw new ProblemException(comfyui.cockpit.files.DiskProblems.of(e, work), e);
    }
  }

  private List<Resolution.Found> backends(Order order, Children children, Path work, CancelSignal cancel, ProgressSink progress) throws IOException {
    Requirements usual = new Requirements("build", BUILD_BACKENDS, Map.of());
    Path directory = Files.createDirectories(work.resolve("build"));
    List<Path> files = write(List.of(usual), directory);
    Order backends = new Order(List.of(usual), order.python(), order.platform(), order.origin(), List.of(), false);
    try {
      return compile(backends, files, children, directory, cancel, progress);
    } catch (ProblemException e) {
      cancel.throwIfCancelled();
      // Without them the build takes what it finds: the result is hashed all the same.
      progress.log("build tools are not pinned: " + e.problem().detail());
      return List.of();
    }
  }

  private static List<Path> write(List<Requirements> inputs, Path work) throws IOException {
    List<Path> files = new ArrayList<>();
    int number = 0;
    for (Requirements input : inputs) {
      Path folder = Files.createDirectories(work.resolve(number++ + "-" + input.requester().replaceAll("[^A-Za-z0-9._-]", "_")));
      Path file = folder.resolve("requirements.txt");
      Files.writeString(file, input.text());
      files.add(file);
      for (Map.Entry<String, String> other : input.included().entrySet()) {
        Path target = folder.resolve(other.getKey()).normalize();
        if (!target.startsWith(folder)) {
          throw Problem.of(Code.PATH_OUTSIDE_ROOT, "The requirements of " + input.requester() + " include \"" + other.getKey() + "\", which leads out of it.").toException();
        }
        Files.createDirectories(target.getParent());
        Files.writeString(target, other.getValue());
      }
    }
    return files;
  }

  private List<Resolution.Found> compile(Order order, List<Path> files, Children children, Path work, CancelSignal cancel, ProgressSink progress) throws IOException {
    Path out = work.resolve("pylock.toml");
    Path excludes = work.resolve("excludes.txt");
    if (!order.pins().isEmpty()) {
      Files.writeString(out, preferences(order.pins()));
    }
    List<String> arguments = new ArrayList<>(List.of("pip", "compile", "--quiet", "--no-header", "--no-annotate", "--format", "pylock.toml", "--output-file", out.toString()));
    arguments.addAll(List.of("--python", order.python().program().toString(), "--python-version", order.python().version(), "--python-platform", order.platform()));
    arguments.addAll(order.origin().arguments());
    if (order.prereleases()) {
      arguments.addAll(List.of("--prerelease", "allow"));
    }
    files.forEach(file -> arguments.add(file.toString()));
    List<String> missing = new ArrayList<>();
    while (true) {
      List<String> all = new ArrayList<>(arguments);
      if (!missing.isEmpty()) {
        Files.writeString(excludes, String.join("\n", missing.stream().map(spec -> spec.replaceAll("[<>=!~\\[].*", "")).toList()) + "\n");
        all.addAll(List.of("--excludes", excludes.toString()));
      }
      Uv.Ended ended = uv.run(children, all, work, cancel, line -> {});
      if (ended.status() == 0) {
        break;
      }
      boolean narrow = order.origin().offline() || order.origin().wheels().isPresent();
      Optional<String> next = narrow ? UvProblems.missing(ended.text()) : Optional.empty();
      if (next.isEmpty() || missing.contains(next.get()) || missing.size() > MOST_MISSING) {
        if (missing.isEmpty()) {
          ended.lines().forEach(progress::log);
          throw UvProblems.of(ended.text(), order.inputs()).toException();
        }
        break;
      }
      missing.add(next.get());
    }
    if (!missing.isEmpty()) {
      throw missing(missing, order.origin()).toException();
    }
    return PylockJson.read(out, order.python().version());
  }

  /** The form in which uv keeps versions that it chose before. */
  private static String preferences(List<LockedPackage> pins) {
    StringBuilder text = new StringBuilder("lock-version = \"1.0\"\ncreated-by = \"comfyui-cockpit\"\n");
    for (LockedPackage pin : pins) {
      if (pin instanceof LockedPackage.Dist dist) {
        text.append("\n[[packages]]\nname = \"").append(dist.name()).append("\"\nversion = \"").append(dist.version()).append("\"\n");
      }
    }
    return text.toString();
  }

  public static Problem missing(List<String> missing, Origin origin) {
    List<String> sorted = missing.stream().distinct().sorted().toList();
    return origin.wheels().isPresent()
        ? Problem.of(Code.WHEEL_MISSING, "The directory of wheels lacks: " + String.join(", ", sorted) + ".").with("missing", sorted)
        : Problem.of(Code.OFFLINE, "Packages are not in the cache: " + String.join(", ", sorted) + ".").with("missing", sorted);
  }

  /** Where a file lies just now. */
  public record Located(String address, OptionalLong size) {}

  /** Where the files of locked packages lie just now, by SHA-256. */
  public Map<String, Located> locate(
      List<LockedPackage> packages, Interpreter python, String platform, Origin origin, Children children, Path work, CancelSignal cancel) {
    if (packages.isEmpty()) {
      return Map.of();
    }
    try {
      Path in = work.resolve("locked.txt");
      Path out = work.resolve("pylock.toml");
      List<String> lines = new ArrayList<>(origin.places());
      packages.forEach(each -> lines.add(each.requirement()));
      Files.writeString(in, String.join("\n", lines) + "\n");
      List<String> arguments = new ArrayList<>(List.of("pip", "compile", "--quiet", "--no-header", "--no-deps", "--format", "pylock.toml", "--output-file", out.toString()));
      arguments.addAll(List.of("--index-strategy", "unsafe-best-match", "--python", python.program().toString(), "--python-version", python.version(), "--python-platform", platform));
      arguments.addAll(origin.arguments());
      arguments.add(in.toString());
      Uv.Ended ended = uv.run(children, arguments, work, cancel, line -> {});
      if (ended.status() != 0) {
        throw UvProblems.of(ended.text(), List.of()).toException();
      }
      return PylockJson.located(out);
    } catch (IOException e) {
      throw new ProblemException(comfyui.cockpit.files.DiskProblems.of(e, work), e);
    }
  }

  /** Makes an empty environment that may be carried to another place. */
  public void createEnvironment(Interpreter python, Path venv, Children children, CancelSignal cancel, ProgressSink progress) {
    Uv.Ended ended =
        uv.run(
            children, List.of("venv", "--quiet", "--relocatable", "--no-project", "--clear", "--python", python.program().toString(), venv.toString()), venv.getParent(), cancel,
            progress::log);
    if (ended.status() != 0) {
      throw UvProblems.of(ended.text(), List.of()).toException();
    }
  }

  /**
   * Installs exactly these, without asking what they depend on.
   *
   * @param work a directory for what is written meanwhile
   */
  public void install(Path venv, Locked locked, Origin origin, Children children, Path work, CancelSignal cancel, ProgressSink progress) {
    if (locked.packages().isEmpty()) {
      return;
    }
    Uv.Ended ended = run(List.of("--python", Environment.python(venv).toString()), locked, origin, children, work, cancel, progress);
    if (ended.status() != 0) {
      throw UvProblems.of(ended.text(), List.of()).toException();
    }
  }

  /** Packages of a lock, and what source distributions among them are built with. */
  public record Locked(List<LockedPackage> packages, List<LockedPackage> buildPackages) {}

  /**
   * Runs a script that somebody else wrote, with the environment's own Python.
   *
   * @throws ProblemException {@code package_failed} with its last lines
   */
  public void runScript(Path venv, Path directory, String script, Children children, CancelSignal cancel, ProgressSink progress) {
    if (!Files.isRegularFile(directory.resolve(script))) {
      return;
    }
    Uv.Ended ended = uv.run(children, Environment.python(venv).toString(), List.of(script), directory, cancel, progress::log);
    if (ended.status() != 0) {
      List<String> last = ended.lines().subList(Math.max(0, ended.lines().size() - 5), ended.lines().size());
      throw Problem.of(Code.PACKAGE_FAILED, directory.getFileName() + "/" + script + " ended with " + ended.status() + ": " + String.join(" / ", last) + ".")
          .withHint("It is the custom node's own script; ask its author, or leave run_install_script out.")
          .toException();
    }
  }

  /** Where uv keeps packages. */
  public Path cache() {
    return uv.cache();
  }

  /**
   * Installs what a requirements file asks for, unlocked.
   *
   * @param without packages that are left out, whoever asks for them
   */
  public void installFile(
      Path venv, Path requirements, Optional<String> torchBackend, List<String> without, boolean offline, Children children, Path work, CancelSignal cancel,
      ProgressSink progress) {
    try {
      List<String> arguments = new ArrayList<>(List.of("pip", "install", "--python", Environment.python(venv).toString(), "--requirements", requirements.toString()));
      arguments.addAll(new Origin(offline, Optional.empty(), torchBackend, List.of()).arguments());
      if (!without.isEmpty()) {
        Path excludes = work.resolve("without.txt");
        Files.writeString(excludes, String.join("\n", without) + "\n");
        arguments.addAll(List.of("--excludes", excludes.toString()));
      }
      Uv.Ended ended = uv.run(children, arguments, work, cancel, progress::log);
      if (ended.status() != 0) {
        throw UvProblems.of(ended.text(), List.of()).toException();
      }
    } catch (IOException e) {
      throw new ProblemException(comfyui.cockpit.files.DiskProblems.of(e, work), e);
    }
  }

  /**
   * Builds the wheel of a package that lies in a git repository.
   *
   * @param buildPackages what it is built with
   * @param work an empty directory for what is written meanwhile: the wheel too
   */
  public Path wheel(
      LockedPackage.Git git, List<LockedPackage> buildPackages, Interpreter python, Origin origin, Children children, Path work, CancelSignal cancel, ProgressSink progress) {
    try {
      // In a cache of its own, the wheel that uv keeps is the one it has just built.
      Path cache = Files.createDirectories(work.resolve("cache"));
      List<String> nowhere = List.of("--python", python.program().toString(), "--target", work.resolve("nowhere").toString(), "--cache-dir", cache.toString());
      Uv.Ended ended = run(nowhere, new Locked(List.of(git), buildPackages), origin, children, work, cancel, progress);
      if (ended.status() != 0) {
        throw UvProblems.of(ended.text(), List.of()).toException();
      }
      try (Stream<Path> files = Files.walk(cache)) {
        return files
            .filter(file -> isWheelOf(file, git.name()) && Files.isRegularFile(file))
            .findFirst()
            .orElseThrow(() -> Problem.of(Code.PACKAGE_FAILED, "uv built " + git.requirement() + " and kept no wheel of it.").toException());
      }
    } catch (IOException e) {
      throw new ProblemException(comfyui.cockpit.files.DiskProblems.of(e, work), e);
    }
  }

  /** Whether a file's name is that of a wheel of the package. */
  private static boolean isWheelOf(Path file, String name) {
    String own = String.valueOf(file.getFileName());
    return own.endsWith(".whl") && LockedPackage.normalize(own.split("-", 2)[0]).equals(name);
  }

  /** Forgets what the cache has of these packages: a file of theirs is not what it was. */
  public void forget(List<String> names, Children children, Path work, CancelSignal cancel, ProgressSink progress) {
    List<String> arguments = new ArrayList<>(List.of("cache", "clean"));
    arguments.addAll(names);
    uv.run(children, arguments, work, cancel, progress::log);
  }

  /** Removes from the cache what nothing refers to any more. */
  public void prune(Children children, Path work, CancelSignal cancel, ProgressSink progress) {
    uv.run(children, List.of("cache", "prune"), work, cancel, progress::log);
  }

  /**
   * A package in uv's cache.
   *
   * @param path what it is called there
   * @param files all that belongs to it; what they lead to goes with the next {@link #prune}
   */
  public record Cached(Path path, List<Path> files, long bytes) {}

  /** What uv's cache has from indexes, and none of these packages is: told by the names and versions that stand in it. */
  public List<Cached> unused(Collection<LockedPackage> used) throws IOException {
    Set<String> names = used.stream().filter(LockedPackage.Dist.class::isInstance).map(each -> each.name() + " " + ((LockedPackage.Dist) each).version()).collect(Collectors.toSet());
    List<Cached> unused = new ArrayList<>();
    for (Path bucket : listed(cache(), "{wheels,sdists}-v*")) {
      List<Path> indexes = new ArrayList<>(listed(bucket.resolve("index"), "*"));
      indexes.add(bucket.resolve("pypi"));
      for (Path index : indexes) {
        for (Path name : listed(index, "*")) {
          Map<String, List<Path>> versions = listed(name, "*").stream().collect(Collectors.groupingBy(file -> file.getFileName().toString().split("-", 2)[0], TreeMap::new, Collectors.toList()));
          for (Map.Entry<String, List<Path>> version : versions.entrySet()) {
            if (!names.contains(LockedPackage.normalize(name.getFileName().toString()) + " " + version.getKey())) {
              long bytes = 0;
              for (Path file : version.getValue()) {
                bytes += Trees.freedBy(Files.isSymbolicLink(file) && Files.exists(file) ? file.toRealPath() : file);
              }
              unused.add(new Cached(name.resolve(version.getKey()), version.getValue(), bytes));
            }
          }
        }
      }
    }
    return unused;
  }

  private static List<Path> listed(Path directory, String glob) throws IOException {
    List<Path> found = new ArrayList<>();
    if (Files.isDirectory(directory)) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory, glob)) {
        entries.forEach(found::add);
      }
    }
    return found;
  }

  /** Which of the packages would have to be fetched; where some are, asked one by one, since uv tells only how many. */
  public List<String> absent(Interpreter python, Locked locked, Origin origin, Children children, Path work, CancelSignal cancel) {
    if (origin.wheels().isPresent()) {
      Path wheels = origin.wheels().get();
      return locked.packages().stream()
          .filter(each -> in(wheels, each).isEmpty())
          .map(each -> each instanceof LockedPackage.Dist dist ? dist.file() : each.requirement())
          .toList();
    }
    Origin still = new Origin(true, Optional.empty(), origin.torchBackend(), origin.places());
    List<String> nowhere = List.of("--dry-run", "--python", python.program().toString(), "--target", work.resolve("nowhere").toString());
    if (locked.packages().isEmpty() || isThere(run(nowhere, locked, still, children, work, cancel, ProgressSink.NONE))) {
      return List.of();
    }
    List<String> absent = new ArrayList<>();
    for (LockedPackage each : locked.packages()) {
      if (!isThere(run(nowhere, new Locked(List.of(each), locked.buildPackages()), still, children, work, cancel, ProgressSink.NONE))) {
        absent.add(each instanceof LockedPackage.Dist dist ? dist.name() + "==" + dist.version() : each.requirement());
      }
    }
    return absent;
  }

  /** The file of a package in a directory of wheels. */
  public static Optional<Path> in(Path wheels, LockedPackage each) {
    return switch (each) {
      case LockedPackage.Dist dist -> Optional.of(wheels.resolve(dist.file())).filter(Files::isRegularFile);
      case LockedPackage.Git git -> {
        try (Stream<Path> files = Files.list(wheels)) {
          yield files.filter(file -> isWheelOf(file, git.name())).findFirst();
        } catch (IOException e) {
          throw new ProblemException(comfyui.cockpit.files.DiskProblems.of(e, wheels), e);
        }
      }
    };
  }

  private static boolean isThere(Uv.Ended ended) {
    return ended.status() == 0 && ended.lines().stream().noneMatch(line -> line.startsWith("Would download"));
  }

  private Uv.Ended run(
      List<String> where, Locked locked, Origin origin, Children children, Path work, CancelSignal cancel, ProgressSink progress) {
    try {
      Path requirements = work.resolve("packages.txt");
      List<String> lines = new ArrayList<>(origin.wheels().isPresent() ? List.of() : origin.places());
      locked.packages().forEach(each -> lines.add(origin.wheels().isPresent() ? each.requirementOfFiles() : each.requirement()));
      Files.writeString(requirements, String.join("\n", lines) + "\n");
      List<String> arguments = new ArrayList<>(List.of("pip", "install", "--no-deps", "--index-strategy", "unsafe-best-match"));
      arguments.addAll(List.of("--requirements", requirements.toString()));
      if (!locked.buildPackages().isEmpty()) {
        Path build = work.resolve("build-packages.txt");
        Files.writeString(build, String.join("\n", locked.buildPackages().stream().map(LockedPackage::requirement).toList()) + "\n");
        arguments.addAll(List.of("--build-constraints", build.toString()));
      }
      arguments.addAll(where);
      arguments.addAll(origin.arguments());
      return uv.run(children, arguments, work, cancel, progress::log);
    } catch (IOException e) {
      throw new ProblemException(comfyui.cockpit.files.DiskProblems.of(e, work), e);
    }
  }

  /** Sorted by name, which makes the lock the same everywhere. */
  public static Map<String, LockedPackage> byName(List<LockedPackage> packages) {
    Map<String, LockedPackage> map = new LinkedHashMap<>();
    packages.forEach(each -> map.put(each.name(), each));
    return map;
  }
}
