package comfyui.cockpit.kernel;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One process, told apart from every other: containers share host names and reuse process ids, and machines restart.
 *
 * @param boot the kernel's boot id, empty where there is none
 * @param namespace the pid namespace, empty where there is none
 * @param pid its number in that namespace
 * @param start when it started, in whatever unit the system counts; only compared
 */
public record ProcessIdentity(String boot, String namespace, long pid, long start) {
  /** What can be known of another process from here. */
  public enum Life {
    ALIVE,
    DEAD,
    /** It lives in another container or on another machine. */
    OUT_OF_SIGHT
  }

  public static ProcessIdentity current() {
    return of(ProcessHandle.current().pid());
  }

  public static ProcessIdentity of(long pid) {
    return new ProcessIdentity(read("/proc/sys/kernel/random/boot_id"), namespaceHere(), pid, startOf(pid));
  }

  /** Whether that process still runs, as far as can be seen from this one. */
  public Life life() {
    if (!boot.equals(read("/proc/sys/kernel/random/boot_id"))) {
      return Life.OUT_OF_SIGHT;
    }
    if (!namespace.equals(namespaceHere())) {
      return Life.OUT_OF_SIGHT;
    }
    return ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false) && startOf(pid) == start ? Life.ALIVE : Life.DEAD;
  }

  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("boot", boot);
    map.put("namespace", namespace);
    map.put("pid", pid);
    map.put("start", start);
    return map;
  }

  private static String namespaceHere() {
    try {
      return Files.readSymbolicLink(Path.of("/proc/self/ns/pid")).toString();
    } catch (IOException | UnsupportedOperationException e) {
      return "";
    }
  }

  /** Field 22 of {@code /proc/<pid>/stat}; the name before it may hold spaces and brackets. A zombie counts as gone. */
  private static long startOf(long pid) {
    String stat = read("/proc/" + pid + "/stat");
    if (stat.isEmpty()) {
      return ProcessHandle.of(pid).flatMap(handle -> handle.info().startInstant()).map(Instant::toEpochMilli).orElse(-1L);
    }
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    return fields[0].equals("Z") || fields[0].equals("X") ? -1 : Long.parseLong(fields[19]);
  }

  private static String read(String path) {
    try {
      return new String(Files.readAllBytes(Path.of(path)), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      return "";
    }
  }
}
