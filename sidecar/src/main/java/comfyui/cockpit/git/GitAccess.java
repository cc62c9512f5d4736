package comfyui.cockpit.git;

import comfyui.cockpit.net.NetSettings;
import java.nio.file.Path;
import java.util.Optional;

/**
 * How to reach repositories.
 *
 * @param net proxies, certificates and time-outs, the same as for downloads; {@code offline} leaves local repositories and the cache
 * @param netrc the file of logins, {@code ~/.netrc}; it need not exist
 */
public record GitAccess(NetSettings net, Optional<Path> netrc) {}
