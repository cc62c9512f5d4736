package comfyui.cockpit.cli;

import comfyui.cockpit.wire.Routes;
import picocli.CommandLine.Command;

/** {@code openapi}. */
@Command(name = "openapi", description = "The OpenAPI document of the daemon's routes.")
final class OpenApiCommand extends Verb {
  @Override
  int run(Session session) {
    session.line(Routes.openApi());
    return Session.DONE;
  }
}
