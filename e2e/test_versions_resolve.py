"""A spec becomes a lock: refs are commits, requirements packages, models sizes and checksums."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from demo.hub.exchange import Hub

from . import shapes
from .comfy import MORE_INDEX, Machine, Repository, Served, by_git_daemon, core, flip
from .conftest import Machines
from .shapes import check

DONE, FAILED, WRONG_USE, DIFFERS = 0, 1, 2, 3


@pytest.fixture
def comfy(machines: Machines) -> Machine:
    """With a daemon: most of what is looked at here is the lock, not the command."""
    made = machines()
    made.root.serve().wait()
    return made


@pytest.fixture
def comfyui(tmp_path: Path) -> Repository:
    return core(tmp_path / "git" / "ComfyUI")


def node(tmp_path: Path, name: str, **files: str) -> Repository:
    """A custom node; `requirements` is its requirements.txt."""
    named = {key.replace("__", "."): text for key, text in files.items() if key != "requirements"}
    if "requirements" in files:
        named["requirements.txt"] = files["requirements"]
    return Repository.create(tmp_path / "git" / name, {"__init__.py": "", **named})


def resolve(comfy: Machine, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = check(shapes.RESOLVE, comfy.done("resolve", **more))
    return found


def versions(lock: dict[str, Any]) -> dict[str, str]:
    return {p["name"]: p.get("version", p.get("commit", "")) for p in lock["packages"]}


def what(resolved: dict[str, Any]) -> dict[str, tuple[str | None, str | None]]:
    return {change["what"]: (change["from"], change["to"]) for change in resolved["changed"]}


def test_every_way_to_name_a_commit(comfy: Machine, comfyui: Repository, served: Served) -> None:
    """Branch, tag (also annotated), short and full SHA, nothing, a commit that holds a branch."""
    first = comfyui.head
    comfyui.git("tag", "v1")
    comfyui.git("tag", "-a", "v1-annotated", "-m", "x")
    comfyui.git("branch", "feature/x")
    second = comfyui.commit({"comfyui_version.txt": "2\n"})
    comfyui.git("checkout", "--quiet", "-b", "dev")
    third = comfyui.commit({"comfyui_version.txt": "3\n"})
    comfyui.git("checkout", "--quiet", "main")
    url = served.of(comfyui)
    cases: list[tuple[dict[str, str], str]] = [
        ({"ref": "main"}, second),
        ({}, second),
        ({"ref": "dev"}, third),
        ({"ref": "feature/x"}, first),
        ({"ref": "v1"}, first),
        ({"ref": "v1-annotated"}, first),
        ({"ref": "refs/tags/v1"}, first),
        ({"ref": first[:9]}, first),
        ({"ref": third}, third),
        ({"commit": first}, first),
        ({"commit": first.upper(), "ref": "dev"}, first),
        ({"commit": "dev"}, third),
        ({"commit": second[:10], "ref": "dev"}, second),
    ]
    (daemon,) = comfy.root.daemons
    for number, (named, _) in enumerate(cases):
        comfy.declare(url, f"v{number}", comfy={"repo": url} | named)
        daemon.post(f"/api/versions/v{number}/resolve")
    jobs = {job["subjects"][0]: job for job in daemon.idle()}
    for number, (named, wanted) in enumerate(cases):
        job = jobs[f"v{number}"]
        assert job["state"] == "done", (named, job["problem"])
        lock = check(shapes.LOCK, comfy.lock(f"v{number}"))
        assert lock["comfy"]["commit"] == wanted, named
        assert lock["comfy"]["tree"] == comfyui.tree(wanted)
    with by_git_daemon(served.root) as address:
        comfy.declare(
            f"{address}/ComfyUI/.git", "v", comfy={"repo": f"{address}/ComfyUI/.git", "ref": "v1"}
        )
        assert resolve(comfy)
        assert comfy.lock()["comfy"] == {
            "repo": f"{address}/ComfyUI/.git",
            "commit": first,
            "tree": comfyui.tree(first),
            "submodules": [],
        }
    for wrong in ({"ref": "nowhere"}, {"commit": "f" * 40}, {"ref": "abcdef0123"}):
        comfy.declare(url, "w", comfy={"repo": url} | wrong)
        assert comfy.problem("resolve", "w")["code"] == "ref_not_found", wrong
    assert not comfy.lock_file("w").exists()
    comfy.declare(url, "w", comfy={"repo": f"{served.url}/nothing/.git"})
    assert comfy.problem("resolve", "w")["code"] == "git_unreachable"


def test_pins_stay_until_upgrade(comfy: Machine, comfyui: Repository, tmp_path: Path) -> None:
    a = node(tmp_path, "a", requirements="idna<3.10\n")
    b = node(tmp_path, "b")
    nodes = [{"repo": each.url, "ref": "main"} for each in (a, b)]
    comfy.declare(comfyui, custom_nodes=nodes)
    old = {"comfy": comfyui.head, "custom_nodes/a": a.head, "custom_nodes/b": b.head}
    changed = what(resolve(comfy))
    assert {key: changed[key] for key in old} == {key: (None, sha) for key, sha in old.items()}
    assert changed["packages/six"] == (None, "1.17.0")
    before = comfy.lock_file().read_bytes()
    stamp = comfy.lock_file().stat().st_mtime_ns
    idna = versions(comfy.lock())["idna"]

    # Everything moves: nothing of it comes in, and nobody is even asked.
    comfyui.commit({"comfyui_version.txt": "2\n", "requirements.txt": "six\niniconfig\n"})
    a.commit({"requirements.txt": "idna\n"})
    b.commit({"x.py": ""})
    assert resolve(comfy)["changed"] == []
    assert (comfy.lock_file().read_bytes(), comfy.lock_file().stat().st_mtime_ns) == (before, stamp)
    assert comfy.state()["state"] == "resolved"

    # What the spec says anew moves, and that alone.
    nodes[1] = {"repo": b.url, "commit": b.head}
    comfy.declare(comfyui, custom_nodes=nodes)
    status = check(shapes.VERSION_STATUS, comfy.state())
    assert (status["state"], len(status["differences"])) == ("stale", 1)
    (difference,) = status["differences"]
    assert difference["code"] == "lock_stale"
    assert "custom_nodes/b" in difference["detail"]
    assert what(resolve(comfy)) == {"custom_nodes/b": (old["custom_nodes/b"], b.head)}

    # A new package: the others keep their versions, though newer ones are allowed.
    comfy.declare(comfyui, custom_nodes=nodes, python_packages=["packaging"])
    assert set(what(resolve(comfy))) == {"packages/packaging"}

    # A ref that is another name now.
    a.git("branch", "stable", old["custom_nodes/a"])
    nodes[0] = {"repo": a.url, "ref": "stable"}
    comfy.declare(comfyui, custom_nodes=nodes, python_packages=["packaging"])
    assert comfy.state()["state"] == "stale"
    assert resolve(comfy)["changed"] == []
    assert comfy.state()["state"] == "resolved"

    nodes[0] = {"repo": a.url, "ref": "main"}
    comfy.declare(comfyui, custom_nodes=nodes, python_packages=["packaging"])
    resolve(comfy)
    moved = what(resolve(comfy, upgrade=True))
    assert moved["comfy"] == (old["comfy"], comfyui.head)
    assert moved["packages/idna"][0] == idna
    assert "packages/iniconfig" in moved
    assert comfy.lock()["custom_nodes"][0]["commit"] == a.head

    # A node less, variables more: said, and nothing else changes.
    comfy.declare(comfyui, custom_nodes=nodes[1:], python_packages=["packaging"], env={"A": "x"})
    details = " ".join(d["detail"] for d in comfy.state()["differences"])
    assert "custom_nodes/a" in details
    assert "env" in details
    assert set(what(resolve(comfy))) == {"custom_nodes/a", "packages/idna"}
    assert comfy.lock()["env"] == {"A": "x"}


def test_force_push_and_deleted_tag(
    comfy: Machine, comfyui: Repository, served: Served, machines: Machines
) -> None:
    """A commit that is in the lock is got from the cache, and from nowhere once it is gone there too."""
    url = served.of(comfyui)
    old = comfyui.head
    comfyui.git("tag", "gone")
    comfy.declare(url, comfy={"repo": url, "ref": "gone"})
    resolve(comfy)
    comfyui.commit({"comfyui_version.txt": "2\n"}, amend=True)
    comfyui.git("tag", "-d", "gone")
    comfyui.git("reflog", "expire", "--expire=now", "--all")
    comfyui.git("gc", "--prune=now", "--quiet")
    assert resolve(comfy)["changed"] == []
    assert comfy.done("realize")["state"] == "realized"
    other = machines("two")
    other.versions.mkdir()
    shutil.copy(comfy.file(), other.file())
    shutil.copy(comfy.lock_file(), other.lock_file())
    done = other.json("realize", "v")
    assert (done.status, done.problem["code"]) == (FAILED, "ref_not_found")
    assert old[:10] in done.problem["detail"]
    done = comfy.json("resolve", "v", "--upgrade")
    assert (done.status, done.problem["code"]) == (FAILED, "ref_not_found")
    assert comfy.lock()["comfy"]["commit"] == old


def conflict(comfy: Machine) -> dict[str, Any]:
    problem = check(shapes.problem_of, comfy.problem("resolve"))
    assert problem["code"] == "dependency_conflict", problem
    args: dict[str, Any] = problem["args"]
    return args | {"detail": problem["detail"]}


def test_conflicts(comfy: Machine, comfyui: Repository, tmp_path: Path) -> None:
    a = node(tmp_path, "node-a", requirements="idna==3.6\n")
    b = node(tmp_path, "node-b", requirements="idna>=3.10  # new\n")
    c = node(tmp_path, "node-c", requirements="requests==2.32.3\n")
    d = node(tmp_path, "node-d", requirements="idna==2.2\n")
    comfy.declare(comfyui, custom_nodes=[{"repo": a.url}, {"repo": b.url}])
    args = conflict(comfy)
    assert args["package"] == "idna"
    assert sorted(zip(args["requesters"], args["specifiers"], strict=True)) == [
        ("node-a", "==3.6"),
        ("node-b", ">=3.10"),
    ]
    for word in ("node-a", "node-b", "==3.6", ">=3.10"):
        assert word in args["detail"]

    comfy.declare(comfyui, custom_nodes=[{"repo": c.url}, {"repo": d.url}])
    args = conflict(comfy)
    assert args["package"] == "idna"
    assert dict(zip(args["requesters"], args["specifiers"], strict=True)) == {
        "node-d": "==2.2",
        "requests==2.32.3": ">=2.5,<4",
    }

    comfy.declare(comfyui, custom_nodes=[], python_packages=["six==1.16.0"])
    args = conflict(comfy)
    assert args["package"] == "six"
    assert dict(zip(args["requesters"], args["specifiers"], strict=True)) == {
        "ComfyUI": "==1.17.0",
        "python_packages": "==1.16.0",
    }


def test_requirements_that_cannot_be(comfy: Machine, comfyui: Repository, tmp_path: Path) -> None:
    a = node(tmp_path, "node-a", requirements="no-such-package-of-anybody-0817\n")
    comfy.declare(comfyui, custom_nodes=[{"repo": a.url}])
    done = comfy.json("resolve", "v")
    problem = done.problem
    assert (done.status, problem["code"]) == (FAILED, "wheel_missing"), problem
    assert problem["args"]["missing"] == ["no-such-package-of-anybody-0817"]
    assert "node-a" in problem["detail"]

    a.commit({"requirements.txt": "six==0.0.99\n"})
    comfy.declare(comfyui, custom_nodes=[{"repo": a.url}], comfy={"repo": comfyui.url})
    comfyui.commit({"requirements.txt": ""})
    problem = comfy.problem("resolve")
    assert (problem["code"], problem["args"]["missing"]) == ("wheel_missing", ["six==0.0.99"])

    a.commit({"requirements.txt": "six ==== 1 (\n"})
    problem = comfy.problem("resolve")
    assert problem["code"] == "declaration_invalid", problem
    assert "node-a" in problem["detail"]
    a.commit(
        {"requirements.txt": f"{MORE_INDEX} https://user:secret-word@example.org/simple\nsix\n"}
    )
    done = comfy.json("resolve", "v")
    assert done.problem["code"] == "source_unsupported"
    assert "secret-word" not in done.out + done.err
    assert not comfy.lock_file().exists()


def test_includes_markers_and_options_of_nodes(
    comfy: Machine, comfyui: Repository, tmp_path: Path
) -> None:
    included = Repository.create(
        tmp_path / "git" / "including",
        {
            "__init__.py": "",
            "requirements.txt": "\ufeff# of the node\n-r reqs/more.txt\n--requirement=reqs/less.txt\n-c constraints.txt\nsix; sys_platform == 'win32'\r\n",
            "reqs/more.txt": "iniconfig>=1\n-r ../deep.txt\n",
            "reqs/less.txt": "packaging\n",
            "deep.txt": "pluggy\n",
            "constraints.txt": "iniconfig<2.1\npackaging==24.0\n",
        },
    )
    silent = node(tmp_path, "silent", requirements="no-such-package-of-anybody-0817\n")
    nodes = [{"repo": included.url}, {"repo": silent.url, "install_requirements": False}]
    comfy.declare(comfyui, custom_nodes=nodes)
    resolve(comfy)
    assert versions(comfy.lock()) == {
        "six": "1.17.0",
        "iniconfig": "2.0.0",
        "packaging": "24.0",
        "pluggy": versions(comfy.lock())["pluggy"],
    }
    leaving = node(tmp_path, "leaving", requirements="-r ../../../../etc/passwd\nsix\n")
    comfy.declare(comfyui, custom_nodes=[{"repo": leaving.url}])
    problem = comfy.problem("resolve")
    assert problem["code"] == "path_outside_root"
    assert "leaving" in problem["detail"], problem


def test_source_distributions_git_and_backends(
    comfy: Machine, comfyui: Repository, tmp_path: Path
) -> None:
    """docopt has no wheel: what builds it is locked as well; a git requirement is locked by its commit."""
    package = Repository.create(
        tmp_path / "git" / "gitpackage",
        {
            "pyproject.toml": '[project]\nname = "git_package"\nversion = "1.2"\ndescription = "x"\n[build-system]\nrequires = ["flit_core>=3"]\nbuild-backend = "flit_core.buildapi"\n',
            "git_package.py": '"""A package."""\n',
        },
    )
    package.git("tag", "v1.2")
    wanted = package.head
    package.commit({"git_package.py": '"""Another."""\n'})
    comfy.declare(
        comfyui,
        python_packages=["docopt", f"git_package @ git+{package.url}@v1.2"],
        options={"torch_backend": "cpu"},
    )
    resolve(comfy)
    lock = check(shapes.LOCK, comfy.lock())
    named = {p["name"]: p for p in lock["packages"]}
    assert named["docopt"]["file"] == "docopt-0.6.2.tar.gz"
    assert named["git-package"] == {"name": "git-package", "repo": package.url, "commit": wanted}
    assert lock["torch_backend"] == "cpu"
    assert {"setuptools", "wheel", "flit-core"} <= {p["name"] for p in lock["build_packages"]}
    done = comfy.done("realize")
    assert done["state"] == "realized"
    assert {"docopt==0.6.2", "git_package==1.2"} <= set(comfy.runs()["packages"])
    assert comfy.done("realize")["state"] == "unchanged"
    assert comfy.json("status", "v", "--full").json["state"] == "realized"


def wheel(name: str, version: str, module: str, misprint: bool = False) -> bytes:
    """A wheel that no index has; with a misprint, its RECORD is wrong."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{module}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for path, text in files.items():
        digest = (
            base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        )
        lines.append(f"{path},sha256={digest},{len(text)}")
    if misprint:
        files[f"{module}.py"] += "changed = True\n"
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,"]) + "\n"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return made.getvalue()


