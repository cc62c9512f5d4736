/** HTTP as this machine can do it: proxies, certificates, one hop at a time, and nothing secret in any text. */
@NullMarked
package comfyui.cockpit.net;

import org.jspecify.annotations.NullMarked;
