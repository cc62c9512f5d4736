"""A lock becomes a ComfyUI that starts: built aside, switched in one step, the same everywhere."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from . import shapes
from .comfy import Machine, Repository, Served, core, flip, stats
from .conftest import Machines
from .shapes import check

DONE, FAILED, WRONG_USE, DIFFERS = 0, 1, 2, 3


@pytest.fixture
def comfyui(tmp_path: Path) -> Repository:
    return core(tmp_path / "git" / "ComfyUI")


@pytest.fixture
def busy(machines: Machines) -> Machine:
    """A machine with a daemon, which is quicker than a command each time."""
    made = machines()
    made.root.serve().wait()
    return made


def realize(comfy: Machine, name: str = "v", **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = check(shapes.REALIZE, comfy.done("realize", name, **more))
    return found


def builds(comfy: Machine, name: str = "v") -> list[str]:
    store = comfy.root.home / ".comfy-builds" / f"comfy-{name}"
    found = store.iterdir() if store.is_dir() else ()
    return sorted(p.name for p in found if p.is_dir() and p.name != "data")


def leftovers(comfy: Machine, name: str = "v") -> list[str]:
    """What should not lie beside the builds once nobody works there."""
    store = comfy.root.home / ".comfy-builds" / f"comfy-{name}"
    usual = {"data", "history", "lock", "children.json", *builds(comfy, name)}
    work = comfy.cache / "work"
    left = [p.name for p in store.iterdir() if p.name not in usual]
    return left + [str(p) for p in (work.iterdir() if work.is_dir() else ())]


def test_what_lies_under_the_target(comfy: Machine, comfyui: Repository, tmp_path: Path) -> None:
    node = Repository.create(
        tmp_path / "git" / "node", {"__init__.py": "", "requirements.txt": "iniconfig==2.1.0\n"}
    )
    comfy.declare(comfyui, custom_nodes=[{"repo": node.url, "name": "My Node"}])
    plan = check(shapes.VERSION_PLAN, comfy.ok("realize", "v", "--dry-run"))
    assert plan["action"] == "realize"
    assert not comfy.target().exists()
    kinds = [step["kind"] for step in plan["steps"]]
    assert kinds == [
        *["commit"] * 2,
        *["checkout"] * 2,
        "environment",
        *["package"] * 2,
        *["link"] * 2,
        "switch",
    ]
    done = check(shapes.REALIZE, comfy.ok("realize", "v"))
    assert (done["state"], done["previous"]) == ("realized", None)
    assert done["target"] == str(comfy.target())
    assert done["lock_digest"] == plan["lock_digest"]
    target = comfy.target()
    names = {p.name for p in target.iterdir()}
    assert {"ComfyUI", ".venv", "models", "extra_model_paths.yaml", ".comfy_env"} <= names
    marker = json.loads((target / ".comfy_env").read_text())
    assert (marker["version_id"], marker["lock_digest"]) == ("v", done["lock_digest"])
    said = comfy.runs()
    assert said["prefix"] == str(target / ".venv")
    assert said["packages"] == ["iniconfig==2.1.0", "six==1.17.0"]
    assert said["nodes"] == ["My Node"]
    assert said["python"] == comfy.lock()["python"]
    yaml = (target / "extra_model_paths.yaml").read_text()
    base = json.loads(yaml.split("base_path: ")[1].splitlines()[0])
    assert Path(base).samefile(target / "models")
    for folder in ("checkpoints", "loras", "vae", "text_encoders", "diffusion_models"):
        assert f"  {folder}: " in yaml
    assert (target / "ComfyUI" / "extra_model_paths.yaml").samefile(
        target / "extra_model_paths.yaml"
    )
    assert (target / "ComfyUI" / "input" / "example.png").read_text() == "not really\n"
    # Nodes look into ComfyUI's own folder of models, and save there what they fetch.
    own = target / "ComfyUI" / "models"
    assert own.samefile(target / "models")
    assert list(own.iterdir()) == []
    configs = target / ".comfy_models" / "configs"
    assert f'base_path: "{configs.parent}"\n  configs: configs\n' in yaml
    assert (configs / "v1-inference.yaml").read_text() == "model: {}\n"
    assert os.access(target / "ComfyUI" / "script.sh", os.X_OK)
    head = subprocess.run(
        ["git", "-c", "safe.directory=*", "rev-parse", "HEAD"],
        cwd=target / "ComfyUI" / "custom_nodes" / "My Node",
        capture_output=True,
        text=True,
        check=True,
    )
    assert head.stdout.strip() == node.head
    assert leftovers(comfy) == []

    # A second time: no connection, not even a stamp of a file, and at once.
    trees = (comfy.root.home, comfy.root.path, comfy.cache)
    before = stats(*trees)
    start = time.monotonic()
    again = comfy.alone("realize", "v")
    assert time.monotonic() - start < 15
    assert again.status == DONE, again
    assert check(shapes.REALIZE, again.json) == done | {"state": "unchanged"}
    plan = check(shapes.VERSION_PLAN, comfy.alone("realize", "v", "--dry-run").json)
    assert (plan["action"], plan["steps"]) == ("nothing", [])
    status = check(shapes.VERSION_STATUS, comfy.alone("status", "v").json)
    assert (status["ok"], status["state"], status["differences"]) == (True, "realized", [])
    after = stats(*trees)
    assert {path for path in before | after if before.get(path) != after.get(path)} == set()
    full = comfy.alone("status", "v", "--full").json
    assert full["environment_digest"] == done["environment_digest"]

    # What a process that was killed left beside it goes all the same.
    store = comfy.root.home / ".comfy-builds" / "comfy-v"
    (store / "pointer-0a1b2c3d").symlink_to("nowhere")
    (store / "0123456789abcdef" / "ComfyUI").mkdir(parents=True)
    (store / "children.json.new").write_text("[")
    (store / ".history.0.cockpit-new").write_text("x")
    assert comfy.alone("realize", "v").json["state"] == "unchanged"
    assert leftovers(comfy) == []
    assert len(builds(comfy)) == 1
    listed = check(shapes.VERSIONS, comfy.ok("list"))
    assert [(v["version_id"], v["state"]) for v in listed["versions"]] == [("v", "realized")]


def test_new_build_rollback_and_the_users_work(busy: Machine, comfyui: Repository) -> None:
    comfy = busy
    digests = []
    states = []
    for number in (1, 2, 3):
        comfyui.commit({"comfyui_version.txt": f"{number}\n", "input/example.png": f"{number}\n"})
        comfy.declare(comfyui, comfy={"repo": comfyui.url, "commit": comfyui.head})
        done = realize(comfy)
        states.append(done["state"])
        digests.append(done["environment_digest"])
        assert comfy.runs()["version"] == str(number)
        made = comfy.target() / "ComfyUI" / "output" / f"image_{number}.png"
        made.write_text("work")
        fetched = comfy.target() / "ComfyUI" / "models" / "own"
        fetched.mkdir(exist_ok=True)
        (fetched / f"by_a_node_{number}.bin").write_text("weights")
        (comfy.target() / "ComfyUI" / "input" / "example.png").write_text("the user's own")
        (comfy.target() / "ComfyUI" / "user" / "default").mkdir(exist_ok=True)
        (comfy.target() / "ComfyUI" / "user" / "default" / "settings.json").write_text("{}")
    assert states == ["realized"] * 3
    assert len(set(digests)) == 3
    assert len(builds(comfy)) == 3
    daemon = comfy.root.daemons[0]

    def back() -> dict[str, Any]:
        found: dict[str, Any] = check(shapes.REALIZE, daemon.post("/api/versions/v/rollback"))
        return found

    def users() -> list[str]:
        folder = comfy.target() / "ComfyUI"
        assert (folder / "input" / "example.png").read_text() == "the user's own"
        assert (folder / "user" / "default" / "settings.json").read_text() == "{}"
        assert len(list((folder / "models" / "own").iterdir())) == 3
        return sorted(p.name for p in (folder / "output").iterdir() if p.suffix == ".png")

    everything = ["image_1.png", "image_2.png", "image_3.png"]
    assert users() == everything
    assert back()["environment_digest"] == digests[1]
    assert comfy.runs()["version"] == "2"
    assert comfy.state()["state"] == "stale"
    assert back() == {
        "ok": True,
        "state": "realized",
        "target": str(comfy.target()),
        "lock_digest": json.loads((comfy.target() / ".comfy_env").read_text())["lock_digest"],
        "environment_digest": digests[0],
        "previous": None,
    }
    assert comfy.runs()["version"] == "1"
    assert users() == everything
    status, _, text = daemon.request("POST", "/api/versions/v/rollback")
    assert (status, json.loads(text)["code"]) == (409, "environment_not_realized")
    refused = comfy.json("rollback", "v")
    assert (refused.status, refused.problem["code"]) == (FAILED, "environment_not_realized")
    # Forward again is a realization that finds the build.
    start = time.monotonic()
    done = realize(comfy)
    assert (done["state"], done["environment_digest"]) == ("realized", digests[2])
    assert time.monotonic() - start < 10
    assert (comfy.runs()["version"], len(builds(comfy)), users()) == ("3", 3, everything)
    assert comfy.ok("rollback", "v")["environment_digest"] == digests[0]
    realize(comfy)

    # Nobody goes back to the second: gc takes it, and says how much that is.
    dry = check(shapes.FREED, comfy.ok("gc", "--dry-run"))
    real = check(shapes.FREED, comfy.ok("gc"))
    assert (dry["dry_run"], real["dry_run"]) == (True, False)
    gone = [p for p in real["removed"] if "/.comfy-builds/" in p["path"]]
    assert gone == [p for p in dry["removed"] if "/.comfy-builds/" in p["path"]]
    assert len(gone) == 1
    assert gone[0]["freed_bytes"] > 1000
    assert len(builds(comfy)) == 2
    assert (comfy.runs()["version"], users()) == ("3", everything)
    assert comfy.state()["state"] == "realized"
    assert comfy.ok("rollback", "v")["environment_digest"] == digests[0]
    assert comfy.runs()["version"] == "1"


def test_one_byte_of_one_package(machines: Machines, comfyui: Repository) -> None:
    """Seen where, and mended, also where the byte is one of uv's cache because of a hard link."""
    comfy = machines(own=True)
    daemon = comfy.root.serve().wait()
    comfy.declare(comfyui)
    done = realize(comfy)
    relative = ".venv/lib/python{}.{}/site-packages/six.py".format(
        *comfy.lock()["python"].split(".")
    )
    for quietly in (False, True):
        six = comfy.target() / relative
        hard = six.stat().st_nlink > 1
        flip(six, quietly=quietly)
        if not quietly:
            status = comfy.state()
            assert (status["state"], status["differences"][0]["args"]["path"]) == (
                "broken",
                relative,
            )
        status = check(shapes.VERSION_STATUS, daemon.get("/api/versions/v?full=true"))
        assert (status["ok"], status["state"]) == (False, "broken")
        (difference,) = status["differences"]
        assert difference["code"] == "environment_broken"
        assert difference["args"]["path"] == relative
        listed = comfy.json("status", "v", "--full")
        assert (listed.status, listed.json["state"]) == (DIFFERS, "broken")
        if hard:
            problem = comfy.problem("realize", offline=True)
            assert (problem["code"], problem["args"]["packages"]) == ("environment_broken", ["six"])
        mended = comfy.work("realize")
        assert mended["state"] == "done", mended
        assert mended["result"]["state"] == "realized"
        assert mended["result"]["environment_digest"] == done["environment_digest"]
        assert daemon.get("/api/versions/v?full=true")["state"] == "realized"
        assert not hard or any("fetched anew" in line for line in mended["log"])
        assert realize(comfy)["state"] == "unchanged"
        assert comfy.runs()["packages"] == ["six==1.17.0"]
    assert hard, "uv made no hard link here: its cache was not tested"


