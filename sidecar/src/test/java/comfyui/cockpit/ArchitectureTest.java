package comfyui.cockpit;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The house as docs/architecture.md draws it. */
@AnalyzeClasses(packages = "comfyui.cockpit", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  @ArchTest
  static final ArchRule importsRunDownwards =
      layeredArchitecture()
          .consideringOnlyDependenciesInLayers()
          .layer("main").definedBy("comfyui.cockpit.main..")
          .layer("faces").definedBy("comfyui.cockpit.cli..", "comfyui.cockpit.http..")
          .layer("wire").definedBy("comfyui.cockpit.wire..")
          .layer("app").definedBy("comfyui.cockpit.app..")
          .layer("settings").definedBy("comfyui.cockpit.settings..")
          .layer("workflow").definedBy("comfyui.cockpit.workflow..")
          .layer("instance").definedBy("comfyui.cockpit.instance..")
          .layer("model").definedBy("comfyui.cockpit.model..", "comfyui.cockpit.version..")
          .layer("download").definedBy("comfyui.cockpit.download..")
          .layer("source").definedBy("comfyui.cockpit.source..")
          .layer("programs").definedBy("comfyui.cockpit.git..", "comfyui.cockpit.python..", "comfyui.cockpit.gcs..")
          .layer("machine").definedBy("comfyui.cockpit.net..", "comfyui.cockpit.process..", "comfyui.cockpit.files..", "comfyui.cockpit.job..")
          .layer("children").definedBy("comfyui.cockpit.process..")
          .layer("comfy").definedBy("comfyui.cockpit.comfy..")
          .layer("json").definedBy("comfyui.cockpit.json..")
          .layer("kernel").definedBy("comfyui.cockpit.kernel..")
          .whereLayer("main").mayNotBeAccessedByAnyLayer()
          .whereLayer("faces").mayOnlyBeAccessedByLayers("main")
          .whereLayer("wire").mayOnlyBeAccessedByLayers("main", "faces")
          .whereLayer("app").mayOnlyBeAccessedByLayers("main", "faces", "wire")
          .whereLayer("settings").mayOnlyBeAccessedByLayers("main", "faces", "wire", "app")
          .whereLayer("workflow").mayOnlyBeAccessedByLayers("main", "faces", "wire", "app")
          .whereLayer("instance").mayOnlyBeAccessedByLayers("main", "faces", "wire", "app", "settings", "workflow")
          .whereLayer("model").mayOnlyBeAccessedByLayers("main", "faces", "wire", "app", "settings", "workflow", "instance")
          .whereLayer("download").mayOnlyBeAccessedByLayers("main", "faces", "wire", "app", "settings", "workflow", "instance", "model")
          .whereLayer("source").mayOnlyBeAccessedByLayers("main", "faces", "wire", "app", "settings", "workflow", "instance", "model", "download")
          .whereLayer("programs").mayOnlyBeAccessedByLayers("main", "faces", "wire", "app", "settings", "workflow", "instance", "model", "download", "source")
          .whereLayer("machine").mayOnlyBeAccessedByLayers("main", "faces", "wire", "app", "settings", "workflow", "instance", "model", "download", "source", "programs", "comfy")
          .whereLayer("children").mayOnlyAccessLayers("json", "kernel")
          .whereLayer("comfy").mayOnlyAccessLayers("machine", "json", "kernel")
          .whereLayer("json").mayOnlyAccessLayers("kernel")
          .whereLayer("kernel").mayNotAccessAnyLayer()
          .because("a reader of one room needs to know only the rooms below it");

  @ArchTest
  static final ArchRule noRoomKnowsItsNeighbour =
      noClasses().that().resideInAPackage("comfyui.cockpit.net..").should().dependOnClassesThat(resideInAnyPackage("comfyui.cockpit.files..", "comfyui.cockpit.job..", "comfyui.cockpit.process.."))
          .because("what two rooms of a floor both need goes one floor down");

  @ArchTest
  static final ArchRule programsStandAlone =
      slices().matching("comfyui.cockpit.(git|python|gcs|comfy)..").should().notDependOnEachOther().because("one outside program each");

  @ArchTest
  static final ArchRule modelsAndVersionsStandAlone =
      slices().matching("comfyui.cockpit.(model|version)..").should().notDependOnEachOther().because("what two nouns both need goes one floor down");

  @ArchTest
  static final ArchRule workflowsUseVersions =
      layeredArchitecture()
          .consideringOnlyDependenciesInLayers()
          .layer("both").definedBy("comfyui.cockpit.app")
          .layer("workflows").definedBy("comfyui.cockpit.app.workflows..")
          .layer("versions").definedBy("comfyui.cockpit.app.versions..")
          .layer("models").definedBy("comfyui.cockpit.app.models..")
          .whereLayer("both").mayNotBeAccessedByAnyLayer()
          .whereLayer("workflows").mayNotBeAccessedByAnyLayer()
          .whereLayer("versions").mayOnlyBeAccessedByLayers("both", "workflows")
          .whereLayer("models").mayOnlyBeAccessedByLayers("both")
          .because("a reader who has understood models must not know versions for it, nor workflows for these");

  @ArchTest
  static final ArchRule filesStandAlone =
      noClasses().that().resideInAPackage("comfyui.cockpit.files..").should().dependOnClassesThat(resideInAnyPackage("comfyui.cockpit.net..", "comfyui.cockpit.job..", "comfyui.cockpit.process.."))
          .because("what two rooms of a floor both need goes one floor down");

  @ArchTest
  static final ArchRule jobsStandAlone =
      noClasses().that().resideInAPackage("comfyui.cockpit.job..").should().dependOnClassesThat(resideInAnyPackage("comfyui.cockpit.net..", "comfyui.cockpit.files..", "comfyui.cockpit.process.."))
          .because("what two rooms of a floor both need goes one floor down");

  @ArchTest
  static final ArchRule facesDoNotKnowEachOther =
      noClasses().that().resideInAPackage("comfyui.cockpit.cli..").should().dependOnClassesThat().resideInAPackage("comfyui.cockpit.http..")
          .because("the command line and HTTP are two faces of one core");

  @ArchTest
  static final ArchRule noCycles = slices().matching("comfyui.cockpit.(*)..").should().beFreeOfCycles().because("a cycle makes two rooms one");

  @ArchTest
  static final ArchRule kernelIsPlain =
      noClasses().that().resideInAPackage("comfyui.cockpit.kernel..").should().dependOnClassesThat().resideOutsideOfPackages("java..", "comfyui.cockpit.kernel..", "org.jspecify..")
          .because("values and the one way to fail must be usable everywhere");

  @ArchTest
  static final ArchRule javalinOnlyInHttp = fence("io.javalin..", "comfyui.cockpit.http..");

  @ArchTest
  static final ArchRule picocliOnlyInCli =
      noClasses().that().resideOutsideOfPackages("comfyui.cockpit.cli..", "comfyui.cockpit.main..").should().dependOnClassesThat().resideInAPackage("picocli..")
          .because("a library that is known in one room can be replaced there");

  @ArchTest
  static final ArchRule okHttpOnlyInNet = fence("okhttp3..", "comfyui.cockpit.net..");

  @ArchTest
  static final ArchRule jgitOnlyInGit = fence("org.eclipse.jgit..", "comfyui.cockpit.git..");

  @ArchTest
  static final ArchRule googleOnlyInGcs = fence("com.google.auth..", "comfyui.cockpit.gcs..");

  @ArchTest
  static final ArchRule jacksonOnlyInCodecs =
      noClasses()
          .that().resideOutsideOfPackages("comfyui.cockpit.json..", "comfyui.cockpit.wire..", "comfyui.cockpit.cli..")
          .and().haveSimpleNameNotEndingWith("Json")
          .should().dependOnClassesThat().resideInAPackage("com.fasterxml.jackson..")
          .because("documents are read and written in one place, the command line renders their tree");

  @ArchTest
  static final ArchRule environmentOnlyInMain =
      noClasses().that().resideOutsideOfPackage("comfyui.cockpit.main..").should().callMethod(System.class, "getenv").orShould().callMethod(System.class, "getenv", String.class)
          .orShould().callMethod(System.class, "getProperty", String.class).orShould().callMethod(System.class, "exit", int.class)
          .because("settings are one record, and the end of the process is decided in one place");

  @ArchTest
  static final ArchRule timeOnlyFromTheClock =
      noClasses().that().doNotHaveFullyQualifiedName("comfyui.cockpit.kernel.Clock").and().doNotHaveFullyQualifiedName("comfyui.cockpit.kernel.Clock$1")
          .should().callMethod(java.time.Instant.class, "now").orShould().callMethod(System.class, "nanoTime").orShould().callMethod(System.class, "currentTimeMillis")
          .orShould().callMethod(Thread.class, "sleep", long.class).orShould().callMethod(Thread.class, "sleep", java.time.Duration.class)
          .because("a test can stop the clock only if there is one");

  @ArchTest
  static final ArchRule childrenOnlyInProcess =
      noClasses().that().resideOutsideOfPackage("comfyui.cockpit.process..").should().dependOnClassesThat().areAssignableTo(ProcessBuilder.class)
          .orShould().dependOnClassesThat().resideInAPackage("org.zeroturnaround..")
          .because("every child is in the ledger before it runs");

  private static ArchRule fence(String library, String room) {
    return noClasses().that().resideOutsideOfPackage(room).should().dependOnClassesThat().resideInAPackage(library)
        .because("a library that is known in one room can be replaced there");
  }
}
