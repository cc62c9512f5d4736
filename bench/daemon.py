"""Our daemon beside the least daemon of its kind, on the same Java with the same flags."""

from __future__ import annotations

import shutil
import subprocess
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .daemons import Ready, make_cache, own_command, own_environment
from .measure import cpu_of_tree, memory
from .table import Row, compared, limited
from .tools import CHECKOUT, count, environment, in_memory, package, program, progress

QUIET = 3.0  # seconds between the ready line and the look at an idle process
MIB = 1 << 20


@dataclass(frozen=True)
class Start:
    """Seconds to the ready line; CPU seconds and bytes a little later."""

    ready: float
    cpu: float
    memory: int


def build_hello(place: Path) -> Path:
    """Compile the hello against our own jar: the same Javalin, the same Jetty."""
    shutil.copyfile(package().jar, place / "sidecar.jar")
    source = CHECKOUT / "bench" / "hello" / "HelloJavalin.java"
    classes = place / "classes"
    command = [program("javac"), "-cp", str(place / "sidecar.jar"), "-d", str(classes), str(source)]
    subprocess.run(command, check=True, timeout=120)
    jar = place / "hello.jar"
    manifest = "Manifest-Version: 1.0\nMain-Class: HelloJavalin\nClass-Path: sidecar.jar\n\n"
    with zipfile.ZipFile(jar, "w") as packed:
        packed.writestr("META-INF/MANIFEST.MF", manifest)
        for file in classes.rglob("*.class"):
            packed.write(file, file.relative_to(classes).as_posix())
    return jar


def hello_command(jar: Path, *more: str) -> list[str]:
    ours = package()
    return [ours.java, *ours.flags, *more, "-jar", str(jar)]


def train_hello(jar: Path, home: Path) -> Path:
    """Make the hello's cache from one start, one answer and an end."""
    cache = home / "hello.aot"
    command = hello_command(jar, f"-XX:AOTCacheOutput={cache}")
    with Ready(command, environment(home), home / "hello-training.log") as hello:
        hello.call("GET", "/api/health")
    if not cache.is_file():
        raise RuntimeError((home / "hello-training.log").read_text())
    return cache


def start(command: list[str], variables: dict[str, str], log: Path) -> Start:
    """Start, ask once, let it rest, look."""
    with Ready(command, variables, log) as it:
        it.call("GET", "/api/health")
        time.sleep(QUIET)
        return Start(it.seconds, cpu_of_tree(it.pid), memory(it.pid))


def bench() -> list[Row]:
    """Starts of all four in turn."""
    starts: dict[str, list[Start]] = {}
    with in_memory() as place:
        home, root = place / "home", place / "root"
        home.mkdir()
        root.mkdir()
        hello = build_hello(place)
        own_cache, hello_cache = make_cache(home), train_hello(hello, home)
        own = own_environment(home)
        bare = environment(home)
        each = {
            "ours": (own_command(root), own),
            "hello": (hello_command(hello), bare),
            "ours, cache": (own_command(root, cache=own_cache), own),
            "hello, cache": (hello_command(hello, f"-XX:AOTCache={hello_cache}"), bare),
        }
        for turn in range(count("BENCH_STARTS", 9)):
            for name, (command, variables) in each.items():
                measured = start(command, variables, home / "log")
                starts.setdefault(name, []).append(measured)
                progress(f"{turn + 1} {name}: {measured}")
    rows = []
    for suffix, title in (("", "no start-up cache"), (", cache", "start-up cache")):
        mine, peer = starts["ours" + suffix], starts["hello" + suffix]
        ready = median(one.ready for one in mine), median(one.ready for one in peer)
        cpu = median(one.cpu for one in mine), median(one.cpu for one in peer)
        idle = median(one.memory for one in mine) / MIB, median(one.memory for one in peer) / MIB
        rows += [
            compared(f"daemon ready, {title}", *ready, "hello Javalin", "s", 1.3),
            compared(f"daemon CPU to idle, {title}", *cpu, "hello Javalin", "s", 1.3),
            compared(f"daemon idle memory, {title}", *idle, "hello Javalin", "MiB", 1.3),
        ]
    idle_memory = median(one.memory for one in starts["ours, cache"]) / MIB
    return [*rows, limited("daemon idle memory, start-up cache", idle_memory, "MiB", 100)]
