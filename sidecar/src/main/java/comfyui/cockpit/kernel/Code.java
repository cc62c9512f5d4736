package comfyui.cockpit.kernel;

import java.util.Locale;

/**
 * The catalogue of causes: one code for each, the same in the panel, the command line and JSON. {@code docs/reference/errors.md} is
 * generated from it.
 */
public enum Code {
  TOKEN_MISSING(401, "A token is needed", false, "Set the host's token (HF_TOKEN, CIVITAI_TOKEN) and try again."),
  TOKEN_REJECTED(401, "The token was rejected", false, "Make a new token at the host and set it; an expired token fails even for public files."),
  ACCESS_DENIED(403, "Access denied", false, "Ask the owner for access, or use an account that has it."),
  LICENCE_NOT_ACCEPTED(403, "The licence is not accepted yet", false, "Open the model's page, accept its terms with the account of your token, then try again."),
  EARLY_ACCESS(403, "Early access", false, "Wait until the date given, or buy early access at the host."),
  DOWNLOAD_DISABLED(403, "The creator has disabled downloads", false, "Choose another version or another source for this model."),
  REMOVED_BY_HOST(410, "Removed by the host", false, "Choose another version or another source for this model."),
  BLOCKED(403, "The host or a firewall blocks this machine", false, "Try from another network, or set HTTPS_PROXY to a proxy that may reach the host."),

  REPOSITORY_NOT_FOUND(404, "Repository not found", false, "Check the repository's name; a private one needs HF_TOKEN with the right to read it."),
  REVISION_NOT_FOUND(404, "Revision not found", false, "Check the branch, tag or commit on the repository's page."),
  FILE_NOT_FOUND(404, "File not found", false, "Check the file name on the model's page; upper and lower case count."),
  VERSION_NOT_FOUND(404, "Version not found", false, "Use the version id from the page's address (modelVersionId=…), not the model id."),
  SOURCE_AMBIGUOUS(409, "The source fits more than one file", false, "Choose one of the listed files."),
  SOURCE_UNSUPPORTED(400, "This kind of source is not supported", false, "Use an http(s), hf://, civitai://, urn:air:, gs:// or file source."),
  RATE_LIMITED(429, "The host limits how often it may be asked", true, "Wait, then try again; a token raises the limit."),
  HOST_ERROR(502, "The host answered nonsense or an error of its own", true, "Try again later."),
  CONNECTION_FAILED(502, "No connection", true, "Check the address, the network and the proxy settings (HTTPS_PROXY, NO_PROXY)."),
  REDIRECT_REFUSED(502, "A redirect was refused", false, "Use the address of the file itself."),
  STALLED(504, "The transfer stalled", true, "Try again; if it happens again the host is too slow just now."),
  INCOMPLETE(502, "The transfer ended early, again and again", true, "Try again later."),

  NOT_A_MODEL(502, "What came is not a model file", false, "Open the address in a browser to see what it serves; a login page or an error text is not a model."),
  SIZE_DIFFERS(409, "The size differs", false, "Correct size_bytes in models.json, or install with --overwrite if the file is wrong."),
  CHECKSUM_DIFFERS(409, "The checksum differs", false, "Install with --overwrite to fetch the file again, or correct sha256 in models.json."),
  CHECKSUM_OF_HOST_DIFFERS(502, "The host's own checksum does not fit what it sent", true, "Try again later; tell the host if it stays so."),

  DISK_FULL(507, "Not enough space", false, "Free space on that file system, or install less."),
  PATH_OUTSIDE_ROOT(400, "The path leaves its root", false, "Use a path inside models_dir, or list the directory in extra_roots of cockpit.json."),
  PATH_TAKEN(409, "Something else is at this path", false, "Move it away, or choose another path."),
  NOT_WRITABLE(403, "Not writable", false, "Give this user the right to write there, or set models_dir to a directory that is writable."),
  FILE_MISSING(404, "The file is not there", false, "Install it, or correct the path."),

  GIT_UNREACHABLE(502, "The repository cannot be reached", true, "Check the repository's address and the network; a private repository needs a login in ~/.netrc, never one in the spec."),
  REF_NOT_FOUND(404, "The repository has no such branch, tag or commit", false, "Check the ref on the repository's page; a commit that a force-push removed is gone for those who have no copy."),
  DEPENDENCY_CONFLICT(409, "The requirements contradict each other", false, "Loosen one of the two requirements, or leave one of the requesters out."),
  WHEEL_MISSING(404, "Packages are missing", false, "Bring the listed files into the directory of wheels, or realize with a connection."),
  PACKAGE_FAILED(500, "A package could not be installed", false, "Read the log; another version of the package may have a wheel for this platform."),
  INTERPRETER_MISSING(404, "No such Python", false, "Install that Python, or name one in \"python\" of the spec that is here."),
  LOCK_STALE(409, "The lock does not answer the spec", false, "Run `comfyui-cockpit version realize`; it resolves what changed and keeps every other pin."),
  ENVIRONMENT_NOT_REALIZED(409, "This version is not realized", false, "Run `comfyui-cockpit version realize` first."),
  ENVIRONMENT_BROKEN(409, "The environment is not what it was", false, "Run `comfyui-cockpit version realize` again; it mends what differs."),
  NOT_OURS(409, "This was not made by us", false, "Name a directory that holds ComfyUI or the marker .comfy_env."),

