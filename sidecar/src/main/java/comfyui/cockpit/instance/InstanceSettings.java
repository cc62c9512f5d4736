package comfyui.cockpit.instance;

import java.time.Duration;

/**
 * How instances are started.
 *
 * @param startTimeout how long one may take until it answers
 */
public record InstanceSettings(Ports ports, Duration startTimeout) {}
