package comfyui.cockpit.files;

import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;

/** What an error of the file system means to the user. The JDK gives only texts for most of them. */
public final class DiskProblems {
  private DiskProblems() {}

  public static Problem of(IOException e, Path path) {
    String reason = e instanceof FileSystemException fse && fse.getReason() != null ? fse.getReason() : String.valueOf(e.getMessage());
    if (reason.contains("No space left") || reason.contains("Disk quota exceeded") || reason.contains("not enough space")) {
      return Problem.of(Code.DISK_FULL, "The disk is full or the quota is used up while writing " + path + ".").with("path", path.toString());
    }
    if (reason.contains("File too large")) {
      return Problem.of(Code.DISK_FULL, "This file system takes no file as large as " + path + ".").with("path", path.toString());
    }
    if (e instanceof SmallFile.TooLarge || e instanceof SmallFile.NotAFile) {
      return Problem.of(Code.DECLARATION_INVALID, path + " is not what its name says: " + reason + ".").withHint("Move it away, or name another file.").with("path", path.toString());
    }
    if (e instanceof AccessDeniedException || reason.contains("Read-only file system") || reason.contains("Permission denied") || reason.contains("Operation not permitted")) {
      return Problem.of(Code.NOT_WRITABLE, "No right to write " + path + (reason.contains("Read-only") ? ": the file system is read-only." : ".")).with("path", path.toString());
    }
    if (e instanceof FileAlreadyExistsException || e instanceof NotDirectoryException || e instanceof DirectoryNotEmptyException
        || reason.contains("Is a directory") || reason.contains("Not a directory")) {
      return Problem.of(Code.PATH_TAKEN, "Something else is at " + path + ".").with("path", path.toString());
    }
    if (e instanceof NoSuchFileException) {
      return Problem.of(Code.FILE_MISSING, path + " is not there.").with("path", path.toString());
    }
    return Problem.of(Code.NOT_WRITABLE, "The disk refused " + path + ": " + reason + ".").with("path", path.toString());
  }
}
