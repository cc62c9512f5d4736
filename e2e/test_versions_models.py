"""Models of a version: wanted files in the shared directory, by checksum from the cache or from their hosts."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from demo.hub.exchange import Hub

from . import shapes
from .cockpit import about, bodies
from .comfy import Machine, Repository, core, stats
from .conftest import Machines
from .shapes import check

DONE, FAILED, WRONG_USE, DIFFERS = 0, 1, 2, 3
BARE = {"requirements.txt": ""}  # no packages: only the models matter here


@pytest.fixture
def comfyui(tmp_path: Path) -> Repository:
    made = core(tmp_path / "git" / "ComfyUI")
    made.commit(BARE)
    return made


@pytest.fixture
def busy(machines: Machines) -> Machine:
    made = machines()
    made.root.serve().wait()
    return made


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def locked(comfy: Machine) -> dict[str, dict[str, Any]]:
    return {m["path"]: m for m in check(shapes.LOCK, comfy.lock())["models"]}


def blob(comfy: Machine, digest: str) -> Path:
    return comfy.cache / "models" / "sha256" / digest[:2] / digest / "blob"


def test_every_kind_of_source(busy: Machine, comfyui: Repository, hub: Hub, tmp_path: Path) -> None:
    """Local (relative to the spec, absolute, file://), http, hf:// and civitai://, each at its place."""
    comfy = busy
    comfy.versions.mkdir()
    (comfy.versions / "near.bin").write_bytes(b"near" * 1000)
    far = tmp_path / "far.bin"
    far.write_bytes(b"far" * 1000)
    digest = sha256(far)
    models = [
        {"source": "near.bin", "target_subdir": "embeddings"},
        {"source": str(far), "target_path": "$MODELS_DIR/vae/far.bin", "checksum": digest},
        {"source": far.as_uri(), "target_path": "vae/again.bin", "checksum": f"sha256:{digest}"},
        {"source": f"{hub.api}/files/good/web.safetensors?size=30000", "target_subdir": "loras"},
        {
            "source": "hf://sized/1MB/model.safetensors",
            "target_subdir": "checkpoints",
            "name": "hf.safetensors",
        },
        {"source": "civitai://128713", "target_subdir": "loras/"},
        {"source": str(far), "target_path": "$COMFY_HOME/ComfyUI/models/checkpoints/in_core.bin"},
        {"source": str(far), "target_path": "$COMFY_HOME/models/clip/in_models.bin"},
        {"source": str(far), "target_path": "style_models/", "name": "named.bin"},
        {"source": str(far), "name": "top.bin"},
    ]
    comfy.declare(comfyui, models=models)
    resolved = comfy.done("resolve")
    unpinned = [change["what"] for change in resolved["changed"] if change["to"] == "unpinned"]
    assert unpinned == ["models/loras/web.safetensors"]
    size, hub_digest = about(repo="sized/1MB")
    lock = locked(comfy)
    assert lock["loras/web.safetensors"]["sha256"] is None
    assert (
        lock["checkpoints/hf.safetensors"]["sha256"],
        lock["checkpoints/hf.safetensors"]["size_bytes"],
    ) == (hub_digest, size)
    assert lock["embeddings/near.bin"]["source"] == "near.bin"
    first = resolved["lock_digest"]

    done = comfy.done("realize")
    lock = locked(comfy)
    assert done["lock_digest"] != first, "the first realization pins what the host did not tell"
    assert all(model["sha256"] for model in lock.values())
    base = comfy.target() / "models"
    for path, model in lock.items():
        home = path.removeprefix("$COMFY_HOME/")
        file = comfy.target() / home if home != path else base / path
        assert (sha256(file), file.stat().st_size) == (model["sha256"], model["size_bytes"]), path
    assert (
        lock["loras/web.safetensors"]["sha256"]
        == about(fault="good", name="web.safetensors", size="30000")[1]
    )
    civitai = [path for path in lock if path.startswith("loras/") and "web" not in path]
    assert len(civitai) == 1
    # Each is in the cache by its checksum, as the same file.
    assert blob(comfy, hub_digest).samefile(base / "checkpoints/hf.safetensors")
    assert comfy.state()["state"] == "realized"
    before = stats(comfy.root.home, comfy.cache, comfy.root.path)
    asked = len(hub.entries)
    assert comfy.done("realize")["state"] == "unchanged"
    assert stats(comfy.root.home, comfy.cache, comfy.root.path) == before
    assert len(hub.entries) == asked

    # Another version with the same models: nothing is transferred again.
    comfy.declare(comfyui, "w", models=models)
    comfy.done("realize", "w")
    sent = [e["subject"] for e in bodies(hub) if "web" not in e["subject"]]
    assert len(sent) == len(set(sent)), "only what has no checksum comes a second time"
    assert (comfy.target("w") / "models/checkpoints/hf.safetensors").samefile(
        blob(comfy, hub_digest)
    )


def test_file_that_is_there_already(busy: Machine, comfyui: Repository, hub: Hub) -> None:
    comfy = busy
    size, digest = about(repo="sized/1MB")
    comfy.declare(
        comfyui, models=[{"source": "hf://sized/1MB/model.safetensors", "target_subdir": "loras"}]
    )
    models = comfy.root.home / "shared"
    file = models / "loras" / "model.safetensors"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x" * size)
    problem = comfy.problem("realize", models_dir=str(models))
    assert problem["code"] == "checksum_differs", problem
    assert "--overwrite" in problem["hint"]
    assert (file.read_bytes(), comfy.target().exists()) == (b"x" * size, False)
    file.write_bytes(b"x")
    problem = comfy.problem("realize", models_dir=str(models))
    assert problem["code"] == "size_differs", problem
    assert bodies(hub) == []
    done = comfy.done("verify-models", models_dir=str(models), overwrite=True)
    assert [m["state"] for m in check(shapes.VERIFY, done)["models"]] == ["repaired"]
    assert sha256(file) == digest
    assert comfy.done("realize", models_dir=str(models))["state"] == "realized"
    assert (comfy.target() / "models" / "loras" / "model.safetensors").samefile(file)
    # A right one that somebody brought is taken as it is.
    file.write_bytes(file.read_bytes())
    sent = len(bodies(hub))
    assert comfy.done("realize", models_dir=str(models))["state"] in ("realized", "unchanged")
    assert len(bodies(hub)) == sent


def test_wrong_checksum_and_what_is_no_model(
    busy: Machine, comfyui: Repository, hub: Hub, tmp_path: Path
) -> None:
    comfy = busy
    far = tmp_path / "far.bin"
    far.write_bytes(b"\0far" * 500)
    cases: list[tuple[dict[str, str], str]] = [
        ({"source": str(far), "checksum": "0" * 64}, "checksum_differs"),
        ({"source": str(far), "checksum": "md5:" + "0" * 32}, "checksum_differs"),
        ({"source": "hf://sized/1MB/model.safetensors", "checksum": "0" * 64}, "checksum_differs"),
        (
            {"source": f"{hub.api}/files/good/a.safetensors?size=20000", "checksum": "0" * 64},
            "checksum_differs",
        ),
        ({"source": f"{hub.api}/files/html/a.safetensors"}, "not_a_model"),
        ({"source": "hf://broken/wrong-hash/model.safetensors"}, "checksum_differs"),
        ({"source": "hf://gated/manual/model.safetensors"}, "token_missing"),
        ({"source": "hf://sized/1MB/nothing.safetensors"}, "file_not_found"),
        ({"source": str(tmp_path / "nowhere.bin")}, "file_missing"),
    ]
    for number, (model, code) in enumerate(cases):
        comfy.declare(
            comfyui, f"v{number}", models=[{"target_path": "loras/a.safetensors"} | model]
        )
        problem = comfy.problem("realize", f"v{number}")
        found = [problem["code"], *(e["code"] for e in problem["errors"])]
        assert code in found, (model, problem)
        assert not comfy.target(f"v{number}").exists()
        assert not list((comfy.root.home / ".comfy-builds").rglob("*.safetensors"))
    good = hashlib.md5(far.read_bytes()).hexdigest()  # noqa: S324
    comfy.declare(
        comfyui,
        models=[{"source": str(far), "target_path": "loras/a.bin", "checksum": f"md5:{good}"}],
    )
    comfy.done("realize")
    assert locked(comfy)["loras/a.bin"]["sha256"] == sha256(far)


def test_caches_of_a_predecessor(comfy: Machine, comfyui: Repository, hub: Hub) -> None:
    """What lies in $COMFY_HOME/.cache/models by its checksum is not fetched; a wrong one is not used."""
    size, digest = about(repo="sized/1MB")
    comfy.declare(
        comfyui,
        models=[
            {
                "source": "hf://sized/1MB/model.safetensors",
                "target_subdir": "loras",
                "checksum": digest,
            }
        ],
    )
    old = comfy.root.home / "old"
    cached = old / ".cache" / "models" / "sha256" / digest[:2] / digest / "blob"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"\0" * size)
    home = {"COMFY_HOME": str(old)}
    done = comfy.json("realize", "v", **home)
    assert done.status == DONE, done
    assert len(bodies(hub)) == 1, "a blob that is not what its name says is not taken"
    file = old / "models" / "loras" / "model.safetensors"
    assert sha256(file) == digest
    cached.unlink()
    os.link(file, cached)
    file.unlink()
    for other in comfy.cache.rglob("blob"):
        other.unlink()
    done = comfy.json("realize", "v", "--offline", **home)
    assert done.status == DONE, done
    assert len(bodies(hub)) == 1
    assert sha256(file) == digest


