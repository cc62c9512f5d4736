"""SIGKILL of the daemon at seeded moments: what was not finished never bears a model's name.

`COCKPIT_KILLS` says how many in all; each phase gets its fifth of them, counted by what lay on the
disk after the kill, so that a kill that came too late does not count.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.hub.exchange import Hub

from .cockpit import MINE, Daemon, Root, about, until

KILLS = int(os.environ.get("COCKPIT_KILLS", "20"))
PHASES = ("headers", "body", "fsync", "publish", "sweep")
REPO = "sized/8MB"
LEFTOVERS = 600
SIZE, SHA256 = about(repo=REPO)


class Volume:
    """models_dir and what the cockpit has on it."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self.notes = root.models / MINE / "writing"
        self.final = root.models / "loras" / "a.safetensors"

    def parts(self) -> list[Path]:
        return list(self.root.models.rglob(".*.cockpit-part"))

    def part_size(self) -> int:
        """Return the temporary file's size, -1 where there is none."""
        with_size = [size_of(part) for part in self.parts()]
        return max(with_size, default=-1)

    def left_notes(self) -> int:
        try:
            return len(list(self.notes.iterdir()))
        except FileNotFoundError:
            return 0

    def phase(self) -> str:
        """Tell from the disk where a daemon was when it died."""
        notes, size = self.left_notes(), self.part_size()
        if notes > 1:
            return "sweep" if notes < LEFTOVERS else "before"
        if self.final.exists():
            return "publish" if notes else "after"
        if not notes or size < 0:
            return "before"
        return "headers" if size == 0 else "body" if size < SIZE else "fsync"

    def check(self) -> None:
        """The final path is absent or byte-exact."""
        if self.final.exists():
            assert self.final.stat().st_size == SIZE
            assert hashlib.sha256(self.final.read_bytes()).hexdigest() == SHA256


def size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return -1


def declare(root: Root, *, auto: bool, repo: str = REPO) -> None:
    model = {"source": f"hf://{repo}/model.safetensors", "path": "loras/a.safetensors"}
    root.declare(auto=auto, a=model)


