"""What the user's own documents show (versions), each command under its new name."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from demo.hub.exchange import Hub

from . import shapes
from .cockpit import Done
from .comfy import Machine, Repository, core, machine, stats
from .conftest import Machines
from .shapes import check

DONE, FAILED, WRONG_USE, DIFFERS, CANCELLED = 0, 1, 2, 3, 130


@pytest.fixture
def comfyui(tmp_path: Path) -> Repository:
    made = core(tmp_path / "git" / "ComfyUI")
    made.commit({"requirements.txt": ""})
    return made


@pytest.fixture
def node(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "git" / "ComfyUI-Custom-Scripts", {"__init__.py": ""})


def spec(comfy: Machine, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(comfy.file(name).read_text())
    return found


def test_create(comfy: Machine, comfyui: Repository, node: Repository, hub: Hub) -> None:
    """The example of the document: repo@ref, nodes, a model as JSON; what is written is as shown there."""
    web = f"{hub.api}/files/good/model.safetensors?size=20000"
    done = comfy.ok(
        "create",
        *["demo", "--repo", f"{comfyui.path}@main", "--nodes", f"{node.path}@main"],
        *["--models", json.dumps({"source": web, "target_subdir": "checkpoints"})],
    )
    assert check(shapes.WRITTEN, done) == {
        "ok": True,
        "version_id": "demo",
        "file": str(comfy.file("demo")),
    }
    assert spec(comfy, "demo") == {
        "schema_version": 2,
        "version_id": "demo",
        "comfy": {"repo": str(comfyui.path), "ref": "main", "commit": comfyui.head},
        "custom_nodes": [
            {
                "name": "ComfyUI-Custom-Scripts",
                "repo": str(node.path),
                "ref": "main",
                "commit": node.head,
            }
        ],
        "models": [
            {
                "name": "model.safetensors",
                "source": web,
                "target_subdir": "checkpoints",
                "target_path": "checkpoints/model.safetensors",
            }
        ],
        "env": {},
        "options": {},
    }
    assert comfy.ok("validate", "demo")["errors"] == []
    again = comfy.json("create", "demo", "--repo", str(comfyui.path))
    assert (again.status, again.problem["code"]) == (FAILED, "path_taken")
    for arguments, code, status in (
        (["a/b", "--repo", str(comfyui.path)], "bad_request", WRONG_USE),
        (["x", "--repo", f"{comfyui.path}@nowhere"], "ref_not_found", FAILED),
        (["x", "--repo", f"{comfyui.path}@--upload-pack=x"], "bad_request", WRONG_USE),
        (["x", "--repo", "ext::sh -c id"], "source_unsupported", WRONG_USE),
        (["x", "--repo", str(comfyui.path), "--nodes", "{"], "bad_request", WRONG_USE),
        (["x", "--repo", str(comfyui.path), "--nodes", "[1]"], "bad_request", WRONG_USE),
        (
            ["x", "--repo", str(comfyui.path), "--nodes", '{"name": "no repo"}'],
            "bad_request",
            WRONG_USE,
        ),
        (
            ["x", "--repo", str(comfyui.path), "--models", '{"target_subdir": "x"}'],
            "declaration_invalid",
            WRONG_USE,
        ),
        (
            ["x", "--repo", str(comfyui.path), "--models", '{"source": "ftp://x/y"}'],
            "source_unsupported",
            WRONG_USE,
        ),
        (
            [
                "x",
                "--repo",
                str(comfyui.path),
                "--models",
                '{"source": "x", "target_path": "../y"}',
            ],
            "declaration_invalid",
            WRONG_USE,
        ),
        (
            ["x", "--repo", str(comfyui.path), "--models-file", "/nowhere.json"],
            "bad_request",
            WRONG_USE,
        ),
    ):
        done_ = comfy.json("create", *arguments)
        assert (done_.status, done_.problem["code"]) == (status, code), (arguments, done_)
    assert not comfy.file("x").exists()
    assert comfy.json("create", "x").status == WRONG_USE, (
        "--repo has to be given, as the document says"
    )


def test_create_from_files(comfy: Machine, comfyui: Repository, node: Repository) -> None:
    """Lists in JSON and YAML, as the predecessor took them; checksums of files that are here."""
    work = comfy.root.home
    (work / "nodes.json").write_text(
        json.dumps([{"repo": str(node.path), "name": "one"}, f"{node.path}@main"])
    )
    (work / "nodes.yaml").write_text(
        f"nodes:\n  - repo: {node.path}\n    name: three\n    commit: {node.head}\n  # a comment\n  - {{repo: '{node.path}', ref: main, name: four, install_requirements: false}}\n"
    )
    root = work / "local"
    (root / "loras").mkdir(parents=True)
    (root / "loras" / "a.safetensors").write_bytes(b"\0a" * 500)
    (work / "b.bin").write_bytes(b"\0b" * 500)
    (work / "models.yml").write_text(
        "- source: https://example.org/x/a.safetensors\n  target_subdir: loras\n- source: https://example.org/x/c.safetensors\n  target_subdir: loras\n"
    )
    (work / "models.json").write_text(
        json.dumps(
            {"models": [{"source": str(work / "b.bin"), "target_path": "$MODELS_DIR/vae/b.bin"}]}
        )
    )
    output = work / "out" / "spec.json"
    done = comfy.ok(
        *[
            "create",
            "spec",
            "--repo",
            comfyui.url,
            "--nodes",
            "nodes.json",
            "--nodes-file",
            "nodes.yaml",
        ],
        *["--nodes", json.dumps({"repo": node.url, "name": "five", "ref": "main"})],
        *["--models", "models.json", "--models-file", "models.yml", "--models-root", str(root)],
        *["--auto-checksum", "--output", "out/spec.json"],
    )
    assert done["file"] == str(output)
    written = json.loads(output.read_text())
    assert [(n["name"], n["commit"]) for n in written["custom_nodes"]] == [
        (name, node.head) for name in ("one", "ComfyUI-Custom-Scripts", "five", "three", "four")
    ]
    assert written["custom_nodes"][-1]["install_requirements"] is False
    sums = {m["target_path"]: m.get("checksum") for m in written["models"]}
    assert sums == {
        "$MODELS_DIR/vae/b.bin": "sha256:" + hashlib.sha256(b"\0b" * 500).hexdigest(),
        "loras/a.safetensors": "sha256:" + hashlib.sha256(b"\0a" * 500).hexdigest(),
        "loras/c.safetensors": None,
    }
    assert comfy.ok("validate", "--spec", "out/spec.json")["errors"] == []


def test_realize_as_the_document_names_it(
    comfy: Machine, comfyui: Repository, tmp_path: Path
) -> None:
    """--version-id, the id alone, --spec, COMFY_VERSION_NAME; places of one's own; the lock where it is looked for."""
    comfy.declare(comfyui)
    plan = comfy.ok("realize", "--version-id", "v", "--dry-run")
    assert plan["action"] == "realize"
    first = comfy.ok("realize", "--version-id", "v")
    for arguments, variables in (
        (["v"], {}),
        (["--spec", str(comfy.file())], {}),
        ([], {"COMFY_VERSION_NAME": "v"}),
        (["--version-id", "v", "--offline"], {}),
    ):
        done = comfy.json("realize", *arguments, **variables)
        assert (done.status, done.json["state"]) == (DONE, "unchanged"), (arguments, done)
    assert (comfy.cache / "resolved" / "v.lock.json").read_bytes() == comfy.lock_file().read_bytes()
    for arguments, status in (
        (["w"], WRONG_USE),
        ([], WRONG_USE),
        (["v", "--version-id", "w"], WRONG_USE),
    ):
        assert comfy.json("realize", *arguments).status == status, arguments
    hint = comfy.json("realize", "vv").problem
    assert (hint["code"], 'Did you mean "v"?' in hint["hint"]) == ("unknown_id", True)

    target, models, wheels = tmp_path / "own" / "comfy-v", tmp_path / "models", tmp_path / "wheels"
    wheels.mkdir()
    own = comfy.ok(
        *["realize", "--version-id", "v", "--target", str(target)],
        *["--models-dir", str(models), "--wheels-dir", str(wheels)],
    )
    assert own["environment_digest"] == first["environment_digest"]
    assert (target / "models").samefile(models)
    assert comfy.runs(target=target)["version"] == "1"

    # A lock from elsewhere: by option, by variable; it decides, not what the spec has become.
    old = comfyui.head
    kept = tmp_path / "kept.lock.json"
    shutil.copy(comfy.lock_file(), kept)
    comfyui.commit({"comfyui_version.txt": "2\n"})
    comfy.declare(comfyui, comfy={"repo": comfyui.url, "commit": comfyui.head})
    assert comfy.ok("realize", "v")["lock_digest"] != first["lock_digest"]
    beside = comfy.lock_file().read_bytes()
    for arguments, variables in ((["--lock", str(kept)], {}), ([], {"LOCK_PATH": str(kept)})):
        place = tmp_path / f"from-{len(arguments)}"
        done = comfy.json("realize", "v", "--target", str(place), *arguments, **variables)
        assert (done.status, done.json["lock_digest"]) == (DONE, first["lock_digest"])
        assert comfy.runs(target=place)["version"] == "1"
    assert comfy.lock_file().read_bytes() == beside
    assert old in kept.read_text()
    done = comfy.json("realize", "v", "--lock", str(tmp_path / "nowhere"))
    assert (done.status, done.problem["code"]) == (FAILED, "file_missing")


