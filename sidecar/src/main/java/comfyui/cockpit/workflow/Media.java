package comfyui.cockpit.workflow;

import java.util.Locale;
import java.util.Map;

/**
 * What a file is, told from its name.
 *
 * @param kind {@code image}, {@code video}, {@code audio}, {@code text}, {@code 3d} or {@code file}
 */
public record Media(String kind, String mime) {
  private static final Media FILE = new Media("file", "application/octet-stream");

  private static final Map<String, Media> KNOWN =
      Map.ofEntries(
          image("png", "png"), image("jpg", "jpeg"), image("jpeg", "jpeg"), image("webp", "webp"), image("gif", "gif"), image("avif", "avif"), image("svg", "svg+xml"),
          image("bmp", "bmp"), image("tif", "tiff"), image("tiff", "tiff"), image("exr", "x-exr"), image("jxl", "jxl"),
          of("mp4", "video", "video/mp4"), of("webm", "video", "video/webm"), of("mov", "video", "video/quicktime"), of("mkv", "video", "video/x-matroska"),
          of("avi", "video", "video/x-msvideo"), of("m4v", "video", "video/mp4"),
          of("flac", "audio", "audio/flac"), of("mp3", "audio", "audio/mpeg"), of("wav", "audio", "audio/wav"), of("opus", "audio", "audio/opus"),
          of("ogg", "audio", "audio/ogg"), of("m4a", "audio", "audio/mp4"), of("aac", "audio", "audio/aac"),
          of("txt", "text", "text/plain; charset=utf-8"), of("md", "text", "text/markdown; charset=utf-8"), of("csv", "text", "text/csv; charset=utf-8"),
          of("json", "text", "application/json"), of("srt", "text", "application/x-subrip"),
          of("glb", "3d", "model/gltf-binary"), of("gltf", "3d", "model/gltf+json"), of("obj", "3d", "model/obj"), of("stl", "3d", "model/stl"), of("ply", "3d", "model/ply"),
          of("fbx", "3d", "application/octet-stream"), of("splat", "3d", "application/octet-stream"), of("spz", "3d", "application/octet-stream"),
          of("zip", "file", "application/zip"), of("safetensors", "file", "application/octet-stream"), of("latent", "file", "application/octet-stream"));

  public static Media of(String name) {
    int dot = name.lastIndexOf('.');
    return KNOWN.getOrDefault(dot < 0 ? "" : name.substring(dot + 1).toLowerCase(Locale.ROOT), FILE);
  }

  private static Map.Entry<String, Media> image(String extension, String mime) {
    return of(extension, "image", "image/" + mime);
  }

  private static Map.Entry<String, Media> of(String extension, String kind, String mime) {
    return Map.entry(extension, new Media(kind, mime));
  }
}
