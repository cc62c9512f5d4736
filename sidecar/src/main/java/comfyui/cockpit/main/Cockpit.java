package comfyui.cockpit.main;

import comfyui.cockpit.app.workflows.BuildImage;
import comfyui.cockpit.app.versions.ChangeVersion;
import comfyui.cockpit.app.versions.CollectGarbage;
import comfyui.cockpit.app.versions.CreateVersion;
import comfyui.cockpit.app.models.DeclareModel;
import comfyui.cockpit.app.workflows.Deliver;
import comfyui.cockpit.app.Doctor;
import comfyui.cockpit.app.models.FromWorkflow;
import comfyui.cockpit.app.workflows.HashWorkflow;
import comfyui.cockpit.app.versions.InitComfy;
import comfyui.cockpit.app.models.InstallModels;
import comfyui.cockpit.app.models.Models;
import comfyui.cockpit.app.versions.PackVersion;
import comfyui.cockpit.app.models.PinModels;
import comfyui.cockpit.app.models.PlanModels;
import comfyui.cockpit.app.versions.RealizeVersion;
import comfyui.cockpit.app.models.RemoveModels;
import comfyui.cockpit.app.versions.ReproduceVersion;
import comfyui.cockpit.app.versions.ResolveVersion;
import comfyui.cockpit.app.versions.RunUi;
import comfyui.cockpit.app.workflows.RunWorkflow;
import comfyui.cockpit.settings.Settings;
import comfyui.cockpit.app.models.VerifyModels;
import comfyui.cockpit.app.versions.VerifyVersionModels;
import comfyui.cockpit.settings.VersionSettings;
import comfyui.cockpit.app.versions.VersionStates;
import comfyui.cockpit.app.versions.Versions;
import comfyui.cockpit.app.Watch;
import comfyui.cockpit.comfy.Templates;
import comfyui.cockpit.download.Downloads;
import comfyui.cockpit.gcs.Gcs;
import comfyui.cockpit.gcs.Uploads;
import comfyui.cockpit.git.GitAccess;
import comfyui.cockpit.git.Repositories;
import comfyui.cockpit.http.HttpServer;
import comfyui.cockpit.job.Events;
import comfyui.cockpit.job.Jobs;
import comfyui.cockpit.kernel.Clock;
import comfyui.cockpit.kernel.ProcessIdentity;
import comfyui.cockpit.model.ModelsFile;
import comfyui.cockpit.model.ModelsJson;
import comfyui.cockpit.net.Http;
import comfyui.cockpit.python.Interpreters;
import comfyui.cockpit.python.Packages;
import comfyui.cockpit.python.Uv;
import comfyui.cockpit.source.SourceUri;
import comfyui.cockpit.source.Sources;
import comfyui.cockpit.version.VersionFiles;
import comfyui.cockpit.wire.CockpitApi;
import comfyui.cockpit.wire.Documents;
import comfyui.cockpit.wire.Routes;
import comfyui.cockpit.wire.Shapes;
import comfyui.cockpit.wire.VersionRoutes;
import comfyui.cockpit.wire.WorkflowRoutes;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The composition root: everything is made here, and closed in the reverse order. */
final class Cockpit implements CockpitApi {
  static final int API = 1;

  private static final Logger LOG = LoggerFactory.getLogger(Cockpit.class);

  private final Http http;
  private final Downloads downloads;
  private final Jobs jobs;
  private final Events events;
  private final Models models;
  private final InstallModels install;
  private final Versions versions;
  private final Routes routes;
  private final Clock clock;
  private final String version;

