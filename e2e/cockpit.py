"""Roots, commands and daemons for tests: the real jar, started as the package starts it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from comfyui_cockpit.java import Java, launch_command, launch_environment

from demo.hub.exchange import Hub
from demo.hub.server import published

T = TypeVar("T")
LONGEST = 60.0  # seconds until something that must happen counts as not happening
NETWORK = {
    "retries": 1,
    "retry_base_sleep": 0.02,
    "connect_timeout": 5,
    "header_timeout": 5,
    "stall_timeout": 1.5,
}
MINE = ".comfyui-cockpit"


def until(what: Callable[[], T | None], seconds: float = LONGEST, every: float = 0.01) -> T:
    """Return the first true answer; fail when it does not come."""
    end = time.monotonic() + seconds
    while True:
        answer = what()
        if answer:
            return answer
        assert time.monotonic() < end, f"this did not happen within {seconds:g} s"
        time.sleep(every)


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output; anything else beside it is an error."""
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise AssertionError(f"not one JSON document: {self}") from error

    @property
    def problem(self) -> dict[str, Any]:
        document = self.json
        assert set(document) == {"ok", "problem"}, document
        assert document["ok"] is False
        found: dict[str, Any] = document["problem"]
        return found


@dataclass(frozen=True)
class Program:
    """The jar with the Java and the start-up cache that it runs on."""

    java: Java
    jar: Path
    cache: Path
    options: tuple[str, ...] = ()  # of the JVM, before the package's own

    @property
    def command(self) -> list[str]:
        java, *rest = launch_command(self.java, self.cache, self.jar)
        return [java, *self.options, *rest]


@dataclass
class Running:
    """A command at work."""

    process: subprocess.Popen[str]

    def end(self, seconds: float = LONGEST) -> Done:
        out, err = self.process.communicate(timeout=seconds)
        return Done(self.process.returncode, out, err)

    def interrupt(self) -> Done:
        self.process.send_signal(signal.SIGINT)
        return self.end()


@dataclass
class Root:
    """A Jupyter root of its own, with what it needs to find the hub."""

    path: Path
    home: Path
    program: Program
    hub: Hub
    settings: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    daemons: list[Daemon] = field(default_factory=list)
    commands: list[Running] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self.home.mkdir(parents=True, exist_ok=True)
        self.set()

    def set(self, network: Mapping[str, Any] | None = None, **settings: Any) -> None:
        """Write cockpit.json: the hub's address, short times, and what is given."""
        self.settings = {
            "huggingface_endpoint": self.hub.api,
            "civitai_base_url": self.hub.api,
            "network": NETWORK | dict(network or {}),
        } | settings
        (self.path / "cockpit.json").write_text(json.dumps(self.settings), "utf-8")

    @property
    def models(self) -> Path:
        named = self.variables.get("COCKPIT_MODELS_DIR") or self.settings.get("models_dir", "")
        return self.path / named

    def write(self, text: str) -> None:
        (self.path / "models.json").write_text(text, "utf-8")

    def read(self) -> str:
        return (self.path / "models.json").read_text("utf-8")

    def declare(self, *, auto: bool = False, **models: Any) -> None:
        """Declare models, given as a source or as a whole entry; each lies at `<id>.safetensors`."""
        entries = {
            name: {"path": f"{name}.safetensors", "source": given}
            if isinstance(given, str) or "kind" in given
            else {"path": f"{name}.safetensors"} | given
            for name, given in models.items()
        }
        bundle = {"models": list(entries), "auto_install": auto}
        self.write(json.dumps({"models": entries, "bundles": {"b": bundle}}, indent=2))

    @property
    def environment(self) -> dict[str, str]:
        """What the command's environment is: nothing of the caller's but PATH."""
        bare = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "JUPYTER_RUNTIME_DIR": str(self.home / "runtime"),
        }
        key = "JUPYTER_RUNTIME_DIR"
        before = os.environ.get(key)
        os.environ[key] = bare[key]
        try:
            return launch_environment(self.path, bare | self.variables)
        finally:
            if before is None:
                del os.environ[key]
            else:
                os.environ[key] = before

    def start(self, *arguments: str, **variables: str) -> Running:
        """Start a command; `--root` comes by itself."""
        return self._start([*arguments, "--root", str(self.path)], variables)

    def bare(self, *arguments: str) -> Done:
        """Run with these arguments and no other."""
        return self._start(list(arguments), {}).end()

    def _start(self, arguments: list[str], variables: Mapping[str, str]) -> Running:
        command = [*self.program.command, *arguments]
        running = Running(
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env=self.environment | dict(variables),
                cwd=self.home,
            )
        )
        self.commands.append(running)
        return running

    def run(self, *arguments: str, **variables: str) -> Done:
        return self.start(*arguments, **variables).end()

    def json(self, *arguments: str, **variables: str) -> Done:
        """Run with `--json`; nothing but one document may stand on standard output."""
        return self.run(*arguments, "--json", **variables)

    def install(self, *arguments: str, **variables: str) -> Done:
        return self.json("models", "install", "--all", *arguments, **variables)

    def serve(self, *arguments: str, **variables: str) -> Daemon:
        daemon = Daemon(self, arguments, variables)
        self.daemons.append(daemon)
        return daemon

    def tree(self) -> list[str]:
        """Every file and link under models_dir, but the lock, the records and the cache."""
        kept = (f"{MINE}/lock", f"{MINE}/verified/", f"{MINE}/aot/")
        found = []
        for folder, folders, files in os.walk(self.models):
            links = [name for name in folders if Path(folder, name).is_symlink()]
            for name in [*files, *links]:
                relative = Path(folder, name).relative_to(self.models).as_posix()
                if not relative.startswith(kept) and relative not in (
                    "cockpit.json",
                    "models.json",
                ):
                    found.append(relative)
        return sorted(found)


