/** Child processes: each its own group, in the ledger before it runs, and gone when we go. */
@NullMarked
package comfyui.cockpit.process;

import org.jspecify.annotations.NullMarked;
