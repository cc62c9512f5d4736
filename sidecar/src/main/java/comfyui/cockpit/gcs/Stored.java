package comfyui.cockpit.gcs;

/**
 * An object that was written.
 *
 * @param generation of this content
 * @param publicUrl where everybody reads it, if everybody may
 */
public record Stored(String bucket, String object, long generation, long sizeBytes, String publicUrl) {
  /** {@code gs://bucket/object}. */
  public String uri() {
    return "gs://" + bucket + "/" + object;
  }
}
