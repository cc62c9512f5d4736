package comfyui.cockpit.git;

/**
 * One file that a commit tracks.
 *
 * @param path relative to the outermost checkout
 * @param mode {@code 100644}, {@code 100755}, or {@code 120000} for a symbolic link
 * @param size bytes of the stored file; of an LFS file, those of its content; line endings that a checkout converts are not counted
 */
public record TrackedFile(String path, String mode, long size) {}
