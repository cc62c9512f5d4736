package comfyui.cockpit.app;

import comfyui.cockpit.app.models.InstallModels;
import comfyui.cockpit.app.models.Models;
import comfyui.cockpit.app.versions.Versions;
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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the daemon does by itself: sweeps, installs what declares itself so, and looks every two seconds whether models.json, the
 * files, or the specs of versions changed. It looks instead of being told, because network volumes tell nobody.
 */
public final class Watch implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Watch.class);
  private static final Duration EVERY = Duration.ofSeconds(2);
  private static final Duration OLD = Duration.ofHours(1);
  /** Files are looked at less often: there may be thousands. */
  private static final int FILES_EVERY = 5;

  private final Models models;
  private final Versions versions;
  private final InstallModels install;
  private final Clock clock;
  private final Thread thread;
  private volatile boolean closed;

  public Watch(Models models, Versions versions, InstallModels install, Clock clock) {
    this.models = models;
    this.versions = versions;
    this.install = install;
    this.clock = clock;
    this.thread = Thread.ofVirtual().name("watch").unstarted(this::run);
  }

  public void start() {
    thread.start();
  }

  private void run() {
    begin();
    Models.Status before = models.status();
    try {
      for (int round = 1; !closed; round++) {
        clock.sleep(EVERY);
        before = lookAgain(before, round % FILES_EVERY == 0);
        lookAtVersions();
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

  private void lookAtVersions() {
    try {
      versions.lookAgain();
    } catch (RuntimeException e) {
      if (!closed) {
        LOG.warn("the versions could not be looked at: {}", e.getMessage());
      }
    }
  }

  private void begin() {
    try {
      versions.lookFirst();
      versions.sweep();
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
    for (Path directory : List.of(models.settings().root(), versions.files().directory(), models.settings().roots().main().resolve(Downloads.OWN_DIRECTORY))) {
      try {
        SmallFile.sweep(directory, clock.now().minus(OLD));
      } catch (IOException e) {
        LOG.warn("{} could not be swept: {}", directory, e.getMessage());
      }
    }
  }

  private Models.Status look(Models.Status before, boolean filesToo) {
    if (!models.file().now().digest().equals(before.file().digest())) {
      // What is told is what the next round compares with: a file that is just being written changes once more.
      Models.Status status = models.status();
      LOG.info("{} changed and is {}", models.file().shown(), status.file().state().name().toLowerCase(java.util.Locale.ROOT));
      models.declarationChanged(before.declaration(), status.declaration());
      return status;
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
