"""No secret leaves: logs, arguments, environments of children, events, answers, files."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

from demo.hub import civitai as civitai_hub
from demo.hub import huggingface
from demo.hub.exchange import Hub

from .cockpit import MINE, Root, until

GETS = (
    "/api/health",
    "/api/models",
    "/api/jobs",
    "/api/doctor",
    "/api/openapi.json",
    "/api/nothing",
    "/api/jobs/nobody",
)


class Processes:
    """Looks at arguments and environments of a process and its children until told to stop."""

    def __init__(self, pid: int) -> None:
        self.pid, self.over = pid, threading.Event()
        self.arguments: set[bytes] = set()
        self.environments: set[bytes] = set()  # of children, not of the daemon itself
        self.thread = threading.Thread(target=self._look)
        self.thread.start()

    def _look(self) -> None:
        while not self.over.wait(0.02):
            own = read(f"/proc/{self.pid}/cmdline")
            self.arguments.add(own)
            for child in self._children(self.pid):
                program = read(f"/proc/{child}/cmdline")
                self.arguments.add(program)
                # Until it becomes the program that it is to be, a child is still its parent.
                if program and program != own and b"jspawnhelper" not in program:
                    self.environments.add(read(f"/proc/{child}/environ"))

    def _children(self, pid: int) -> list[int]:
        found = []
        for task in tasks(pid):
            for child in read(f"/proc/{pid}/task/{task}/children").split():
                found += [int(child), *self._children(int(child))]
        return found

    def stop(self) -> None:
        self.over.set()
        self.thread.join()


def read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError:
        return b""


def tasks(pid: int) -> list[str]:
    try:
        return [task.name for task in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []


def test_secret_scan(root: Root, hub: Hub) -> None:
    """A daemon with three secrets, files that come and files that do not, and everything it says."""
    # Secrets that differ from all other words, so that a hit is a leak and not a repository's name.
    hf, civitai, own = "hf_" + "Qx7" * 9, "cv" + "Zk3" * 9, "own" + "Wj5" * 12
    with_token = {"HF_TOKEN": hf, "CIVITAI_TOKEN": civitai, "COCKPIT_SECRET": own}
    huggingface.TOKENS[hf] = "all rights"
    before, civitai_hub.TOKEN = civitai_hub.TOKEN, civitai
    try:
        _scan(root, hub, with_token)
    finally:
        del huggingface.TOKENS[hf]
        civitai_hub.TOKEN = before


def _scan(root: Root, hub: Hub, secrets: dict[str, str]) -> None:
    hub.rate = 20e6
    password = "pw" + "Lr9" * 8
    root.set(network={"retries": 1, "stall_timeout": 1})
    private = {"source": "hf://demo/mixed/model.safetensors", "path": "x/private.safetensors"}
    root.declare(
        auto=True,
        public=private,
        login="civitai://models/101",
        signed="hf://sized/6MB/model.safetensors",
        expired="hf://broken/expired/model.safetensors",
        cut="civitai://models/307",
        quota="civitai://models/202",
        stall="hf://broken/stall-at-start/model.safetensors",
        loop="hf://broken/redirect-loop/model.safetensors",
        server="hf://broken/status-500/model.safetensors",
        query=f"{hub.api}/files/status-403/a.safetensors?token={password}&X-Amz-Signature={password}",
        user=f"http://me:{password}@127.0.0.1:{hub.port}/files/good/a.safetensors",
    )
    # An address with a password in it is refused, and not repeated, wherever it stands.
    for verb in ("validate", "status"):
        done = root.json("models", verb)
        assert password not in done.out + done.err
    document = root.read()
    cut = document.index(',\n    "user"')
    root.write(
        document[:cut]
        + document[document.index('\n  },\n  "bundles"') :].replace('"user"', '"query"')
    )

    daemon = root.serve("--verbose", **secrets, COCKPIT_AOT_IDLE="1").wait()
    processes = Processes(daemon.process.pid)
    said: dict[str, str] = {}
    with daemon.events() as events:
        command = root.start("models", "install", "--all", "--json", "--verbose")
        seen = Processes(command.process.pid)
        until(lambda: any(name.endswith(".cockpit-part") for name in root.tree()), every=0.001)
        names = set(root.tree())
        jobs = daemon.idle()
        done = command.end()
        assert done.status == 1
        states = {model["id"]: model["state"] for model in done.json["models"]}
        assert {states[name] for name in ("public", "login", "signed")} <= {"installed", "present"}
        assert {states[name] for name in ("expired", "cut", "quota", "stall", "query")} == {
            "failed"
        }
        for verb in ("verify", "pin"):
            daemon.post(f"/api/models/{verb}")
        jobs = daemon.idle()
        for path in [*GETS, *(f"/api/jobs/{job['id']}" for job in jobs)]:
            status, headers, text = daemon.request("GET", path)
            said[f"GET {path}"] = f"{status} {headers} {text}"
        for verb in ("plan", "validate"):
            said[verb] = str(daemon.request("POST", f"/api/models/{verb}", {}))
        said["refusal"] = str(daemon.request("GET", "/api/models", **{"X-Cockpit-Secret": "x"}))
        said["nonsense"] = str(daemon.request("POST", "/api/models/install", {"modles": 1}))
    said["events"] = "".join(events)
    assert "event: job" in said["events"]
    for verb in ("models status", "models plan --all", "doctor", "jobs list"):
        ended = root.run(
            *verb.split(),
            "--verbose",
            **{k: v for k, v in secrets.items() if k != "COCKPIT_SECRET"},
        )
        said[verb] = ended.out + ended.err
    said["install"] = done.out + done.err
    connection = daemon.connection_file
    assert stat.S_IMODE(connection.stat().st_mode) == 0o600
    kept = connection.read_text()
    processes.stop()
    seen.stop()
    daemon.stop()
    said["log"] = daemon.log
    assert len(daemon.lines) > 5
    said["arguments"] = repr(processes.arguments | seen.arguments)
    assert "sidecar.jar" in said["arguments"]
    said["children"] = repr(processes.environments)
    said["names"] = repr(names | set(root.tree()))
    for file in sorted(root.models.rglob("*")):
        if file.is_file() and file.name != "models.json":
            said[f"file {file.name}"] = file.read_bytes().decode("latin-1")
    assert any(MINE in str(file) for file in root.models.rglob("*"))
    for file in sorted(root.home.rglob("*")):
        if file.is_file():
            said[f"home {file.name}"] = file.read_bytes().decode("latin-1")

    leaks = {
        (place, name)
        for place, text in said.items()
        for name, secret in {**secrets, "password": password}.items()
        if secret in text
    }
    # What `status` and `models.json` show of a source is the user's own text; all else is clean.
    assert leaks == set()
    assert secrets["COCKPIT_SECRET"] in kept
    assert secrets["HF_TOKEN"] not in kept
    assert secrets["CIVITAI_TOKEN"] not in kept


def test_training_child_has_no_secret(root: Root, tmp_path: Path) -> None:
    """The one child that a daemon has: it gets an environment made for it."""
    cache = tmp_path / "new.aot"
    secrets = {"HF_TOKEN": "hf_" + "Q" * 30, "CIVITAI_TOKEN": "Z" * 30, "COCKPIT_SECRET": "W" * 40}
    root.declare(a="own.bin")
    daemon = root.serve("--aot-cache", str(cache), COCKPIT_AOT_IDLE="1", **secrets).wait()
    processes = Processes(daemon.process.pid)
    until(lambda: cache.is_file() or (daemon.process.poll() is not None), 120, 0.1)
    processes.stop()
    daemon.stop()
    assert cache.is_file(), daemon.log
    assert stat.S_IMODE(cache.stat().st_mode) & 0o077 == 0
    assert any(b"COCKPIT_SECRET=training" in environment for environment in processes.environments)
    for secret in secrets.values():
        for environment in processes.environments:
            assert secret.encode() not in environment
        assert secret not in repr(processes.arguments)
        assert secret not in daemon.log
