package comfyui.cockpit.download;

import comfyui.cockpit.files.Roots;
import comfyui.cockpit.gcs.Gcs;
import comfyui.cockpit.gcs.GcsSettings;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Checksum;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProcessIdentity;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.kernel.Secret;
import comfyui.cockpit.net.Http;
import comfyui.cockpit.net.NetSettings;
import comfyui.cockpit.net.Retry;
import comfyui.cockpit.net.Url;
import comfyui.cockpit.source.Hubs;
import comfyui.cockpit.source.ModelSource;
import comfyui.cockpit.source.Sources;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.Stream;

/** The downloads of one folder with impatient settings, and files to serve. */
final class Rig implements AutoCloseable {
  final Path root;
  final Http http;
  final Downloads downloads;

  Rig(Path root) {
    this(root, 1, 2, Map.of());
  }

  Rig(Path root, int connections, int retries, Map<String, String> proxies) {
    this(root, connections, retries, proxies, new GcsSettings(Url.parse("http://gcs.invalid"), Optional.empty(), Optional.empty(), Optional.empty(), new Retry(0, Duration.ZERO)));
  }

  Rig(Path root, int connections, int retries, Map<String, String> proxies, GcsSettings gcs) {
    this.root = root;
    http = new Http(new NetSettings(Duration.ofSeconds(2), Duration.ofMillis(700), proxies, Optional.empty(), false, "comfyui-cockpit/test"));
    Retry retry = new Retry(retries, Duration.ofMillis(10));
    Hubs hubs = new Hubs(Url.parse("http://hub.invalid"), Url.parse("http://civitai.invalid"), Optional.of(new Secret("hf_secret")), Optional.empty());
    Sources sources = new Sources(http, hubs, new Gcs(http, gcs), retry, Clock.system());
    Limits limits = new Limits(connections, Duration.ofMillis(700), retry, 1L << 30);
    downloads = new Downloads(new Roots(root, List.of()), sources, limits, Clock.system(), ProcessIdentity.current());
  }

  WantedFile wanted(String url, String name) {
    return new WantedFile("m", root.resolve(name), new ModelSource.Web(Url.parse(url)), Optional.empty(), OptionalLong.empty());
  }

  static WantedFile expecting(WantedFile wanted, byte[] content) {
    return new WantedFile(wanted.id(), wanted.target(), wanted.source(), Optional.of(sha256(content)), OptionalLong.of(content.length));
  }

  Fetched fetch(WantedFile wanted) {
    return downloads.fetch(wanted, false, new CancelSignal(), ProgressSink.NONE);
  }

  /** The code of the problem that the fetch must end with. */
  Code failure(WantedFile wanted) {
    try {
      fetch(wanted);
    } catch (ProblemException e) {
      return e.problem().code();
    }
    throw new AssertionError("the fetch should have failed");
  }

  /** Every file below the root but our own directory's. */
  List<String> leftovers() throws IOException {
    try (Stream<Path> all = Files.walk(root)) {
      return all.filter(path -> !path.equals(root)).map(path -> root.relativize(path).toString())
          .filter(path -> !path.equals(Downloads.OWN_DIRECTORY) && !path.startsWith(Downloads.OWN_DIRECTORY + "/lock") && !path.startsWith(Downloads.OWN_DIRECTORY + "/verified"))
          .filter(path -> !path.equals(Downloads.OWN_DIRECTORY + "/writing"))
          .sorted()
          .toList();
    }
  }

  static Checksum sha256(byte[] content) {
    try {
      return Checksum.of(Checksum.Algorithm.SHA256, MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A safetensors file of one tensor. */
  static byte[] safetensors(int dataLength, long seed) {
    byte[] data = new byte[dataLength];
    new Random(seed).nextBytes(data);
    return safetensors("{\"t\":{\"dtype\":\"U8\",\"shape\":[" + dataLength + "],\"data_offsets\":[0," + dataLength + "]}}", data);
  }

  static byte[] safetensors(String header, byte[] data) {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(text.length).array());
    out.writeBytes(text);
    out.writeBytes(data);
    return out.toByteArray();
  }

  @Override
  public void close() throws IOException {
    downloads.close();
    http.close();
  }
}
