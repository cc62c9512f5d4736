/** The daemon's face: binds the table of routes to a loopback port, behind a secret. */
@NullMarked
package comfyui.cockpit.http;

import org.jspecify.annotations.NullMarked;
