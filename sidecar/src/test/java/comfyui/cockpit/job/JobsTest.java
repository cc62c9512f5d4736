package comfyui.cockpit.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class JobsTest {
  private final Events events = new Events("s");
  private final Jobs jobs = new Jobs(Clock.system(), events);

  @AfterEach
  void close() {
    jobs.close();
  }

  private Jobs.Handle start(Work work) {
    return jobs.start(new Jobs.Order("t", Optional.of(Lane.DOWNLOADS), false, List.of("a"), Optional.empty()), work);
  }

  @Test
  void shouldRunOneAtATimeInOrder() {
    List<Integer> order = Collections.synchronizedList(new ArrayList<>());
    AtomicInteger atOnce = new AtomicInteger();
    List<Jobs.Handle> handles = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      int n = i;
      handles.add(
          start(
              job -> {
                assertEquals(1, atOnce.incrementAndGet());
                order.add(n);
                atOnce.decrementAndGet();
                return Work.Outcome.done(List.of());
              }));
    }
    handles.forEach(handle -> assertEquals(JobState.DONE, handle.await().state()));
    assertEquals(order.stream().sorted().toList(), order);
  }

  @Test
  void shouldTellThePlaceInTheQueue() throws InterruptedException {
    CountDownLatch go = new CountDownLatch(1);
    Jobs.Handle first =
        start(
            job -> {
              try {
                go.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              return Work.Outcome.done(List.of());
            });
    Jobs.Handle second = start(job -> Work.Outcome.done(List.of()));
    Jobs.Handle third = start(job -> Work.Outcome.done(List.of()));
    assertEquals(Optional.of(2), third.now().queuePlace());
    second.cancel();
    assertEquals(JobState.CANCELLED, second.await().state());
    assertEquals(Optional.of(1), third.now().queuePlace());
    go.countDown();
    assertEquals(JobState.DONE, first.await().state());
    assertEquals(JobState.DONE, third.await().state());
  }

  @Test
  void shouldFailWithItsProblem() {
    Job job = start(context -> {
          throw Problem.of(Code.DISK_FULL, "full").toException();
        }).await();
    assertEquals(JobState.FAILED, job.state());
    assertEquals(Code.DISK_FULL, job.problem().orElseThrow().code());
  }

  @Test
  void shouldSurviveDefectInItsWork() {
    assertEquals(Code.DAEMON_FAILED, start(context -> {
          throw new IllegalStateException("oops");
        }).await().problem().orElseThrow().code());
    assertEquals(JobState.DONE, start(context -> Work.Outcome.done(List.of())).await().state());
  }

  @Test
  void shouldSayTheLastStateLast() {
    List<Job> told = Collections.synchronizedList(new ArrayList<>());
    events.subscribe(event -> {
          if (event.content() instanceof Job job) {
            told.add(job);
          }
        }, Optional.empty());
    start(job -> {
          for (int i = 0; i < 1000; i++) {
            job.progress().bytes(i, 1000);
          }
          return Work.Outcome.done(List.of());
        }).await();
    assertEquals(JobState.DONE, told.getLast().state());
    assertTrue(told.size() < 20, "progress is told four times a second, not " + told.size());
  }

  @Test
  void shouldGoOnWhereAReaderWas() {
    events.publish("log", new Events.LogLines("a", List.of("1")));
    String last = events.lastId();
    events.publish("log", new Events.LogLines("a", List.of("2")));
    assertEquals(1, events.subscribe(event -> {}, Optional.of(last)).orElseThrow().size());
    assertEquals(List.of(), events.subscribe(event -> {}, Optional.of(events.lastId())).orElseThrow());
    assertTrue(events.subscribe(event -> {}, Optional.of("other-1")).isEmpty());
  }
}
