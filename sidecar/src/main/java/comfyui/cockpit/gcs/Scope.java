package comfyui.cockpit.gcs;

/** What a token may be used for; each is asked for only where it is needed, since a token that leaked could do no more. */
enum Scope {
  READ("devstorage.read_only"),
  WRITE("devstorage.read_write"),
  /** To write, and to say that everybody may read. */
  SHARE("devstorage.full_control"),
  /** To let Google sign where the account has no key here. */
  SIGN("iam");

  private final String name;

  Scope(String name) {
    this.name = name;
  }

  /** As OAuth wants it. */
  String uri() {
    return "https://www.googleapis.com/auth/" + name;
  }
}
