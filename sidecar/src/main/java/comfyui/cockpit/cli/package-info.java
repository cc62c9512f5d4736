/** The command line's face: words to a call, the answer to text, tables and an exit status. */
@NullMarked
package comfyui.cockpit.cli;

import org.jspecify.annotations.NullMarked;
