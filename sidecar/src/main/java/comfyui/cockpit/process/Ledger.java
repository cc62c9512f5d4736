package comfyui.cockpit.process;

import comfyui.cockpit.json.Identities;
import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.kernel.ProcessIdentity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/** Which children run, in a file that survives us. It lies beside the connection file and goes with the container. */
final class Ledger {
  private final Path file;

  Ledger(Path file) {
    this.file = file;
  }

  synchronized List<ProcessIdentity> read() throws IOException {
    if (!Files.isRegularFile(file)) {
      return List.of();
    }
    List<ProcessIdentity> all = new ArrayList<>();
    if (Json.read(Files.readString(file)).orElse(null) instanceof Value.Arr list) {
      for (Value item : list.items()) {
        Identities.of(item).ifPresent(all::add);
      }
    }
    return all;
  }

  synchronized void add(ProcessIdentity child) throws IOException {
    List<ProcessIdentity> all = new ArrayList<>(read());
    all.add(child);
    write(all);
  }

  synchronized void remove(ProcessIdentity child) throws IOException {
    List<ProcessIdentity> all = new ArrayList<>(read());
    if (all.remove(child)) {
      write(all);
    }
  }

  private void write(List<ProcessIdentity> all) throws IOException {
    if (all.isEmpty()) {
      Files.deleteIfExists(file);
      return;
    }
    Files.createDirectories(file.toAbsolutePath().getParent());
    Path temp = temp();
    Files.writeString(temp, Json.write(all.stream().map(ProcessIdentity::toMap).toList()));
    Files.move(temp, file, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Removes what a process left that was killed while it wrote. */
  synchronized void sweep() throws IOException {
    Files.deleteIfExists(temp());
  }

  private Path temp() {
    return file.resolveSibling(file.getFileName() + ".new");
  }
}
