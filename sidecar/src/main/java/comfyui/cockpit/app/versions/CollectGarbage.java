package comfyui.cockpit.app.versions;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.files.Trees;
import comfyui.cockpit.job.Jobs;
import comfyui.cockpit.job.Work;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.CommitId;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.process.Children;
import comfyui.cockpit.python.LockedPackage;
import comfyui.cockpit.python.Packages;
import comfyui.cockpit.version.Build;
import comfyui.cockpit.version.Lock;
import comfyui.cockpit.version.Place;
import comfyui.cockpit.version.VersionFiles.Named;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** Frees what no version of this machine uses: old builds, model files and git objects that no lock names, stale packages. */
public final class CollectGarbage {
  public static final String KIND = "versions.gc";

  private final Versions versions;
  private final Jobs jobs;

  public CollectGarbage(Versions versions, Jobs jobs) {
    this.versions = versions;
    this.jobs = jobs;
  }

  public Jobs.Handle start(boolean dryRun) {
    versions.requireSettings();
    return jobs.start(
        new Jobs.Order(KIND, Optional.of(comfyui.cockpit.job.Lane.ENVIRONMENTS), false, List.of(), Optional.empty()), job -> Work.Outcome.done(new Sweep(dryRun, job).run()));
  }

  /** One collection at work. */
  private final class Sweep {
    private final boolean dryRun;
    private final Work.Context job;
    private final List<ChangeVersion.Removed> removed = new ArrayList<>();
    private final List<ChangeVersion.Kept> kept = new ArrayList<>();
    private final Set<CommitId> commits = new LinkedHashSet<>();
    private final Set<Checksum> models = new LinkedHashSet<>();
    private final Set<LockedPackage> packages = new LinkedHashSet<>();

    private Sweep(boolean dryRun, Work.Context job) {
      this.dryRun = dryRun;
      this.job = job;
    }

    private ChangeVersion.Deleted run() {
      try {
        job.progress().phase("looking");
        locks();
        for (Place place : versions.places()) {
          builds(place);
        }
        blobs();
        repositories();
        packages();
        return new ChangeVersion.Deleted(dryRun, removed, kept);
      } catch (IOException e) {
        throw new ProblemException(DiskProblems.of(e, versions.settings().cacheRoot()), e);
      }
    }

    /** Every lock that this machine knows of, also those of other roots that share its caches. */
    private void locks() throws IOException {
      try {
        for (Named named : versions.files().list()) {
          versions.files().lock(named).ifPresent(this::uses);
        }
        for (String id : versions.keptIds()) {
          Optional<Lock> lock = versions.kept(id);
          lock.ifPresent(this::uses);
          if (lock.isEmpty() && !dryRun) {
            versions.forget(id);
          }
        }
      } catch (ProblemException e) {
        throw new ProblemException(
            comfyui.cockpit.kernel.Problem.of(Code.DECLARATION_INVALID, "A lock cannot be read, so nobody can say what it uses: " + e.problem().detail())
                .withHint("Mend or delete it, then collect again."),
            e);
      }
    }

    private void uses(Lock lock) {
      List<Lock.Checkout> checkouts = new ArrayList<>(List.of(lock.comfy()));
      lock.nodes().forEach(node -> checkouts.add(node.checkout()));
      for (Lock.Checkout checkout : checkouts) {
        commits.add(checkout.commit());
        checkout.submodules().forEach(sub -> commits.add(sub.commit()));
      }
      packages.addAll(lock.packages());
      packages.addAll(lock.buildPackages());
      lock.models().forEach(model -> model.sha256().ifPresent(models::add));
    }

    private void builds(Place place) throws IOException {
      job.cancelSignal().throwIfCancelled();
      Set<String> needed = new LinkedHashSet<>(place.current().stream().toList());
      place.previous().ifPresent(needed::add);
      try (Versions.Turn turn = versions.enter(place, job.cancelSignal(), job.progress());
          Children children = versions.children(place.ledger())) {
        for (String key : place.builds()) {
          Path build = place.build(key);
          if (needed.contains(key)) {
            new Build(place, key).lock().ifPresent(this::uses);
            kept.add(new ChangeVersion.Kept(build, place.current().equals(Optional.of(key)) ? "It is in use." : "`version rollback` goes back to it."));
          } else {
            remove(build);
          }
        }
      }
    }

    private void remove(Path path) throws IOException {
      job.cancelSignal().throwIfCancelled();
      removed.add(new ChangeVersion.Removed(path, Trees.freedBy(path)));
      if (!dryRun) {
        Trees.delete(path);
      }
    }

    private void blobs() throws IOException {
      Path cache = versions.settings().cacheModels();
      Path sha256 = cache.resolve("sha256");
      if (!Files.isDirectory(sha256)) {
        return;
      }
      List<Path> directories;
      try (Stream<Path> files = Files.walk(sha256, 2)) {
        directories = files.filter(path -> path.getNameCount() == sha256.getNameCount() + 2).toList();
      }
      for (Path directory : directories) {
        String hex = directory.getFileName().toString();
        if (Checksum.looksLikeSha256(hex) && models.contains(Checksum.sha256(hex))) {
          continue;
        }
        remove(directory);
      }
    }

    private void repositories() {
      for (Path bare : versions.repositories().caches()) {
        job.cancelSignal().throwIfCancelled();
        long size = versions.repositories().size(bare);
        boolean unused = dryRun ? versions.repositories().isUnused(bare, commits) : versions.repositories().deleteUnused(bare, commits, job.cancelSignal());
        if (unused) {
          removed.add(new ChangeVersion.Removed(bare, size));
        }
      }
    }

    /** Packages that no lock has, and what uv itself knows that nothing refers to; how much the latter is, it tells nobody before. */
    private void packages() throws IOException {
      Path cache = versions.packages().cache();
      long listed = 0;
      long before = dryRun ? 0 : Trees.freedBy(cache);
      // A cache that the user named serves others too.
      if (cache.startsWith(versions.settings().cacheRoot())) {
        for (Packages.Cached unused : versions.packages().unused(packages)) {
          job.cancelSignal().throwIfCancelled();
          removed.add(new ChangeVersion.Removed(unused.path(), unused.bytes()));
          listed += unused.bytes();
          for (Path file : dryRun ? List.<Path>of() : unused.files()) {
            Trees.delete(file);
          }
        }
      }
      if (dryRun) {
        return;
      }
      try (WorkDirectory temporary = versions.workDirectory()) {
        versions.packages().prune(temporary.children(), temporary.path(), job.cancelSignal(), job.progress());
        long freed = before - Trees.freedBy(cache) - listed;
        if (freed > 0) {
          removed.add(new ChangeVersion.Removed(cache, freed));
        }
      }
      SmallFile.sweep(versions.settings().cacheRoot().resolve("resolved"), versions.clock().now().minus(java.time.Duration.ofHours(1)));
    }
  }

}
