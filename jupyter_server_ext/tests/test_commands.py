"""The real commands, as a user starts them, with the real daemon or a stand-in for its Java."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

PYTHON = os.environ.get("COCKPIT_PYTHON", sys.executable)
KILLS = int(os.environ.get("COCKPIT_KILLS", "3"))
FAKE = Path(__file__).with_name("fake_daemon.py")
TOKEN = "a-token-of-the-server"
PAPERSPACE = [
    *("--allow-root", "--ip=0.0.0.0", "--no-browser"),
    *("--ServerApp.trust_xheaders=True", "--ServerApp.allow_remote_access=True"),
    *("--ServerApp.allow_origin=*", "--ServerApp.allow_credentials=True"),
]


class Server:
    """A child that runs a command of Jupyter's; all that it starts inherits `mark`."""

    def __init__(self, home: Path, application: str, flags: list[str], environ: dict[str, str]):
        self.mark, self.home = uuid4().hex, home
        self.root = home / "root"
        self.root.mkdir()
        self.log = home / "log.txt"
        # Another extension starts programs of its own, which would blur what is left.
        settings = home / "CONFIG" / "jupyter_server_config.d" / "lsp.json"
        settings.parent.mkdir(parents=True)
        off = {"ServerApp": {"jpserver_extensions": {"jupyter_lsp": False}}}
        settings.write_text(json.dumps(off))
        names = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
        names |= {"COCKPIT_MARK": self.mark, "JUPYTER_PREFER_ENV_PATH": "0"}
        self.environ = os.environ | names | environ
        command = [PYTHON, "-m", application, "--no-browser", "--allow-root", "--port=0"]
        command += [f"--ServerApp.root_dir={self.root}", *flags]
        with self.log.open("w") as log:
            self.child = subprocess.Popen(
                command, env=self.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.url, self.token = self._address()

    def _address(self) -> tuple[str, str]:
        file = self.home / "RUNTIME" / f"jpserver-{self.child.pid}.json"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.child.poll() is None:
            if file.is_file() and (text := file.read_text()).endswith("}"):
                server = json.loads(text)
                url = f"http://127.0.0.1:{server['port']}{server['base_url']}"
                return url, server["token"]
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"token {self.token}"} if self.token else {}
        headers |= options.pop("headers", {})
        url = f"{self.url}{path}"
        with httpx.Client(trust_env=False, timeout=10, headers=headers) as client:
            return client.request(method, url, **options)

    def wait_until(self, state: str) -> dict[str, Any]:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            document: dict[str, Any] = self.ask("GET", "comfyui-cockpit/server").json()
            if document["state"] == state:
                return document
            time.sleep(0.05)
        raise AssertionError((document, self.log.read_text()))

    def processes(self) -> dict[int, str]:
        """Return pid and command line of all that live and were started by the command."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (folder / "environ").read_bytes():
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found[int(folder.name)] = command
            except OSError:  # it ended meanwhile
                continue
        return found

    def is_gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.child.poll()
            if not self.processes():
                return True
            time.sleep(0.05)
        return False


def fake_java(home: Path) -> dict[str, str]:
    """Make a Java 25 that is the fake daemon."""
    program = home / "jdk" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}"\n')
    program.chmod(0o755)
    (home / "jdk" / "release").write_text('JAVA_VERSION="25.0.1"\n')
    return {"COCKPIT_JAVA": str(program)}


class Starter:
    """Starts servers and sees to their end."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.servers: list[Server] = []

    def __call__(self, application: str, *flags: str, real: bool = False) -> Server:
        home = self.home / str(len(self.servers))
        home.mkdir()
        server = Server(home, application, list(flags), {} if real else fake_java(home))
        self.servers.append(server)
        return server


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    starter = Starter(tmp_path)
    yield starter
    for server in starter.servers:
        for pid in server.processes():
            os.kill(pid, signal.SIGKILL)
        server.child.wait()


@pytest.mark.parametrize("application", ["jupyterlab", "notebook", "jupyter_server"])
def test_works_in_each_of_jupyters_applications(start: Starter, application: str) -> None:
    server = start(application, f"--IdentityProvider.token={TOKEN}")
    document = server.wait_until("ready")
    assert document["authentication"] is True
    # They come by two pipes, in either order.
    assert sorted(document["log"]) == ["a line of the daemon's log", "not JSON"]
    assert server.ask("GET", "comfyui-cockpit/api/health").status_code == 200


