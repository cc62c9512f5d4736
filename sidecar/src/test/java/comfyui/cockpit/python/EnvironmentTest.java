package comfyui.cockpit.python;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EnvironmentTest {
  @TempDir Path venv;

  @Test
  void shouldListWhatRecordsListAndNothingElse() throws IOException {
    Path site = Files.createDirectories(venv.resolve("lib/python3.12/site-packages"));
    Path info = Files.createDirectories(site.resolve("Foo_Bar-1.0.dist-info"));
    Files.writeString(
        info.resolve("RECORD"),
        "foo/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n\"foo/a,\"\"b\"\".py\",,\nfoo/__pycache__/x.pyc,,\n../../../bin/foo,,\n../../../../outside,,\n"
            + "Foo_Bar-1.0.dist-info/RECORD,,\nFoo_Bar-1.0.dist-info/INSTALLER,,\nFoo_Bar-1.0.dist-info/METADATA,,\n");
    List<Environment.Installed> files = Environment.files(venv);
    assertEquals(
        List.of("lib/python3.12/site-packages/foo/__init__.py", "lib/python3.12/site-packages/foo/a,\"b\".py", "bin/foo", "lib/python3.12/site-packages/Foo_Bar-1.0.dist-info/METADATA"),
        files.stream().map(file -> venv.relativize(file.path()).toString()).toList());
    assertEquals("foo-bar", files.getFirst().distribution());
    assertEquals("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", files.getFirst().sha256().orElseThrow().hex());
  }

  @Test
  void shouldNotTakeAPackageWithoutRecordForAnEmptyOne() throws IOException {
    Files.createDirectories(venv.resolve("lib/python3.12/site-packages/a-1.dist-info"));
    assertThrows(IOException.class, () -> Environment.files(venv));
  }
}
