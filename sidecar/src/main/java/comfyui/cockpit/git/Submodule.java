package comfyui.cockpit.git;

import comfyui.cockpit.kernel.CommitId;

/**
 * One repository inside another, at the commit that the outer one names.
 *
 * @param path relative to the outermost checkout, with {@code /} between its parts; a nested one's path includes its parent's
 */
public record Submodule(String path, RepoUrl repo, CommitId commit) {}
