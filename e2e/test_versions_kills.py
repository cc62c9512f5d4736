"""SIGKILL at seeded moments of realize, rollback and delete: the old version runs on, and the next one ends well.

`COCKPIT_KILLS` says how many in all; a kill that came after the end does not count.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .cockpit import Daemon, until
from .comfy import Machine, Repository, core
from .conftest import Machines

KILLS = int(os.environ.get("COCKPIT_KILLS", "10"))
SHARE = {"realize": 0.6, "rollback": 0.2, "delete": 0.2}


class House:
    """One machine whose daemon is killed again and again."""

    def __init__(self, comfy: Machine, comfyui: Repository, weights: Path) -> None:
        self.comfy, self.comfyui, self.weights = comfy, comfyui, weights
        self.number = 0
        self.store = comfy.root.home / ".comfy-builds" / "comfy-v"
        self.daemon = comfy.root.serve().wait()

    def new_commit(self) -> str:
        """Another ComfyUI, whose checkout takes its time; and another model each time."""
        self.number += 1
        files = {f"web/{n}.js": f"// {n} {self.number}\n" * 50 for n in range(100)}
        self.comfyui.commit({"comfyui_version.txt": f"{self.number}\n", **files})
        with self.weights.open("r+b") as file:
            file.write(self.number.to_bytes(8, "little"))
        self.comfy.declare(
            self.comfyui,
            comfy={"repo": self.comfyui.url, "commit": self.comfyui.head},
            python_packages=["packaging"] if self.number % 2 else ["iniconfig"],
            models=[{"source": str(self.weights), "target_path": f"loras/{self.number}.bin"}],
        )
        return str(self.number)

    def again(self) -> None:
        self.daemon = self.comfy.root.serve().wait()

    def killed(self, seconds: float, ask: Callable[[Daemon], Any]) -> bool:
        """Ask, and kill that long after; False if it had come to its end."""
        ended: list[Any] = []

        def asking() -> None:
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                ended.append(ask(self.daemon))

        thread = threading.Thread(target=asking)
        thread.start()
        time.sleep(seconds)
        in_time = not ended
        self.daemon.kill()
        thread.join()
        return in_time

    def children(self, but: int = 0) -> list[str]:
        """Whatever runs somewhere below this machine's directories, but a process that is just being started."""
        mine = (str(self.comfy.root.home), str(self.comfy.cache))
        found = []
        for process in Path("/proc").iterdir():
            if not process.name.isdigit() or int(process.name) in (
                os.getpid(),
                self.daemon.process.pid,
                but,
            ):
                continue
            try:
                line = (
                    (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
                at = os.readlink(process / "cwd")  # noqa: PTH115
            except OSError:
                continue
            if any(path in line or at.startswith(path) for path in mine) and not any(
                word in line for word in ("sidecar.jar", "pytest")
            ):
                found.append(line)
        return found

    def check_nothing_left(self) -> None:
        assert self.children() == []
        if self.store.is_dir():
            builds = [p for p in self.store.iterdir() if len(p.name) == 16]
            assert [p.name for p in builds if not (p / ".comfy_env").is_file()] == []
            usual = {"data", "history", "lock", *(p.name for p in builds)}
            assert {p.name for p in self.store.iterdir()} - usual == set()
            assert not list(self.store.rglob("*.cockpit-part"))
        work = self.comfy.cache / "work"
        assert list(work.iterdir() if work.is_dir() else []) == []


@pytest.fixture
def house(machines: Machines, tmp_path: Path) -> House:
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"\0" * 8_000_000)
    made = House(machines(), core(tmp_path / "git" / "ComfyUI"), weights)
    made.new_commit()
    made.comfy.done("realize")
    return made


def moments(kind: str, longest: float) -> Callable[[int], float]:
    """When to kill, seeded: the first tries are spread evenly over all of it."""
    return lambda number: random.Random(f"{kind} {number}").uniform(0, longest)  # noqa: S311


def test_killed_realizations(house: House) -> None:
    quota = max(1, round(KILLS * SHARE["realize"]))
    comfy = house.comfy
    start = time.monotonic()
    old = house.new_commit()
    comfy.done("realize")
    moment = moments("realize", time.monotonic() - start)
    hits, tries = 0, 0
    while hits < quota:
        assert tries < 3 * quota + 5, f"only {hits} of {tries} kills came in time"
        new = house.new_commit()

        def work(daemon: Daemon) -> Any:
            job = daemon.post("/api/versions/v/realize")["job"]
            return until(
                lambda: daemon.get(f"/api/jobs/{job['id']}")["job"]["state"] != "running" or None,
                60,
            )

        hits += house.killed(moment(tries), work)
        tries += 1
        said = comfy.runs()
        assert said["version"] in (old, new)
        assert "six==1.17.0" in said["packages"]
        house.again()
        state = house.daemon.get("/api/versions/v?full=true")
        assert state["state"] in ("realized", "stale"), state
        if tries % 2:  # the same again, or something else in its place
            new = house.new_commit()
        job = comfy.work("realize")
        assert job["state"] == "done", json.dumps(job)
        assert comfy.runs()["version"] == new
        assert house.daemon.get("/api/versions/v?full=true")["state"] == "realized"
        house.check_nothing_left()
        old = new


def test_killed_rollbacks(house: House) -> None:
    comfy = house.comfy
    house.new_commit()
    comfy.done("realize")
    quota = max(1, round(KILLS * SHARE["rollback"]))
    moment = moments("rollback", 0.03)
    hits, tries = 0, 0
    while hits < quota:
        assert tries < 10 * quota + 10, f"only {hits} of {tries} kills came in time"
        hits += house.killed(moment(tries), lambda daemon: daemon.post("/api/versions/v/rollback"))
        tries += 1
        assert comfy.runs()["version"] in ("1", "2")
        house.again()
        assert comfy.done("realize")["state"] in ("realized", "unchanged")
        assert comfy.runs()["version"] == "2"
        house.check_nothing_left()
    assert house.daemon.post("/api/versions/v/rollback")["state"] == "realized"
    assert comfy.runs()["version"] == "1"


def test_killed_deletions(house: House) -> None:
    comfy = house.comfy
    quota = max(1, round(KILLS * SHARE["delete"]))
    moment = moments("delete", 0.15)
    query = "?remove_models=true&remove_root=true"
    hits, tries = 0, 0
    while hits < quota:
        assert tries < 10 * quota + 10, f"only {hits} of {tries} kills came in time"
        hits += house.killed(
            moment(tries), lambda daemon: daemon.request("DELETE", f"/api/versions/v{query}")
        )
        tries += 1
        if comfy.target().exists():
            comfy.runs()
        house.again()
        status, _, text = house.daemon.request("DELETE", f"/api/versions/v{query}")
        assert status in (200, 409), text
        assert status == 200 or "environment_not_realized" in text
        assert not comfy.target().is_symlink()
        assert not house.store.exists()
        house.check_nothing_left()
        assert house.weights.stat().st_size == 8_000_000
        assert comfy.done("realize")["state"] == "realized"
        comfy.runs()


def test_killed_command(house: House) -> None:
    """The command without a daemon, killed while packages are installed: no child outlives the next one."""
    comfy = house.comfy
    house.daemon.stop()
    house.new_commit()
    command = comfy.start("realize", "v")
    pid = command.process.pid
    until(lambda: house.children(pid) or command.process.poll() is not None, every=0.002)
    command.process.kill()
    command.end()
    assert comfy.runs()["version"] == "1"
    assert comfy.json("realize", "v").status == 0
    assert comfy.runs()["version"] == "2"
    house.check_nothing_left()


def test_cancelled(house: House) -> None:
    """An interrupted command ends with 130 and leaves what was before, and no half."""
    comfy = house.comfy
    house.daemon.stop()
    house.new_commit()
    command = comfy.start("realize", "v")
    pid = command.process.pid
    until(lambda: house.children(pid) or command.process.poll() is not None, every=0.002)
    done = command.interrupt()
    assert done.status == 130, done
    assert comfy.runs()["version"] == "1"
    assert house.children() == []
    house.daemon = comfy.root.serve().wait()
    house.new_commit()
    job = house.daemon.post("/api/versions/v/realize")["job"]
    time.sleep(0.3)
    house.daemon.post(f"/api/jobs/{job['id']}/cancel")
    jobs = {each["id"]: each for each in house.daemon.idle()}
    assert jobs[job["id"]]["state"] == "cancelled", jobs[job["id"]]
    assert comfy.runs()["version"] == "1"
    comfy.done("realize")
    assert comfy.runs()["version"] == "3"
    house.check_nothing_left()
