/** Commits of repositories: shared bare caches of objects, and checkouts that borrow from them, without a git program. */
@NullMarked
package comfyui.cockpit.git;

import org.jspecify.annotations.NullMarked;
