package comfyui.cockpit.model;

import comfyui.cockpit.download.WantedFile;
import java.util.Optional;

/**
 * A model as models.json declares it.
 *
 * @param path as the user wrote it
 * @param wanted the file that it stands for
 */
public record DeclaredModel(
    String id, Optional<String> displayName, Optional<String> version, Optional<String> type, String path, WantedFile wanted) {}