def test_skip_models_and_other_caches(comfy: Machine, comfyui: Repository, hub: Hub) -> None:
    models = [{"source": "hf://sized/1MB/model.safetensors", "target_subdir": "loras"}]
    comfy.declare(comfyui, models=models, options={"skip_models": True})
    assert comfy.ok("realize", "v")["state"] == "realized"
    assert comfy.lock()["models"] == []
    assert hub.entries == []
    assert comfy.json("status", "v").json["state"] == "realized"
    comfy.declare(comfyui, models=models)
    elsewhere = comfy.root.home / "blobs"
    done = comfy.json("realize", "v", COMFY_CACHE_MODELS=str(elsewhere))
    assert done.status == DONE
    _, digest = about(repo="sized/1MB")
    assert (elsewhere / "sha256" / digest[:2] / digest / "blob").is_file()
    assert not (comfy.cache / "models").exists()


def test_verify_models(comfy: Machine, comfyui: Repository, hub: Hub, tmp_path: Path) -> None:
    """Missing ones are fetched; one that differs is exit 3, and replaced only with --overwrite."""
    models = tmp_path / "models"
    sources = {"a": "hf://sized/1MB/model.safetensors", "b": "hf://sized/2MB/model.safetensors"}
    comfy.declare(
        comfyui,
        models=[
            {"source": uri, "target_path": f"loras/{name}.safetensors"}
            for name, uri in sources.items()
        ],
    )
    comfy.ok("resolve", "v")
    where = ["--models-dir", str(models)]

    def verify(*more: str) -> tuple[int, dict[str, tuple[str, str]]]:
        done = comfy.json("verify-models", "v", *where, *more)
        document = check(shapes.VERIFY, done.json)
        assert document["ok"] == (done.status == DONE)
        return done.status, {m["id"]: (m["state"], m["method"]) for m in document["models"]}

    a, b = "loras/a.safetensors", "loras/b.safetensors"
    offline = comfy.json("verify-models", "v", *where, "--offline")
    states = {m["state"] for m in check(shapes.VERIFY, offline.json)["models"]}
    assert (offline.status, states, models.exists() and any(models.rglob("*.safetensors"))) == (
        FAILED,
        {"missing"},
        False,
    )
    assert verify() == (DONE, {a: ("repaired", "full"), b: ("repaired", "full")})
    assert verify() == (DONE, {a: ("ok", "full"), b: ("ok", "full")})
    assert verify("--fast") == (DONE, {a: ("ok", "cached"), b: ("ok", "cached")})
    file = models / a
    bad = bytearray(file.read_bytes())
    bad[-1] ^= 1
    file.unlink()
    file.write_bytes(bad)
    assert verify() == (DIFFERS, {a: ("checksum_differs", "full"), b: ("ok", "full")})
    assert file.read_bytes() == bad
    assert verify("--fast")[0] == DIFFERS
    with (models / b).open("ab") as opened:
        opened.write(b"x")
    status, states_now = verify()
    assert (status, states_now[b][0]) == (DIFFERS, "size_differs")
    assert verify("--overwrite", "--timeout", "60")[1][a][0] == "repaired"
    assert verify() == (DONE, {a: ("ok", "full"), b: ("ok", "full")})
    for name, uri in sources.items():
        assert (
            sha256(models / f"loras/{name}.safetensors") == about(repo=uri[5:].rsplit("/", 1)[0])[1]
        )
    assert comfy.root.run("version", "verify-models", "v", *where, "--verbose").status == DONE
    by_variable = comfy.json("verify-models", MODELS_DIR=str(models), COMFY_VERSION_NAME="v")
    assert by_variable.status == DONE
    comfy.root.set(network={"stall_timeout": 60, "header_timeout": 60})
    comfy.declare(
        comfyui,
        "w",
        models=[{"source": "hf://broken/silent.100000/model.safetensors", "target_path": "a.bin"}],
    )
    done = comfy.json("verify-models", "w", "--models-dir", str(models), "--timeout", "0.5")
    (model,) = check(shapes.VERIFY, done.json)["models"]
    assert (done.status, model["state"], model["problem"]["code"]) == (FAILED, "missing", "stalled")
    assert "0.5 s" in model["problem"]["detail"], "given up for the timeout, not for the network's"


