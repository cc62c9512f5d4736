package comfyui.cockpit.version;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.kernel.ProblemException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlaceTest {
  private static final String A = "a".repeat(16);
  private static final String B = "b".repeat(16);
  private static final String C = "c".repeat(16);

  @TempDir Path folder;
  private Place place;

  @BeforeEach
  void threeBuilds() throws IOException {
    place = new Place(folder.resolve("comfy"));
    for (String key : new String[] {A, B, C}) {
      Files.createDirectories(place.build(key));
      new Marker("x", key, key, "3.12.1", folder).write(place.build(key));
    }
  }

  @Test
  void shouldLeadToTheBuildThatItWasSwitchedTo() throws IOException {
    assertEquals(Place.State.NOTHING, place.state());
    place.switchTo(A);
    assertEquals(Place.State.REALIZED, place.state());
    assertTrue(Files.isSameFile(place.target(), place.build(A)));
    assertEquals(Optional.empty(), place.previous());
    place.switchTo(B);
    assertEquals(Optional.of(A), place.previous());
  }

  @Test
  void shouldGoBackStepByStep() throws IOException {
    place.switchTo(A);
    place.switchTo(B);
    place.switchTo(C);
    place.switchBack(B);
    assertEquals(Optional.of(A), place.previous());
    place.switchBack(A);
    assertEquals(Optional.empty(), place.previous());
  }

  @Test
  void shouldForgetWhatARollbackLeftBehind() throws IOException {
    place.switchTo(A);
    place.switchTo(B);
    place.switchBack(A);
    place.switchTo(C);
    assertEquals(Optional.of(A), place.previous());
  }

  @Test
  void shouldNotGoBackToABuildThatIsNotWhole() throws IOException {
    place.switchTo(A);
    place.switchTo(B);
    Files.delete(place.build(A).resolve(Marker.NAME));
    assertEquals(Optional.empty(), place.previous());
  }

  @Test
  void shouldTakeAnEmptyDirectoryAndNothingElse() throws IOException {
    Files.createDirectories(place.target());
    place.requireFree();
    place.switchTo(A);
    Place other = new Place(folder.resolve("other"));
    Files.createDirectories(other.target().resolve("ComfyUI"));
    assertThrows(ProblemException.class, other::requireFree);
    Path elsewhere = Files.createDirectories(folder.resolve("elsewhere"));
    Place linked = new Place(folder.resolve("linked"));
    Files.createSymbolicLink(linked.target(), elsewhere);
    assertThrows(ProblemException.class, linked::requireFree);
  }
}
