/** What is about every noun: the doctor, and what the daemon does by itself. Each noun's use cases have a room inside of this one. */
@NullMarked
package comfyui.cockpit.app;

import org.jspecify.annotations.NullMarked;
