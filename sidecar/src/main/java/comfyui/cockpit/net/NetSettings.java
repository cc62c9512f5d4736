package comfyui.cockpit.net;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * How to reach the outside.
 *
 * @param connectTimeout for TCP and TLS together
 * @param headerTimeout from the request to the first byte of the answer
 * @param proxies the proxy variables as the environment has them: {@code HTTP_PROXY}, {@code HTTPS_PROXY}, {@code ALL_PROXY},
 *     {@code NO_PROXY}, lower case winning
 * @param certificates a PEM bundle to trust besides Java's own; where nothing is named, the system's is used
 * @param offline no connection but to loopback
 */
public record NetSettings(
    Duration connectTimeout, Duration headerTimeout, Map<String, String> proxies, Optional<Path> certificates, boolean offline, String userAgent) {}