  /** @param java which Java this is, for people */
  Cockpit(Path root, Map<String, String> environment, boolean offline, String version, String java, Instant startedAt, Clock clock) {
    this.clock = clock;
    this.version = version;
    Settings settings = Settings.load(root, environment, offline, version);
    http = new Http(settings.net());
    Gcs gcs = new Gcs(http, settings.gcs());
    Sources sources = new Sources(http, settings.hubs(), gcs, settings.metadataRetry(), clock);
    downloads = new Downloads(settings.roots(), sources, settings.limits(), clock, ProcessIdentity.current());
    SourceUri uris = new SourceUri(settings.hubs(), root);
    ModelsFile file = new ModelsFile(root.resolve("models.json"), "models.json", new ModelsJson(uris, settings.roots()));
    events = new Events(Long.toString(startedAt.toEpochMilli(), 36));
    jobs = new Jobs(clock, events);
    models = new Models(file, downloads, events, settings);
    install = new InstallModels(models, jobs);
    DeclareModel declare = new DeclareModel(models, uris);
    Templates templates = new Templates(Optional.ofNullable(environment.get("COCKPIT_TEMPLATES_DIR")).filter(text -> !text.isEmpty()).map(Path::of));
    versions = versions(settings, sources);
    ResolveVersion resolve = new ResolveVersion(versions, jobs);
    RealizeVersion realize = new RealizeVersion(versions, resolve, jobs);
    Deliver deliver = new Deliver(new Uploads(http, gcs, clock), settings.uploads(), settings.outputMode());
    RunWorkflow runs = new RunWorkflow(versions, realize, deliver, http, jobs);
    Shapes.Health health =
        new Shapes.Health(
            "ready", version, API, java, root.toString(), settings.roots().main().toString(),
            startedAt.truncatedTo(ChronoUnit.MILLIS).toString());
    routes =
        new Routes(
            new Routes.Parts(
                models,
                install,
                new PlanModels(models, offline),
                new VerifyModels(models, jobs, offline),
                new PinModels(models, jobs, offline),
                declare,
                new FromWorkflow(models, declare, uris, templates, offline),
                new RemoveModels(models, install),
                new Doctor(models, install, gcs, java, version, clock),
                new VersionRoutes.Parts(
                    versions,
                    new VersionStates(versions),
                    new CreateVersion(versions),
                    resolve,
                    realize,
                    new ChangeVersion(versions),
                    new ReproduceVersion(versions, realize, jobs),
                    new PackVersion(versions, resolve, jobs),
                    new VerifyVersionModels(versions, jobs),
                    new CollectGarbage(versions, jobs),
                    new InitComfy(versions, jobs)),
                new WorkflowRoutes.Parts(runs, new HashWorkflow(versions, runs, jobs), deliver, jobs),
                jobs,
                health));
  }

  private Versions versions(Settings settings, Sources sources) {
    VersionSettings own = settings.versions();
    VersionFiles files = new VersionFiles(own.directory(), settings.hubs(), path -> path.startsWith(settings.root()) ? settings.root().relativize(path) : path);
    GitAccess access = new GitAccess(settings.net(), Optional.of(own.home().resolve(".netrc")));
    Uv uv = new Uv(own.uv(), own.environment(), own.cacheRoot().resolve("uv"));
    return new Versions(
        files, () -> new Repositories(own.cacheRoot().resolve("git"), access, clock), new Packages(uv), new Interpreters(uv, own.home()), sources, settings, events, clock);
  }

  @Override
  public Reply call(String method, String path, String body) {
    return routes.call(method, path, body);
  }

  Routes routes() {
    return routes;
  }

  HttpServer.Core core() {
    return new HttpServer.Core(routes, events, () -> Documents.snapshot(API, jobs.list(), models.revision(), versions.revision()));
  }

  RunUi runUi() {
    return new RunUi(versions);
  }

  BuildImage buildImage() {
    return new BuildImage(versions, version);
  }

  /** What the daemon does by itself; starts when told. */
  Watch watch() {
    return new Watch(models, versions, install, clock);
  }

  boolean isIdle() {
    return !jobs.anyActive();
  }

  @Override
  public void close() {
    jobs.close();
    try {
      versions.close();
      downloads.close();
    } catch (IOException e) {
      LOG.warn("the volume's lock could not be closed: {}", e.getMessage());
    }
    http.close();
  }
}