def test_model_outside_of_a_link(busy: Machine, comfyui: Repository, tmp_path: Path) -> None:
    """A directory of models may be a link; a folder in it that leads out is refused."""
    comfy = busy
    outside = tmp_path / "outside"
    outside.mkdir()
    models = tmp_path / "models"
    models.mkdir()
    (models / "loras").symlink_to(outside)
    far = tmp_path / "far.bin"
    far.write_bytes(b"\0far" * 500)
    comfy.declare(comfyui, models=[{"source": str(far), "target_path": "loras/a.bin"}])
    problem = comfy.problem("realize", models_dir=str(models))
    assert problem["code"] == "path_outside_root", problem
    assert list(outside.iterdir()) == []
    linked = tmp_path / "linked"
    linked.symlink_to(models)
    (models / "loras").unlink()
    assert comfy.done("realize", models_dir=str(linked))["state"] == "realized"
    assert (models / "loras" / "a.bin").read_bytes() == b"\0far" * 500
    assert comfy.done("realize", models_dir=str(linked))["state"] == "unchanged"


def test_model_over_a_file_of_comfyui(busy: Machine, comfyui: Repository, tmp_path: Path) -> None:
    """A model may lie inside of the checkout, never over something that git tracks."""
    comfy = busy
    far = tmp_path / "far.bin"
    far.write_bytes(b"\0far" * 500)
    comfy.declare(
        comfyui, models=[{"source": str(far), "target_path": "$COMFY_HOME/ComfyUI/main.py"}]
    )
    problem = comfy.problem("realize")
    assert problem["code"] == "path_taken", problem
    assert not comfy.target().exists()


def test_lost_models_make_it_broken(busy: Machine, comfyui: Repository) -> None:
    comfy = busy
    comfy.declare(
        comfyui, models=[{"source": "hf://sized/1MB/model.safetensors", "target_subdir": "loras"}]
    )
    comfy.done("realize")
    file = comfy.target() / "models" / "loras" / "model.safetensors"
    file.unlink()
    status = check(shapes.VERSION_STATUS, comfy.state())
    assert (status["state"], [d["code"] for d in status["differences"]]) == (
        "broken",
        ["file_missing"],
    )
    assert comfy.done("realize")["state"] == "realized"
    assert file.is_file()
    assert comfy.state()["state"] == "realized"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.unlink()
    file.write_bytes(content)
    daemon = comfy.root.daemons[0]
    status = daemon.get("/api/versions/v?full=true")
    assert (status["state"], [d["code"] for d in status["differences"]]) == (
        "broken",
        ["checksum_differs"],
    )
    assert json.dumps(status).count("loras/model.safetensors") >= 1
