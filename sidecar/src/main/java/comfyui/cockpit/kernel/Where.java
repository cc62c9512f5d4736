package comfyui.cockpit.kernel;

/**
 * A place in a declaration.
 *
 * @param file path as the user would write it
 * @param pointer JSON pointer (RFC 6901), empty for the whole document
 * @param line counted from 1
 * @param column counted from 1
 */
public record Where(String file, String pointer, int line, int column) {}
