package comfyui.cockpit.version;

import comfyui.cockpit.git.RepoUrl;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.python.LockedPackage;
import comfyui.cockpit.source.ModelSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Whether a lock still answers its spec, told without asking anybody. A lock does not hold what was asked (a branch's name, say), so that
 * equal environments have equal locks; where this machine remembers the spec that was resolved, it is compared too.
 */
public final class Staleness {
  private static final Pattern REQUIREMENT = Pattern.compile("([A-Za-z0-9][A-Za-z0-9._-]*)\\s*(?:\\[[^]]*])?\\s*(.*)");
  private static final Pattern RANGE = Pattern.compile("(>=|<=|>|<|!=|~=)([0-9.]+)");

  private Staleness() {}

  /** One part of the lock that does not answer the spec, and why. */
  public record Stale(String what, String why) {}

  /**
   * @param asked the spec as it was when this machine resolved this lock
   * @param read what a lock's source means; nothing if it cannot be read
   */
  public static List<Stale> of(VersionSpec spec, Lock lock, Optional<VersionSpec> asked, Function<String, Optional<ModelSource>> read) {
    List<Stale> stale = new ArrayList<>();
    repo("comfy", spec.comfy(), lock.comfy(), asked.map(VersionSpec::comfy), stale);
    nodes(spec, lock, asked, stale);
    spec.python().filter(python -> !lock.python().equals(python) && !lock.python().startsWith(python + ".")).ifPresent(
        python -> stale.add(new Stale("python", "the spec says " + python + ", the lock " + lock.python())));
    if (!spec.options().torchBackend().equals(lock.torchBackend())) {
      stale.add(new Stale("torch_backend", "the spec says " + spec.options().torchBackend().orElse("nothing") + ", the lock " + lock.torchBackend().orElse("nothing")));
    }
    packages(spec, lock, asked, stale);
    if (!spec.env().equals(lock.env())) {
      stale.add(new Stale("env", "the variables are not those of the lock"));
    }
    models(spec, lock, asked, read, stale);
    return stale;
  }

  static boolean same(RepoUrl a, RepoUrl b) {
    return a.slug().equals(b.slug());
  }

  private static void repo(String what, VersionSpec.Repo repo, Lock.Checkout locked, Optional<VersionSpec.Repo> asked, List<Stale> stale) {
    if (!same(repo.url(), locked.repo())) {
      stale.add(new Stale(what, "the repository is another one"));
    } else if (repo.commit().isPresent() && !repo.commit().get().equals(locked.commit())) {
      stale.add(new Stale(what, "the spec says commit " + repo.commit().get().abbreviated() + ", the lock " + locked.commit().abbreviated()));
    } else if (repo.commit().isEmpty() && asked.isPresent() && !repo.ref().equals(asked.get().ref())) {
      stale.add(new Stale(what, "the ref is " + repo.ref().orElse("the default") + ", and was " + asked.get().ref().orElse("the default")));
    }
  }

  private static void nodes(VersionSpec spec, Lock lock, Optional<VersionSpec> asked, List<Stale> stale) {
    Map<String, Lock.Node> locked = new LinkedHashMap<>();
    lock.nodes().forEach(node -> locked.put(node.dir(), node));
    Map<String, VersionSpec.Node> before = new LinkedHashMap<>();
    asked.ifPresent(old -> old.nodes().forEach(node -> before.put(node.dir(), node)));
    for (VersionSpec.Node node : spec.nodes()) {
      Optional<Lock.Node> own = Optional.ofNullable(locked.remove(node.dir()));
      if (own.isEmpty()) {
        stale.add(new Stale(node.dir(), "it is new"));
        continue;
      }
      Optional<VersionSpec.Node> old = Optional.ofNullable(before.get(node.dir()));
      repo(node.dir(), node.repo(), own.get().checkout(), old.map(VersionSpec.Node::repo), stale);
      if (node.runInstallScript() != own.get().runInstallScript() || old.isPresent() && old.get().installRequirements() != node.installRequirements()) {
        stale.add(new Stale(node.dir(), "what is installed for it changed"));
      }
    }
    locked.keySet().forEach(dir -> stale.add(new Stale(dir, "the spec does not have it any more")));
  }

  private static void packages(VersionSpec spec, Lock lock, Optional<VersionSpec> asked, List<Stale> stale) {
    if (asked.isPresent() && !asked.get().packages().equals(spec.packages())) {
      stale.add(new Stale("python_packages", "the requirements are not those that were resolved"));
      return;
    }
    Map<String, String> versions =
        lock.packages().stream().collect(Collectors.toMap(LockedPackage::name, each -> each instanceof LockedPackage.Dist dist ? dist.version() : "", (a, b) -> a));
    for (String requirement : spec.packages()) {
      Matcher matcher = REQUIREMENT.matcher(requirement);
      if (requirement.startsWith("-") || requirement.contains(";") || !matcher.matches()) {
        continue;
      }
      String name = LockedPackage.normalize(matcher.group(1));
      String specifier = matcher.group(2).strip();
      String version = versions.get(name);
      if (version == null) {
        stale.add(new Stale("python_packages", name + " is not in the lock"));
      } else if (specifier.matches("===?\\s*[^,*]+") ? !pinned(specifier, version) : excludes(specifier, version)) {
        stale.add(new Stale("python_packages", "the spec says " + name + specifier + ", the lock " + version));
      }
    }
  }

  /** {@code ==1.0} also means 1.0.0, and 1.0+cpu. */
  private static boolean pinned(String specifier, String version) {
    String wanted = specifier.replaceFirst("^=+\\s*", "");
    String bare = wanted.contains("+") ? version : version.replaceFirst("\\+.*", "");
    return bare.replaceAll("(\\.0)+$", "").equals(wanted.replaceAll("(\\.0)+$", ""));
  }

  /** True if a range surely leaves a version out: only plain numbers are compared. */
  private static boolean excludes(String specifier, String version) {
    Optional<List<Integer>> locked = numbers(version.replaceFirst("\\+.*", ""));
    for (String part : specifier.replaceAll("[()\\s]", "").split(",")) {
      Matcher matcher = RANGE.matcher(part);
      Optional<List<Integer>> bound = matcher.matches() ? numbers(matcher.group(2)) : Optional.empty();
      if (locked.isEmpty() || bound.isEmpty()) {
        continue;
      }
      int order = compare(locked.get(), bound.get());
      List<Integer> series = bound.get().subList(0, Math.max(1, bound.get().size() - 1));
      boolean inSeries = locked.get().size() >= series.size() && locked.get().subList(0, series.size()).equals(series);
      boolean fits =
          switch (matcher.group(1)) {
            case ">=" -> order >= 0;
            case "<=" -> order <= 0;
            case ">" -> order > 0;
            case "<" -> order < 0;
            case "!=" -> order != 0;
            default -> order >= 0 && inSeries;
          };
      if (!fits) {
        return true;
      }
    }
    return false;
  }

  private static Optional<List<Integer>> numbers(String version) {
    return version.matches("\\d{1,9}(\\.\\d{1,9})*") ? Optional.of(Arrays.stream(version.split("\\.")).map(Integer::valueOf).toList()) : Optional.empty();
  }

  private static int compare(List<Integer> a, List<Integer> b) {
    for (int i = 0; i < Math.max(a.size(), b.size()); i++) {
      int order = Integer.compare(i < a.size() ? a.get(i) : 0, i < b.size() ? b.get(i) : 0);
      if (order != 0) {
        return order;
      }
    }
    return 0;
  }

  /** Whether what a lock has is what a spec asks for: the same file, at the revision that the spec names, if it names one. */
  public static boolean same(ModelSource asked, ModelSource locked) {
    return switch (asked) {
      case ModelSource.HuggingFace hf ->
          locked instanceof ModelSource.HuggingFace other && other.repo().equals(hf.repo()) && other.path().equals(hf.path()) && other.type() == hf.type()
              && (!CommitId.isFull(hf.revision()) || hf.revision().equals(other.revision()));
      case ModelSource.Civitai civitai ->
          locked instanceof ModelSource.Civitai other && (civitai.version().isEmpty() || civitai.version().equals(other.version())) && (civitai.file().isEmpty() || civitai.file().equals(other.file()));
      case ModelSource.GcsObject gcs ->
          locked instanceof ModelSource.GcsObject other && other.bucket().equals(gcs.bucket()) && other.object().equals(gcs.object())
              && (gcs.generation().isEmpty() || gcs.generation().equals(other.generation()));
      case ModelSource.Web web -> locked.equals(web);
      case ModelSource.Local local -> locked.equals(local);
    };
  }

  /** Whether it is surely another file; a hub may have renamed what was asked, or have chosen what was left open. */
  private static boolean another(ModelSource asked, ModelSource locked) {
    return switch (asked) {
      case ModelSource.HuggingFace hf -> locked instanceof ModelSource.HuggingFace other && other.repo().equals(hf.repo()) && !same(asked, locked);
      case ModelSource.Civitai civitai -> locked instanceof ModelSource.Civitai && !same(asked, locked);
      case ModelSource.GcsObject gcs -> locked instanceof ModelSource.GcsObject && !same(asked, locked);
      case ModelSource.Web web -> locked instanceof ModelSource.Web && !same(asked, locked);
      case ModelSource.Local local -> !same(asked, locked);
    };
  }

  private static void models(
      VersionSpec spec, Lock lock, Optional<VersionSpec> asked, Function<String, Optional<ModelSource>> read, List<Stale> stale) {
    if (asked.isPresent() && !models(asked.get()).equals(models(spec))) {
      stale.add(new Stale("models", "the models are not those that were resolved"));
      return;
    }
    Map<String, Lock.Model> locked = new LinkedHashMap<>();
    lock.models().forEach(model -> locked.put(model.path().toString(), model));
    if (spec.models().size() != locked.size()) {
      stale.add(new Stale("models", "the spec has " + spec.models().size() + " models, the lock " + locked.size()));
      return;
    }
    for (VersionSpec.Model model : spec.models()) {
      Optional<Lock.Model> own = model.target().map(target -> locked.get(target.toString()));
      if (model.target().isPresent() && own.isEmpty()) {
        stale.add(new Stale("models", model.target().get() + " is not in the lock"));
        continue;
      }
      Optional<Checksum> declared = model.checksum().filter(checksum -> checksum.algorithm() == Checksum.Algorithm.SHA256);
      if (own.isPresent() && declared.isPresent() && own.get().sha256().isPresent() && !declared.equals(own.get().sha256())) {
        stale.add(new Stale("models", model.target().orElseThrow() + " has another checksum"));
      } else if (own.isPresent() && declared.isEmpty() && read.apply(own.get().source()).map(source -> another(model.source(), source)).orElse(false)) {
        stale.add(new Stale("models", model.target().orElseThrow() + " comes from elsewhere"));
      }
    }
  }

  private static Set<String> models(VersionSpec spec) {
    return spec.models().stream().map(model -> Objects.toString(model.target().orElse(model.folder())) + " " + model.source().uri() + " " + model.checksum()).collect(Collectors.toSet());
  }
}
