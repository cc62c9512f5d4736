package comfyui.cockpit.main;

import comfyui.cockpit.cli.Foreground;
import comfyui.cockpit.kernel.CancelSignal;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntSupplier;

/** Programs in the foreground, by a product of this command's own. */
final class Programs implements Foreground {
  /** How long an interrupted command waits for its child: longer than the child is asked before it is killed. */
  private static final Duration LAST_WORD = Duration.ofSeconds(5);

  private final Cockpit cockpit;
  private final boolean offline;
  private final CancelSignal cancel = new CancelSignal();
  private final CountDownLatch ended = new CountDownLatch(1);
  private final AtomicBoolean closed = new AtomicBoolean();

  Programs(Cockpit cockpit, boolean offline) {
    this.cockpit = cockpit;
    this.offline = offline;
  }

  @Override
  public int comfy(Path target, String host, int port, List<String> arguments, OutputStream out) {
    return untilEnd(() -> cockpit.runUi().run(target, host, port, arguments, offline, out, cancel));
  }

  @Override
  public int image(String versionId, Optional<Path> spec, String tag, OutputStream out) {
    return untilEnd(() -> cockpit.buildImage().run(versionId, spec, tag, out, cancel));
  }

  private int untilEnd(IntSupplier program) {
    try {
      return program.getAsInt();
    } finally {
      ended.countDown();
    }
  }

  /** By whoever ran the program, or by the interrupt that ends it. */
  @Override
  public void close() {
    cancel.cancel();
    try {
      ended.await(LAST_WORD.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (closed.compareAndSet(false, true)) {
      cockpit.close();
    }
  }
}