def spin(seconds: float) -> None:
    """Wait more exactly than a sleep does."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def died(daemon: Daemon) -> bool:
    """Fail at once where nothing is left to wait for."""
    assert daemon.process.poll() is None, daemon.log
    return False


def in_headers(root: Root, volume: Volume, chance: random.Random) -> None:
    """After the file was opened, before its first byte; the host may take its time to answer."""
    root.hub.rate = 16e6
    declare(
        root,
        auto=True,
        repo=chance.choice([REPO, f"broken/silent.{SIZE}", f"broken/stall-at-start.{SIZE}"]),
    )
    daemon = root.serve()
    until(lambda: volume.part_size() >= 0 or died(daemon), every=0.0005)
    time.sleep(chance.uniform(0, 0.03))
    daemon.kill()


def in_body(root: Root, volume: Volume, chance: random.Random) -> None:
    root.hub.rate = 16e6
    declare(root, auto=True)
    daemon = root.serve()
    wanted = chance.randrange(1, SIZE - 500_000)
    until(lambda: volume.part_size() >= wanted or died(daemon), every=0.002)
    daemon.kill()


def in_fsync(root: Root, volume: Volume, chance: random.Random) -> None:
    """All bytes are there: hashed to the end, forced to the disk, not published."""
    root.hub.rate = 0
    declare(root, auto=True)
    daemon = root.serve()
    until(lambda: volume.part_size() >= SIZE or volume.final.exists() or died(daemon), every=0.0002)
    spin(chance.uniform(0, 0.004))
    daemon.kill()


def in_publish(root: Root, volume: Volume, chance: random.Random) -> None:
    """From the moment of the final name to that of the last note."""
    root.hub.rate = 0
    declare(root, auto=True)
    daemon = root.serve()
    until(lambda: volume.part_size() >= SIZE or volume.final.exists() or died(daemon), every=0.0002)
    name, end = str(volume.final), time.monotonic() + 20
    while not os.path.exists(name) and time.monotonic() < end:  # noqa: PTH110
        pass
    spin(chance.uniform(0, 0.001))
    daemon.kill()


def in_sweep(root: Root, volume: Volume, chance: random.Random) -> None:
    """While the next daemon takes away what many dead ones left."""
    in_body(root, volume, chance)
    if volume.left_notes() != 1:
        return
    (note,) = volume.notes.iterdir()
    written = json.loads(note.read_text())
    for number in range(LEFTOVERS - 1):
        part = Path(written["temp"]).with_name(f".a.safetensors.{number:08x}-0000.cockpit-part")
        part.write_bytes(b"x" * 10)
        more = written | {"temp": str(part)}
        (volume.notes / f"{number:08x}-0000.json").write_text(json.dumps(more))
    declare(root, auto=False)
    daemon = root.serve()
    wanted = chance.randrange(LEFTOVERS // 10, LEFTOVERS)
    until(lambda: volume.left_notes() < wanted or died(daemon), every=0.0002)
    daemon.kill()


KILL: dict[str, Callable[[Root, Volume, random.Random], None]] = {
    "headers": in_headers,
    "body": in_body,
    "fsync": in_fsync,
    "publish": in_publish,
    "sweep": in_sweep,
}


@pytest.fixture
def volume(root: Root, hub: Hub) -> Volume:
    root.set(network={"header_timeout": 30, "stall_timeout": 30}, models_dir="models")
    root.models.mkdir()
    return Volume(root)


@pytest.mark.parametrize("phase", PHASES)
def test_kill(root: Root, volume: Volume, phase: str) -> None:
    quota = max(1, KILLS // len(PHASES))
    hits, tries = 0, 0
    while hits < quota:
        assert tries < 5 * quota + 5, f"only {hits} of {tries} kills came in time"
        chance = random.Random(f"{phase} {tries}")  # noqa: S311
        tries += 1
        shutil.rmtree(volume.final.parent, ignore_errors=True)
        users = chance.random() < 0.5  # the folder was there before
        if users:
            volume.final.parent.mkdir()
        KILL[phase](root, volume, chance)
        hits += volume.phase() == phase
        volume.check()

        declare(root, auto=False)
        daemon = root.serve().wait()
        wanted = ["loras/a.safetensors"] if volume.final.exists() else []
        until(lambda wanted=wanted: root.tree() == wanted)  # type: ignore[misc]
        volume.check()
        assert volume.final.parent.exists() == bool(wanted or users), (
            "folders of ours are swept too"
        )
        records = root.models / MINE / "verified"
        strange = [
            f.name for f in records.glob("*") if not re.fullmatch(r"[0-9a-f]{32}\.json", f.name)
        ]
        assert strange == []
        if tries % 5 == 1:  # and the next installation is like any other
            declare(root, auto=True)
            job = daemon.post("/api/models/install", {"all": True})["job"]
            root.hub.rate = 0
            daemon.idle()
            assert daemon.get(f"/api/jobs/{job['id']}")["job"]["state"] == "done"
            assert volume.final.exists()
            volume.check()
            assert root.tree() == ["loras/a.safetensors"]
        assert daemon.stop() == 0


def test_kill_of_the_command(root: Root, volume: Volume) -> None:
    """The same without a daemon: the next command sweeps."""
    root.hub.rate = 8e6
    declare(root, auto=False)
    command = root.start("models", "install", "--all")
    until(lambda: volume.part_size() > 1_000_000)
    command.process.kill()
    command.end()
    volume.check()
    root.hub.rate = 0
    assert root.install().status == 0
    volume.check()
    assert root.tree() == ["loras/a.safetensors"]


def test_daemon_leaves_others_files_alone(root: Root, volume: Volume) -> None:
    """A sweep takes away only what is noted, and nothing of a process that lives."""
    root.hub.rate = 5e5
    declare(root, auto=False)
    (root.models / "user.cockpit-part").write_bytes(b"mine")
    (root.models / ".note.cockpit-part").write_bytes(b"mine")
    command = root.start("models", "install", "--all", "--json")
    until(lambda: volume.part_size() > 500_000)
    daemon = root.serve().wait()
    assert daemon.get("/api/models")["models"][0]["state"] == "missing"
    root.hub.rate = 0
    assert command.end().status == 0
    volume.check()
    assert volume.final.exists()
    assert root.tree() == [".note.cockpit-part", "loras/a.safetensors", "user.cockpit-part"]