def test_wheel_by_its_address(
    comfy: Machine, comfyui: Repository, served: Served, tmp_path: Path
) -> None:
    """A requirement may be a file that no index has: its address is locked with its hash."""
    name = "of_nobody-1.5-py3-none-any.whl"
    content = wheel("of_nobody", "1.5", "of_nobody")
    served.lfs[name] = content
    url = f"{served.url}/lfs/{name}"
    comfy.declare(comfyui, python_packages=[f"of_nobody @ {url}"])
    resolve(comfy)
    named = {p["name"]: p for p in check(shapes.LOCK, comfy.lock())["packages"]}
    sha256 = hashlib.sha256(content).hexdigest()
    assert named["of-nobody"] == {
        "name": "of-nobody",
        "version": "1.5",
        "file": name,
        "sha256": sha256,
        "url": url,
    }
    assert comfy.done("realize")["state"] == "realized"
    assert "of_nobody==1.5" in comfy.runs()["packages"]
    packed = comfy.done("pack", output=str(tmp_path / "pack"))
    assert f"wheels/{name}" in {file["path"] for file in packed["files"]}
    served.lfs[name] = wheel("of_nobody", "1.5", "another")
    comfy.root.variables["UV_CACHE_DIR"] = str(tmp_path / "empty")
    done = comfy.json("realize", "v", "--target", str(tmp_path / "elsewhere"), "--offline")
    assert (done.status, done.problem["code"]) == (FAILED, "offline")
    comfy.root.daemons[0].stop()
    done = comfy.json("realize", "v", "--target", str(tmp_path / "elsewhere"))
    assert (done.status, done.problem["code"]) == (FAILED, "checksum_differs"), done


