/** models.json: the declaration of models and bundles, what of it is there, and the plan to bring the rest. */
@NullMarked
package comfyui.cockpit.model;

import org.jspecify.annotations.NullMarked;
