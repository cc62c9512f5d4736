"""Full, read-only and changed disks; the byte that was turned."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.hub.exchange import Hub

from . import shapes
from .cockpit import Root, about
from .shapes import check

DONE, FAILED, WRONG_USE, DIFFERS = 0, 1, 2, 3
MODEL = "hf://sized/12MiB/model.safetensors"
MIB = 1 << 20


@contextlib.contextmanager
def volume(place: Path, size: int) -> Iterator[Path]:
    """Mount a small file system; a machine where that is forbidden cannot run these tests."""
    place.mkdir()
    options = f"size={size}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (
        f"a full disk can only be tested where one can be mounted: {done.stderr}"
    )
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def small(root: Root, tmp_path: Path) -> Iterator[Path]:
    """models_dir on 16 MiB."""
    with volume(tmp_path / "volume", 16 * MIB) as place:
        root.set(models_dir=str(place))
        yield place


def test_disk_full_before_the_first_byte(root: Root, small: Path, hub: Hub) -> None:
    (small / "ballast").write_bytes(b"\0" * (8 * MIB))
    root.declare(a=MODEL)
    done = root.json("models", "plan", "--all")
    plan = check(shapes.PLAN, done.json)
    need = plan["file_systems"][0]
    assert need["shortfall_bytes"] == need["needed_bytes"] - need["free_bytes"] > 0
    assert [p["code"] for p in plan["problems"]] == ["disk_full"]
    assert (done.status, plan["ok"]) == (FAILED, False)

    done = root.install()
    problem = check(shapes.INSTALL, done.json)["models"][0]["problem"]
    assert (problem["code"], done.status) == ("disk_full", FAILED)
    assert 3 * MIB < problem["args"]["shortfall_bytes"] < 6 * MIB
    assert problem["args"]["file_system"] == str(small)
    assert problem["hint"].startswith("Free ")
    assert root.tree() == ["ballast"]
    assert not [e for e in hub.entries if e["kind"] == "cdn"], "nothing was fetched for nothing"

    (small / "ballast").unlink()
    assert root.install().status == DONE


def test_disk_full_in_the_middle(root: Root, small: Path, hub: Hub) -> None:
    """The size is unknown, so only the disk says it: temporary file deleted, no retry, old file whole."""
    (small / "a.safetensors").write_bytes(b"old")
    url = f"{hub.api}/files/chunked/a.safetensors?size={20 * MIB}"
    root.declare(a=url)
    done = root.install("--overwrite")
    problem = check(shapes.INSTALL, done.json)["models"][0]["problem"]
    assert (problem["code"], done.status) == ("disk_full", FAILED)
    assert problem["args"]["file_system"] == str(small)
    assert root.tree() == ["a.safetensors"]
    assert (small / "a.safetensors").read_bytes() == b"old"
    assert len([e for e in hub.entries if e["method"] == "GET"]) == 1


def test_not_writable(root: Root, small: Path) -> None:
    root.declare(a=MODEL)
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    done = root.install()
    problem = check(shapes.INSTALL, done.json)["models"][0]["problem"]
    assert (problem["code"], done.status) == ("not_writable", FAILED)
    assert "Give this user the right to write there" in problem["hint"]
    assert root.json("models", "status").status == DIFFERS
    subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
    assert root.install().status == DONE


def test_read_only_volume_with_models(root: Root, small: Path) -> None:
    """What is there can be looked at and verified though nothing can be noted."""
    root.declare(a=MODEL)
    assert root.install().status == DONE
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    assert root.json("models", "status").status == DONE
    assert root.json("models", "verify").status == DONE
    assert root.install().json["models"][0]["state"] == "present"


def test_two_file_systems_are_counted_apart(root: Root, tmp_path: Path) -> None:
    with volume(tmp_path / "one", 4 * MIB) as one:
        root.set(extra_roots=[str(one)])
        root.declare(a={"source": MODEL, "path": str(one / "a.safetensors")}, b=MODEL)
        done = root.json("models", "plan", "--all")
        short = {
            f["path"]: f["shortfall_bytes"] > 0
            for f in check(shapes.PLAN, done.json)["file_systems"]
        }
        assert short == {str(one): True, str(root.path): False}
        states = {m["id"]: m["state"] for m in root.install().json["models"]}
        assert states == {"a": "failed", "b": "installed"}


def flip(file: Path) -> None:
    """Turn one bit in the middle."""
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        byte = opened.read(1)[0]
        opened.seek(-1, os.SEEK_CUR)
        opened.write(bytes([byte ^ 1]))


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "hub"])
@pytest.mark.parametrize("daemon", [True, False], ids=["daemon", "alone"])
def test_flipped_byte(root: Root, declared: bool, daemon: bool) -> None:
    size, sha256 = about(repo="sized/12MiB")
    entry = {"sha256": sha256, "size_bytes": size} if declared else {}
    root.declare(a={"source": MODEL} | entry)
    if daemon:
        root.serve().wait()
    file = root.path / "a.safetensors"
    assert root.install().status == DONE
    flip(file)
    bad = file.read_bytes()
    assert len(bad) == size

    # Presence, size and record are all that status and install look at.
    assert root.json("models", "status").json["models"][0]["verified"] == "unchecked"
    assert root.install().json["models"][0]["state"] == "present"

    done = root.json("models", "verify")
    model = check(shapes.VERIFY, done.json)["models"][0]
    assert (done.status, model["state"], model["method"]) == (DIFFERS, "checksum_differs", "full")
    assert model["expected"] == sha256 != model["actual"]
    problem = model["problem"]
    assert problem["code"] == "checksum_differs"
    assert "--overwrite" in problem["hint"]
    assert "(checksum_differs)" in root.run("models", "verify").out

    done = root.json("models", "status")
    model = check(shapes.STATUS, done.json)["models"][0]
    assert (done.status, model["state"]) == (DIFFERS, "invalid")
    assert model["problem"]["code"] == "checksum_differs"
    fast = root.json("models", "verify", "--fast")
    assert (fast.status, fast.json["models"][0]["state"]) == (DIFFERS, "checksum_differs")

    done = root.install()
    model = check(shapes.INSTALL, done.json)["models"][0]
    assert (done.status, model["state"]) == (FAILED, "failed")
    assert (model["problem"]["code"], file.read_bytes()) == ("checksum_differs", bad)
    plan = root.json("models", "plan", "--all")
    assert (plan.status, plan.json["steps"][0]["action"]) == (FAILED, "blocked")

    done = root.install("--overwrite")
    model = check(shapes.INSTALL, done.json)["models"][0]
    assert (done.status, model["state"], model["sha256"]) == (DONE, "installed", sha256)
    status = root.json("models", "status")
    assert (status.status, status.json["models"][0]["state"]) == (DONE, "installed")
    assert root.json("models", "verify").status == DONE
    assert root.tree() == ["a.safetensors"]


def test_size_that_changed(root: Root) -> None:
    size, sha256 = about(repo="sized/12MiB")
    root.declare(a={"source": MODEL, "sha256": sha256, "size_bytes": size})
    assert root.install().status == DONE
    with (root.path / "a.safetensors").open("ab") as file:
        file.write(b"x")
    done = root.json("models", "verify")
    assert (done.status, done.json["models"][0]["state"]) == (DIFFERS, "size_differs")
    status = root.json("models", "status")
    assert status.json["models"][0]["problem"]["code"] == "size_differs"
    assert root.install().status == FAILED
    assert root.install("--overwrite").status == DONE
    assert root.json("models", "verify").status == DONE


def test_overwrite_that_fails_leaves_the_old_file(root: Root) -> None:
    """Case 12: an overwrite whose bytes are wrong."""
    root.declare(a="hf://broken/wrong-hash/model.safetensors")
    old = root.path / "a.safetensors"
    old.write_bytes(b"old")
    done = root.install("--overwrite")
    assert (done.status, done.json["models"][0]["problem"]["code"]) == (
        FAILED,
        "checksum_of_host_differs",
    )
    assert (old.read_bytes(), root.tree()) == (b"old", ["a.safetensors"])


def test_right_file_that_was_there(root: Root, hub: Hub) -> None:
    """A right file brought by other means is recognised, also under --overwrite, and not fetched."""
    size, sha256 = about(repo="sized/12MiB")
    root.declare(a={"source": MODEL, "sha256": sha256, "size_bytes": size})
    assert root.install().status == DONE
    file = root.path / "a.safetensors"
    file.write_bytes(file.read_bytes())  # another inode's times: the record no longer fits
    before = len(hub.entries)
    done = root.install("--overwrite")
    assert (done.status, done.json["models"][0]["state"]) == (DONE, "present")
    assert not [e for e in hub.entries[before:] if e["kind"] == "cdn"]
    assert root.json("models", "status").json["models"][0]["verified"] == "declared"


def test_busy(root: Root) -> None:
    """A file that somebody writes while it is read is not judged."""
    file = root.path / "a.bin"
    file.write_bytes(b"\0" * (64 * MIB))
    root.declare(a={"source": "x.bin", "path": "a.bin", "sha256": "0" * 64})
    over = threading.Event()

    def touch() -> None:
        while not over.wait(0.001):
            os.utime(file)

    thread = threading.Thread(target=touch)
    thread.start()
    try:
        done = root.json("models", "verify")
    finally:
        over.set()
        thread.join()
    problem = check(shapes.problem_of, done.problem)
    assert (problem["code"], done.status, problem["retryable"]) == ("busy", FAILED, True)
    assert "Wait until it is done" in problem["hint"]


def test_links_of_the_user(root: Root, tmp_path: Path) -> None:
    """A model folder that is a link inside the roots works; removing a linked file keeps its target."""
    elsewhere = root.path / "storage"
    elsewhere.mkdir()
    (root.path / "checkpoints").symlink_to("storage")
    root.declare(a={"source": MODEL, "path": "checkpoints/a.safetensors"})
    assert root.install().status == DONE
    assert (elsewhere / "a.safetensors").stat().st_size == 12 * MIB
    kept = tmp_path / "kept.bin"
    kept.write_bytes(b"\0" * 2000)
    (root.path / "b.bin").symlink_to(kept)
    root.set(extra_roots=[str(tmp_path)])
    root.declare(b={"source": str(kept), "path": "b.bin"})
    done = root.json("models", "remove", "b", "--yes")
    assert (done.status, kept.exists(), (root.path / "b.bin").is_symlink()) == (DONE, True, False)
