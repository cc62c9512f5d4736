package comfyui.cockpit.net;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import org.jspecify.annotations.Nullable;

/** Java's own certificates and the system's or the company's together: a bundled Java runtime knows only the first. */
final class Trust {
  private static final List<Path> SYSTEM =
      List.of(Path.of("/etc/ssl/certs/ca-certificates.crt"), Path.of("/etc/pki/tls/certs/ca-bundle.crt"), Path.of("/etc/ssl/cert.pem"));

  private Trust() {}

  /** @throws IOException if the named bundle cannot be read */
  static X509TrustManager union(Optional<Path> bundle) throws IOException, GeneralSecurityException {
    List<X509Certificate> all = new ArrayList<>(Arrays.asList(manager(null).getAcceptedIssuers()));
    Optional<Path> file = bundle.or(() -> SYSTEM.stream().filter(Files::isReadable).findFirst());
    if (file.isPresent()) {
      try (InputStream in = Files.newInputStream(file.get())) {
        for (Certificate certificate : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
          all.add((X509Certificate) certificate);
        }
      } catch (CertificateException e) {
        throw new IOException("the certificate bundle " + file.get() + " is unreadable: " + e.getMessage(), e);
      }
    }
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    for (X509Certificate certificate : all) {
      store.setCertificateEntry("c" + store.size(), certificate);
    }
    return manager(store);
  }

  private static X509TrustManager manager(@Nullable KeyStore store) throws GeneralSecurityException {
    TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    for (TrustManager manager : factory.getTrustManagers()) {
      if (manager instanceof X509TrustManager x509) {
        return x509;
      }
    }
    throw new GeneralSecurityException("this Java has no X.509 trust manager");
  }
}
