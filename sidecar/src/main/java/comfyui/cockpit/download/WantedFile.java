package comfyui.cockpit.download;

import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.source.ModelSource;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A file that is to be there.
 *
 * @param id how its declaration calls it
 * @param target absolute, inside its root
 * @param checksum what the user declared
 * @param size bytes, what the user declared
 */
public record WantedFile(String id, Path target, ModelSource source, Optional<Checksum> checksum, OptionalLong size) {}
