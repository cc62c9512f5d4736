package comfyui.cockpit.download;

import comfyui.cockpit.net.Retry;
import java.time.Duration;

/**
 * How a transfer behaves.
 *
 * @param maxConnections the most ranges inside one file
 * @param stallTimeout less than 16 KiB in this time is a stall
 * @param retry tries in a row that brought less than 16 KiB
 * @param maxBytes the largest file that is taken where nobody says how large it is
 */
public record Limits(int maxConnections, Duration stallTimeout, Retry retry, long maxBytes) {}
