/** One workflow on one ComfyUI: submit, follow, collect what it saved, deliver it, compare it with another time. */
@NullMarked
package comfyui.cockpit.workflow;

import org.jspecify.annotations.NullMarked;