def test_what_else_breaks(busy: Machine, comfyui: Repository) -> None:
    comfy, daemon = busy, busy.root.daemons[0]
    comfy.declare(comfyui)
    digest = realize(comfy)["environment_digest"]

    def broken() -> list[str]:
        status = daemon.get("/api/versions/v?full=true")
        assert status["state"] == "broken", status
        return [d["args"].get("path") for d in status["differences"]]

    def mend() -> None:
        assert realize(comfy)["environment_digest"] == digest
        assert daemon.get("/api/versions/v?full=true")["state"] == "realized"

    (comfy.target() / "ComfyUI" / "main.py").unlink()
    assert broken() == ["ComfyUI/main.py"]
    mend()
    (comfy.target() / "ComfyUI" / "script.sh").chmod(0o644)
    assert broken() == ["ComfyUI/script.sh"]
    mend()
    site = next((comfy.target() / ".venv" / "lib").glob("python*/site-packages"))
    (site / "more-1.0.dist-info").mkdir()
    (site / "more-1.0.dist-info" / "RECORD").write_text("more.py,,\nmore-1.0.dist-info/RECORD,,\n")
    (site / "more.py").write_text("")
    assert any("more.py" in path for path in broken())
    mend()
    shutil.rmtree(next((comfy.target() / ".venv" / "lib").glob("python*/site-packages/six-*")))
    assert broken()
    mend()
    (comfy.target() / ".comfy_env").write_text("{}")
    assert comfy.state()["state"] in ("resolved", "broken")
    mend()
    # Bytecode and the user's own work break nothing.
    (comfy.target() / "ComfyUI" / "comfy" / "__pycache__").mkdir()
    (comfy.target() / "ComfyUI" / "output" / "x.png").write_text("x")
    assert daemon.get("/api/versions/v?full=true")["state"] == "realized"
    assert realize(comfy)["state"] == "unchanged"


