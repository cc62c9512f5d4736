package comfyui.cockpit.comfy;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * ComfyUI's folders of models, and which loader reads from which. The list follows ComfyUI's {@code folder_paths.py} and the inputs of
 * its loader nodes.
 */
public final class ModelFolders {
  private static final List<String> EXTENSIONS = List.of(".safetensors", ".gguf", ".ckpt", ".pt", ".pth", ".sft");

  private static final Set<String> FOLDERS =
      Set.of(
          "checkpoints", "loras", "vae", "text_encoders", "clip", "diffusion_models", "unet", "clip_vision", "style_models", "embeddings", "diffusers", "vae_approx", "controlnet",
          "t2i_adapter", "gligen", "upscale_models", "latent_upscale_models", "hypernetworks", "photomaker", "classifiers", "model_patches", "audio_encoders",
          "geometry_estimation", "background_removal", "frame_interpolation", "detection", "optical_flow", "ipadapter", "insightface", "sams", "ultralytics");

  /** By loader: the folder that its file names lie in. */
  private static final Map<String, String> LOADERS =
      Map.ofEntries(
          Map.entry("CheckpointLoaderSimple", "checkpoints"),
          Map.entry("CheckpointLoader", "checkpoints"),
          Map.entry("ImageOnlyCheckpointLoader", "checkpoints"),
          Map.entry("unCLIPCheckpointLoader", "checkpoints"),
          Map.entry("UNETLoader", "diffusion_models"),
          Map.entry("UnetLoaderGGUF", "diffusion_models"),
          Map.entry("UnetLoaderGGUFAdvanced", "diffusion_models"),
          Map.entry("CLIPLoader", "text_encoders"),
          Map.entry("CLIPLoaderGGUF", "text_encoders"),
          Map.entry("DualCLIPLoader", "text_encoders"),
          Map.entry("DualCLIPLoaderGGUF", "text_encoders"),
          Map.entry("TripleCLIPLoader", "text_encoders"),
          Map.entry("TripleCLIPLoaderGGUF", "text_encoders"),
          Map.entry("QuadrupleCLIPLoader", "text_encoders"),
          Map.entry("VAELoader", "vae"),
          Map.entry("LoraLoader", "loras"),
          Map.entry("LoraLoaderModelOnly", "loras"),
          Map.entry("CLIPVisionLoader", "clip_vision"),
          Map.entry("StyleModelLoader", "style_models"),
          Map.entry("ControlNetLoader", "controlnet"),
          Map.entry("DiffControlNetLoader", "controlnet"),
          Map.entry("GLIGENLoader", "gligen"),
          Map.entry("HypernetworkLoader", "hypernetworks"),
          Map.entry("UpscaleModelLoader", "upscale_models"),
          Map.entry("LatentUpscaleModelLoader", "latent_upscale_models"),
          Map.entry("PhotoMakerLoader", "photomaker"),
          Map.entry("ModelPatchLoader", "model_patches"),
          Map.entry("AudioEncoderLoader", "audio_encoders"));

  private ModelFolders() {}

  /** The folder that this kind of node reads from; nothing for nodes that are not known. */
  public static Optional<String> ofLoader(String nodeType) {
    return Optional.ofNullable(LOADERS.get(nodeType));
  }

  /** All of them, sorted. */
  public static List<String> all() {
    return FOLDERS.stream().sorted().toList();
  }

  public static boolean isFolder(String name) {
    return FOLDERS.contains(name);
  }

  /** True for a text that can only be the name of a model file. */
  public static boolean isModelFile(String text) {
    return text.length() < 300 && text.indexOf('\n') < 0 && EXTENSIONS.stream().anyMatch(text::endsWith);
  }
}
