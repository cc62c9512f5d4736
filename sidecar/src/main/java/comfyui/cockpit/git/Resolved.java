package comfyui.cockpit.git;

import comfyui.cockpit.kernel.CommitId;
import java.util.Optional;

/**
 * The commit behind a ref.
 *
 * @param refName the ref's full name at the repository, {@code refs/heads/main}; nothing where a commit was named by its digits
 */
public record Resolved(CommitId commit, Optional<String> refName) {}