INSTALL = (
    'import pathlib, sys\npathlib.Path(__file__).with_name("ran.txt").write_text(sys.prefix)\n'
)


def test_install_script_only_if_asked_for(
    busy: Machine, comfyui: Repository, tmp_path: Path
) -> None:
    comfy = busy
    node = Repository.create(tmp_path / "git" / "node", {"install.py": INSTALL})
    comfy.declare(comfyui, custom_nodes=[{"repo": node.url}])
    realize(comfy)
    ran = comfy.target() / "ComfyUI" / "custom_nodes" / "node" / "ran.txt"
    assert not ran.exists()
    comfy.declare(comfyui, custom_nodes=[{"repo": node.url, "run_install_script": True}])
    assert comfy.state()["state"] == "stale"
    realize(comfy)
    assert ran.read_text().endswith(".venv")
    node.commit({"install.py": "import sys\nprint('what was wrong')\nsys.exit(7)\n"})
    comfy.done("resolve", upgrade=True)
    before = comfy.target().resolve()
    problem = comfy.problem("realize")
    assert problem["code"] == "package_failed"
    assert "what was wrong" in problem["detail"]
    assert (comfy.target().resolve(), ran.exists()) == (before, True)


def test_submodules_and_lfs(busy: Machine, served: Served, tmp_path: Path) -> None:
    comfy = busy
    content = os.urandom(100_000)
    oid = hashlib.sha256(content).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"
    inner = Repository.create(served.root / "inner", {"inner.txt": "inner\n"})
    middle = Repository.create(served.root / "middle", {"middle.txt": "middle\n"})
    middle.submodule("in", inner.url)
    gitmodules = (middle.path / ".gitmodules").read_text().replace(inner.url, "../../inner/.git")
    middle.commit({".gitmodules": gitmodules})
    node = Repository.create(
        served.root / "node",
        {
            "__init__.py": "",
            ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
            "weights.bin": pointer,
        },
    )
    node.submodule("libs/middle", middle.url)
    text = (node.path / ".gitmodules").read_text().replace(middle.url, served.of(middle))
    node.commit({".gitmodules": text})
    comfyui = core(served.root / "ComfyUI")
    comfy.declare(served.of(comfyui), custom_nodes=[{"repo": served.of(node), "name": "node"}])

    problem = comfy.problem("realize")
    assert problem["code"] in ("git_unreachable", "file_missing"), problem
    assert "weights.bin" in problem["detail"]
    assert "LFS" in problem["detail"]
    assert not comfy.target().exists()
    served.lfs[oid] = content
    realize(comfy)
    where = comfy.target() / "ComfyUI" / "custom_nodes" / "node"
    assert (where / "weights.bin").read_bytes() == content
    assert (where / "libs/middle/middle.txt").read_text() == "middle\n"
    assert (where / "libs/middle/in/inner.txt").read_text() == "inner\n"
    (locked,) = check(shapes.LOCK, comfy.lock())["custom_nodes"]
    assert [(s["path"], s["commit"]) for s in locked["submodules"]] == [
        ("libs/middle", middle.head),
        ("libs/middle/in", inner.head),
    ]
    flip(where / "libs/middle/in/inner.txt", quietly=False)
    status = comfy.state()
    assert status["state"] == "broken"
    assert status["differences"][0]["args"]["path"].endswith("libs/middle/in/inner.txt")


