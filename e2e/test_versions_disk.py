"""A disk that is full, at every step of a realization: said as such, and the old version runs on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from . import shapes
from .comfy import Machine, Repository, core
from .conftest import Machines
from .shapes import check
from .test_disk import volume

KIB, MIB = 1 << 10, 1 << 20
BIG = {f"web/{n}.js": os.urandom(40_000).hex() for n in range(10)}


def fill(place: Path, leave: int) -> None:
    """Leave so many bytes on the file system."""
    ballast = place / "ballast"
    ballast.unlink(missing_ok=True)
    free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free - leave))


@pytest.fixture
def comfyui(tmp_path: Path) -> Repository:
    return core(tmp_path / "git" / "ComfyUI")


def until_it_fits(
    comfy: Machine, place: Path, run: Callable[[], dict[str, Any]], sizes: list[int]
) -> None:
    """Give it more and more room; every failure is a full disk, and some there are."""
    for failures, leave in enumerate(sizes):
        fill(place, leave)
        job = run()
        if job["state"] == "done":
            (place / "ballast").unlink()
            assert failures >= 2
            return
        problem = check(shapes.problem_of, job["problem"])
        codes = {problem["code"], *(e["code"] for e in problem["errors"])}
        assert codes == {"disk_full"}, (leave, problem, job["log"][-5:])
        assert comfy.runs()["version"] == "1"
    raise AssertionError("it never had room enough")


def test_full_target(machines: Machines, comfyui: Repository, tmp_path: Path) -> None:
    comfy = machines()
    with volume(tmp_path / "volume", 60 * MIB) as place:
        where = {"target": str(place / "comfy-v"), "models_dir": str(tmp_path / "models")}
        comfy.root.serve().wait()
        comfy.declare(comfyui)
        comfy.done("realize", **where)
        (comfy.root.home / "comfy-v").symlink_to(place / "comfy-v")
        comfyui.commit({"comfyui_version.txt": "2\n", **BIG})
        comfy.declare(
            comfyui,
            comfy={"repo": comfyui.url, "commit": comfyui.head},
            python_packages=["idna", "packaging"],
        )
        comfy.done("resolve")
        sizes = [
            0,
            4 * KIB,
            100 * KIB,
            700 * KIB,
            900 * KIB,
            1000 * KIB,
            *range(1200 * KIB, 8 * MIB, 300 * KIB),
        ]
        until_it_fits(comfy, place, lambda: comfy.work("realize", **where), sizes)
        assert comfy.runs()["version"] == "2"
        store = place / ".comfy-builds" / "comfy-v"
        assert len([p for p in store.iterdir() if len(p.name) == 16]) == 2
        for daemon in comfy.root.daemons:
            daemon.kill()


def test_full_caches(machines: Machines, comfyui: Repository, tmp_path: Path) -> None:
    """Git's objects and uv's packages have no room: nothing of it counts as being there afterwards."""
    comfy = machines(own=True)
    with volume(tmp_path / "volume", 60 * MIB) as place:
        comfy.cache = place / "cache"
        comfy.root.variables["COMFY_CACHE_ROOT"] = str(comfy.cache)
        comfy.root.serve().wait()
        comfy.declare(comfyui)
        comfy.done("realize")
        comfyui.commit({"comfyui_version.txt": "2\n", **BIG})
        comfy.declare(
            comfyui,
            comfy={"repo": comfyui.url, "commit": comfyui.head},
            python_packages=["pygments"],
        )
        sizes = [
            0,
            4 * KIB,
            40 * KIB,
            200 * KIB,
            500 * KIB,
            900 * KIB,
            *range(1300 * KIB, 30 * MIB, 1500 * KIB),
        ]
        until_it_fits(comfy, place, lambda: comfy.work("realize"), sizes)
        assert comfy.runs()["version"] == "2"
        assert any(name.startswith("pygments") for name in comfy.runs()["packages"])
        assert comfy.root.daemons[0].get("/api/versions/v?full=true")["state"] == "realized"
        comfy.root.daemons[0].kill()


def test_full_models_and_locks(machines: Machines, comfyui: Repository, tmp_path: Path) -> None:
    comfy = machines()
    comfyui.commit({"requirements.txt": ""})
    with volume(tmp_path / "volume", 16 * MIB) as place:
        comfy.root.serve().wait()
        comfy.declare(comfyui)
        comfy.done("realize", models_dir=str(place / "models"))
        model = {"source": "hf://sized/4MB/model.safetensors", "target_subdir": "loras"}
        comfy.declare(comfyui, models=[model])
        comfy.done("resolve")
        fill(place, MIB)
        plan = check(
            shapes.VERSION_PLAN,
            comfy.root.daemons[0].post(
                "/api/versions/v/plan", {"models_dir": str(place / "models")}
            ),
        )
        (need,) = [
            f for f in plan["file_systems"] if f["path"] in (str(place), str(place / "models"))
        ]
        assert need["shortfall_bytes"] == need["needed_bytes"] - need["free_bytes"] > 0
        assert [p["code"] for p in plan["missing"]] == ["disk_full"]
        assert (plan["ok"], plan["missing"][0]["args"]["shortfall_bytes"]) == (
            False,
            need["shortfall_bytes"],
        )
        until_it_fits(
            comfy,
            place,
            lambda: comfy.work("realize", models_dir=str(place / "models")),
            [0, KIB, MIB, 3 * MIB, 8 * MIB],
        )
        assert (
            comfy.target() / "models" / "loras" / "model.safetensors"
        ).stat().st_size == 4_000_000

        # Where the spec lies there is no room for its lock.
        specs = place / "specs"
        specs.mkdir()
        (specs / "w.json").write_text(comfy.file().read_text())
        fill(place, 0)
        problem = comfy.problem("resolve", "w", spec=str(specs / "w.json"))
        assert problem["code"] == "disk_full", problem
        assert not (specs / "w.lock.json").exists()
        assert sorted(p.name for p in specs.iterdir()) == ["w.json"]
        for daemon in comfy.root.daemons:
            daemon.kill()


def test_read_only_target(machines: Machines, comfyui: Repository, tmp_path: Path) -> None:
    """What is realized on a volume that became read-only can be looked at and is unchanged."""
    comfy = machines()
    with volume(tmp_path / "volume", 60 * MIB) as place:
        comfy.declare(comfyui)
        where = ["--target", str(place / "comfy-v")]
        comfy.ok("realize", "v", *where)
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        assert comfy.ok("realize", "v", *where)["state"] == "unchanged"
        assert comfy.ok("status", "v", "--full", *where)["state"] == "realized"
        comfyui.commit({"comfyui_version.txt": "2\n"})
        comfy.declare(comfyui, comfy={"repo": comfyui.url, "commit": comfyui.head})
        done = comfy.json("realize", "v", *where)
        assert (done.status, done.problem["code"]) == (1, "not_writable"), done
        assert comfy.runs(target=place / "comfy-v")["version"] == "1"
