package comfyui.cockpit.settings;

import comfyui.cockpit.download.Limits;
import comfyui.cockpit.files.Roots;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.gcs.GcsSettings;
import comfyui.cockpit.gcs.UploadSettings;
import comfyui.cockpit.instance.InstanceSettings;
import comfyui.cockpit.instance.Ports;
import comfyui.cockpit.json.Checker;
import comfyui.cockpit.json.Value;
import comfyui.cockpit.json.Value.Obj;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.Secret;
import comfyui.cockpit.kernel.Where;
import comfyui.cockpit.net.NetSettings;
import comfyui.cockpit.net.Retry;
import comfyui.cockpit.net.Url;
import comfyui.cockpit.source.Hubs;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Everything that can be set, read once: the environment first, then cockpit.json, then the defaults.
 *
 * @param root the Jupyter server's root
 * @param outputMode how outputs of workflows are delivered where nobody says another way
 * @param errors what is wrong with cockpit.json; nothing is installed then
 */
public record Settings(
    Path root,
    Roots roots,
    NetSettings net,
    Hubs hubs,
    GcsSettings gcs,
    UploadSettings uploads,
    String outputMode,
    Limits limits,
    Retry metadataRetry,
    VersionSettings versions,
    InstanceSettings instances,
    List<Problem> errors,
    List<Problem> warnings) {
  public static final String FILE = "cockpit.json";

  /** In seconds: no signed address works longer. */
  private static final double SEVEN_DAYS = 7 * 24 * 3600;

  private static final List<String> KEYS =
      List.of(
          "$schema", "models_dir", "extra_roots", "max_connections", "huggingface_endpoint", "civitai_base_url", "gcs_endpoint", "network", "versions_dir",
          "instances", "musubi_tuner");
  private static final List<String> NETWORK_KEYS =
      List.of("connect_timeout", "header_timeout", "stall_timeout", "retries", "retry_base_sleep", "max_bytes");
  private static final List<String> INSTANCE_KEYS = List.of("port_range", "start_timeout", "idle_stop", "time_to_live");

  /**
   * @param environment variables of the process
   * @param version of the product, for the User-Agent
   */
  public static Settings load(Path root, Map<String, String> environment, boolean offline, String version) {
    Checker checker = new Checker(FILE);
    Optional<Obj> file = read(root, checker);
    file.ifPresent(obj -> checker.knownKeys(obj, "", KEYS));
    Optional<Obj> network = file.flatMap(obj -> checker.optional(obj, "network")).flatMap(value -> checker.object(value, "/network"));
    network.ifPresent(obj -> checker.knownKeys(obj, "/network", NETWORK_KEYS));
    Optional<Obj> own = file.flatMap(obj -> checker.optional(obj, "instances")).flatMap(value -> checker.object(value, "/instances"));
    own.ifPresent(obj -> checker.knownKeys(obj, "/instances", INSTANCE_KEYS));
    Section top = new Section(checker, file, "");
    Section net = new Section(checker, network, "/network");

    Path modelsDir = variable(environment, "COCKPIT_MODELS_DIR").or(() -> top.string("models_dir")).map(root::resolve).orElse(root).normalize();
    List<Path> extra = new ArrayList<>();
    file.ifPresent(
        obj -> {
          int index = 0;
          for (Value item : checker.list(obj, "", "extra_roots")) {
            checker.string(item, "/extra_roots/" + index++).map(root::resolve).ifPresent(extra::add);
          }
        });
    Url huggingFace = top.url("huggingface_endpoint", variable(environment, "HF_ENDPOINT"), Hubs.HUGGING_FACE);
    Url civitai = top.url("civitai_base_url", Optional.empty(), Hubs.CIVITAI);
    List<Problem> problems = new ArrayList<>();
    Hubs hubs =
        new Hubs(
            huggingFace, civitai, huggingFaceToken(environment, problems), secret("CIVITAI_TOKEN", variable(environment, "CIVITAI_TOKEN"), problems));
    Retry retry = new Retry((int) net.whole("retries", 5, 0), net.seconds("retry_base_sleep", 1));
    Limits limits =
        new Limits((int) Math.min(16, top.whole("max_connections", 4, 1)), net.seconds("stall_timeout", 30), retry, net.whole("max_bytes", 1L << 40, 1));
    NetSettings netSettings =
        new NetSettings(
            net.seconds("connect_timeout", 15),
            net.seconds("header_timeout", 30),
            proxies(environment),
            variable(environment, "SSL_CERT_FILE").or(() -> variable(environment, "REQUESTS_CA_BUNDLE")).map(Path::of).filter(java.nio.file.Files::isRegularFile),
            offline,
            "comfyui-cockpit/" + version);
    List<Problem> warnings = new ArrayList<>(checker.warnings());
    for (String name : List.of("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")) {
      variable(environment, name).filter(path -> !java.nio.file.Files.isRegularFile(Path.of(path))).ifPresent(
          path -> warnings.add(Problem.of(Code.FILE_MISSING, name + " names " + path + ", which is no file.").withHint("Name the file of certificates, or unset the variable.")));
    }
    if (hubs.civitaiToken().isPresent() && !civitai.isHttps()) {
      warnings.add(
          Problem.of(Code.CONNECTION_FAILED, "CIVITAI_TOKEN is sent to " + civitai + " without encryption.").withHint("Use an https address for civitai_base_url."));
    }
    if (hubs.huggingFaceToken().isPresent() && !huggingFace.isHttps()) {
      warnings.add(
          Problem.of(Code.CONNECTION_FAILED, "HF_TOKEN is sent to " + huggingFace + " without encryption.").withHint("Use an https address for huggingface_endpoint."));
    }
    GcsSettings gcs = gcs(top.url("gcs_endpoint", Optional.empty(), GcsSettings.ENDPOINT), environment, warnings);
    if (gcs.named().isPresent() && !gcs.endpoint().isHttps()) {
      warnings.add(
          Problem.of(Code.CONNECTION_FAILED, "Google access tokens are sent to " + gcs.endpoint() + " without encryption.").withHint("Use an https address for gcs_endpoint."));
    }
    UploadSettings uploads = uploads(environment, warnings);
    Section instance = new Section(checker, own, "/instances");
    InstanceSettings instances = new InstanceSettings(instance.ports("port_range"), instance.seconds("start_timeout", 120));
    problems.addAll(0, checker.errors());
    Path versionsDir = top.string("versions_dir").map(root::resolve).orElse(root.resolve("versions")).normalize();
    VersionSettings versions = VersionSettings.of(versionsDir, root, environment);
    return new Settings(root, new Roots(modelsDir, extra), netSettings, hubs, gcs, uploads, variable(environment, "OUTPUT_MODE").orElse("gcs"), limits, retry, versions, instances, List.copyOf(problems), List.copyOf(warnings));
  }

  private static Optional<Obj> read(Path root, Checker checker) {
    try {
      return SmallFile.read(root.resolve(FILE)).flatMap(checker::parse).flatMap(value -> checker.object(value, ""));
    } catch (IOException e) {
      checker.error(
          new Value.Place(0, 0, 1, 1), "", Code.DECLARATION_INVALID, FILE + " cannot be read: " + e.getMessage() + ".", "Give this user the right to read it.");
      return Optional.empty();
    }
  }

  private static Optional<String> variable(Map<String, String> environment, String name) {
    return Optional.ofNullable(environment.get(name)).map(String::strip).filter(value -> !value.isEmpty());
  }

  /** What Google's own tools read, and in their order. */
  private static GcsSettings gcs(Url endpoint, Map<String, String> environment, List<Problem> warnings) {
    Path home = Path.of(environment.getOrDefault("HOME", environment.getOrDefault("USERPROFILE", ".")));
    Path gcloud =
        variable(environment, "CLOUDSDK_CONFIG")
            .map(Path::of)
            .orElseGet(() -> variable(environment, "APPDATA").map(Path::of).orElse(home.resolve(".config")).resolve("gcloud"));
    boolean google = GcsSettings.isGoogle(endpoint);
    Optional<String> metadata =
        variable(environment, "NO_GCE_CHECK").filter("true"::equalsIgnoreCase).isPresent()
            ? Optional.empty()
            : variable(environment, "GCE_METADATA_HOST").or(() -> google ? Optional.of(GcsSettings.METADATA_SERVER) : Optional.empty());
    int retries = (int) number(environment, "GCS_RETRIES", 3, 100, warnings);
    Duration sleep = Duration.ofMillis((long) (number(environment, "GCS_RETRY_BASE_SLEEP", 0.5, 600, warnings) * 1000));
    return new GcsSettings(
        endpoint,
        variable(environment, "GOOGLE_APPLICATION_CREDENTIALS").map(Path::of),
        google ? Optional.of(gcloud.resolve("application_default_credentials.json")) : Optional.empty(),
        metadata,
        new Retry(retries, sleep));
  }

  private static UploadSettings uploads(Map<String, String> environment, List<Problem> warnings) {
    long ttl = (long) number(environment, "GCS_SIGNED_URL_TTL", 0, SEVEN_DAYS, warnings);
    return new UploadSettings(
        variable(environment, "GCS_BUCKET"),
        variable(environment, "GCS_PREFIX").orElse(UploadSettings.PREFIX).replaceAll("^/+|/+$", ""),
        flag(environment, "GCS_PUBLIC", false, warnings),
        ttl > 0 ? Optional.of(Duration.ofSeconds(ttl)) : Optional.empty(),
        flag(environment, "GCS_VALIDATE", true, warnings));
  }

  private static boolean flag(Map<String, String> environment, String name, boolean otherwise, List<Problem> warnings) {
    Optional<String> text = variable(environment, name).map(value -> value.toLowerCase(Locale.ROOT));
    if (text.isEmpty() || text.get().matches("true|false|1|0")) {
      return text.map(value -> value.equals("true") || value.equals("1")).orElse(otherwise);
    }
    warnings.add(Problem.of(Code.DECLARATION_INVALID, name + " is neither true nor false; " + otherwise + " is used.").withHint("Write true or false."));
    return otherwise;
  }

  private static double number(Map<String, String> environment, String name, double otherwise, double most, List<Problem> warnings) {
    Optional<String> text = variable(environment, name);
    if (text.isEmpty() || text.get().matches("\\d{1,9}(\\.\\d{1,9})?")) {
      return text.map(Double::parseDouble).map(number -> Math.min(most, number)).orElse(otherwise);
    }
    warnings.add(Problem.of(Code.DECLARATION_INVALID, name + " is not a number; " + otherwise + " is used.").withHint("Write a number, such as " + otherwise + "."));
    return otherwise;
  }

  /** The variable, then the file in which the hub's own client keeps it. */
  private static Optional<Secret> huggingFaceToken(Map<String, String> environment, List<Problem> problems) {
    if (variable(environment, "HF_HUB_DISABLE_IMPLICIT_TOKEN").filter(value -> value.matches("(?i)1|on|yes|true")).isPresent()) {
      return Optional.empty();
    }
    Optional<String> named = variable(environment, "HF_TOKEN").or(() -> variable(environment, "HUGGING_FACE_HUB_TOKEN"));
    if (named.isPresent()) {
      return secret("HF_TOKEN", named, problems);
    }
    Path file =
        variable(environment, "HF_TOKEN_PATH")
            .map(Path::of)
            .orElseGet(
                () ->
                    variable(environment, "HF_HOME")
                        .map(Path::of)
                        .orElseGet(
                            () ->
                                variable(environment, "XDG_CACHE_HOME")
                                    .map(Path::of)
                                    .orElseGet(() -> Path.of(environment.getOrDefault("HOME", environment.getOrDefault("USERPROFILE", ".")), ".cache"))
                                    .resolve("huggingface"))
                        .resolve("token"));
    try {
      return secret(file.toString(), SmallFile.read(file).map(String::strip).filter(text -> !text.isEmpty()), problems);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static Optional<Secret> secret(String name, Optional<String> text, List<Problem> problems) {
    try {
      return text.map(Secret::new);
    } catch (IllegalArgumentException e) {
      problems.add(
          Problem.of(Code.DECLARATION_INVALID, name + " holds no token: " + e.getMessage() + ".").withHint("Copy the token again, without quotes and spaces.").at(new Where(name, "", 1, 1)));
      return Optional.empty();
    }
  }

  private static Map<String, String> proxies(Map<String, String> environment) {
    Map<String, String> proxies = new LinkedHashMap<>();
    for (String name : List.of("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")) {
      variable(environment, name).ifPresent(value -> proxies.put(name, value));
    }
    return proxies;
  }

  /** One object of cockpit.json, or none. */
  private record Section(Checker checker, Optional<Obj> obj, String pointer) {
    Optional<String> string(String key) {
      return obj.flatMap(o -> checker.string(o, pointer, key));
    }

    long whole(String key, long otherwise, long min) {
      return obj.flatMap(o -> checker.whole(o, pointer, key, min)).orElse(otherwise);
    }

    Duration seconds(String key, double otherwise) {
      double seconds = obj.flatMap(o -> checker.decimal(o, pointer, key, 0)).orElse(otherwise);
      return Duration.ofNanos((long) (Math.min(seconds, 1e8) * 1e9));
    }

    Ports ports(String key) {
      return obj.flatMap(o -> checker.optional(o, key))
          .flatMap(value -> checker.make(value, pointer + "/" + key, Code.DECLARATION_INVALID, "Write two ports, such as \"8890-8999\".", Ports::parse))
          .orElse(Ports.USUAL);
    }

    Url url(String key, Optional<String> variable, String otherwise) {
      if (variable.isPresent()) {
        try {
          return Url.parse(variable.get().replaceAll("/+$", ""));
        } catch (IllegalArgumentException e) {
          checker.error(new Value.Place(0, 0, 1, 1), "", Code.DECLARATION_INVALID, "The variable for " + key + " is wrong: " + e.getMessage() + ".", "Set an https address.");
        }
      }
      return obj.flatMap(o -> checker.optional(o, key))
          .flatMap(value -> checker.make(value, pointer + "/" + key, Code.DECLARATION_INVALID, "Write an https address.", text -> Url.parse(text.replaceAll("/+$", ""))))
          .orElseGet(() -> Url.parse(otherwise));
    }
  }
}