def test_works_at_a_base_url_and_behind_a_password(start: Starter) -> None:
    hashed = "argon2:$argon2id$v=19$m=10240,t=10,p=8$c2FsdHNhbHRzYWx0$aGFzaA"
    flags = [f"--PasswordIdentityProvider.hashed_password={hashed}", "--ServerApp.base_url=/x/y/"]
    server = start("jupyterlab", *flags, f"--IdentityProvider.token={TOKEN}")
    assert server.url.endswith("/x/y/")
    assert server.wait_until("ready")["authentication"] is True
    assert httpx.get(f"{server.url}comfyui-cockpit/server", trust_env=False).status_code == 403


def test_warns_when_nobody_is_asked_for_anything(start: Starter) -> None:
    server = start("jupyterlab", "--IdentityProvider.token=")
    assert server.wait_until("ready")["authentication"] is False
    assert "no token and no password" in server.log.read_text()


def test_works_under_paperspaces_flags_with_xsrf_still_on(start: Starter) -> None:
    server = start("jupyterlab", *PAPERSPACE, f"--IdentityProvider.token={TOKEN}")
    server.wait_until("ready")
    foreign = {"Origin": "https://elsewhere.example", "Host": "abc.example"}
    assert server.ask("GET", "comfyui-cockpit/server", headers=foreign).status_code == 200
    with httpx.Client(trust_env=False, headers=foreign) as browser:
        browser.get(f"{server.url}login")
        browser.get(f"{server.url}api/status", params={"token": TOKEN})
        assert browser.get(f"{server.url}comfyui-cockpit/server").status_code == 200
        for path in ("comfyui-cockpit/api/models/install", "comfyui-cockpit/server/restart"):
            assert browser.post(f"{server.url}{path}").status_code == 403


@pytest.mark.parametrize("how", ["SIGTERM", "shutdown"])
def test_an_orderly_end_ends_the_daemon(start: Starter, how: str) -> None:
    server = start("jupyterlab", f"--IdentityProvider.token={TOKEN}")
    server.wait_until("ready")
    assert len(server.processes()) == 2
    if how == "SIGTERM":
        server.child.terminate()
    else:
        assert server.ask("POST", "api/shutdown").status_code == 200
    assert server.child.wait(10) == 0
    assert server.is_gone_within(1)


@pytest.mark.parametrize("real", [False, True], ids=["fake", "real"])
@pytest.mark.parametrize("seed", range(KILLS))
def test_a_kill_of_jupyter_leaves_no_process(start: Starter, real: bool, seed: int) -> None:
    server = start("jupyterlab", f"--IdentityProvider.token={TOKEN}", real=real)
    if seed % 3:
        server.wait_until("ready")
    time.sleep(seed * 0.07)
    server.child.kill()
    assert server.is_gone_within(3), server.processes()


def test_the_daemon_keeps_its_secret(start: Starter) -> None:
    server = start("jupyterlab", f"--IdentityProvider.token={TOKEN}", real=True)
    server.wait_until("ready")
    health = server.ask("GET", "comfyui-cockpit/api/health")
    assert health.json()["root"] == str(server.root.resolve())
    [file] = (server.home / "RUNTIME").glob("comfyui-cockpit-*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    connection = json.loads(file.read_text())
    secret = connection["secret"]
    assert len(secret) >= 40
    assert httpx.get(f"{connection['url']}/api/health", trust_env=False).status_code == 403
    answers = [health.text, server.ask("GET", "comfyui-cockpit/server").text]
    for said in (*answers, server.log.read_text(), *server.processes().values()):
        assert secret not in said
        assert TOKEN not in said.replace(f"--IdentityProvider.token={TOKEN}", "").replace(
            f"?token={TOKEN}", ""
        )


def test_jupyters_lists_say_ok() -> None:
    for words, wanted in (
        (["labextension", "list"], r"jupyterlab-comfyui-cockpit v\S+ enabled OK"),
        (["server", "extension", "list"], r"comfyui_cockpit \S+ OK"),
    ):
        jupyter = str(Path(PYTHON).with_name("jupyter"))
        done = subprocess.run([jupyter, *words], capture_output=True, text=True, check=True)
        plain = re.sub(r"\x1b\[\d+m", "", done.stdout + done.stderr)
        assert re.search(wanted, re.sub(r" +", " ", plain)), plain


def test_is_loaded_within_fifty_milliseconds() -> None:
    measure = (
        "import time, jupyter_server.serverapp, jupyter_server.extension.application;"
        "start = time.perf_counter();"
        "import comfyui_cockpit;"
        "points = comfyui_cockpit._jupyter_server_extension_points();"
        "print(time.perf_counter() - start);"
        "import sys; print('httpx' in sys.modules)"
    )
    runs = []
    for _ in range(3):
        said = subprocess.run(
            [PYTHON, "-c", measure], capture_output=True, text=True, check=True
        ).stdout.split()
        runs.append(float(said[0]))
        assert said[1] == "False"
    assert min(runs) < 0.05, runs