HOSTILE = {
    "file": ("sub", "file:///etc"),
    "path": ("sub", "/etc"),
    "ext": ("sub", "ext::sh -c 'touch /tmp/e2e-hostile'"),
    "option": ("sub", "--upload-pack=touch /tmp/e2e-hostile"),
    "helper": ("sub", "fd::7"),
    "up": ("../out", "https://example.org/a/b"),
    "git": (".git/x", "https://example.org/a/b"),
}


def test_hostile_repositories(busy: Machine, served: Served, tmp_path: Path) -> None:
    comfy = busy
    comfyui = core(served.root / "ComfyUI")
    outside = stats(comfy.root.home)
    for name, (path, url) in HOSTILE.items():
        node = Repository.create(served.root / f"node-{name}", {"__init__.py": ""})
        node.commit({".gitmodules": f'[submodule "x"]\n\tpath = {path}\n\turl = {url}\n'})
        node.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
        node.git("commit", "--quiet", "-m", "x", GIT_AUTHOR_DATE="2024-01-01T00:00:00Z")
        comfy.declare(served.of(comfyui), custom_nodes=[{"repo": served.of(node), "name": name}])
        problem = comfy.problem("realize")
        assert problem["code"] in ("source_unsupported", "declaration_invalid"), (name, problem)
        assert "ubmodule" in problem["detail"]
    links = Repository.create(served.root / "links", {"__init__.py": ""})
    for target in ("/etc/passwd", "../../../../outside"):
        (links.path / "link").unlink(missing_ok=True)
        (links.path / "link").symlink_to(target)
        links.commit()
        comfy.declare(
            served.of(comfyui), custom_nodes=[{"repo": served.of(links), "name": "links"}]
        )
        comfy.lock_file().unlink(missing_ok=True)
        problem = comfy.problem("realize")
        assert problem["code"] == "path_outside_root", problem
    assert not Path("/tmp/e2e-hostile").exists()  # noqa: S108
    assert not comfy.target().exists()
    changed = stats(comfy.root.home)
    assert {p for p in changed if p not in outside and "/.comfy-builds" not in p} == set()


