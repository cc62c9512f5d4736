"""A process that prints a ready line, ours or another, and calls to it."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from .measure import peak_memory
from .tools import environment, package

SECRET = "bench"  # noqa: S105


class Ready:
    """Started, and ready to be asked."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        start = time.perf_counter()
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=env,
            )
        if self.process.stdout is None:
            raise RuntimeError("no standard output")
        line = self.process.stdout.readline()
        self.seconds = time.perf_counter() - start
        if not line.startswith(b"{"):
            raise RuntimeError(f"{command} did not get ready: {line!r} {log.read_text()}")
        self.port = int(json.loads(line)["port"])

    def call(self, method: str, path: str, body: Any = None) -> bytes:
        """Return the body of an answer that is good."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"X-Cockpit-Secret": SECRET})
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {said!r}")
        return said

    def json(self, method: str, path: str, body: Any = None) -> Any:
        return json.loads(self.call(method, path, body))

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def peak(self) -> int:
        return peak_memory(self.pid)

    def __enter__(self) -> Ready:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def own_environment(home: Path, **more: str) -> dict[str, str]:
    """As the Jupyter server makes it."""
    connection = str(home / "connection.json")
    return environment(home, COCKPIT_SECRET=SECRET, COCKPIT_CONNECTION_FILE=connection, **more)


@contextmanager
def own_daemon(
    root: Path, home: Path, *arguments: str, cache: Path | None = None
) -> Iterator[Ready]:
    """Our daemon for the length of the block."""
    with Ready(
        own_command(root, *arguments, cache=cache), own_environment(home), home / "log"
    ) as it:
        yield it


def own_command(root: Path, *arguments: str, cache: Path | None = None) -> list[str]:
    """As the Jupyter server starts it."""
    ours = package()
    aot = [f"-XX:AOTCache={cache}"] if cache else []
    serve = ["serve", "--until-eof", "--root", str(root), *arguments]
    return [ours.java, *ours.flags, *aot, "-jar", ours.jar, *serve]


def make_cache(home: Path) -> Path:
    """Let a daemon make its start-up cache, as it does when a lab is idle."""
    root = home / "training"
    root.mkdir(parents=True)
    cache = home / "start.aot"
    command = own_command(root, "--aot-cache", str(cache))
    variables = own_environment(home, COCKPIT_AOT_IDLE="1")
    with Ready(command, variables, home / "training.log"):
        end = time.monotonic() + 180
        while not cache.is_file():
            if time.monotonic() > end:
                raise RuntimeError((home / "training.log").read_text())
            time.sleep(0.2)
    return cache