  PORT_TAKEN(409, "The port is taken", false, "Choose another port, or stop the program that listens on it."),
  INSTANCE_UNHEALTHY(502, "The server did not come up", true, "Read the last lines of its log."),
  WORKFLOW_REFUSED(422, "ComfyUI refuses the workflow", false, "Correct the nodes listed; a missing node type needs its custom node in the version."),
  WORKFLOW_FAILED(500, "The workflow failed", false, "Read the error of the node and the last lines of ComfyUI's log."),
  WORKFLOW_TIMED_OUT(504, "The workflow took too long", true, "Allow more with --timeout, or ask for less work."),
  OUTPUT_TOO_LARGE(413, "The outputs are too large for base64", false, "Deliver them as files or to a bucket: --output file, --output gcs."),
  BUCKET_NOT_WRITABLE(403, "The bucket cannot be written", false, "Check the bucket's name and give the account the right to create objects in it."),

  DECLARATION_INVALID(422, "The declaration has errors", false, "Correct the places listed; nothing is installed from a file with errors."),
  UNKNOWN_ID(404, "Unknown id", false, "Use an id that models.json declares."),
  BAD_REQUEST(400, "The request is wrong", false, "Correct what the detail names."),
  NOT_FOUND(404, "Not found", false, "Check the address or the id."),
  BUSY(409, "Busy", true, "Wait until it is done, or cancel it."),
  CANCELLED(409, "Cancelled", true, "Start it again when you want it."),
  OFFLINE(503, "Not possible without a connection", false, "Run it without --offline once, or bring the listed files by other means."),
  STARTING(503, "Starting", true, "Wait a moment."),
  JAVA_MISSING(500, "No Java that is new enough", false, "Install the package again in this environment (it brings Java 25), or name one in COCKPIT_JAVA."),
  DAEMON_FAILED(502, "The daemon failed", true, "Read the last log lines, then restart the daemon.");

  private final int status;
  private final String title;
  private final boolean retryable;
  private final String hint;

  Code(int status, String title, boolean retryable, String hint) {
    this.status = status;
    this.title = title;
    this.retryable = retryable;
    this.hint = hint;
  }

  /** The name on the wire: {@code disk_full}. */
  public String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The HTTP status that goes with it. */
  public int status() {
    return status;
  }

  public String title() {
    return title;
  }

  public boolean retryable() {
    return retryable;
  }

  /** What to do, where the place of failure knows nothing better. */
  public String hint() {
    return hint;
  }

  /** True where the user's own words or files are wrong, seen without asking a host: exit status 2. */
  public boolean usersMistake() {
    return switch (this) {
      case SOURCE_UNSUPPORTED, PATH_OUTSIDE_ROOT, DECLARATION_INVALID, UNKNOWN_ID, BAD_REQUEST, NOT_FOUND -> true;
      case TOKEN_MISSING, TOKEN_REJECTED, ACCESS_DENIED, LICENCE_NOT_ACCEPTED, EARLY_ACCESS, DOWNLOAD_DISABLED, REMOVED_BY_HOST, BLOCKED,
          REPOSITORY_NOT_FOUND, REVISION_NOT_FOUND, FILE_NOT_FOUND, VERSION_NOT_FOUND, SOURCE_AMBIGUOUS, RATE_LIMITED, HOST_ERROR,
          CONNECTION_FAILED, REDIRECT_REFUSED, STALLED, INCOMPLETE, NOT_A_MODEL, SIZE_DIFFERS, CHECKSUM_DIFFERS, CHECKSUM_OF_HOST_DIFFERS,
          DISK_FULL, PATH_TAKEN, NOT_WRITABLE, FILE_MISSING, GIT_UNREACHABLE, REF_NOT_FOUND, DEPENDENCY_CONFLICT, WHEEL_MISSING,
          PACKAGE_FAILED, INTERPRETER_MISSING, LOCK_STALE, ENVIRONMENT_NOT_REALIZED, ENVIRONMENT_BROKEN, NOT_OURS,
          PORT_TAKEN, INSTANCE_UNHEALTHY, WORKFLOW_REFUSED, WORKFLOW_FAILED, WORKFLOW_TIMED_OUT, OUTPUT_TOO_LARGE, BUCKET_NOT_WRITABLE,
          BUSY, CANCELLED, OFFLINE, STARTING, JAVA_MISSING, DAEMON_FAILED -> false;
    };
  }
}