def test_wheel_that_was_published_with_a_wrong_record(
    comfy: Machine, comfyui: Repository, served: Served, tmp_path: Path
) -> None:
    """Fetched anew once, and believed from then on, also without a connection."""
    name = "of_nobody-1.5-py3-none-any.whl"
    served.lfs[name] = wheel("of_nobody", "1.5", "of_nobody", misprint=True)
    comfy.declare(comfyui, python_packages=[f"of_nobody @ {served.url}/lfs/{name}"])
    first = comfy.work("realize")
    assert any("of-nobody is wrong as it was published" in line for line in first["log"])
    del served.lfs[name]
    aside = str(tmp_path / "elsewhere")
    second = comfy.work("realize", target=aside, offline=True)
    assert second["state"] == "done", second
    assert not any("fetched anew" in line for line in second["log"])
    digests = {job["result"]["environment_digest"] for job in (first, second)}
    assert len(digests) == 1
    flip(next(Path(aside).glob(".venv/lib/python*/site-packages/of_nobody.py")))
    third = comfy.work("realize", target=str(tmp_path / "third"), offline=True)
    assert third["problem"]["args"]["packages"] == ["of-nobody"]


def other_python() -> str:
    """A Python that is here and is not the one that is taken by itself."""
    found = {}
    for folder in (
        *Path("~/.pyenv/versions").expanduser().glob("3.*/bin"),
        *map(Path, os.environ["PATH"].split(":")),
    ):
        for program in folder.glob("python3.*"):
            name = program.name.removeprefix("python")
            if name in ("3.10", "3.11", "3.13") and os.access(program, os.X_OK):
                done = subprocess.run(
                    [program, "-c", "import venv"], capture_output=True, check=False
                )
                if done.returncode == 0:
                    found[name] = program
    assert found, "no second Python is here: this cannot be tested"
    return sorted(found)[-1]


