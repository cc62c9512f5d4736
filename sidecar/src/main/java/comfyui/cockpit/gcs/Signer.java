package comfyui.cockpit.gcs;

import comfyui.cockpit.kernel.ProblemException;

/** A service account that puts its name to something. */
interface Signer {
  /**
   * Its e-mail address.
   *
   * @throws ProblemException if a machine's account does not show itself
   */
  String account();

  /**
   * RSA with SHA-256.
   *
   * @throws ProblemException if Google has to sign and does not
   */
  byte[] sign(byte[] text);
}
