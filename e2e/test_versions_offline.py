"""Without a connection: what is here is enough, or all that is missing is told; the pack carried elsewhere."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from demo.hub.exchange import Hub

from . import shapes
from .cockpit import about
from .comfy import Machine, Repository, Served, core
from .conftest import Machines
from .shapes import check

DONE, FAILED, WRONG_USE, DIFFERS = 0, 1, 2, 3


def nothing_listens() -> None:
    """The namespace of `alone` has no interface that is up: this is what makes it a proof."""
    done = subprocess.run(
        ["unshare", "--net", "cat", "/proc/net/dev", "/proc/net/route"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.split(":")[0].strip() for line in done.stdout.splitlines() if ":" in line] == [
        "lo"
    ]


def test_everything_that_is_missing(
    machines: Machines, served: Served, hub: Hub, tmp_path: Path
) -> None:
    comfyui = core(served.root / "ComfyUI")
    node = Repository.create(served.root / "node", {"requirements.txt": "idna\npackaging\n"})
    inner = Repository.create(served.root / "inner", {"x.txt": "x"})
    node.submodule("in", inner.url)
    text = (node.path / ".gitmodules").read_text().replace(inner.url, served.of(inner))
    node.commit({".gitmodules": text})
    models = [
        {"source": "hf://sized/1MB/model.safetensors", "target_subdir": "loras"},
        {"source": f"{hub.api}/files/good/web.safetensors?size=30000", "target_subdir": "vae"},
    ]
    one = machines("one", own=True)
    one.declare(
        served.of(comfyui), custom_nodes=[{"repo": served.of(node), "name": "node"}], models=models
    )
    nothing_listens()

    # Nothing is known: which commits, which models. All of it is named.
    done = one.alone("realize", "v", "--offline")
    problem = check(shapes.problem_of, done.problem)
    assert (done.status, problem["code"]) == (FAILED, "offline")
    missing = problem["args"]["missing"]
    for word in (served.of(comfyui), served.of(node), models[0]["source"], models[1]["source"]):
        assert any(word in name for name in missing), (word, missing)
    asked = len(served.asked)
    assert one.json("resolve", "v", "--offline").problem["code"] == "offline"
    assert len(served.asked) == asked
    assert hub.entries == []

    # The lock is there and nothing else: commits, submodules, packages, models.
    one.ok("resolve", "v")
    two = machines("two", own=True)
    two.versions.mkdir()
    for file in (one.file(), one.lock_file()):
        shutil.copy(file, two.versions)
    done = two.alone("realize", "v", "--offline")
    problem = check(shapes.problem_of, done.problem)
    assert (done.status, problem["code"]) == (FAILED, "offline"), problem
    missing = problem["args"]["missing"]
    for word in (served.of(comfyui), served.of(node), served.of(inner)):
        assert any(word in name for name in missing), (word, missing)
    for package in two.lock()["packages"]:
        assert f"{package['name']}=={package['version']}" in missing
    for model in two.lock()["models"]:
        assert model["source"] in missing
    plan = check(shapes.VERSION_PLAN, two.alone("realize", "v", "--offline", "--dry-run").json)
    assert {p["code"] for p in plan["missing"]} == {"offline"}
    assert not two.target().exists()

    # With everything in the caches it is done without a network, and so is the other direction.
    one.ok("realize", "v")
    before = len(served.asked), len(hub.entries)
    elsewhere = str(tmp_path / "elsewhere")
    shared = str(tmp_path / "models")
    done = one.alone("realize", "v", "--target", elsewhere, "--models-dir", shared, "--offline")
    missing = done.problem["args"]["missing"] if done.status else []
    assert (done.status, missing) == (DONE, []), done
    assert one.runs(target=Path(elsewhere))["nodes"] == ["node"]
    one.declare(
        served.of(comfyui),
        custom_nodes=[{"repo": served.of(node), "name": "node"}],
        models=models,
        options={"offline": True},
    )
    again = one.json("realize", "v", "--target", elsewhere, "--models-dir", shared)
    assert again.json["state"] == "unchanged"
    assert (len(served.asked), len(hub.entries)) == before
    for verb in (["status", "--full"], ["list"], ["validate"], ["diff"], ["verify-models"]):
        arguments = {"list": [], "diff": ["v", "v"]}.get(verb[0], ["v"])
        done = one.alone(verb[0], *arguments, *verb[1:], "--offline")
        assert done.status == DONE, (verb, done)


def test_pack_carried_to_an_empty_root(
    machines: Machines, served: Served, hub: Hub, tmp_path: Path
) -> None:
    content = b"\0weights" * 5000
    oid = hashlib.sha256(content).hexdigest()
    served.lfs[oid] = content
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"
    comfyui = core(served.root / "ComfyUI")
    node = Repository.create(
        served.root / "node",
        {
            "requirements.txt": "idna\ndocopt\n",
            ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
            "weights.bin": pointer,
        },
    )
    inner = Repository.create(served.root / "inner", {"x.txt": "x"})
    node.submodule("in", inner.url)
    text = (node.path / ".gitmodules").read_text().replace(inner.url, served.of(inner))
    node.commit({".gitmodules": text})
    package = Repository.create(
        served.root / "package",
        {
            "lib/pyproject.toml": '[project]\nname = "in-git"\nversion = "1.dev2"\n',
            "lib/in_git.py": "",
        },
    )
    one = machines("one")
    one.root.serve().wait()
    one.declare(
        served.of(comfyui),
        custom_nodes=[{"repo": served.of(node), "name": "node"}],
        python_packages=[f"in-git @ git+{served.of(package)}#subdirectory=lib"],
        models=[{"source": "hf://sized/1MB/model.safetensors", "target_subdir": "loras"}],
    )
    first = one.done("realize")
    pack = tmp_path / "pack"
    packed = check(shapes.PACK, one.ok("pack", "v", "--output", str(pack), "--models"))
    assert packed["path"] == str(pack)
    listed = {f["path"]: (f["size_bytes"], f["sha256"]) for f in packed["files"]}
    there = {
        p.relative_to(pack).as_posix(): (
            p.stat().st_size,
            hashlib.sha256(p.read_bytes()).hexdigest(),
        )
        for p in pack.rglob("*")
        if p.is_file()
    }
    assert listed == there
    assert {"v.json", "v.lock.json", "pack.json"} <= set(listed)
    assert len([name for name in listed if name.endswith(".bundle")]) == 3
    assert about(repo="sized/1MB")[1] in json.dumps(sorted(listed))
    again = one.json("pack", "v", "--output", str(pack))
    assert (again.status, again.problem["code"]) == (FAILED, "path_taken")
    served.lfs.clear()

    carried = tmp_path / "stick" / "pack"
    shutil.copytree(pack, carried)
    shutil.rmtree(pack)
    two = machines("two", own=True)
    plan = check(
        shapes.VERSION_PLAN,
        two.alone("realize", "--spec", str(carried / "v.json"), "--offline", "--dry-run").json,
    )
    assert (plan["ok"], plan["missing"]) == (True, [])
    done = two.alone("realize", "--spec", str(carried / "v.json"), "--offline")
    assert done.status == DONE, done
    second = check(shapes.REALIZE, done.json)
    assert second["lock_digest"] == first["lock_digest"]
    assert second["environment_digest"] == first["environment_digest"]
    said = two.runs()
    assert said["nodes"] == ["node"]
    where = two.target() / "ComfyUI" / "custom_nodes" / "node"
    assert (where / "weights.bin").read_bytes() == content
    assert (where / "in" / "x.txt").read_text() == "x"
    assert (two.target() / "models" / "loras" / "model.safetensors").is_file()
    assert [p.name for p in two.target().glob(".venv/lib/python*/site-packages/in_git*")]
    assert two.alone("realize", "--spec", str(carried / "v.json")).json["state"] == "unchanged"
    for wheel in ("idna*", "in_git*"):
        next((carried / "wheels").glob(wheel)).unlink()
    three = machines("three", own=True)
    done = three.alone("realize", "--spec", str(carried / "v.json"), "--offline")
    assert (done.status, done.problem["code"]) == (FAILED, "wheel_missing"), done
    assert [name.split("-")[0] for name in done.problem["args"]["missing"]] == ["idna", "in"]


def test_pack_that_cannot_be(comfy: Machine, tmp_path: Path, hub: Hub) -> None:
    comfyui = core(tmp_path / "git" / "ComfyUI")
    comfyui.commit({"requirements.txt": ""})
    output = tmp_path / "pack"
    model: dict[str, Any] = {
        "source": f"{hub.api}/files/good/web.safetensors?size=30000",
        "target_subdir": "vae",
    }
    comfy.declare(comfyui, models=[model])
    done = comfy.json("pack", "v", "--output", str(output), "--models")
    assert (done.status, done.problem["code"]) == (FAILED, "environment_not_realized")
    output.mkdir()
    assert comfy.json("pack", "v", "--output", str(output)).status == DONE
