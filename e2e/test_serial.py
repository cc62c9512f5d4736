"""Many processes on one volume: one file at a time, each file once."""

from __future__ import annotations

import itertools
from pathlib import Path

from demo.hub.exchange import Hub

from . import shapes
from .cockpit import Daemon, Root, about, bodies, until
from .conftest import Roots
from .shapes import check

FILES = ("4MB", "3MB", "5MB", "2MB")


def declare(root: Root, names: tuple[str, ...] = FILES, *, auto: bool = False) -> None:
    models = {
        f"m{name.lower()}": {
            "source": f"hf://sized/{name}/model.safetensors",
            "path": f"checkpoints/{name}.safetensors",
        }
        for name in names
    }
    root.declare(auto=auto, **models)


def test_serial(roots: Roots, hub: Hub, tmp_path: Path) -> None:
    """A lab, a second lab and a command line, started together on one volume."""
    hub.rate = 5e6
    shared = {"COCKPIT_MODELS_DIR": str(tmp_path / "models")}
    one, two, three = (roots(name, **shared) for name in ("one", "two", "three"))
    declare(one, auto=True)
    declare(two, FILES[::-1], auto=True)
    declare(three, (FILES[2], FILES[0], FILES[3], FILES[1]))
    daemons: list[Daemon] = [one.serve(), two.serve()]
    command = three.start("models", "install", "--all", "--json")
    for daemon in daemons:
        daemon.wait()
        jobs = daemon.idle()
        assert {job["state"] for job in jobs} == {"done"}, jobs
    done = command.end()
    assert (done.status, check(shapes.INSTALL, done.json)["ok"]) == (0, True)
    assert one.tree() == sorted(f"checkpoints/{name}.safetensors" for name in FILES)
    for name in FILES:
        assert (tmp_path / "models/checkpoints" / f"{name}.safetensors").stat().st_size == about(
            repo=f"sized/{name}"
        )[0]

    sent = bodies(hub)
    assert sorted(e["subject"] for e in sent) == sorted(
        f"sized/{name}/model.safetensors" for name in FILES
    )
    assert [e["bytes"] for e in sent] == [e["total"] for e in sent], "each file once, and whole"
    for before, after in itertools.pairwise(sent):
        assert before["end"] <= after["start"], "two bodies of different files overlap"


def test_jobs_of_one_daemon_are_serial_too(root: Root, hub: Hub) -> None:
    """Several requests at once: a file on its way is shared, not fetched twice."""
    hub.rate = 5e6
    declare(root)
    daemon = root.serve().wait()
    for _ in range(3):
        daemon.post("/api/models/install", {"all": True})
    commands = [root.start("models", "install", "--all", "--json") for _ in range(2)]
    places = until(
        lambda: [j["queue_place"] for j in daemon.get("/api/jobs")["jobs"] if j["queue_place"]]
    )
    assert all(place > 0 for place in places)
    assert [command.end().status for command in commands] == [0, 0]
    daemon.idle()
    sent = bodies(hub)
    assert len(sent) == len({e["subject"] for e in sent}) == len(FILES)
    for before, after in itertools.pairwise(sent):
        assert before["end"] <= after["start"]


def test_waiting_is_said(roots: Roots, hub: Hub, tmp_path: Path) -> None:
    """While another process has the volume the phase is `waiting`, and a cancel ends the wait."""
    hub.rate = 1e6
    shared = {"COCKPIT_MODELS_DIR": str(tmp_path / "models")}
    one, two = (roots(name, **shared) for name in ("one", "two"))
    declare(one, ("5MB",))
    declare(two, ("4MB",))
    command = one.start("models", "install", "--all")
    until(lambda: any(name.endswith(".cockpit-part") for name in one.tree()))
    daemon = two.serve().wait()
    job = daemon.post("/api/models/install", {"all": True})["job"]

    def waiting() -> bool:
        jobs = daemon.get("/api/jobs")["jobs"]
        return any(j["progress"]["phase"] == "waiting" and j["state"] == "running" for j in jobs)

    until(waiting)
    daemon.post(f"/api/jobs/{job['id']}/cancel")
    daemon.idle()
    assert daemon.get(f"/api/jobs/{job['id']}")["job"]["state"] == "cancelled"
    hub.rate = 0
    assert command.end().status == 0
    assert {e["subject"] for e in bodies(hub)} == {"sized/5MB/model.safetensors"}
