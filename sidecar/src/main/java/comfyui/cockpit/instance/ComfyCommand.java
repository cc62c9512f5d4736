package comfyui.cockpit.instance;

import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.process.Children;
import comfyui.cockpit.process.Inherited;
import comfyui.cockpit.python.Environment;
import comfyui.cockpit.version.Build;
import comfyui.cockpit.version.Lock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How ComfyUI of a build is started.
 *
 * @param arguments ComfyUI's own, behind ours
 * @param caller the variables of whoever starts it; a few are handed down, and {@code ${NAME}} in the version's env takes its value there
 * @param offline the libraries of the hubs open no connection either
 */
public record ComfyCommand(Build build, Lock lock, String host, int port, List<String> arguments, Map<String, String> caller, boolean offline) {
  private static final Pattern REFERENCE = Pattern.compile("\\$\\{([A-Za-z_][A-Za-z0-9_]*)}");
  /** What says on Linux that there is something to compute on: NVIDIA's, AMD's, Windows' in WSL, Huawei's. */
  private static final List<Path> GPUS = List.of(Path.of("/dev/nvidiactl"), Path.of("/dev/nvidia0"), Path.of("/dev/kfd"), Path.of("/dev/dxg"), Path.of("/dev/davinci0"));
  private static final Pattern SECRET = Pattern.compile(".*(TOKEN|SECRET|PASSWORD|KEY)");
  private static final List<String> DEVICES = List.of("--cpu", "--directml");
  /** Where hubs keep files, where GPUs and their libraries are told how to behave; no secret begins or is called so. */
  private static final List<String> NAMES =
      List.of("HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_ENDPOINT", "TRANSFORMERS_CACHE", "TRANSFORMERS_OFFLINE", "XDG_CACHE_HOME", "TZ", "DISPLAY", "TERM", "COLUMNS");
  private static final List<String> PREFIXES =
      List.of("CUDA_", "NVIDIA_", "NCCL_", "CUBLAS_", "CUDNN_", "PYTORCH_", "TORCH_", "TORCHINDUCTOR_", "TRITON_", "HIP_", "HSA_", "ROCR_", "ROCM_", "MIOPEN_", "AMD_", "OMP_",
          "MKL_", "OPENBLAS_", "KMP_", "LC_");

  /** @throws comfyui.cockpit.kernel.ProblemException {@code bad_request} for an argument that is ours to give */
  public static void requireForeign(List<String> arguments, List<String> ours) {
    arguments.stream().map(argument -> argument.split("=", 2)[0]).filter(ours::contains).findFirst().ifPresent(
        argument -> {
          throw Problem.of(Code.BAD_REQUEST, argument + " is not for ComfyUI here: it is set for each run.").withHint("Leave it out.").toException();
        });
  }

  /** @throws comfyui.cockpit.kernel.ProblemException {@code bad_request} if the version's env asks for a variable that is not set */
  public Children.Order order(Consumer<String> lines) {
    List<String> command = new ArrayList<>();
    command.add(Environment.python(build.venv()).toString());
    command.addAll(List.of(build.core().resolve("main.py").toString(), "--listen", host, "--port", String.valueOf(port), "--disable-auto-launch"));
    if (lacksGpu() && DEVICES.stream().noneMatch(arguments::contains)) {
      command.add("--cpu");
    }
    command.addAll(arguments);
    return new Children.Order(command, environment(), build.core(), lines, true);
  }

  /** ComfyUI does not find out by itself: it fails in PyTorch. */
  private boolean lacksGpu() {
    String backend = lock.torchBackend().orElse("");
    boolean linux = Files.isDirectory(Path.of("/proc"));
    // Intel's GPUs have the device of any display.
    return backend.equals("cpu") || linux && !backend.equals("xpu") && GPUS.stream().noneMatch(Files::exists);
  }

  private Map<String, String> environment() {
    Map<String, String> environment = new LinkedHashMap<>(Inherited.of(caller, NAMES, PREFIXES));
    environment.keySet().removeIf(name -> SECRET.matcher(name).matches());
    environment.put("PYTHONUNBUFFERED", "1");
    environment.put("VIRTUAL_ENV", build.venv().toString());
    if (offline) {
      environment.put("HF_HUB_OFFLINE", "1");
      environment.put("TRANSFORMERS_OFFLINE", "1");
    }
    lock.env().forEach((name, value) -> environment.put(name, filled(name, value)));
    return environment;
  }

  private String filled(String name, String value) {
    Matcher matcher = REFERENCE.matcher(value);
    return matcher.replaceAll(
        found -> {
          String wanted = found.group(1);
          String given = caller.get(wanted);
          if (given == null) {
            throw Problem.of(Code.BAD_REQUEST, "The version's env sets " + name + " from ${" + wanted + "}, and " + wanted + " is not set.")
                .withHint("Set " + wanted + " where you start this, or take it out of the version's env.")
                .toException();
          }
          return Matcher.quoteReplacement(given);
        });
  }
}
