package comfyui.cockpit.job;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TailTest {
  @ParameterizedTest
  @CsvSource({
    "'',    abc,   abc",
    "ab,    abcb,  cb",
    "abc,   abc,   ''",
    "abcd,  cdef,  ef",
    "aab,   abab,  ab",
    "abc,   xyz,   xyz",
    "aaa,   aaaa,  a",
  })
  void shouldGiveWhatWasSaidSince(String before, String now, String said) {
    assertEquals(lines(said), Tail.since(lines(before), lines(now)));
  }

  private static List<String> lines(String letters) {
    return letters.chars().mapToObj(Character::toString).toList();
  }
}