class Daemon:
    """`serve --until-eof`, as the lab starts it."""

    def __init__(
        self, root: Root, arguments: tuple[str, ...], variables: Mapping[str, str]
    ) -> None:
        self.root = root
        self.lines: list[str] = []
        self.secret = variables.get("COCKPIT_SECRET", "e2e-secret-of-the-daemon")
        self.environment = root.environment | {"COCKPIT_SECRET": self.secret} | dict(variables)
        command = [*root.program.command, "serve", "--until-eof", "--root", str(root.path)]
        self.process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=self.environment,
            cwd=root.home,
        )
        self.errors = threading.Thread(target=self._listen, daemon=True)
        self.errors.start()
        self.ready: dict[str, Any] = {}

    def _listen(self) -> None:
        assert self.process.stderr
        self.lines.extend(iter(self.process.stderr.readline, ""))

    def wait(self) -> Daemon:
        """Wait for the ready line."""
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith("{"):
                self.ready = json.loads(line)
                return self
        raise AssertionError(f"the daemon ended: {''.join(self.lines)}")

    @property
    def connection_file(self) -> Path:
        return Path(self.environment["COCKPIT_CONNECTION_FILE"])

    def request(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Mapping[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ready["port"], timeout=LONGEST)
        every = {"X-Cockpit-Secret": self.secret} | headers
        connection.request(method, path, None if body is None else json.dumps(body), every)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, dict(answer.getheaders()), text

    def get(self, path: str) -> Any:
        status, _, text = self.request("GET", path)
        assert status == 200, text
        return json.loads(text)

    def post(self, path: str, body: Any = None) -> Any:
        status, _, text = self.request("POST", path, body or {})
        assert status in (200, 202), text
        return json.loads(text)

    @contextlib.contextmanager
    def events(self) -> Iterator[list[str]]:
        """Collect every line of the event stream until the end of the block."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ready["port"], timeout=LONGEST)
        connection.request("GET", "/api/events", headers={"X-Cockpit-Secret": self.secret})
        answer = connection.getresponse()
        lines: list[str] = []

        def listen() -> None:
            with contextlib.suppress(
                OSError, ValueError, AttributeError, http.client.HTTPException
            ):
                for line in answer:
                    lines.append(line.decode())

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        until(lambda: any(line.startswith("event: snapshot") for line in lines))
        try:
            yield lines
        finally:
            if connection.sock:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            answer.close()
            connection.close()

    def idle(self) -> list[dict[str, Any]]:
        """Wait until no job is active; return all jobs."""

        def final() -> list[dict[str, Any]] | None:
            jobs: list[dict[str, Any]] = self.get("/api/jobs")["jobs"]
            active = [job for job in jobs if job["state"] in ("queued", "running")]
            return jobs if jobs and not active else None

        return until(final, every=0.05)

    def stop(self) -> int:
        """End its standard input, as a lab that goes does; return the exit status."""
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        status = self.process.wait(20)
        self._close()
        return status

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._close()

    def _close(self) -> None:
        self.errors.join(5)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()

    @property
    def log(self) -> str:
        return "".join(self.lines)


def about(**query: str) -> tuple[int, str]:
    """Return size and sha256 of a file of the hub: `repo=…`, `version=…`, `fault=…`."""
    found = published(query)
    return found["size_bytes"], found["sha256"]


def bodies(hub: Hub) -> list[dict[str, Any]]:
    """Return the log's entries that sent a file's bytes, in the order of their beginning."""
    kinds = ("cdn", "storage", "file", "resolve-cache")
    with hub.lock:
        sent = [e for e in hub.entries if e["kind"] in kinds and e["method"] == "GET"]
    return sorted((e for e in sent if e["bytes"]), key=lambda entry: float(entry["start"]))