def test_two_at_once(comfy: Machine, comfyui: Repository) -> None:
    """One waits for the other; both say that all is there; one build came of it."""
    comfy.declare(comfyui, python_packages=["packaging", "idna"])
    comfy.ok("resolve", "v")
    first = comfy.start("realize", "v")
    second = comfy.start("realize", "v")
    ends = [first.end(300), second.end(300)]
    assert [end.status for end in ends] == [DONE, DONE], ends
    assert len({end.json["environment_digest"] for end in ends}) == 1
    assert sorted(end.json["state"] for end in ends) == ["realized", "unchanged"]
    assert len(builds(comfy)) == 1
    assert leftovers(comfy) == []
    comfy.runs()


def test_two_machines_and_reproduce(
    machines: Machines, comfyui: Repository, tmp_path: Path
) -> None:
    """Equal digests, computed from the disk, on two empty machines; and within one."""
    node = Repository.create(tmp_path / "git" / "node", {"requirements.txt": "docopt\nidna\n"})
    ends = []
    for name in ("one", "two"):
        comfy = machines(name, own=True)
        comfy.root.serve().wait()
        comfy.declare(comfyui, name, custom_nodes=[{"repo": node.url}], env={"B": "${B}"})
        ends.append(realize(comfy, name))
        comfy.runs(name)
    one, two = ends
    assert one["lock_digest"] == two["lock_digest"]
    assert one["environment_digest"] == two["environment_digest"]
    before = stats(comfy.target("two"), links=False)
    again = check(shapes.REPRODUCE, comfy.done("reproduce", "two"))
    assert (again["ok"], again["equal"], again["differences"]) == (True, True, [])
    assert [run["environment_digest"] for run in again["runs"]] == [one["environment_digest"]] * 2
    assert [run["lock_digest"] for run in again["runs"]] == [one["lock_digest"]] * 2
    assert stats(comfy.target("two"), links=False) == before
    assert leftovers(comfy, "two") == []
    assert not list((comfy.cache / "targets").glob("*.new"))
    assert len(list((comfy.cache / "targets").iterdir())) == 1


