/** ComfyUI's own formats: workflow graphs, the files that carry them, the folders of its models, its official templates; and its HTTP API. */
@NullMarked
package comfyui.cockpit.comfy;

import org.jspecify.annotations.NullMarked;
