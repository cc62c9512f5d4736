/** Places on disk: what lies inside which root, temporary files and their publication, locks, space. */
@NullMarked
package comfyui.cockpit.files;

import org.jspecify.annotations.NullMarked;