def test_where_caches_lie(roots: Any, tmp_path: Path) -> None:
    """COMFY_CACHE_ROOT, else a RunPod volume, else ~/.cache/runpod-comfy."""
    comfyui = core(tmp_path / "git" / "ComfyUI")
    comfyui.commit({"requirements.txt": ""})
    comfy = machine(roots("plain"), tmp_path / "unused")
    del comfy.root.variables["COMFY_CACHE_ROOT"]
    comfy.declare(comfyui)
    comfy.ok("resolve", "v")
    candidates = [Path("/runpod-volume"), Path("/workspace")]
    volume = next((p for p in candidates if os.access(p, os.W_OK)), None)
    root = (
        volume / "cache" / "runpod-comfy" if volume else comfy.root.home / ".cache" / "runpod-comfy"
    )
    assert (root / "resolved" / "v.lock.json").is_file()
    assert not (tmp_path / "unused").exists()


def test_clone_and_diff(comfy: Machine, comfyui: Repository, tmp_path: Path) -> None:
    text = '{\n  "schema_version": 2, "version_id": "v",\n  "comfy": {"repo": "URL"}\n}\n'
    comfy.write("v", text.replace("URL", comfyui.url))
    done = check(shapes.WRITTEN, comfy.ok("clone", "v", "w"))
    assert (done["version_id"], done["file"]) == ("w", str(comfy.file("w")))
    assert comfy.file("w").read_text() == comfy.file("v").read_text().replace(
        '"version_id": "v"', '"version_id": "w"'
    )
    assert not comfy.lock_file("w").exists()
    equal = comfy.json("diff", "v", "w")
    assert (equal.status, check(shapes.VERSION_DIFF, equal.json)["equal"]) == (DONE, True)
    comfy.ok("resolve", "v")
    again = comfy.json("clone", "v", "w")
    assert (again.status, again.problem["code"]) == (FAILED, "path_taken")
    comfy.ok("clone", "v", "w", "--force")
    assert comfy.lock_file("w").read_bytes() == comfy.lock_file("v").read_bytes()
    assert comfy.ok("realize", "w")["state"] == "realized"
    comfy.ok("clone", "v", "x", "--output", str(tmp_path / "elsewhere.json"))
    assert json.loads((tmp_path / "elsewhere.json").read_text())["version_id"] == "x"
    comfy.declare(comfyui, "w", env={"A": "x"})
    differs = comfy.json("diff", "v", "w")
    document = check(shapes.VERSION_DIFF, differs.json)
    assert (differs.status, document["equal"], document["ok"]) == (DIFFERS, False, False)
    assert {"/env"} <= {d["pointer"].rstrip("/A") or d["pointer"] for d in document["differences"]}
    assert comfy.json("diff", "v", "nowhere").status == WRONG_USE


