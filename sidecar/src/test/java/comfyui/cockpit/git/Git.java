package comfyui.cockpit.git;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The real git in one directory: makes the repositories that ours must understand, and judges what ours made. */
final class Git {
  final Path directory;

  private Git(Path directory) {
    this.directory = directory;
  }

  static Git in(Path directory) {
    return new Git(directory);
  }

  /** A new repository with the branch main. */
  static Git init(Path directory) throws IOException {
    Files.createDirectories(directory);
    Git git = new Git(directory);
    git.run("init", "--quiet", "--initial-branch=main");
    return git;
  }

  /** What it prints, without the last line end; fails the test if git fails. */
  String run(String... arguments) throws IOException {
    Result result = attempt(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")), arguments);
    if (result.status() != 0) {
      throw new AssertionError("git " + String.join(" ", arguments) + " failed: " + result.output());
    }
    return result.output();
  }

  /** The same, with a file as its input. */
  String runWith(Path input, String... arguments) throws IOException {
    Result result = attempt(ProcessBuilder.Redirect.from(input.toFile()), arguments);
    if (result.status() != 0) {
      throw new AssertionError("git " + String.join(" ", arguments) + " failed: " + result.output());
    }
    return result.output();
  }

  record Result(int status, String output) {}

  private Result attempt(ProcessBuilder.Redirect input, String... arguments) throws IOException {
    List<String> command =
        new ArrayList<>(List.of("git", "-c", "protocol.file.allow=always", "-c", "commit.gpgsign=false", "-c", "core.quotePath=false"));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true).redirectInput(input);
    environment(builder.environment());
    try {
      Process process = builder.start();
      String output;
      try (InputStream in = process.getInputStream()) {
        output = new String(in.readAllBytes(), StandardCharsets.UTF_8).stripTrailing();
      }
      return new Result(process.waitFor(), output);
    } catch (IOException e) {
      throw new AssertionError("these tests need git: apt install git, brew install git", e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  static void environment(Map<String, String> environment) {
    environment.keySet().removeIf(name -> name.startsWith("GIT_"));
    environment.put("GIT_CONFIG_NOSYSTEM", "1");
    environment.put("GIT_CONFIG_GLOBAL", "/dev/null");
    for (String role : List.of("AUTHOR", "COMMITTER")) {
      environment.put("GIT_" + role + "_NAME", "Someone");
      environment.put("GIT_" + role + "_EMAIL", "someone@example.invalid");
      environment.put("GIT_" + role + "_DATE", "2024-01-02T03:04:05Z");
    }
  }

  Git write(String path, String text) throws IOException {
    Path file = directory.resolve(path);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE);
    return this;
  }

  /** Everything there is, committed; gives the commit. */
  String commit(String message) throws IOException {
    run("add", "--all");
    run("commit", "--quiet", "--allow-empty", "--message", message);
    return head();
  }

  String head() throws IOException {
    return run("rev-parse", "HEAD");
  }

  /** Adds a gitlink as {@code git submodule add} would, without its checks. */
  Git link(String path, String url, String commit) throws IOException {
    run("update-index", "--add", "--cacheinfo", "160000," + commit + "," + path);
    return section(path, path, url);
  }

  Git section(String name, String path, String url) throws IOException {
    Path file = directory.resolve(".gitmodules");
    String text = "[submodule \"" + name + "\"]\n\tpath = \"" + path + "\"\n\turl = \"" + url + "\"\n";
    Files.writeString(file, text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    run("add", ".gitmodules");
    return this;
  }

  /** Commits what is in the index, without looking at the files. */
  String commitIndex(String message) throws IOException {
    run("commit", "--quiet", "--allow-empty", "--message", message);
    return head();
  }
}
