package comfyui.cockpit.app;

import comfyui.cockpit.download.Downloads;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.model.Declaration;
import comfyui.cockpit.model.ModelsFile;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the daemon does by itself: sweeps, installs what declares itself so, and looks every two seconds whether models.json, the specs or
 * the files changed. It looks instead of being told, because network volumes tell nobody.
 */
public final class Watch implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Watch.class);
  private static final Duration EVERY = Duration.ofSeconds(2);
  private static final Duration OLD = Duration.ofHours(1);
  /** Files are looked at less often: there may be thousands. */
  private static final int FILES_EVERY = 5;

  private final Models models;
  private final InstallModels install;
  private final Versions versions;
  private final Clock clock;
  private final Thread thread;
  private volatile boolean closed;

  public Watch(Models models, InstallModels install, Versions versions, Clock clock) {
    this.models = models;
    this.install = install;
    this.versions = versions;
    this.clock = clock;
    this.thread = Thread.ofVirtual().name("watch").unstarted(this::run);
  }

  public void start() {
    thread.start();
  }

  private void run() {
    begin();
    Models.Status before = models.status();
    Map<String, String> specs = lookAtSpecs(Optional.empty());
    try {
      for (int round = 1; !closed; round++) {
        clock.sleep(EVERY);
        before = lookAgain(before, round % FILES_EVERY == 0);
        specs = lookAtSpecs(Optional.of(specs));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** A look that fails (a volume that is away for a moment) is not the last one. */
  private Models.Status lookAgain(Models.Status before, boolean filesToo) {
    try {
      return look(before, filesToo);
    } catch (RuntimeException e) {
      if (!closed) {
        LOG.warn("{} could not be looked at: {}", models.file().shown(), e.getMessage());
      }
      return before;
    }
  }

  private Map<String, String> lookAtSpecs(Optional<Map<String, String>> before) {
    try {
      Map<String, String> now = versions.looks();
      if (before.isPresent() && !before.get().equals(now)) {
        List<String> changed = now.entrySet().stream().filter(entry -> !entry.getValue().equals(before.get().get(entry.getKey()))).map(Map.Entry::getKey).toList();
        versions.changed(changed, before.get().keySet().stream().filter(id -> !now.containsKey(id)).toList());
      }
      return now;
    } catch (RuntimeException e) {
      if (!closed) {
        LOG.warn("{} could not be looked at: {}", versions.files().directory(), e.getMessage());
      }
      return before.orElse(Map.of());
    }
  }

  private void begin() {
    try {
      models.downloads().sweep();
      sweepHalves();
      ModelsFile.Snapshot snapshot = models.file().now();
      if (snapshot.state() != ModelsFile.State.OK) {
        LOG.info("nothing is installed by itself: {} is {}", models.file().shown(), snapshot.state() == ModelsFile.State.MISSING ? "not there" : "invalid");
        return;
      }
      if (!models.declaration().select(Declaration.Selection.NONE).isEmpty()) {
        install.start(Declaration.Selection.NONE, false);
      }
    } catch (ProblemException e) {
      LOG.warn("nothing is installed by itself: {}", e.problem().detail());
    }
  }

  private void sweepHalves() {
    for (Path directory : List.of(models.settings().root(), models.settings().roots().main().resolve(Downloads.OWN_DIRECTORY))) {
      try {
        SmallFile.sweep(directory, clock.now().minus(OLD));
      } catch (IOException e) {
        LOG.warn("{} could not be swept: {}", directory, e.getMessage());
      }
    }
  }

  private Models.Status look(Models.Status before, boolean filesToo) {
    ModelsFile.Snapshot now = models.file().now();
    if (!now.digest().equals(before.file().digest())) {
      LOG.info("{} changed and is {}", models.file().shown(), now.state().name().toLowerCase(java.util.Locale.ROOT));
      models.declarationChanged(before.declaration(), now.declaration());
      return models.status();
    }
    if (!filesToo) {
      return before;
    }
    Models.Status status = models.status();
    List<String> changed =
        status.models().entrySet().stream().filter(entry -> !entry.getValue().equals(before.models().get(entry.getKey()))).map(Map.Entry::getKey).toList();
    if (!changed.isEmpty()) {
      models.changed(changed);
    }
    return status;
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
  }
}