def test_another_python_and_none(comfy: Machine, comfyui: Repository) -> None:
    comfy.declare(comfyui)
    resolve(comfy)
    usual = comfy.lock()["python"]
    wanted = other_python()
    assert not usual.startswith(wanted + ".")
    comfy.declare(comfyui, python=wanted)
    (difference,) = comfy.state()["differences"]
    assert "python" in difference["detail"]
    assert what(resolve(comfy))["python"][0] == usual
    assert comfy.lock()["python"].startswith(wanted + ".")
    assert comfy.done("realize")["state"] == "realized"
    assert comfy.runs()["python"] == comfy.lock()["python"]
    comfy.declare(comfyui, python="3.99")
    for offline in ([], ["--offline"]):
        done = comfy.json("resolve", "v", *offline)
        assert (done.status, done.problem["code"]) == (FAILED, "interpreter_missing"), done
        assert done.problem["args"]["python"] == "3.99"
        assert usual in done.problem["detail"]


def test_wheels_directory(
    comfy: Machine, comfyui: Repository, tmp_path: Path, packages: Path
) -> None:
    """No index, only these files; what is missing is told at once, all of it, with who needs it."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    comfy.declare(comfyui, python_packages=["requests==2.32.3", "iniconfig==2.1.0"])
    done = comfy.json("resolve", "v", "--wheels-dir", str(wheels))
    assert (done.status, done.problem["code"]) == (FAILED, "wheel_missing")
    missing = {
        name.split("=")[0].split("<")[0].split(">")[0] for name in done.problem["args"]["missing"]
    }
    assert {"six", "requests", "iniconfig"} <= missing
    resolve(comfy)
    done = comfy.json("realize", "v", "--wheels-dir", str(wheels))
    assert (done.status, done.problem["code"]) == (FAILED, "wheel_missing")
    files = [p["file"] for p in comfy.lock()["packages"]]
    assert sorted(done.problem["args"]["missing"]) == sorted(files)
    plan = check(
        shapes.VERSION_PLAN,
        comfy.json("realize", "v", "--dry-run", "--wheels-dir", str(wheels)).json,
    )
    assert [p["code"] for p in plan["missing"]] == ["wheel_missing"]
    assert {s["from"] for s in plan["steps"] if s["kind"] == "package"} == {"wheels"}
    # `pack` brings just these files.
    pack = comfy.ok("pack", "v", "--output", str(tmp_path / "pack"))
    for file in check(shapes.PACK, pack)["files"]:
        if file["path"].startswith("wheels/"):
            shutil.copy(tmp_path / "pack" / file["path"], wheels)
    assert sorted(p.name for p in wheels.iterdir()) == sorted(files)
    comfy.root.variables["UV_CACHE_DIR"] = str(tmp_path / "empty")
    assert comfy.json("realize", "v", "--wheels-dir", str(wheels)).json["state"] == "realized"
    assert "requests==2.32.3" in comfy.runs()["packages"]


def canonical(value: Any) -> str:
    """RFC 8785 for what a lock holds: no fractions, and keys in ASCII."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def test_lock_is_the_same_from_two_empty_roots(
    machines: Machines, comfyui: Repository, tmp_path: Path, hub: Hub
) -> None:
    """Byte for byte, whatever the version is called, and in the canonical form."""
    a = node(tmp_path, "Zeta", requirements="idna\n")
    b = node(tmp_path, "alpha")
    spec = {
        "custom_nodes": [
            {"repo": a.url, "target_dir": "$COMFY_HOME/custom_nodes/Zeta"},
            {"repo": b.url},
        ],
        "models": [
            {"source": "hf://sized/1MB/model.safetensors", "target_subdir": "loras"},
            {"source": f"{hub.api}/files/good/ö.safetensors?size=20000", "target_subdir": "loras"},
        ],
        "env": {"Z": "1", "A": "${SECRET_OF_MINE}", "U": 'ünï\u2028\n"\\\x01'},
    }
    one, two = machines("one", own=True), machines("two", own=True)
    one.declare(comfyui, "v", **spec)
    two.declare(comfyui, "another", **spec)
    secret = {"SECRET_OF_MINE": "secret-word", "HF_TOKEN": "hf_demo"}
    first = check(shapes.RESOLVE, one.ok("resolve", "v", **secret))
    second = check(shapes.RESOLVE, two.ok("resolve", "another", **secret))
    assert first["lock_digest"] == second["lock_digest"]
    assert one.lock_file("v").read_bytes() == two.lock_file("another").read_bytes()
    text = one.lock_file("v").read_text("utf-8")
    lock = check(shapes.LOCK, json.loads(text))
    assert text == canonical(lock) + "\n"
    assert [n["dir"] for n in lock["custom_nodes"]] == sorted(
        n["dir"] for n in lock["custom_nodes"]
    )
    for word in ("secret-word", "hf_demo", '"v"', str(one.root.home), str(one.cache)):
        assert word not in text
    assert lock["env"]["A"] == "${SECRET_OF_MINE}"
    copied = one.cache / "resolved" / "v.lock.json"
    assert copied.read_bytes() == one.lock_file("v").read_bytes()
