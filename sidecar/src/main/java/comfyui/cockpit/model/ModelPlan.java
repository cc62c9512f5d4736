package comfyui.cockpit.model;

import comfyui.cockpit.download.Downloads;
import comfyui.cockpit.download.Presence;
import comfyui.cockpit.files.Disk;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.Sizes;
import comfyui.cockpit.source.Described;
import comfyui.cockpit.source.ModelSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;

/** The difference between what is declared and what is there: a pure function of the declaration, the disk and the hosts' answers. */
public record ModelPlan(List<Step> steps, List<FileSystem> fileSystems, int unknownSizes, List<Problem> problems) {
  /** What is to be done for one model. */
  public enum Action {
    DOWNLOAD,
    COPY,
    PRESENT,
    BLOCKED
  }

  /** By whose word the size and the checksum are expected. */
  public enum ExpectedFrom {
    DECLARED,
    HUB
  }

  /** One model's part. */
  public record Step(
      DeclaredModel model,
      Action action,
      String host,
      OptionalLong size,
      Optional<Checksum> checksum,
      Optional<ExpectedFrom> expectedFrom,
      boolean executesCode,
      Optional<Problem> problem) {}

  /** What one file system must take. */
  public record FileSystem(Path path, long freeBytes, long neededBytes) {
    public long shortfallBytes() {
      return Math.max(0, neededBytes - freeBytes);
    }
  }

  /** What a host said: about the file, or why not. */
  public record HostAnswer(Optional<Described> described, Optional<Problem> problem) {
    public static final HostAnswer NOT_ASKED = new HostAnswer(Optional.empty(), Optional.empty());
  }

  /**
   * What is known when the plan is made.
   *
   * @param presence what lies on disk
   * @param answers what the hosts said
   * @param hosts how the hosts are called
   * @param spaces the file system of a path
   */
  public record Facts(
      Map<String, Presence> presence, Map<String, HostAnswer> answers, Function<ModelSource, String> hosts, Function<Path, Disk.Space> spaces) {}

  public static ModelPlan of(List<DeclaredModel> models, boolean overwrite, Facts facts) {
    List<Step> steps = new ArrayList<>();
    Map<String, FileSystem> systems = new LinkedHashMap<>();
    List<Problem> problems = new ArrayList<>();
    int unknown = 0;
    for (DeclaredModel model : models) {
      Step step = step(model, overwrite, facts);
      steps.add(step);
      step.problem().ifPresent(problems::add);
      if (step.action() == Action.DOWNLOAD || step.action() == Action.COPY) {
        Disk.Space space = facts.spaces().apply(model.wanted().target());
        FileSystem before = systems.getOrDefault(space.key(), new FileSystem(space.path(), space.freeBytes(), 0));
        systems.put(space.key(), new FileSystem(before.path(), before.freeBytes(), before.neededBytes() + step.size().orElse(0)));
        if (step.size().isEmpty()) {
          unknown++;
        }
      }
    }
    for (FileSystem system : systems.values()) {
      if (system.shortfallBytes() > 0) {
        problems.add(
            Problem.of(
                    Code.DISK_FULL,
                    Sizes.bytes(system.neededBytes()) + " are needed and " + Sizes.bytes(system.freeBytes()) + " are free on the file system of " + system.path() + ".")
                .withHint("Free " + Sizes.bytes(system.shortfallBytes()) + " there, or install less.")
                .with("shortfall_bytes", system.shortfallBytes())
                .with("file_system", system.path().toString()));
      }
    }
    return new ModelPlan(List.copyOf(steps), List.copyOf(systems.values()), unknown, List.copyOf(problems));
  }

  private static Step step(DeclaredModel model, boolean overwrite, Facts facts) {
    String host = facts.hosts().apply(model.wanted().source());
    HostAnswer answer = facts.answers().getOrDefault(model.id(), HostAnswer.NOT_ASKED);
    Optional<Described> described = answer.described();
    OptionalLong size = model.wanted().size().isPresent() ? model.wanted().size() : described.map(Described::size).orElseGet(OptionalLong::empty);
    Optional<Checksum> checksum = model.wanted().checksum().or(() -> described.flatMap(Described::checksum));
    Optional<ExpectedFrom> from =
        model.wanted().checksum().isPresent() || model.wanted().size().isPresent()
            ? Optional.of(ExpectedFrom.DECLARED)
            : checksum.isPresent() || size.isPresent() ? Optional.of(ExpectedFrom.HUB) : Optional.empty();
    boolean executesCode = Downloads.executesCode(model.path());
    Function<Problem, Step> blocked =
        problem -> new Step(model, Action.BLOCKED, host, size, checksum, from, executesCode, Optional.of(problem.with("id", model.id())));
    Presence presence = java.util.Objects.requireNonNull(facts.presence().get(model.id()));
    if (presence instanceof Presence.Present present && !overwrite) {
      return new Step(model, Action.PRESENT, host, OptionalLong.of(present.stat().size()), checksum.or(present::sha256), from, executesCode, Optional.empty());
    }
    if (presence instanceof Presence.Differs differs && (!overwrite || differs.stat().isEmpty())) {
      return blocked.apply(differs.problem());
    }
    if (answer.problem().isPresent()) {
      return blocked.apply(answer.problem().get());
    }
    Optional<Problem> contradiction = described.flatMap(d -> Downloads.contradiction(model.wanted(), d));
    if (contradiction.isPresent()) {
      return blocked.apply(contradiction.get());
    }
    Action action = model.wanted().source() instanceof ModelSource.Local ? Action.COPY : Action.DOWNLOAD;
    return new Step(model, action, host, size, checksum, from, executesCode, Optional.empty());
  }
}