def on_a_terminal(comfy: Machine, answer: str, *arguments: str) -> tuple[int, str]:
    """Run where a person sits, who types the answer."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*comfy.root.program.command, "version", *arguments, "--root", str(comfy.root.path)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=comfy.root.environment | {"TERM": "xterm"},
        cwd=comfy.root.home,
        start_new_session=True,
    )
    os.close(follower)
    os.write(leader, answer.encode())
    said = b""
    while True:
        try:
            more = os.read(leader, 65536)
        except OSError:
            break
        if not more:
            break
        said += more
    os.close(leader)
    return process.wait(60), said.decode()


def test_delete(comfy: Machine, comfyui: Repository, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.txt").write_text("x")
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"\0" * 2000)
    comfy.declare(comfyui, models=[{"source": str(weights), "target_subdir": "loras"}])
    comfy.ok("realize", "v")
    target = comfy.target()
    (target / "ComfyUI" / "output" / "link").symlink_to(outside)
    (target / "ComfyUI" / "output" / "image.png").write_text("work")
    (target / "models" / "link").symlink_to(outside)
    before = stats(comfy.root.home)

    # Looking changes nothing; without a terminal a question is not asked, and not answered.
    dry = check(shapes.FREED, comfy.ok("delete", "v", "--dry-run"))
    assert dry["dry_run"]
    assert str(target) in {p["path"] for p in dry["removed"]}
    # Neither the user's work nor a folder with nothing in it is named among what goes.
    named = {Path(p["path"]).name for p in dry["removed"] if "/data/" in p["path"]}
    assert named == {"input"}, "ComfyUI's own example is all that is in it"
    (only,) = [p for p in dry["kept"] if p["path"].endswith("/output")]
    assert only["reason"].startswith("Your own work")
    refused = comfy.json("delete", "v")
    assert refused.status == WRONG_USE
    assert "--yes" in refused.err + refused.out
    status, said = on_a_terminal(comfy, "n\n", "delete", "v")
    assert (status, "Delete these?" in said) == (CANCELLED, True), said
    assert stats(comfy.root.home) == before

    status, said = on_a_terminal(comfy, "y\n", "delete", "v")
    assert status == DONE, said
    assert not target.exists() or target.is_symlink()
    data = comfy.root.home / ".comfy-builds" / "comfy-v" / "data"
    assert (data / "models" / "loras" / "weights.bin").is_file()
    assert (data / "output" / "image.png").read_text() == "work"
    assert comfy.json("status", "v").json["state"] == "resolved"
    # The next realization finds its models and the user's work again.
    comfy.ok("realize", "v")
    assert (target / "ComfyUI" / "output" / "image.png").read_text() == "work"
    done = check(shapes.FREED, comfy.ok("delete", "v", "--yes", "--remove-models"))
    assert not (data / "models" / "loras").exists()
    assert any("output" in kept["path"] for kept in done["kept"])
    comfy.ok("realize", "v")
    done = check(
        shapes.FREED,
        comfy.ok("delete", "v", "--yes", "--remove-models", "--remove-root", "--remove-spec"),
    )
    assert not (comfy.root.home / ".comfy-builds").exists()
    assert not comfy.file().exists()
    assert not comfy.lock_file().exists()
    assert (outside / "precious.txt").read_text() == "x"
    assert weights.stat().st_size == 2000
    gone = comfy.json("delete", "v", "--yes")
    assert (gone.status, gone.problem["code"]) == (FAILED, "environment_not_realized")


def test_delete_of_what_is_not_ours(comfy: Machine, comfyui: Repository, tmp_path: Path) -> None:
    """Only where ComfyUI or the marker is found; models outside and links' targets stay."""
    foreign = tmp_path / "foreign"
    (foreign / "sub").mkdir(parents=True)
    (foreign / "precious.txt").write_text("x")
    for arguments in (["--target", str(foreign)], ["v", "--target", str(foreign)]):
        refused = comfy.json("delete", *arguments, "--yes", "--remove-models", "--remove-root")
        assert (refused.status, refused.problem["code"]) == (FAILED, "not_ours"), refused
    link = tmp_path / "link"
    link.symlink_to(foreign)
    refused = comfy.json("delete", "--target", str(link), "--yes", "--remove-root")
    assert (refused.status, refused.problem["code"]) == (FAILED, "not_ours"), refused
    assert (foreign / "precious.txt").read_text() == "x"
    assert link.is_symlink()

    # A predecessor's directory: ComfyUI, .venv, models; the user's other files keep it.
    old = tmp_path / "comfy-old"
    for path in ("ComfyUI/main.py", ".venv/bin/python", "models/a.bin", "notes.txt"):
        (old / path).parent.mkdir(parents=True, exist_ok=True)
        (old / path).write_text("x")
    (old / ".comfy_env").write_text("COMFY_HOME=x\n")
    (old / "ComfyUI" / "link").symlink_to(foreign)
    dry = check(shapes.FREED, comfy.ok("delete", "--target", str(old), "--dry-run"))
    assert {Path(p["path"]).name for p in dry["removed"]} == {"ComfyUI", ".venv", ".comfy_env"}
    done = check(shapes.FREED, comfy.ok("delete", "--target", str(old), "--yes"))
    assert sorted(p.name for p in old.iterdir()) == ["models", "notes.txt"]
    assert any(kept["path"] == str(old / "models") for kept in done["kept"])
    (old / ".comfy_env").write_text("x")
    done = check(
        shapes.FREED,
        comfy.ok("delete", "--target", str(old), "--yes", "--remove-models", "--remove-root"),
    )
    assert [p.name for p in old.iterdir()] == ["notes.txt"]
    assert any(kept["path"] == str(old) for kept in done["kept"])
    (old / ".comfy_env").write_text("x")
    (old / "notes.txt").unlink()
    (old / "models").symlink_to(foreign)
    comfy.ok("delete", "--target", str(old), "--yes", "--remove-models", "--remove-root")
    assert not old.exists()
    assert (foreign / "precious.txt").read_text() == "x"

    # Models that lie elsewhere are other versions' as well.
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "a.bin").write_bytes(b"x")
    comfy.declare(comfyui)
    comfy.ok("realize", "v", "--models-dir", str(shared))
    deleted = comfy.ok("delete", "v", "--yes", "--remove-models", "--remove-root")
    assert (shared / "a.bin").read_bytes() == b"x"
    assert str(shared) in {kept["path"] for kept in deleted["kept"]}
    assert any((comfy.cache / "git").iterdir()), "shared caches stay"


