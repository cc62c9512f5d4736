"""Builds what the wheel carries but git does not: the daemon's jar and the lab extension.

Each is built when its sources are here and it is missing or older than they are. An sdist carries
both and no sources, so nothing is built from one, and neither Maven nor Node is needed.

`python hatch_build.py` names every missing tool and builds nothing; `make` asks so first.
`python hatch_build.py jar labextension` builds what is due, without packing a wheel.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # asked for the tools only, before anything is installed
    BuildHookInterface = object

ROOT = Path(__file__).parent
PACKAGE = ROOT / "jupyter_server_ext" / "comfyui_cockpit"
JDK = 25
JLPM = [sys.executable, "-c", "from jupyter_builder.jlpm import main; main()"]


class Product(NamedTuple):
    """Something built: `made` is the file that tells when; `sources` are files and folders."""

    made: Path
    sources: tuple[str, ...]

    def due(self) -> bool:
        """Tell whether to build it now."""
        first = ROOT / self.sources[0]
        if not first.exists():
            return False
        if not self.made.exists():
            return True
        built = self.made.stat().st_mtime
        return any(file.stat().st_mtime > built for file in self._files())

    def _files(self) -> Iterator[Path]:
        for source in self.sources:
            path = ROOT / source
            yield from (file for file in path.rglob("*") if file.is_file())
            if path.is_file():
                yield path


JAR = Product(
    PACKAGE / "sidecar.jar",
    ("pom.xml", "sidecar/pom.xml", "sidecar/src/main", "schemas", "package.json"),
)
LABEXTENSION = Product(
    PACKAGE / "labextension" / "package.json",
    ("tsconfig.json", "labextension/src", "labextension/style", "package.json", "yarn.lock"),
)


class CockpitBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Runs before hatchling packs."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return ["jupyter-builder>=1.2,<2"] if LABEXTENSION.due() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        jar, labextension = JAR.due(), LABEXTENSION.due()
        missing = missing_tools(maven=jar, node=labextension)
        if missing:
            raise SystemExit("\n".join(["To build ComfyUI Cockpit from its sources:", *missing]))
        if jar:
            build_jar()
        if labextension:
            build_labextension()
        for product in (JAR, LABEXTENSION):
            if not product.made.is_file():
                raise SystemExit(f"{product.made} is missing, and so are its sources.")


def build_jar() -> None:
    """Run Maven and put the jar beside the Python modules."""
    _run(["mvn", "-B", "-q", "-DskipTests", "package"])
    # A running lab has the old jar open: it must keep its own.
    fresh = JAR.made.with_suffix(".new")
    shutil.copyfile(ROOT / "sidecar" / "target" / "sidecar.jar", fresh)
    fresh.replace(JAR.made)


def build_labextension() -> None:
    """Run jlpm, which is yarn as JupyterLab's own Python package brings it."""
    _run([*JLPM, "install"])
    _run([*JLPM, "run", "build:prod"])
    os.utime(LABEXTENSION.made)


def missing_tools(*, maven: bool = True, node: bool = True) -> list[str]:
    """Return one line for each tool that is not there: its name, and what to install."""
    missing = []
    if sys.version_info < (3, 10):
        missing.append("- Python 3.10 or newer: https://www.python.org/downloads/")
    if maven and not any(map(_is_wanted_jdk, _jdk_homes())):
        missing.append(f"- JDK {JDK}: https://adoptium.net/temurin/releases/?version={JDK}")
    if maven and not shutil.which("mvn"):
        missing.append("- Maven 3.8 or newer: apt install maven, brew install maven")
    if node and not _has_node():
        missing.append("- Node 20 or newer: https://nodejs.org/")
    return missing


def _has_node() -> bool:
    program = shutil.which("node")
    if program is None:
        return False
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    major = re.match(r"v(\d+)", said.stdout)
    return major is not None and int(major[1]) >= 20


def _jdk_homes() -> Iterator[Path]:
    """Yield the places where Maven's toolchain discovery looks."""
    for name, value in os.environ.items():
        if re.fullmatch(r"JAVA\d*_HOME", name):
            yield Path(value)
    java = shutil.which("java")
    if java:
        yield Path(java).resolve().parents[1]
    for folder in ("~/.jdks", "~/.sdkman/candidates/java", "/usr/lib/jvm", "/usr/java", "/opt"):
        yield from Path(folder).expanduser().glob("*")
    yield from Path("/Library/Java/JavaVirtualMachines").glob("*/Contents/Home")


def _is_wanted_jdk(home: Path) -> bool:
    release = home / "release"
    compiler = home / "bin" / ("javac.exe" if os.name == "nt" else "javac")
    if not (compiler.is_file() and release.is_file()):
        return False
    return re.search(rf'JAVA_VERSION="{JDK}\b', release.read_text("utf-8")) is not None


def _run(command: list[str]) -> None:
    """Run in the checkout; what it prints goes to standard error, where pip -v shows it."""
    print("+", *command, file=sys.stderr, flush=True)
    subprocess.run(
        [shutil.which(command[0]) or command[0], *command[1:]],
        cwd=ROOT,
        stdout=sys.stderr.fileno(),
        check=True,
    )


def main(wanted: list[str]) -> None:
    """Name the missing tools, or build what is wanted and due."""
    tools = missing_tools(maven=wanted != ["labextension"], node=wanted != ["jar"])
    if tools:
        sys.exit("\n".join(["These tools are missing:", *tools]))
    if "jar" in wanted and JAR.due():
        build_jar()
    if "labextension" in wanted and LABEXTENSION.due():
        build_labextension()


if __name__ == "__main__":
    main(sys.argv[1:])
