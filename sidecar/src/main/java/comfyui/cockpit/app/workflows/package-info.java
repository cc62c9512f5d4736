/** What is done with workflows: run one, compare, deliver, make the image of a worker. */
@NullMarked
package comfyui.cockpit.app.workflows;

import org.jspecify.annotations.NullMarked;