def test_init(comfy: Machine, comfyui: Repository, tmp_path: Path) -> None:
    """`init_comfyui.sh`: a directory with ComfyUI, an environment and its requirements; no torch unless asked for."""
    comfyui.commit({"requirements.txt": "six==1.17.0\ntorch\n"})
    comfyui.git("tag", "v1")
    comfyui.commit({"comfyui_version.txt": "2\n"})
    home = comfy.root.home / "comfy"
    document = check(
        shapes.INIT, comfy.ok("init", "--repo", comfyui.url, "--ref", "v1", COMFY_HOME=str(home))
    )
    assert (document["path"], document["venv"]) == (str(home), str(home / ".venv"))
    assert document["commit"] == comfyui.sha("v1")
    assert "skip" in document["torch"]
    assert comfy.runs(target=home)["packages"] == ["six==1.17.0"]
    assert (home / ".comfy_env").is_file()
    assert (home / "models").is_dir()
    again = comfy.json("init", "--repo", comfyui.url, COMFY_HOME=str(home))
    assert (again.status, again.problem["code"]) == (FAILED, "path_taken")
    # ./comfy by itself; a Python and an environment of one's own; nothing is left of one that fails.
    comfy.ok("delete", "--target", str(home), "--yes", "--remove-models", "--remove-root")
    assert not home.exists()
    comfyui.commit({"requirements.txt": ""})
    document = comfy.ok(
        "init", "--repo", comfyui.url, "--venv", str(tmp_path / "venv"), "--install-torch", "skip"
    )
    assert document["path"] == str(home)
    assert (tmp_path / "venv" / "bin" / "python").exists()
    assert not (home / ".venv").exists()
    program = str(Path(tmp_path / "venv" / "bin" / "python").resolve())
    document = comfy.ok(
        "init", "--repo", comfyui.url, "--path", str(tmp_path / "second"), "--python", program
    )
    assert document["python"].startswith("3.")
    comfyui.commit({"requirements.txt": "no-such-package-of-anybody-0817\n"})
    failed = tmp_path / "failed"
    done = comfy.json("init", "--repo", comfyui.url, "--path", str(failed))
    assert done.status == FAILED
    assert not failed.exists() or not any(failed.iterdir())
    for arguments in (
        ["--install-torch", "gpu"],
        ["--ref", "--upload-pack=x"],
        ["--python", "/nowhere/python"],
    ):
        refused: Done = comfy.json("init", "--repo", comfyui.url, "--path", str(failed), *arguments)
        assert refused.status in (FAILED, WRONG_USE), arguments
        assert not failed.exists() or not any(failed.iterdir()), arguments


def test_what_the_text_says(machines: Machines, comfyui: Repository) -> None:
    """Without --json: one line that says what happened, also of what went wrong."""
    comfy = machines()
    comfy.declare(comfyui)
    run = comfy.root.run
    assert "v" in run("version", "list").out
    assert run("version", "realize", "v", "--dry-run").out.strip()
    done = run("version", "realize", "v", "--quiet")
    assert (done.status, done.err) == (DONE, "")
    assert str(comfy.target()) in done.out
    assert "unchanged" in run("version", "realize", "v").out
    assert run("version", "status", "v").status == DONE
    assert "unknown_id" in run("version", "status", "w").err
    assert run("version").status == WRONG_USE
    assert run("version", "realize", "v", "--nonsense").status == WRONG_USE
