/** Servers of a realized version: how one is started, what it gets, when it is there, how it ends. */
@NullMarked
package comfyui.cockpit.instance;

import org.jspecify.annotations.NullMarked;
