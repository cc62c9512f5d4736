package comfyui.cockpit.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.net.Http.Ask;
import comfyui.cockpit.net.Http.Content;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A body may take longer to go out than an answer may take to come: what counts is that it moves. */
@Timeout(60)
class SlowLineTest {
  private static final int BODY = 32 << 20;
  private static final int STEP = 256 << 10;
  private static final Duration HALF_OF_LIMIT = Duration.ofMillis(1250);

  private final Http http = new Http(new NetSettings(HALF_OF_LIMIT, HALF_OF_LIMIT, Map.of(), Optional.empty(), false, "test"));
  private final ServerSocket server;

  SlowLineTest() throws IOException {
    server = new ServerSocket();
    server.setReceiveBufferSize(64 << 10);
  }

  @BeforeEach
  void bind() throws IOException {
    server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
  }

  @AfterEach
  void close() throws IOException {
    http.close();
    server.close();
  }

  /** Takes so much of the body in small steps, answers if that was all, and keeps the line open. */
  private void serve(int most) {
    Thread.ofVirtual()
        .start(
            () -> {
              try (Socket socket = server.accept()) {
                InputStream in = socket.getInputStream();
                for (long taken = 0; taken < most; taken += STEP) {
                  in.readNBytes(STEP);
                  Thread.sleep(40);
                }
                if (most >= BODY) {
                  socket.getOutputStream().write("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                }
                in.readAllBytes();
              } catch (IOException | InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
  }

  private int put() {
    Url url = Url.parse("http://127.0.0.1:" + server.getLocalPort() + "/");
    try (Answer answer = http.once(Ask.put(url, new Content("image/png", new byte[BODY])), new CancelSignal())) {
      return answer.status();
    }
  }

  @Test
  void shouldBePatientAsLongAsItMoves() {
    serve(BODY);
    long start = System.nanoTime();
    assertEquals(201, put());
    assertTrue(System.nanoTime() - start > HALF_OF_LIMIT.multipliedBy(2).toNanos(), "the line was slow");
  }

  @Test
  void shouldEndWhereNothingMoves() {
    serve(STEP);
    ProblemException e = assertThrows(ProblemException.class, this::put);
    assertEquals(Code.STALLED, e.problem().code());
  }
}
