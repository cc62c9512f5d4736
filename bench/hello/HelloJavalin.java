import io.javalin.Javalin;

/** The least that a daemon of our kind can be: one route, one line when it is ready, an end with its standard input. */
final class HelloJavalin {
  private HelloJavalin() {}

  public static void main(String[] args) throws Exception {
    System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "warn");
    Javalin app =
        Javalin.create(
            config -> {
              config.startup.showJavalinBanner = false;
              config.concurrency.useVirtualThreads = true;
              config.routes.get("/api/health", context -> context.result("hello"));
            });
    app.start("127.0.0.1", 0);
    System.out.println("{\"event\": \"ready\", \"port\": " + app.port() + "}");
    while (System.in.read() >= 0) {
      // Only the end says something.
    }
    app.stop();
    System.exit(0);
  }
}
