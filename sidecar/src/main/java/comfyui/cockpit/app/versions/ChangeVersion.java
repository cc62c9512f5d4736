package comfyui.cockpit.app.versions;

import comfyui.cockpit.files.DiskProblems;
import comfyui.cockpit.files.SmallFile;
import comfyui.cockpit.files.Trees;
import comfyui.cockpit.json.Edit;
import comfyui.cockpit.kernel.CancelSignal;
import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import comfyui.cockpit.kernel.ProgressSink;
import comfyui.cockpit.process.Children;
import comfyui.cockpit.source.ModelSource;
import comfyui.cockpit.version.Marker;
import comfyui.cockpit.version.Place;
import comfyui.cockpit.version.VersionFiles.Named;
import comfyui.cockpit.version.VersionSpec;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/** Clones, rolls back and deletes: what changes a version without building one. */
public final class ChangeVersion {
  private final Versions versions;

  public ChangeVersion(Versions versions) {
    this.versions = versions;
  }

  public record Written(String id, Path file) {}

  /**
   * A spec under another id, with its lock.
   *
   * @param output instead of the directory of versions
   * @param force replace what is there
   */
  public Written cloneSpec(Versions.Request from, String id, Optional<Path> output, boolean force) {
    Named source = versions.named(from);
    Named target = versions.files().named(id, output);
    VersionSpec spec = versions.files().good(source);
    List<String> near = relative(spec);
    if (!near.isEmpty() && !Objects.equals(source.spec().toAbsolutePath().getParent(), target.spec().toAbsolutePath().getParent())) {
      throw Problem.of(Code.BAD_REQUEST, "The spec names what lies beside it: " + String.join(", ", near) + ". In another folder these are other places.")
          .withHint("Write absolute paths in the spec, or clone it into the same folder.")
          .toException();
    }
    if (Files.exists(target.spec()) && !force) {
      throw Problem.of(Code.PATH_TAKEN, versions.files().show(target.spec()) + " is there already.").withHint("Choose another id, or replace it with --force.").toException();
    }
    try {
      SmallFile.write(target.spec(), new Edit(versions.files().text(source)).set(List.of("version_id"), id).text());
      Optional<String> lock = SmallFile.read(source.lock());
      if (lock.isPresent()) {
        SmallFile.write(target.lock(), lock.get());
      } else {
        Files.deleteIfExists(target.lock());
      }
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, target.spec()), e);
    }
    versions.changed(List.of(id), List.of());
    return new Written(id, target.spec());
  }

  /** Paths that begin at the spec's folder. */
  private static List<String> relative(VersionSpec spec) {
    Stream<String> models = spec.models().stream().filter(model -> model.source() instanceof ModelSource.Local).map(VersionSpec.Model::written);
    Stream<String> repos =
        Stream.concat(Stream.of(spec.comfy()), spec.nodes().stream().map(VersionSpec.Node::repo)).filter(repo -> repo.url().isLocal()).map(VersionSpec.Repo::written);
    return Stream.concat(models, repos).filter(text -> !text.regionMatches(true, 0, "file:", 0, 5) && !Path.of(text).isAbsolute()).distinct().toList();
  }

  /** @throws ProblemException {@code environment_not_realized} if there is nothing before */
  public RealizeVersion.Result rollback(Versions.Request request, CancelSignal cancel) {
    Place place = versions.place(request);
    if (place.current().isEmpty()) {
      throw Problem.of(Code.ENVIRONMENT_NOT_REALIZED, "The version \"" + request.id() + "\" is not realized at " + place.target() + ".").with("id", request.id()).toException();
    }
    try (Versions.Turn turn = versions.enter(place, cancel, ProgressSink.NONE);
        Children children = versions.children(place.ledger())) {
      place.sweepHalves();
      String before =
          place.previous()
              .orElseThrow(
                  () ->
                      Problem.of(Code.ENVIRONMENT_NOT_REALIZED, "There is no build of \"" + request.id() + "\" before the present one.")
                          .withHint("A build is kept until `version gc` or the next but one realization.")
                          .with("id", request.id())
                          .toException());
      place.switchBack(before);
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, place.target()), e);
    }
    Marker marker = place.marker().orElseThrow();
    versions.changed(List.of(request.id()), List.of());
    return new RealizeVersion.Result(false, place.target(), marker.lockDigest(), marker.environmentDigest(), place.previous());
  }

  /** What goes, and what is left for a reason. */
  public record Deleted(boolean dryRun, List<Removed> removed, List<Kept> kept) {}

  public record Removed(Path path, long freedBytes) {}

  public record Kept(Path path, String reason) {}

  /**
   * @param models the models too, where they lie inside the environment
   * @param root the user's own work and the directory itself too
   * @param spec the spec and its lock too
   */
  public record DeleteOptions(boolean models, boolean root, boolean spec, boolean dryRun) {}

  /** @throws ProblemException {@code not_ours} if neither ComfyUI nor our marker is there */
  public Deleted delete(Versions.Request request, DeleteOptions options, CancelSignal cancel) {
    Place place = versions.place(request);
    Deletion deletion = new Deletion(place, options);
    try {
      switch (place.state()) {
        case REALIZED -> realized(place, deletion, cancel);
        case PLAIN -> plain(place, deletion);
        case NOTHING, EMPTY_DIRECTORY, OTHER -> {
          boolean left = Files.isDirectory(place.store());
          if (!left && !options.spec()) {
            boolean nothing = !Files.exists(place.target(), LinkOption.NOFOLLOW_LINKS);
            throw Problem.of(nothing ? Code.ENVIRONMENT_NOT_REALIZED : Code.NOT_OURS, nothing ? "There is nothing at " + place.target() + "." : place.target() + " holds neither ComfyUI nor " + Marker.NAME + ".")
                .withHint("Name the version's directory with --target.")
                .with("path", place.target().toString())
                .toException();
          }
          if (left) {
            realized(place, deletion, cancel);
          }
        }
      }
      List<String> gone = new ArrayList<>();
      if (options.spec()) {
        Named named = versions.named(request);
        deletion.remove(named.lock());
        deletion.remove(named.spec());
        gone.add(named.id());
        if (!options.dryRun()) {
          versions.forget(named.id());
        }
      }
      if (!options.dryRun()) {
        versions.changed(gone.isEmpty() ? List.of(request.id()) : List.of(), gone);
      }
      return new Deleted(options.dryRun(), deletion.removed, deletion.kept);
    } catch (IOException e) {
      throw new ProblemException(DiskProblems.of(e, place.target()), e);
    }
  }

  private void realized(Place place, Deletion deletion, CancelSignal cancel) throws IOException {
    try (Versions.Turn turn = versions.enter(place, cancel, ProgressSink.NONE);
        Children children = versions.children(place.ledger())) {
      Optional<Marker> marker = place.marker();
      // The name goes first: from then on nobody starts what is about to go.
      if (Files.isSymbolicLink(place.target())) {
        deletion.removePointer();
      }
      for (String build : place.builds()) {
        deletion.remove(place.build(build));
      }
      marker.map(Marker::modelsDir).filter(dir -> !dir.startsWith(place.store())).ifPresent(dir -> deletion.kept.add(new Kept(dir, "Models lie outside of the version; other versions may use them.")));
      Path models = place.data().resolve(Place.MODELS);
      if (deletion.options.models()) {
        deletion.remove(models);
      } else if (holdsFiles(models)) {
        deletion.kept.add(new Kept(models, "Models; --remove-models removes them."));
      }
      if (Files.isDirectory(place.data())) {
        try (DirectoryStream<Path> inside = Files.newDirectoryStream(place.data())) {
          for (Path path : inside) {
            if (path.equals(models)) {
              continue;
            }
            if (deletion.options.root() || !holdsFiles(path)) {
              deletion.remove(path);
            } else {
              deletion.kept.add(new Kept(path, "Your own work; --remove-root removes it."));
            }
          }
        }
      }
    }
    if (!deletion.options.dryRun()) {
      for (String own : List.of("history", "children.json", "lock")) {
        Files.deleteIfExists(place.store().resolve(own));
      }
      removeIfEmpty(place.data().resolve(Place.MODELS));
      removeIfEmpty(place.data());
      removeIfEmpty(place.store());
      removeIfEmpty(place.store().getParent());
    }
  }

  /** A directory that {@code init} or a predecessor made: only what is ComfyUI's in it goes. */
  private static void plain(Place place, Deletion deletion) throws IOException {
    Path target = place.target();
    deletion.remove(target.resolve(Place.VENV));
    deletion.remove(target.resolve(Place.MODEL_PATHS));
    Path models = target.resolve(Place.MODELS);
    if (Files.isSymbolicLink(models)) {
      deletion.remove(models);
    } else if (deletion.options.models()) {
      deletion.remove(models);
    } else if (Files.exists(models)) {
      deletion.kept.add(new Kept(models, "Models; --remove-models removes them."));
    }
    deletion.remove(target.resolve(Place.CORE));
    deletion.remove(target.resolve(Marker.NAME));
    if (deletion.options.root()) {
      if (deletion.options.dryRun() || !removeIfEmpty(target)) {
        deletion.kept.add(new Kept(target, deletion.options.dryRun() ? "It goes if nothing else is in it." : "Something else is in it."));
      } else {
        deletion.removed.add(new Removed(target, 0));
      }
    }
  }

  private static boolean holdsFiles(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      return Files.exists(directory);
    }
    try (var files = Files.walk(directory)) {
      return files.anyMatch(path -> !Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS) && !isPlaceholder(path));
    }
  }

  /** Files that ComfyUI itself brings to keep a folder in git. */
  private static boolean isPlaceholder(Path path) {
    String name = path.getFileName().toString();
    return name.startsWith("_output_images") || name.equals("example.png") || name.startsWith("put_");
  }

  private static boolean removeIfEmpty(Path directory) throws IOException {
    try {
      return Files.deleteIfExists(directory);
    } catch (java.nio.file.DirectoryNotEmptyException e) {
      return false;
    }
  }

  /** What one deletion removes, or would remove. */
  private static final class Deletion {
    private final Place place;
    private final DeleteOptions options;
    private final List<Removed> removed = new ArrayList<>();
    private final List<Kept> kept = new ArrayList<>();

    private Deletion(Place place, DeleteOptions options) {
      this.place = place;
      this.options = options;
    }

    private void remove(Path path) throws IOException {
      if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
        return;
      }
      // Folders with nothing in them are not worth a line.
      if (!Trees.isEmpty(path)) {
        removed.add(new Removed(path, Trees.freedBy(path)));
      }
      if (!options.dryRun()) {
        Trees.delete(path);
      }
    }

    private void removePointer() throws IOException {
      removed.add(new Removed(place.target(), 0));
      if (!options.dryRun()) {
        place.removePointer();
      }
    }
  }
}