def test_lock_that_came_with_another_spec(
    machines: Machines, comfyui: Repository, tmp_path: Path
) -> None:
    """Where nobody here has resolved it, what a lock alone tells is told, and `resolve` asks for the rest."""
    node = Repository.create(tmp_path / "git" / "node", {"requirements.txt": "docopt\n"})
    models = tmp_path / "models"
    models.mkdir()
    for name in "ab":
        (models / name).write_bytes(name.encode() * 1000)
    one, two = machines("one"), machines("two")
    two.root.serve().wait()

    def declare(comfy: Machine, **more: Any) -> None:
        comfy.declare(
            comfyui,
            custom_nodes=[{"repo": node.url, "install_requirements": more.pop("requires", False)}],
            python_packages=more.pop("packages", ["idna<3.10"]),
            models=[{"source": str(models / more.pop("model", "a")), "target_path": "vae/a.bin"}],
        )

    declare(one)
    one.ok("resolve", "v")
    lock = (one.versions / "v.lock.json").read_text()
    for change, what in (
        ({"packages": ["idna>=3.10"]}, "python_packages"),
        ({"model": "b"}, "models"),
    ):
        declare(two, **change)
        (two.versions / "v.lock.json").write_text(lock)
        (difference,) = two.state()["differences"]
        assert difference["detail"].startswith(what)
    # What is installed for a node stands in no lock.
    declare(two, requires=True)
    (two.versions / "v.lock.json").write_text(lock)
    assert two.state()["state"] == "resolved"
    changed = check(shapes.RESOLVE, two.ok("resolve", "v"))["changed"]
    assert [each["what"] for each in changed] == ["packages/docopt"]
    # Now it is known what was asked.
    declare(two)
    assert two.state()["state"] == "stale"


def test_place_that_is_meant(busy: Machine, comfyui: Repository, tmp_path: Path) -> None:
    """The usual one; where nothing is, the last one of this very spec."""
    comfy = busy
    comfy.declare(comfyui)
    aside = tmp_path / "aside"
    realize(comfy, target=str(aside))
    assert comfy.state()["target"] == str(aside)
    assert realize(comfy)["state"] == "unchanged"
    other = tmp_path / "other" / "v.json"
    other.parent.mkdir()
    other.write_text(comfy.file("v").read_text())
    assert comfy.json("status", "--spec", str(other)).json["target"] == str(comfy.target())
    realize(comfy, target=str(comfy.target()))
    realize(comfy, target=str(aside))
    assert comfy.state()["target"] == str(comfy.target())


