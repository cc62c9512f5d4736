/** A JSON document in which every value knows its place, so that errors have a line and an edit changes nothing else. */
@NullMarked
package comfyui.cockpit.json;

import org.jspecify.annotations.NullMarked;
