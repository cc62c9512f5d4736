package comfyui.cockpit.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import comfyui.cockpit.download.Presence;
import comfyui.cockpit.download.Verified;
import comfyui.cockpit.download.WantedFile;
import comfyui.cockpit.files.Disk;
import comfyui.cockpit.files.Stat;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.net.Url;
import comfyui.cockpit.source.Described;
import comfyui.cockpit.source.ModelSource;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class ModelPlanTest {
  private static final Disk.Space DISK = new Disk.Space("1", Path.of("/models"), 1000);

  private static DeclaredModel model(String id, OptionalLong size) {
    ModelSource source = new ModelSource.Web(Url.parse("https://example.org/" + id));
    return new DeclaredModel(id, Optional.empty(), Optional.empty(), Optional.empty(), id + ".ckpt", new WantedFile(id, Path.of("/models/" + id), source, Optional.empty(), size));
  }

  private static ModelPlan.HostAnswer says(OptionalLong size, Optional<Checksum> checksum) {
    ModelSource source = new ModelSource.Web(Url.parse("https://example.org/x"));
    return new ModelPlan.HostAnswer(
        Optional.of(new Described(source, "example.org", "x", size, 0, checksum, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty())), Optional.empty());
  }

  @Test
  void shouldSayEverythingThatWouldFail() {
    List<DeclaredModel> models = List.of(model("here", OptionalLong.empty()), model("big", OptionalLong.of(900)), model("more", OptionalLong.empty()), model("gone", OptionalLong.empty()), model("unknown", OptionalLong.empty()));
    Map<String, Presence> presence =
        Map.of(
            "here", new Presence.Present(new Stat(0, 0, 5, 0, 0), Optional.empty(), Verified.UNCHECKED), "big", new Presence.Missing(), "more", new Presence.Missing(), "gone",
            new Presence.Missing(), "unknown", new Presence.Missing());
    Map<String, ModelPlan.HostAnswer> answers =
        Map.of(
            "more", says(OptionalLong.of(300), Optional.empty()), "gone",
            new ModelPlan.HostAnswer(Optional.empty(), Optional.of(Problem.of(Code.FILE_NOT_FOUND, "nothing there"))), "unknown", says(OptionalLong.empty(), Optional.empty()));
    ModelPlan plan = ModelPlan.of(models, false, new ModelPlan.Facts(presence, answers, source -> "example.org", path -> DISK));
    assertEquals(
        List.of(ModelPlan.Action.PRESENT, ModelPlan.Action.DOWNLOAD, ModelPlan.Action.DOWNLOAD, ModelPlan.Action.BLOCKED, ModelPlan.Action.DOWNLOAD),
        plan.steps().stream().map(ModelPlan.Step::action).toList());
    assertEquals(200, plan.fileSystems().getFirst().shortfallBytes());
    assertEquals(1, plan.unknownSizes());
    assertEquals(List.of(Code.FILE_NOT_FOUND, Code.DISK_FULL), plan.problems().stream().map(Problem::code).toList());
    assertEquals(200L, plan.problems().getLast().args().get("shortfall_bytes"));
    assertTrue(plan.steps().getFirst().executesCode());
  }

  @Test
  void shouldBlockWhatTheHostContradicts() {
    DeclaredModel declared = model("m", OptionalLong.of(900));
    ModelPlan plan =
        ModelPlan.of(
            List.of(declared), false,
            new ModelPlan.Facts(Map.of("m", new Presence.Missing()), Map.of("m", says(OptionalLong.of(901), Optional.empty())), source -> "example.org", path -> DISK));
    assertEquals(Code.SIZE_DIFFERS, plan.steps().getFirst().problem().orElseThrow().code());
  }
}