def test_local_models_that_are_gone(comfy: Machine, comfyui: Repository, tmp_path: Path) -> None:
    """All of them are in the plan, and nothing is built."""
    sources = [tmp_path / f"{n}.bin" for n in range(3)]
    for source in sources:
        source.write_bytes(source.name.encode() * 100)
    comfy.declare(
        comfyui, models=[{"source": str(source), "target_subdir": "vae"} for source in sources]
    )
    comfy.ok("resolve", "v")
    for source in sources[1:]:
        source.unlink()
    dry = comfy.json("realize", "v", "--dry-run")
    assert dry.status == FAILED
    assert {Path(each["args"]["path"]).name for each in dry.json["missing"]} == {"1.bin", "2.bin"}
    done = comfy.json("realize", "v")
    assert (done.status, len(done.problem["errors"])) == (FAILED, 2)
    assert not comfy.target().exists()
    assert builds(comfy) == []
    (comfy.versions / "v.lock.json").unlink()
    assert len(comfy.json("resolve", "v").problem["errors"]) == 2


def test_reproduce_tells_where(busy: Machine, comfyui: Repository, tmp_path: Path) -> None:
    """A package that is built differently each time: exit 3 and the files' names."""
    setup = "import os, setuptools\nopen('changing.py', 'w').write('x = %r' % os.urandom(8))\nsetuptools.setup(name='changing', version='1', py_modules=['changing'])\n"
    package = Repository.create(tmp_path / "git" / "changing", {"setup.py": setup})
    package.git("tag", "v1")
    busy.root.variables["UV_NO_CACHE"] = "1"
    busy.root.daemons[0].stop()
    busy.declare(comfyui, python_packages=[f"changing @ git+{package.url}@v1"])
    done = busy.json("reproduce", "v")
    assert done.status == DIFFERS, done
    document = check(shapes.REPRODUCE, done.json)
    assert (document["ok"], document["equal"]) == (False, False)
    assert any("changing.py" in d["args"]["path"] for d in document["differences"])


def test_environment_of_the_caller(comfy: Machine, comfyui: Repository) -> None:
    """A value of the caller's decides nothing and stands nowhere."""
    comfy.declare(comfyui, env={"TOKEN": "${MY_TOKEN}", "PLAIN": "x"})
    done = comfy.json("realize", "v", MY_TOKEN="secret-word")
    assert done.status == DONE
    assert comfy.lock()["env"] == {"PLAIN": "x", "TOKEN": "${MY_TOKEN}"}
    again = comfy.json("realize", "v", MY_TOKEN="another-word")
    assert again.json["state"] == "unchanged"
    texts = done.out + done.err + again.out + again.err
    for tree in (comfy.root.home / ".comfy-builds", comfy.cache, comfy.root.path):
        for file in tree.rglob("*"):
            if file.is_file() and not file.is_symlink() and stat.S_ISREG(file.stat().st_mode):
                assert b"secret-word" not in file.read_bytes(), file
    assert "secret-word" not in texts


def test_something_else_at_the_target(comfy: Machine, comfyui: Repository) -> None:
    comfy.declare(comfyui)
    comfy.target().mkdir()
    (comfy.target() / "mine.txt").write_text("x")
    done = comfy.json("realize", "v")
    assert (done.status, done.problem["code"]) == (FAILED, "path_taken")
    assert [p.name for p in comfy.target().iterdir()] == ["mine.txt"]
    shutil.rmtree(comfy.target())
    (comfy.target() / "ComfyUI").mkdir(parents=True)
    done = comfy.json("realize", "v")
    assert (done.status, done.problem["code"]) == (FAILED, "path_taken")
    shutil.rmtree(comfy.target())
    elsewhere = comfy.root.home / "elsewhere"
    elsewhere.mkdir()
    comfy.target().symlink_to(elsewhere)
    done = comfy.json("realize", "v")
    assert (done.status, done.problem["code"]) == (FAILED, "path_taken")
    assert list(elsewhere.iterdir()) == []
    comfy.target().unlink()
    comfy.target().mkdir()
    assert comfy.ok("realize", "v")["state"] == "realized"
    comfy.runs()


