/** Everything that can be set, read once: the environment first, then cockpit.json, then the defaults. */
@NullMarked
package comfyui.cockpit.settings;

import org.jspecify.annotations.NullMarked;
