package comfyui.cockpit.cli;

import com.fasterxml.jackson.databind.JsonNode;
import picocli.CommandLine.Command;

/** {@code doctor}. */
@Command(name = "doctor", description = "What is wrong with this machine; holds no secret.")
final class DoctorCommand extends Verb {
  @Override
  int run(Session session) {
    JsonNode result = session.get("/api/doctor");
    session.print(result, document -> Text.doctor(session, document));
    return result.path("ok").asBoolean() ? Session.DONE : Session.FAILED;
  }
}
