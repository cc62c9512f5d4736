package comfyui.cockpit.download;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.files.Writing;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProcessIdentity;
import comfyui.cockpit.kernel.ProgressSink;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class GateTest {
  @TempDir Path root;

  private final ProcessIdentity self = ProcessIdentity.current();

  /** A clock whose wall time can jump, as after a sleep of the machine. */
  private static final class JumpingClock implements Clock {
    private volatile long ahead;

    @Override
    public Instant now() {
      return Clock.system().now().plusSeconds(ahead);
    }

    @Override
    public long nanos() {
      return Clock.system().nanos();
    }

    @Override
    public void sleep(Duration duration) throws InterruptedException {
      Clock.system().sleep(duration);
    }
  }

  private Path own() {
    return root.resolve(".comfyui-cockpit");
  }

  private void lease(ProcessIdentity owner, long beat) throws Exception {
    Files.createDirectories(own());
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("token", "theirs");
    map.put("beat", beat);
    map.put("owner", owner.toMap());
    Files.writeString(own().resolve("lease.json"), Json.write(map));
  }

  @Test
  void shouldLetOneInAtATime() throws Exception {
    try (Gate gate = new Gate(own(), Clock.system(), self);
        Gate.Hold hold = gate.enter(new CancelSignal(), ProgressSink.NONE)) {
      Thread other =
          Thread.ofPlatform()
              .start(
                  () -> {
                    CancelSignal cancel = new CancelSignal();
                    Thread.ofVirtual()
                        .start(
                            () -> {
                              try {
                                Clock.system().sleep(Duration.ofMillis(500));
                              } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                              }
                              cancel.cancel();
                            });
                    assertThrows(ProblemException.class, () -> gate.enter(cancel, ProgressSink.NONE));
                  });
      other.join();
    }
  }

  @Test
  void shouldTakeLeaseOfDeadOwnerAtOnce() throws Exception {
    lease(new ProcessIdentity(self.boot(), self.namespace(), 999_999_999L, 1), 1);
    long start = System.nanoTime();
    try (Gate gate = new Gate(own(), Clock.system(), self, true);
        Gate.Hold hold = gate.enter(new CancelSignal(), ProgressSink.NONE)) {
      hold.fence();
    }
    assertTrue((System.nanoTime() - start) / 1e9 < 10);
    assertFalse(Files.exists(own().resolve("lease.json")));
  }

  @Test
  void shouldNotTrustAReusedPid() throws Exception {
    lease(new ProcessIdentity(self.boot(), self.namespace(), self.pid(), self.start() - 1), 1);
    try (Gate gate = new Gate(own(), Clock.system(), self, true);
        Gate.Hold hold = gate.enter(new CancelSignal(), ProgressSink.NONE)) {
      hold.fence();
    }
  }

  @Test
  void shouldLeaveLeaseOfLivingOwnerAlone() throws Exception {
    lease(ProcessIdentity.of(1), 1);
    try (Gate gate = new Gate(own(), Clock.system(), self, true)) {
      assertTrue(gate.tryEnter().isEmpty());
    }
  }

  @Test
  void shouldWaitForSilenceOfAnOwnerOutOfSight() throws Exception {
    lease(new ProcessIdentity("another boot", "pid:[1]", 7, 1), 1);
    try (Gate gate = new Gate(own(), Clock.system(), self, true)) {
      assertTrue(gate.tryEnter().isEmpty());
      try (Gate.Hold hold = gate.enter(new CancelSignal(), ProgressSink.NONE)) {
        hold.fence();
      }
    }
  }

  @Test
  void shouldPublishNothingAfterSleepingPastTheLease() throws Exception {
    JumpingClock clock = new JumpingClock();
    try (Gate gate = new Gate(own(), clock, self, true);
        Gate.Hold hold = gate.enter(new CancelSignal(), ProgressSink.NONE)) {
      hold.fence();
      clock.ahead = 3600;
      assertThrows(ProblemException.class, hold::fence);
    }
  }

  @Test
  void shouldPublishNothingAfterAnotherTookOver() throws Exception {
    try (Gate gate = new Gate(own(), Clock.system(), self, true);
        Gate.Hold hold = gate.enter(new CancelSignal(), ProgressSink.NONE)) {
      lease(new ProcessIdentity("another boot", "", 7, 1), 1);
      assertThrows(ProblemException.class, hold::fence);
    }
    assertTrue(Files.exists(own().resolve("lease.json")), "the other's lease stays");
  }

  @Test
  void shouldSweepWhatTheDeadLeft() throws Exception {
    ProcessIdentity dead = new ProcessIdentity(self.boot(), self.namespace(), 999_999_999L, 1);
    Writing theirs = new Writing(own().resolve("writing"), dead);
    Writing.Draft draft = theirs.open(root.resolve("new/dir/model.safetensors"));
    draft.channel().write(ByteBuffer.wrap(new byte[10]));
    Files.createDirectories(root.resolve("new/dir"));
    try (Gate gate = new Gate(own(), Clock.system(), self);
        Gate.Hold hold = gate.enter(new CancelSignal(), ProgressSink.NONE)) {
      assertFalse(Files.exists(draft.path()));
      assertFalse(Files.exists(root.resolve("new")), "directories that a publication made and did not fill go too");
      try (var notes = Files.list(own().resolve("writing"))) {
        assertEquals(0, notes.count());
      }
    }
  }

  @Test
  void shouldNotSweepWhatTheLivingWrite() throws Exception {
    Writing theirs = new Writing(own().resolve("writing"), ProcessIdentity.of(1));
    try (Writing.Draft draft = theirs.open(root.resolve("model.safetensors"));
        Gate gate = new Gate(own(), Clock.system(), self);
        Gate.Hold hold = gate.enter(new CancelSignal(), ProgressSink.NONE)) {
      assertTrue(Files.exists(draft.path()));
    }
  }
}
