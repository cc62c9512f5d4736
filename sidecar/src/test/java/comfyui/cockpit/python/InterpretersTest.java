package comfyui.cockpit.python;

import static org.junit.jupiter.api.Assertions.assertEquals;

import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.process.Children;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InterpretersTest {
  @TempDir Path temp;

  @Test
  void shouldFindPyenvsPythonsAndKeepUvFromItsShims() throws IOException {
    Path pyenv = temp.resolve("elsewhere/pyenv");
    Path shims = Files.createDirectories(pyenv.resolve("shims"));
    Path python = program(pyenv.resolve("versions/3.12.1/bin/python"), "");
    program(pyenv.resolve("versions/3.13-dev/bin/python"), "");
    // Other tools have shims that uv can ask.
    Path others = Files.createDirectories(temp.resolve("mise/shims"));
    Path uv = program(temp.resolve("uv"), "echo \"$PATH\" > " + temp.resolve("path") + "\necho '[]'\n");
    String path = String.join(File.pathSeparator, "/usr/bin", shims.toString(), others.toString(), "/bin");
    Interpreters interpreters = new Interpreters(new Uv(Optional.of(uv), Map.of("PATH", path), temp.resolve("cache")), temp.resolve("home"));
    try (Children children = new Children(temp.resolve("children.json"), Clock.system())) {
      assertEquals(Optional.of(new Interpreter(python, "3.12.1")), interpreters.find(Optional.of("3.12"), children, temp, new CancelSignal()));
      assertEquals(Optional.empty(), interpreters.find(Optional.of("3.13"), children, temp, new CancelSignal()));
    }
    assertEquals(List.of("/usr/bin", others.toString(), "/bin"), List.of(Files.readString(temp.resolve("path")).strip().split(File.pathSeparator)));
  }

  private static Path program(Path path, String script) throws IOException {
    Files.createDirectories(path.getParent());
    Files.writeString(path, "#!/bin/sh\n" + script);
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwx------"));
    return path;
  }
}
