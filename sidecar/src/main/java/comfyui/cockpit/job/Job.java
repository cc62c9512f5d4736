package comfyui.cockpit.job;

import comfyui.cockpit.kernel.Problem;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A job as it stands at one moment.
 *
 * @param kind {@code models.install}: the noun and the verb
 * @param parent the job that this one is a part of
 * @param queuePlace how many start before it, counted from 1, while it waits for its lane
 * @param result the verb's document, when it ended
 */
public record Job(
    String id,
    String kind,
    Optional<Lane> lane,
    JobState state,
    List<String> subjects,
    Optional<String> parent,
    Optional<Integer> queuePlace,
    Progress progress,
    Instant createdAt,
    Optional<Instant> startedAt,
    Optional<Instant> endedAt,
    List<String> log,
    Optional<Object> result,
    Optional<Problem> problem) {}
