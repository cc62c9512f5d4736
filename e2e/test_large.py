"""Sizes beyond 2^31 and 2^32 (case 73): minutes and gigabytes, for `make soak`."""

from __future__ import annotations

import hashlib
import shutil

from demo.hub.exchange import Hub

from . import shapes
from .cockpit import Root, about
from .shapes import check


def test_five_gigabytes(root: Root, hub: Hub) -> None:
    """Plan, install with a break in the middle, verify, remove: every length is right."""
    assert shutil.disk_usage(root.path).free > 8e9, "this test needs 8 GB"
    size, sha256 = about(repo="sized/5GB")
    assert size > 1 << 32
    root.declare(a={"source": "hf://sized/5GB/model.safetensors", "size_bytes": size})
    plan = check(shapes.PLAN, root.json("models", "plan", "--all").json)
    assert plan["file_systems"][0]["needed_bytes"] == size
    done = root.start("models", "install", "--all", "--json").end(900)
    model = check(shapes.INSTALL, done.json)["models"][0]
    assert (done.status, model["size_bytes"], model["sha256"]) == (0, size, sha256)
    digest = hashlib.sha256()
    with (root.path / "a.safetensors").open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    assert digest.hexdigest() == sha256
    done = root.start("models", "verify", "--json").end(600)
    assert (done.status, done.json["models"][0]["actual"]) == (0, sha256)
    done = root.json("models", "remove", "a", "--yes")
    assert done.json["removed"][0]["freed_bytes"] == size


def test_resume_beyond_two_gigabytes(root: Root, hub: Hub) -> None:
    """The break comes after 2^31: the range that follows begins there."""
    repo = "broken/resume-ok.4500MB"
    size, sha256 = about(repo=repo)
    root.declare(a=f"hf://{repo}/model.safetensors")
    done = root.start("models", "install", "--all", "--json").end(900)
    model = check(shapes.INSTALL, done.json)["models"][0]
    assert (done.status, model["size_bytes"], model["sha256"]) == (0, size, sha256)
    ranges = [entry["range"] for entry in hub.entries if entry["kind"] == "cdn" and entry["range"]]
    assert any(int(given.split("=")[1].split("-")[0]) > 1 << 31 for given in ranges)
    root.json("models", "remove", "a", "--yes")
