"""What the measurements need: other programs, our wheel, and places in memory."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
WANTED = {
    "nginx": "apt install nginx-light, brew install nginx",
    "aria2c": "apt install aria2, brew install aria2",
    "curl": "apt install curl, brew install curl",
    "openssl": "apt install openssl, brew install openssl",
    "hf": "pip install huggingface_hub",
    "javac": "JDK 25: https://adoptium.net/temurin/releases/?version=25",
}


class MissingError(Exception):
    """Some programs are not here; the message names each and how to install it."""


def find(name: str) -> Path | None:
    """Look beside the Pythons too: that is where `hf` lies; and for a JDK where JDKs lie."""
    if name == "javac":
        return _javac()
    beside = os.pathsep.join([str(Path(sys.executable).parent), str(wheel_python().parent)])
    places = os.pathsep.join([beside, os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which(name, path=places)
    return Path(found) if found else None


def program(name: str) -> str:
    """The path of a program that `require` has seen."""
    found = find(name)
    if found is None:
        raise MissingError(f"{name} is missing. {WANTED[name]}")
    return str(found)


def require(names: Sequence[str]) -> None:
    """Name all that is missing, at once."""
    lines = [f"- {name}: {WANTED[name]}" for name in names if find(name) is None]
    if not wheel_python().is_file():
        lines.append(f"- {wheel_python()}: make wheel-environment, or name one in COCKPIT_PYTHON")
    if not Path("/proc/self/stat").is_file() or not Path("/dev/shm").is_dir():  # noqa: S108
        lines.append("- /proc and /dev/shm: the measurements need Linux")
    if lines:
        raise MissingError("\n".join(["These are missing:", *lines]))


def _javac() -> Path | None:
    homes = [Path(value) for name, value in os.environ.items() if re.match(r"JAVA\w*HOME", name)]
    on_path = shutil.which("javac")
    if on_path:
        homes.append(Path(on_path).resolve().parents[1])
    homes += Path("/usr/lib/jvm").glob("*")
    for home in homes:
        release = home / "release"
        compiler = home / "bin" / "javac"
        if compiler.is_file() and release.is_file():
            version = re.search(r'JAVA_VERSION="(\d+)', release.read_text("utf-8"))
            if version and int(version[1]) >= 25:
                return compiler
    return None


def wheel_python() -> Path:
    """The Python of an environment with our wheel."""
    named = os.environ.get("COCKPIT_PYTHON")
    return Path(named) if named else CHECKOUT / ".venvs" / "wheel" / "bin" / "python"


@dataclass(frozen=True)
class Package:
    """What the wheel starts its daemon with."""

    java: str
    flags: list[str]
    jar: str

    @property
    def command_line(self) -> str:
        return str(wheel_python().with_name("comfyui-cockpit"))


@cache
def package() -> Package:
    """Ask the installed package itself."""
    ask = (
        "import json; from comfyui_cockpit import java as j; "
        "print(json.dumps([str(j.find_java().program), list(j.FLAGS), str(j.JAR)]))"
    )
    said = subprocess.run(
        [str(wheel_python()), "-c", ask], check=True, capture_output=True, text=True, timeout=60
    )
    java, flags, jar = json.loads(said.stdout)
    return Package(java, flags, jar)


@contextmanager
def in_memory() -> Iterator[Path]:
    """A directory of tmpfs."""
    with tempfile.TemporaryDirectory(prefix="cockpit-bench-", dir="/dev/shm") as place:
        yield Path(place)


def environment(home: Path, **more: str) -> dict[str, str]:
    """The caller's, with a home of its own, so that nothing found there takes part."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    keep |= {"HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home / "runtime")}
    for name in ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"):
        keep.pop(name, None)
    return keep | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"} | more


def count(name: str, default: int) -> int:
    """A whole number from the environment."""
    return int(os.environ.get(name, default))


def size(name: str, default: str) -> int:
    """Bytes from the environment: 512MiB, 2GiB."""
    text = os.environ.get(name, default)
    match = re.fullmatch(r"(\d+)\s*(KiB|MiB|GiB)", text)
    if match is None:
        raise ValueError(f"{name} is {text!r}; write it like 512MiB or 2GiB")
    return int(match[1]) << {"KiB": 10, "MiB": 20, "GiB": 30}[match[2]]


def progress(text: str) -> None:
    """Say on standard error what goes on; the table alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)
