package comfyui.cockpit.kernel;

/** Where work says how far it is. Calls are cheap; whoever listens decides how often to look. */
public interface ProgressSink {
  ProgressSink NONE = new ProgressSink() {};

  /** What is being done: {@code asking}, {@code waiting}, {@code downloading}, {@code verifying}, {@code uploading}, {@code publishing}. */
  default void phase(String phase) {}

  /** Bytes done so far and in all; a total below 0 is unknown. */
  default void bytes(long done, long total) {}

  /** True while nothing has come for some seconds. */
  default void stalled(boolean stalled) {}

  /** One line for whoever reads the log of the job. */
  default void log(String line) {}
}