def test_gc_frees_what_no_version_uses(busy: Machine, comfyui: Repository, tmp_path: Path) -> None:
    comfy = busy
    other = core(tmp_path / "git" / "Other")
    other.commit({"comfyui_version.txt": "other\n"})
    weights = {}
    for name in ("v", "w"):
        weights[name] = tmp_path / f"{name}.bin"
        weights[name].write_bytes(os.urandom(300_000))
    for name, repository in (("v", comfyui), ("w", other)):
        model = {"source": str(weights[name]), "target_subdir": "loras"}
        comfy.declare(repository, name, models=[model], custom_nodes=[])
        realize(comfy, name)

    def blobs() -> int:
        return len(list((comfy.cache / "models").rglob("blob")))

    def bares() -> list[str]:
        names = [p.name for p in (comfy.cache / "git").iterdir() if not p.name.startswith(".")]
        return sorted(name.split("-")[2] for name in names)

    def collect(**more: Any) -> list[str]:
        document = check(shapes.FREED, comfy.done_all("gc", **more))
        return [
            p["path"]
            for p in document["removed"]
            if "/uv" not in p["path"] and "packages" not in p["path"]
        ]

    assert (blobs(), bares()) == (2, ["ComfyUI", "Other"])
    assert collect() == []
    # A version that is gone by hand, and one that is deleted with its spec.
    daemon = comfy.root.daemons[0]
    status, _, text = daemon.request(
        "DELETE", "/api/versions/w?remove_models=true&remove_root=true&remove_spec=true"
    )
    assert status == 200, text
    dry = collect(dry_run=True)
    assert (len(dry), blobs(), bares()) == (2, 2, ["ComfyUI", "Other"])
    assert sorted(collect()) == sorted(dry)
    assert (blobs(), bares()) == (1, ["ComfyUI"])
    comfy.runs("v")
    assert daemon.get("/api/versions/v?full=true")["state"] == "realized"
    comfy.file("v").unlink()
    assert collect() == [], "what is realized is used, whether its spec is there or not"
    shutil.rmtree(comfy.root.home / ".comfy-builds")
    comfy.lock_file("v").unlink()
    assert len(collect()) == 2
    assert (blobs(), bares()) == (0, [])
    assert weights["v"].stat().st_size == 300_000
    assert list((comfy.cache / "resolved").iterdir()) == []


def test_gc_frees_packages_that_no_version_uses(machines: Machines, comfyui: Repository) -> None:
    """Only where the cache is ours; what is used stays, and a later realization works."""
    comfy = machines(own=True)
    comfy.root.serve().wait()
    for name, package in (("v", "idna"), ("w", "pluggy")):
        comfy.declare(comfyui, name, python_packages=[package])
        realize(comfy, name)

    def collect(**more: Any) -> list[str]:
        document = check(shapes.FREED, comfy.done_all("gc", **more))
        paths = [Path(each["path"]) for each in document["removed"]]
        return [
            f"{path.parent.name} {path.name}" for path in paths if path.parent.name != "cache-one"
        ]

    def cached() -> set[str]:
        found = (comfy.cache / "uv").glob("*-v*/pypi/*/*")
        return {path.parent.name for path in found}

    assert {"idna", "pluggy"} <= cached()
    assert collect() == []
    status, _, text = comfy.root.daemons[0].request(
        "DELETE", "/api/versions/w?remove_root=true&remove_spec=true"
    )
    assert status == 200, text
    dry = collect(dry_run=True)
    assert {each.split()[0] for each in dry} == {"pluggy"}
    assert collect() == dry
    assert "pluggy" not in cached()
    assert {"idna", "six"} <= cached()
    comfy.runs("v")
    comfy.declare(comfyui, "w", python_packages=["pluggy"])
    comfy.ok("resolve", "w")
    dry_run = comfy.ok("realize", "w", "--dry-run")
    sizes = {s["subject"]: s["size_bytes"] for s in dry_run["steps"] if s["kind"] == "package"}
    assert all(size for what, size in sizes.items() if what.startswith("pluggy")), dry_run
    # A lock that was there before: the sizes are asked all the same.
    assert comfy.ok("realize", "w", "--dry-run")["steps"] == dry_run["steps"]
    realize(comfy, "w")
    comfy.runs("w")
