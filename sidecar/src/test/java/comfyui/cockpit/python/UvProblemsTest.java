package comfyui.cockpit.python;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** uv's sentences, as 0.13 writes them. */
class UvProblemsTest {
  private static Requirements input(String requester, String text) {
    return new Requirements(requester, text, Map.of());
  }

  @Test
  void shouldNameBothRequestersOfADirectConflict() {
    Problem problem =
        UvProblems.of(
            "error: No solution found when resolving dependencies\n  cause: Because you require numpy<2 and numpy>=2, we can conclude that your requirements are unsatisfiable.",
            List.of(input("ComfyUI", "numpy >= 2\n"), input("node-a", "requests\nnumpy<2  # old\n")));
    assertEquals(Code.DEPENDENCY_CONFLICT, problem.code());
    assertEquals("numpy", problem.args().get("package"));
    assertEquals(List.of("<2", ">=2"), problem.args().get("specifiers"));
    assertEquals(List.of("node-a", "ComfyUI"), problem.args().get("requesters"));
  }

  @Test
  void shouldNameThePackageThatRequiresWhatSomebodyElseForbids() {
    Problem problem =
        UvProblems.of(
            "error: No solution found when resolving dependencies\n  cause: Because requests==2.32.0 depends on urllib3>=1.21.1,<3 and you require urllib3<1.20, we can conclude that "
                + "your requirements and requests==2.32.0 are incompatible.\n         And because you require requests==2.32.0, we can conclude that your requirements are unsatisfiable.",
            List.of(input("python_packages", "requests==2.32.0\n"), input("node-b", "urllib3<1.20\n")));
    assertEquals("urllib3", problem.args().get("package"));
    assertEquals(List.of(">=1.21.1,<3", "<1.20"), problem.args().get("specifiers"));
    assertEquals(List.of("requests==2.32.0", "node-b"), problem.args().get("requesters"));
  }

  @Test
  void shouldSayWhatNoIndexHas() {
    Problem problem =
        UvProblems.of(
            "error: No solution found when resolving dependencies\n  cause: Because there is no version of six==99 and you require six==99, we can conclude that your requirements are unsatisfiable.",
            List.of(input("node-a", "six==99\n")));
    assertEquals(Code.WHEEL_MISSING, problem.code());
    assertEquals("node-a", problem.args().get("requester"));
    assertTrue(problem.detail().contains("six==99"));
  }

  @Test
  void shouldFindTheNextMissingPackage() {
    assertEquals(
        Optional.of("six"),
        UvProblems.missing("cause: Because six was not found in the provided package locations and you require six, we can conclude that your requirements are unsatisfiable."));
    assertEquals(
        Optional.of("idna==3.1"), UvProblems.missing("cause: Because idna==3.1 needs to be downloaded from a registry and you require idna==3.1, we can conclude"));
  }

  @Test
  void shouldTellAConnectionFromAConflict() {
    assertEquals(Code.CONNECTION_FAILED, UvProblems.of("error: Request failed after 3 retries\n cause: error sending request for url", List.of()).code());
    assertEquals(Code.DISK_FULL, UvProblems.of("error: failed to copy: No space left on device (os error 28)", List.of()).code());
    assertEquals(Code.PACKAGE_FAILED, UvProblems.of("error: Failed to build `foo==1`", List.of()).code());
  }
}
