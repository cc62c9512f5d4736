package comfyui.cockpit.http;

import comfyui.cockpit.job.Events;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.Secret;
import comfyui.cockpit.wire.CockpitApi;
import comfyui.cockpit.wire.Documents;
import comfyui.cockpit.wire.Routes;
import comfyui.cockpit.wire.WireJson;
import io.javalin.Javalin;
import io.javalin.compression.CompressionStrategy;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** Javalin on 127.0.0.1 and a port that the system chooses. */
public final class HttpServer implements AutoCloseable {
  public static final String SECRET_HEADER = "X-Cockpit-Secret";

  private static final long BEAT_SECONDS = 10;
  /** A reader this far behind is cut off; it comes back and gets a snapshot. */
  private static final int BACKLOG = 5_000;

  private final Javalin javalin;

  /**
   * What the server answers from.
   *
   * @param snapshot the first document of an event stream
   */
  public record Core(Routes routes, Events events, Supplier<Object> snapshot) {}

  /** @param core may be made while the server starts: a request waits for it */
  public HttpServer(Supplier<Core> core, Secret secret) {
    this.javalin =
        Javalin.create(
            config -> {
              config.startup.showJavalinBanner = false;
              config.concurrency.useVirtualThreads = true;
              config.jetty.host = "127.0.0.1";
              config.jetty.port = 0;
              config.jetty.modifyServer(server -> server.setErrorHandler(new Unreadable()));
              config.http.maxRequestSize = 64L << 20;
              config.http.compressionStrategy = CompressionStrategy.NONE;
              config.routes.before(context -> guard(context, secret));
              config.routes.get("/api/events", context -> stream(context, core.get().events(), core.get().snapshot()));
              // The table itself finds the route, and says what it does not take.
              for (HandlerType method : List.of(HandlerType.GET, HandlerType.POST, HandlerType.DELETE)) {
                config.routes.addHttpHandler(method, "/api/<path>", context -> serve(core.get().routes(), context));
              }
              config.routes.error(404, context -> {
                if (context.res().getContentType() == null || !context.res().getContentType().contains("json")) {
                  answer(context, core.get().routes().call(context.method().name(), context.path(), ""));
                }
              });
            });
  }

  public void start() {
    javalin.start();
  }

  public int port() {
    return javalin.port();
  }

  private void guard(Context context, Secret secret) {
    String host = Optional.ofNullable(context.header("Host")).orElse("");
    boolean ours = host.equals("127.0.0.1:" + javalin.port()) || host.equals("localhost:" + javalin.port());
    boolean knows = Optional.ofNullable(context.header(SECRET_HEADER)).map(secret::matches).orElse(false);
    if (!ours || !knows) {
      Problem problem = Problem.of(Code.ACCESS_DENIED, "The daemon answers only who knows its secret.").withHint("Go through the lab, or use the command line.");
      answer(context, Routes.failure(problem));
      context.skipRemainingHandlers();
    }
  }

  private static void serve(Routes routes, Context context) {
    // The path as it came: an id may hold an encoded slash.
    String query = context.req().getQueryString();
    answer(context, routes.call(context.method().name(), context.req().getRequestURI() + (query == null ? "" : "?" + query), context.body()));
  }

  private static void answer(Context context, CockpitApi.Reply reply) {
    reply.headers().forEach(context::header);
    context.status(reply.status()).contentType(reply.contentType()).header("Cache-Control", "no-store");
    if (reply.file().isEmpty()) {
      // As bytes: a text would be sent in the character set that the server thinks of.
      context.result(reply.body().getBytes(StandardCharsets.UTF_8));
      return;
    }
    try {
      // Closed by Javalin once it is sent.
      InputStream in = Files.newInputStream(reply.file().get());
      context.header("Content-Length", String.valueOf(Files.size(reply.file().get()))).result(in);
    } catch (IOException e) {
      answer(context, Routes.failure(Problem.of(Code.FILE_MISSING, "The file cannot be read: " + e.getMessage() + ".")));
    }
  }

  private static void stream(Context context, Events events, Supplier<Object> snapshot) throws IOException, InterruptedException {
    context.res().setContentType("text/event-stream; charset=utf-8");
    context.res().setHeader("Cache-Control", "no-store");
    context.res().setHeader("X-Accel-Buffering", "no");
    BlockingQueue<Events.Event> queue = new LinkedBlockingQueue<>();
    Consumer<Events.Event> listener = queue::add;
    Optional<String> after = Optional.ofNullable(context.header("Last-Event-ID")).or(() -> Optional.ofNullable(context.queryParam("since")));
    Optional<List<Events.Event>> missed = events.subscribe(listener, after);
    try {
      OutputStream out = context.res().getOutputStream();
      if (missed.isEmpty()) {
        // Taken after listening began: nothing falls between, at worst something comes twice.
        write(out, events.lastId(), "snapshot", WireJson.write(snapshot.get()));
      } else {
        for (Events.Event event : missed.get()) {
          write(out, event.id(), event.name(), WireJson.write(Documents.event(event.content())));
        }
        out.write(": again\n\n".getBytes(StandardCharsets.UTF_8));
      }
      out.flush();
      context.res().flushBuffer();
      while (queue.size() < BACKLOG) {
        Events.Event event = queue.poll(BEAT_SECONDS, TimeUnit.SECONDS);
        if (event == null) {
          out.write(": beat\n\n".getBytes(StandardCharsets.UTF_8));
        } else {
          write(out, event.id(), event.name(), WireJson.write(Documents.event(event.content())));
        }
        out.flush();
      }
    } finally {
      events.unsubscribe(listener);
    }
  }

  private static void write(OutputStream out, String id, String name, String json) throws IOException {
    out.write(("id: " + id + "\nevent: " + name + "\ndata: " + json + "\n\n").getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public void close() {
    javalin.stop();
  }
}
