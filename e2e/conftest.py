"""A hub and a root of one's own for each test; one jar and one start-up cache for all."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from comfyui_cockpit.java import FLAGS, JAR, find_java

from demo.hub.exchange import Hub
from demo.hub.server import Server

from .cockpit import Program, Root
from .comfy import Machine, Served, by_http, core, machine

# The long ones are collected for `make soak` only.
collect_ignore = [] if "COCKPIT_SOAK" in os.environ else ["test_large.py"]

# Most of a short command's work is compiling, for speed, what it runs once. Not so where it runs long; and the
# tests of the package start Java as users do.
QUICK = () if "COCKPIT_SOAK" in os.environ else ("-XX:TieredStopAtLevel=1",)

Roots: TypeAlias = Callable[..., Root]
Machines: TypeAlias = Callable[..., Machine]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The jar, copied so that a build beside the tests changes nothing, with a cache for its start."""
    place = tmp_path_factory.mktemp("program")
    java, jar, cache = find_java(), place / "sidecar.jar", place / "start.aot"
    shutil.copyfile(JAR, jar)
    # A realization with a model of the hub meets most of what the tests do: git, uv, downloads.
    with serving() as hub:
        root = Root(place / "root", place / "home", Program(java, jar, cache), hub)
        models = [{"source": "hf://sized/1MB/model.safetensors", "target_subdir": "vae"}]
        machine(root, place / "cache").declare(core(place / "ComfyUI"), models=models)
        realize = ["version", "realize", "v", "--json", "--root", str(root.path)]
        done = subprocess.run(
            [
                str(java.program),
                *QUICK,
                *FLAGS,
                f"-XX:AOTCacheOutput={cache}",
                "-jar",
                str(jar),
                *realize,
            ],
            env=root.environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done
    assert cache.is_file(), "the flags of the package and an AOT cache do not go together"
    cache.chmod(0o600)
    return Program(java, jar, cache, QUICK)


@contextlib.contextmanager
def serving(rate: float = 0) -> Iterator[Hub]:
    """A hub for the length of the block."""
    hub = Hub(rate=rate)
    with Server(hub) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as made:
        yield made


@pytest.fixture
def roots(tmp_path: Path, hub: Hub, program: Program) -> Iterator[Roots]:
    """Make roots at the hub; what they started is ended."""
    made: list[Root] = []

    def make(name: str = "root", at: Hub | None = None, **variables: str) -> Root:
        home = tmp_path / f"home-{name}"
        made.append(Root(tmp_path / name, home, program, at or hub, variables=variables))
        return made[-1]

    yield make
    for root in made:
        for daemon in root.daemons:
            if daemon.process.poll() is None:
                daemon.kill()
        for command in root.commands:
            if command.process.poll() is None:
                command.process.kill()
                command.end()


@pytest.fixture
def root(roots: Roots) -> Root:
    return roots()


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """uv's cache for all tests that do not look at it: each package comes once."""
    return tmp_path_factory.mktemp("packages")


@pytest.fixture
def machines(roots: Roots, tmp_path: Path, packages: Path) -> Machines:
    """Make machines: a root, a home and caches of its own; `own=True`: its packages too."""

    def make(name: str = "one", *, own: bool = False, **more: Any) -> Machine:
        return machine(roots(name, **more), tmp_path / f"cache-{name}", None if own else packages)

    return make


@pytest.fixture
def comfy(machines: Machines) -> Machine:
    return machines()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """All below `git`, by http."""
    (tmp_path / "git").mkdir(exist_ok=True)
    with by_http(tmp_path / "git") as server:
        yield server
