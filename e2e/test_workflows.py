"""Workflows run on a ComfyUI of their own: what they save arrives, and whatever goes wrong has its words."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import bucket as google
from . import shapes
from .bucket import Bucket
from .cockpit import Daemon, Done, Running, until
from .comfy import Machine, Repository, core
from .conftest import Machines
from .shapes import check

SERVER = Path(__file__).with_name("comfy_server.py")
DONE, FAILED, WRONG_USE, DIFFERS = 0, 1, 2, 3
PICTURE: dict[str, Any] = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": 64, "height": 32, "batch_size": 1, "color": 255},
    },
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "t"}},
}


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    """Return a workflow of one node."""
    return {"1": {"class_type": kind, "inputs": inputs}}


@pytest.fixture
def comfyui(tmp_path: Path) -> Repository:
    return core(tmp_path / "git" / "ComfyUI", main__py=SERVER.read_text("utf-8"))


@pytest.fixture
def busy(machines: Machines, comfyui: Repository) -> Machine:
    """A machine with a daemon, and a version whose ComfyUI answers."""
    made = machines()
    made.declare(comfyui)
    made.root.serve().wait()
    return made


def daemon(machine: Machine) -> Daemon:
    return machine.root.daemons[-1]


def run(machine: Machine, workflow: Any, **body: Any) -> dict[str, Any]:
    """Run it by the daemon; the job's end, with the bytes of its outputs."""
    wanted = {"version_id": "v", "workflow": workflow, "output": "base64"} | body
    status, headers, text = daemon(machine).request("POST", "/api/workflows/runs", wanted)
    answer = json.loads(text)
    if status != 202:
        return {"state": "refused", "result": None, "problem": answer}
    assert headers["Location"] == f"/api/jobs/{answer['job']['id']}"
    return end(machine, answer["job"]["id"])


def end(machine: Machine, job: str) -> dict[str, Any]:
    def final() -> dict[str, Any] | None:
        found: dict[str, Any] = daemon(machine).get(f"/api/workflows/runs/{job}")["job"]
        return found if found["state"] not in ("queued", "running") else None

    return until(final, 120, 0.05)


def result(job: dict[str, Any]) -> dict[str, Any]:
    assert job["state"] == "done", job["problem"]
    found: dict[str, Any] = check(shapes.RUN, job["result"])
    return found


def problem(job: dict[str, Any], code: str) -> dict[str, Any]:
    found: dict[str, Any] = job["problem"]
    assert found, job
    assert found["code"] == code, job
    return found


def servers(machine: Machine) -> list[str]:
    """The machine's ComfyUIs that run, as their command lines."""
    found = subprocess.run(
        ["pgrep", "-af", f"{machine.root.home}/.*/ComfyUI/main.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.splitlines()


def waits(machine: Machine, job: str) -> bool:
    """Whether the workflow of this run is queued behind another one."""
    parts = [each for each in daemon(machine).get("/api/jobs")["jobs"] if each["parent"] == job]
    return any((p["kind"], p["state"]) == ("workflows.prompt", "queued") for p in parts)


def sleeps(machine: Machine) -> str:
    """Start a workflow that takes long; the job, once ComfyUI is at it."""
    wanted = {"version_id": "v", "workflow": node("Sleep", seconds=300), "output": "base64"}
    job: str = daemon(machine).post("/api/workflows/runs", wanted)["job"]["id"]
    until(lambda: daemon(machine).get(f"/api/jobs/{job}")["job"]["progress"]["phase"] == "running")
    until(lambda: "got prompt" in daemon(machine).get(f"/api/jobs/{job}")["job"]["log"])
    return job


def workflow(machine: Machine, document: Any, name: str = "wf.json") -> Path:
    file = machine.root.path / name
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return file


def command(machine: Machine, *arguments: str, **variables: str) -> Done:
    """Run a command with nothing behind its own arguments."""
    made = [*machine.root.program.command, *arguments]
    done = subprocess.run(
        made,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=machine.root.environment | variables,
        cwd=machine.root.path,
        timeout=120,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


# By a command


def test_picture_as_base64(comfy: Machine, comfyui: Repository) -> None:
    comfy.declare(comfyui)
    file = workflow(comfy, PICTURE)
    done = command(
        comfy, "version", "run-handler", "v", "--workflow", str(file), "--output", "base64"
    )
    assert done.status == DONE, done
    content = base64.b64decode(done.out.removesuffix("\n"), validate=True)
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert b"prompt\0" in content
    # ComfyUI's own log goes by.
    assert "got prompt" in done.err
    assert servers(comfy) == []
    assert list((comfy.cache / "work").iterdir()) == []
    # The same by its other names, with a document; another value for an input.
    for verb in (["version", "test", "v"], ["workflow", "run", "--version-id", "v"]):
        rest = ["--workflow", str(file), "--output", "base64", "--json", "--set", "1.width=128"]
        again = command(comfy, *verb, *rest)
        document = check(shapes.RUN, again.json)
        (output,) = document["outputs"]
        assert (output["name"], output["kind"], output["mime"]) == (
            "t_00001_.png",
            "image",
            "image/png",
        )
        other = base64.b64decode(output["base64"])
        assert hashlib.sha256(other).hexdigest() == output["sha256"]
        assert int.from_bytes(other[16:20], "big") == 128
        assert document["lock_digest"] == hashlib.sha256(comfy.lock_file().read_bytes()).hexdigest()
    # The text into a file.
    into = comfy.root.path / "picture.b64"
    rest = ["--workflow", str(file), "--output", "base64", "--out-file", "picture.b64"]
    assert command(comfy, "workflow", "run", *rest, COMFY_VERSION_NAME="v").out == ""
    assert base64.b64decode(into.read_text()) == content
    # Nothing of it changed the version.
    assert comfy.ok("status", "v", "--full")["state"] == "realized"


def test_smoke_test(comfy: Machine, comfyui: Repository) -> None:
    """The user's documents start a worker with `{}`."""
    comfy.declare(comfyui)
    file = workflow(comfy, "{}")
    done = command(
        comfy, "workflow", "run", "v", "--workflow", str(file), "--output", "base64", "--json"
    )
    document = check(shapes.RUN, done.json)
    assert (done.status, document["outputs"], document["prompt_id"]) == (DONE, [], None)
    assert document["timings"]["start"] > 0
    assert "To see the GUI" in done.err
    plain = command(comfy, "workflow", "run", "v", "--workflow", str(file), "--output", "base64")
    assert (plain.status, plain.out) == (DONE, "")


def test_wrong_use(comfy: Machine, comfyui: Repository) -> None:
    comfy.declare(comfyui)
    good = str(workflow(comfy, PICTURE))
    editors = str(
        workflow(comfy, {"nodes": [{"id": 1, "type": "SaveImage"}], "links": []}, "ui.json")
    )
    broken = str(workflow(comfy, '{"1": {\n  "inputs": []}, "2": {}}', "broken.json"))
    for arguments, code, word in (
        (["--workflow", "none.json"], "bad_request", "none.json"),
        (["--workflow", editors], "declaration_invalid", "API"),
        (["--workflow", broken], "declaration_invalid", "broken.json"),
        (["--workflow", good, "--set", "1.nope=1"], "bad_request", "width, height"),
        (["--workflow", good, "--set", "9.width=1"], "bad_request", "1, 2"),
        (["--workflow", good, "--set", "width"], "bad_request", "3.seed=5"),
        (["--workflow", good, "--output", "ftp"], "bad_request", "base64"),
        (["--workflow", good, "--output", "gcs"], "bad_request", "GCS_BUCKET"),
        (
            ["--workflow", good, "--output", "gcs", "--gcs-bucket", "No Bucket"],
            "bad_request",
            "No Bucket",
        ),
        (
            ["--workflow", good, "--output", "file", "--out-file", "no/where.png"],
            "bad_request",
            "no",
        ),
        (
            ["--workflow", good, "--gcs-bucket", "b-b", "--out-file", "x"],
            "bad_request",
            "--out-file",
        ),
        (["--workflow", good, "--output", "file", "--out-file", "new/"], "bad_request", "new/"),
        (["--workflow", good, "--output", "base64", "--out-file", "."], "bad_request", "directory"),
        (["--workflow", good, "--output", "base64", "--timeout", "soon"], "bad_request", "soon"),
    ):
        done = command(comfy, "workflow", "run", "v", *arguments, "--json")
        found = done.problem
        assert (done.status, found["code"]) == (WRONG_USE, code), (arguments, done)
        assert word in found["detail"] + found["hint"], (arguments, found)
    errors = command(comfy, "workflow", "run", "v", "--workflow", broken, "--json").problem[
        "errors"
    ]
    assert {error["where"]["pointer"] for error in errors} >= {"/1", "/1/inputs", "/2"}
    # Nothing of it was begun.
    assert not comfy.target().exists()


def test_handler(comfy: Machine, comfyui: Repository) -> None:
    """A job of a RunPod worker comes in, its result goes out; whatever is wrong is a document too."""
    comfy.declare(comfyui)

    def handle(job: Any, **variables: str) -> Done:
        done = subprocess.run(
            [*comfy.root.program.command, "handler", "--root", str(comfy.root.path)],
            input=job if isinstance(job, str) else json.dumps(job),
            capture_output=True,
            text=True,
            env=comfy.root.environment
            | {"COMFY_VERSION_NAME": "v", "OUTPUT_MODE": "base64"}
            | variables,
            timeout=120,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    done = handle({"id": "job-7", "input": {"workflow": PICTURE, "set": {"1.width": 16}}})
    document = check(shapes.RUN, done.json)
    assert (document["request_id"], len(document["outputs"])) == ("job-7", 1)
    content = base64.b64decode(document["outputs"][0]["base64"])
    assert int.from_bytes(content[16:20], "big") == 16
    for wrong, code in (
        ("", "bad_request"),
        ("[1, 2", "bad_request"),
        ({"id": "x"}, "bad_request"),
        ({"input": {"workflow": PICTURE, "out_file": "/etc/passwd"}}, "bad_request"),
        ({"input": {"workflow": PICTURE, "output": "file"}}, "bad_request"),
        ({"input": {"workflow": PICTURE, "version_id": "../v"}}, "bad_request"),
        ({"input": {"workflow": PICTURE, "version_id": 7}}, "unknown_id"),
        ({"input": {"workflow": 3}}, "bad_request"),
        ({"id": "../up", "input": {"workflow": PICTURE}}, "bad_request"),
        ({"input": {"workflow": node("Nope")}}, "workflow_refused"),
    ):
        refused = handle(wrong)
        assert refused.problem["code"] == code, (wrong, refused)
        assert refused.status != DONE
    # A worker's files go with it.
    files = handle({"input": {"workflow": PICTURE}}, OUTPUT_MODE="file")
    assert files.problem["code"] == "bad_request"


def test_compare(comfy: Machine, comfyui: Repository) -> None:
    comfy.declare(comfyui)
    file = workflow(comfy, PICTURE)
    arguments = ["--workflow", str(file), "--baseline", "base.json", "--json"]
    recorded = command(comfy, "workflow", "hash", "v", "--mode", "record", *arguments)
    document = check(shapes.HASH, recorded.json)
    assert (recorded.status, document["before"]) == (DONE, None)
    baseline = json.loads((comfy.root.path / "base.json").read_text())
    check(shapes.BASELINE, baseline)
    assert list(baseline["files"]) == ["t_00001_.png"]
    # However the workflow is written.
    file.write_text(json.dumps(dict(reversed(PICTURE.items())), indent=7))
    lock = ["--lock", str(comfy.lock_file())]
    same = command(comfy, "workflow", "hash", "v", "--mode", "compare", *arguments, *lock)
    assert (same.status, check(shapes.HASH, same.json)["equal"]) == (DONE, True), same
    other = command(
        comfy, "workflow", "hash", "v", "--mode", "compare", *arguments, "--set", "1.color=7"
    )
    assert other.status == DIFFERS
    pointers = [each["pointer"] for each in check(shapes.HASH, other.json)["differences"]]
    assert pointers == ["/workflow_sha256", "/files/t_00001_.png"]
    # A baseline that is none, and one that is not there.
    (comfy.root.path / "base.json").write_text('{"files": {"a": 1}}')
    broken = command(comfy, "workflow", "hash", "v", "--mode", "compare", *arguments)
    assert (broken.status, broken.problem["code"]) == (WRONG_USE, "declaration_invalid")
    (comfy.root.path / "base.json").unlink()
    gone = command(comfy, "workflow", "hash", "v", "--mode", "compare", *arguments)
    assert (gone.status, gone.problem["code"]) == (WRONG_USE, "bad_request")


# In the foreground


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def foreground(machine: Machine, *arguments: str) -> Running:
    process = subprocess.Popen(
        [*machine.root.program.command, "version", "run-ui", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=machine.root.environment,
        cwd=machine.root.path,
    )
    running = Running(process)
    machine.root.commands.append(running)
    return running


def answers(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_run_ui(comfy: Machine, comfyui: Repository, how: signal.Signals) -> None:
    comfy.declare(comfyui)
    port = free_port()
    running = foreground(comfy, "v", "--port", str(port), "--", "--lowvram")
    until(lambda: answers(port))
    assert "--lowvram" in servers(comfy)[0]
    # A second one cannot have the port.
    second = foreground(
        comfy, "--version-id", "v", "--port", str(port), "--json", "--", "--lowvram"
    )
    done = second.end()
    assert done.status == FAILED
    assert "port_taken" in done.out
    running.process.send_signal(how)
    done = running.end()
    assert done.status == 128 + how, done
    # ComfyUI's own words, as they are.
    assert f"To see the GUI go to: http://127.0.0.1:{port}\n" in done.out
    until(lambda: not answers(port))
    assert servers(comfy) == []


def test_run_ui_that_ends(comfy: Machine, comfyui: Repository) -> None:
    """Its exit status is ComfyUI's, and what it said is there to be read."""
    comfy.declare(comfyui)
    done = foreground(comfy, "v", "--port", str(free_port()), "--", "--no-such-option").end()
    assert done.status == 2
    assert "--no-such-option" in done.out


# By a daemon: deliveries


def test_files(busy: Machine, tmp_path: Path) -> None:
    """Files stay where ComfyUI saves, or go where they are wanted."""
    kept = result(run(busy, PICTURE, output="file", request_id="first"))
    path = Path(kept["outputs"][0]["path"])
    assert path == busy.root.home / ".comfy-builds/comfy-v/data/output/first/t_00001_.png"
    assert path.samefile(busy.target() / "ComfyUI/output/first/t_00001_.png")
    before = path.read_bytes()
    # The same request once more replaces nothing.
    again = result(run(busy, PICTURE, output="file", request_id="first", set={"1.color": 1}))
    assert Path(again["outputs"][0]["path"]).name == "t_00001__2.png"
    assert path.read_bytes() == before
    two = {
        **PICTURE,
        "3": {
            "class_type": "SaveImage",
            "inputs": {"images": ["1", 0], "filename_prefix": "sub/u"},
        },
    }
    named = result(run(busy, two, output="file", out_file=str(tmp_path / "a.png")))
    assert [Path(each["path"]).name for each in named["outputs"]] == ["a.png", "a_2.png"]
    folder = tmp_path / "all"
    folder.mkdir()
    inside = result(run(busy, two, output="file", out_file=str(folder)))
    assert [each["path"] for each in inside["outputs"]] == [
        f"{folder}/t_00001_.png",
        f"{folder}/sub/u_00001_.png",
    ]
    assert sorted(p.name for p in folder.iterdir()) == ["sub", "t_00001_.png"]
    # Once more: nothing there is replaced, though ComfyUI counts from one each time.
    more = result(run(busy, two, output="file", out_file=str(folder), set={"1.color": 9}))
    assert [Path(each["path"]).name for each in more["outputs"]] == [
        "t_00001__2.png",
        "u_00001__2.png",
    ]
    # A link leads where it leads, and a pipe stays one.
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    result(run(busy, PICTURE, output="file", out_file=str(tmp_path / "link.png")))
    assert (tmp_path / "link.png").is_symlink()
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", str(tmp_path / "pipe")], stdout=subprocess.PIPE) as reader:
        result(run(busy, PICTURE, output="file", out_file=str(tmp_path / "pipe")))
        assert reader.communicate(timeout=10)[0].startswith(b"\x89PNG")
    text = result(run(busy, PICTURE, out_file=str(tmp_path / "b64")))["outputs"][0]["base64"]
    assert (tmp_path / "b64").read_text() == text
    assert [p.name for p in tmp_path.iterdir() if "cockpit-new" in p.name] == []


def test_every_kind(busy: Machine) -> None:
    """Nodes tell of videos, sounds and models under keys of their own; texts are files too."""
    all_kinds = {
        "1": {
            "class_type": "SaveBytes",
            "inputs": {"size": 10, "name": "video/v_00001.mp4", "key": "gifs"},
        },
        "2": {"class_type": "SaveBytes", "inputs": {"size": 11, "name": "a.flac", "key": "audio"}},
        "3": {"class_type": "SaveBytes", "inputs": {"size": 12, "name": "m.glb", "key": "3d"}},
        "4": {"class_type": "PreviewAny", "inputs": {"source": "Grüße\n2"}},
        "5": {"class_type": "SaveBytes", "inputs": {"size": 0, "name": "odd", "key": "files"}},
        "6": {"class_type": "PreviewImage", "inputs": {"images": ["7", 0]}},
        "7": PICTURE["1"],
    }
    job = run(busy, all_kinds)
    outputs = {each["name"]: each for each in result(job)["outputs"]}
    assert {name: (each["kind"], each["size_bytes"]) for name, each in outputs.items()} == {
        "video/v_00001.mp4": ("video", 10),
        "a.flac": ("audio", 11),
        "m.glb": ("3d", 12),
        "text-4.txt": ("text", 9),
        "odd": ("file", 0),
    }
    assert base64.b64decode(outputs["text-4.txt"]["base64"]).decode() == "Grüße\n2"
    # Each by itself, as a file to keep; a name with a slash is one name.
    status, headers, text = daemon(busy).request(
        "GET", f"/api/workflows/runs/{job['id']}/outputs/text-4.txt"
    )
    assert (status, text, headers["Content-Disposition"]) == (200, "Grüße\n2", "attachment")
    assert headers["X-Content-Type-Options"] == "nosniff"
    status, _, text = daemon(busy).request(
        "GET", f"/api/workflows/runs/{job['id']}/outputs/video%2Fv_00001.mp4"
    )
    assert (status, text) == (200, "\1" * 10)
    for name in ("none", "..%2F..%2Fcockpit.json", "children.json"):
        status, _, text = daemon(busy).request(
            "GET", f"/api/workflows/runs/{job['id']}/outputs/{name}"
        )
        assert (status, json.loads(text)["code"]) == (404, "not_found")
    # A node may keep its files elsewhere, where ComfyUI knows them.
    (held,) = result(run(busy, node("Hold", name="a b&c.png")))["outputs"]
    assert (held["name"], base64.b64decode(held["base64"])) == ("mine/a b&c.png", b"held")
    # A node that saves and does not tell: its file is worth as much.
    quiet = {**PICTURE, "9": {"class_type": "SaveQuietly", "inputs": {"name": "vae/m.safetensors"}}}
    found = [(each["name"], each["node_id"]) for each in result(run(busy, quiet))["outputs"]]
    assert found == [("t_00001_.png", "2"), ("vae/m.safetensors", None)]
    # Lists and events are without the bytes.
    runs = check(shapes.JOBS, daemon(busy).get("/api/workflows/runs"))["jobs"]
    assert [each["result"]["outputs"][0]["base64"] for each in runs] == [None] * 3
    # Where nothing but a preview was made, that is what there is, also beside a text.
    only = {key: all_kinds[key] for key in ("4", "6", "7")}
    assert [each["kind"] for each in result(run(busy, only))["outputs"]] == ["image", "text"]


def test_order(busy: Machine) -> None:
    """The order of the workflow's nodes, whichever ComfyUI runs first; what is only shown comes last."""
    many = {"1": PICTURE["1"], "0": {"class_type": "PreviewAny", "inputs": {"source": "a"}}}
    for name in ("9", "3", "20", "10"):
        inputs = {"images": ["1", 0], "filename_prefix": f"n{name}"}
        many[name] = {"class_type": "SaveImage", "inputs": inputs}
    for _ in range(2):
        outputs = result(run(busy, many))["outputs"]
        assert [each["node_id"] for each in outputs] == ["9", "3", "20", "10", "0"]


def test_too_large(busy: Machine) -> None:
    """What cannot be delivered is kept: the work is done."""
    job = run(busy, node("SaveBytes", size=8 << 20, name="big.mp4", key="gifs"))
    found = problem(job, "output_too_large")
    (path,) = found["args"]["kept"]
    assert path in found["hint"]
    assert Path(path).stat().st_size == 8 << 20
    assert Path(path).is_relative_to(busy.target().resolve().parent / "data" / "output")


# What goes wrong


def test_refused(busy: Machine) -> None:
    """ComfyUI's own errors, node by node."""
    found = problem(run(busy, node("NotInstalled")), "workflow_refused")
    assert "NotInstalled does not exist" in found["detail"]
    wrong = {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 0, "height": "x", "batch_size": 1, "color": 1},
        },
        "2": PICTURE["2"],
    }
    found = problem(run(busy, wrong), "workflow_refused")
    details = [each["detail"] for each in found["errors"]]
    assert "Node 1 (EmptyImage): Value 0 smaller than min of 1: width." in details
    assert any("height" in each for each in details)
    assert {each["args"]["node_id"] for each in found["errors"]} == {"1"}
    # Some outputs are fine, and ComfyUI would run them: not everything asked for would be there.
    half = {**wrong, "3": {"class_type": "PreviewAny", "inputs": {"source": "fine"}}}
    problem(run(busy, half), "workflow_refused")
    assert (
        problem(run(busy, {"1": PICTURE["1"]}), "workflow_refused")["args"]["type"]
        == "prompt_no_outputs"
    )
    assert servers(busy) == []


def test_failed(busy: Machine) -> None:
    found = problem(run(busy, node("Fail", message="no luck")), "workflow_failed")
    assert "Node 1 (Fail) failed with ValueError: no luck." in found["detail"]
    assert "raise ValueError(message)" in "".join(found["args"]["traceback"])
    memory = problem(run(busy, node("OutOfMemory")), "workflow_failed")
    assert "--lowvram" in memory["hint"]
    died = problem(run(busy, node("Die", status=3)), "workflow_failed")
    assert "ended with 3: Killed by a node" in died["detail"]
    assert died["args"]["log"][-1] == "Killed by a node"
    said = problem(run(busy, node("Says", filename="x.png", subfolder="")), "workflow_failed")
    assert "x.png" in said["detail"]
    outside = node("Says", filename="passwd", subfolder="/etc")
    problem(run(busy, outside), "path_outside_root")
    up = node(
        "Says",
        filename="main.py",
        subfolder=os.path.relpath(busy.target() / "ComfyUI", busy.cache / "work/x/output"),
    )
    problem(run(busy, up), "path_outside_root")
    # What was saved until then is kept: it may be a night's work.
    half = {**PICTURE, "0": {"class_type": "Fail", "inputs": {"message": "late"}}}
    for _ in range(30):
        kept = problem(run(busy, half), "workflow_failed")
        if "kept" in kept["args"]:
            break
    assert Path(kept["args"]["kept"][0]).read_bytes().startswith(b"\x89PNG")
    assert kept["args"]["kept"][0] in kept["hint"]
    model = problem(run(busy, node("Choose", ckpt_name="sdxl.safetensors")), "workflow_refused")
    assert "not in []" in model["detail"]
    assert "--models-dir" in model["hint"]
    assert servers(busy) == []
    assert list((busy.cache / "work").iterdir()) == []


def test_timed_out(busy: Machine) -> None:
    found = problem(run(busy, node("Sleep", seconds=60), timeout=0.5), "workflow_timed_out")
    assert "within 0.5 s" in found["detail"]
    assert servers(busy) == []


def test_cancelled(busy: Machine) -> None:
    """A cancel ends ComfyUI, and the next one has its turn."""
    first = sleeps(busy)
    wanted = {"version_id": "v", "workflow": PICTURE, "output": "base64"}
    second = daemon(busy).post("/api/workflows/runs", wanted)["job"]["id"]
    # It is realized, and waits for the GPU.
    until(lambda: waits(busy, second))
    assert len(servers(busy)) == 1
    daemon(busy).post(f"/api/jobs/{first}/cancel")
    assert end(busy, first)["state"] == "cancelled"
    assert result(end(busy, second))["outputs"]
    assert servers(busy) == []


def test_does_not_start(busy: Machine, comfyui: Repository) -> None:
    busy.declare(comfyui, env={"COMFY_TEST_START": "fails"})
    found = problem(run(busy, PICTURE), "instance_unhealthy")
    assert "No module named 'requests'" in found["detail"]
    assert found["args"]["log"]
    busy.declare(comfyui, env={"COMFY_TEST_SLOW": "30"})
    busy.root.set(instances={"start_timeout": 1})
    fresh = busy.root.serve().wait()
    assert fresh is daemon(busy)
    found = problem(run(busy, PICTURE), "instance_unhealthy")
    assert "start_timeout" in found["hint"]
    assert servers(busy) == []


def test_killed(busy: Machine) -> None:
    """A killed daemon leaves nobody who holds the GPU; the next one removes what the run left."""
    sleeps(busy)
    daemon(busy).kill()
    until(lambda: not servers(busy), 10)
    assert list((busy.cache / "work").iterdir())
    busy.root.serve().wait()
    until(lambda: not list((busy.cache / "work").iterdir()), 20)


def test_killed_command(comfy: Machine, comfyui: Repository) -> None:
    comfy.declare(comfyui)
    file = workflow(comfy, node("Sleep", seconds=300))
    running = comfy.root.start("workflow", "run", "v", "--workflow", str(file), "--output", "file")
    until(lambda: servers(comfy))
    running.process.kill()
    running.end()
    until(lambda: not servers(comfy), 10)


def test_lab_goes(busy: Machine) -> None:
    """When the lab goes, so does the daemon, and with it what it runs."""
    sleeps(busy)
    daemon(busy).stop()
    until(lambda: not servers(busy), 20)


def test_what_it_may_know(machines: Machines, comfyui: Repository) -> None:
    """No token of ours; but what the version's env asks for."""
    made = machines(
        HF_TOKEN="hf_demo",
        CIVITAI_TOKEN="civitai_demo",
        COCKPIT_SECRET="s" * 20,
        CUDA_VISIBLE_DEVICES="1",
    )
    made.declare(comfyui, env={"WISH": "${CIVITAI_TOKEN}!", "PLAIN": "x"})
    made.root.serve().wait()
    for name, value in {
        "HF_TOKEN": "None",
        "CIVITAI_TOKEN": "None",
        "COCKPIT_SECRET": "None",
        "CUDA_VISIBLE_DEVICES": "1",
        "WISH": "civitai_demo!",
        "PLAIN": "x",
    }.items():
        (output,) = result(run(made, node("Environment", name=name)))["outputs"]
        assert base64.b64decode(output["base64"]).decode() == f"{name}={value}"
    made.declare(comfyui, env={"WISH": "${NOT_SET_ANYWHERE}"})
    found = problem(run(made, PICTURE), "bad_request")
    assert "NOT_SET_ANYWHERE" in found["detail"]
    assert "civitai_demo" not in "".join(daemon(made).lines)


def test_port_of_somebody_else(machines: Machines, comfyui: Repository) -> None:
    """Who answers on the port must be the one that was started: two may have chosen the same."""
    first, second = machines("first"), machines("second")
    port = free_port()
    for made in (first, second):
        made.declare(comfyui, env={"COMFY_TEST_SLOW": "1.5"})
        made.root.set(instances={"port_range": f"{port}-{port}"})
        made.root.serve().wait()
        made.done("realize")
    job = sleeps(first)
    problem(run(second, PICTURE), "port_taken")
    daemon(first).post(f"/api/jobs/{job}/cancel")
    end(first, job)
    # Both at once: whoever gets it runs his own; the other one waits for it or says so.
    widths = {24: first, 40: second}
    wanted = {"version_id": "v", "workflow": PICTURE, "output": "base64"}
    jobs = {
        width: daemon(made).post("/api/workflows/runs", wanted | {"set": {"1.width": width}})
        for width, made in widths.items()
    }
    ends = {width: end(widths[width], each["job"]["id"]) for width, each in jobs.items()}
    done = {width: result(each) for width, each in ends.items() if each["state"] == "done"}
    assert done
    for width, document in done.items():
        content = base64.b64decode(document["outputs"][0]["base64"])
        assert int.from_bytes(content[16:20], "big") == width
    assert {e["problem"]["code"] for e in ends.values() if e["problem"]} <= {"port_taken"}


def test_large_workflow(busy: Machine) -> None:
    """Workflows carry pictures as text."""
    large = node("PreviewAny", source="x" * (5 << 20))
    (text,) = result(run(busy, json.dumps(large)))["outputs"]
    assert text["size_bytes"] == 5 << 20


def test_words_of_all_languages(busy: Machine) -> None:
    status, headers, _ = daemon(busy).request("GET", "/api/nothing")
    assert status == 404
    found = problem(run(busy, PICTURE, set={"Узел.宽": 1}), "bad_request")
    assert "Узел" in found["detail"], headers


def test_output_that_nobody_takes(comfy: Machine, comfyui: Repository) -> None:
    """Standard output on a full disk is no success."""
    comfy.declare(comfyui)
    file = workflow(comfy, PICTURE)
    run_it = ["workflow", "run", "v", "--workflow", str(file), "--output", "base64"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*comfy.root.program.command, *run_it],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=comfy.root.environment,
            cwd=comfy.root.path,
            timeout=120,
            check=False,
        )
    assert done.returncode == FAILED
    assert "could not be written" in done.stderr


def test_arguments_of_ours(busy: Machine) -> None:
    for argument in ("--port", "--listen=0.0.0.0", "--output-directory"):
        problem(run(busy, PICTURE, arguments=[argument, "1"]), "bad_request")


def test_lock_where_a_build_was_there(machines: Machines, comfyui: Repository) -> None:
    """Another root finds the build that another one made, and gets its lock all the same."""
    first = machines("first")
    first.declare(comfyui)
    first.ok("realize", "v")
    second = machines("second")
    second.root.variables |= {"HOME": str(first.root.home), "COMFY_CACHE_ROOT": str(first.cache)}
    second.declare(comfyui)
    assert second.ok("realize", "v")["state"] == "unchanged"
    assert second.lock_file().read_bytes() == first.lock_file().read_bytes()


# To a bucket


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with google.serving() as made:
        yield made


@pytest.fixture
def at_bucket(machines: Machines, comfyui: Repository, bucket: Bucket, tmp_path: Path) -> Machine:
    """A machine with a service account's key, and a version."""
    key = bucket.service(tmp_path / "key.json")
    made = machines(
        GOOGLE_APPLICATION_CREDENTIALS=str(key), GCS_RETRIES="2", GCS_RETRY_BASE_SLEEP="0.01"
    )
    made.root.set(gcs_endpoint=bucket.url)
    made.declare(comfyui)
    return made


def test_to_a_bucket(at_bucket: Machine, bucket: Bucket) -> None:
    """As the user's documents have it: gcs unless something else is asked for, the bucket from the variable."""
    file = workflow(at_bucket, PICTURE)
    run_it = ["workflow", "run", "v", "--workflow", str(file)]
    plain = command(at_bucket, *run_it, GCS_BUCKET="private")
    assert plain.status == DONE, plain
    (uri,) = plain.out.splitlines()
    ((place, written),) = bucket.uploads.written.items()
    assert uri == f"gs://{place[0]}/{place[1]}"
    assert place[1].startswith("comfy/outputs/v/")
    assert place[1].endswith("/t_00001_.png")
    assert (written.mime, written.public) == ("image/png", False)
    assert written.body.startswith(b"\x89PNG")
    # Everything said by options, a document, an address for some time.
    options = ["--gcs-bucket", "gs://private", "--gcs-prefix", "/mine/", "--json"]
    done = command(
        at_bucket,
        *run_it,
        *options,
        GCS_BUCKET="nowhere",
        GCS_SIGNED_URL_TTL="600",
        GCS_PUBLIC="true",
    )
    document = check(shapes.RUN, done.json)
    (output,) = document["outputs"]
    assert output["gcs_uri"] == f"gs://private/mine/v/{document['request_id']}/t_00001_.png"
    assert output["url"].endswith(f"/private/mine/v/{document['request_id']}/t_00001_.png")
    assert "X-Goog-Signature=" in output["signed_url"]
    assert (output["base64"], output["path"]) == (None, None)
    assert bucket.uploads.written["private", output["gcs_uri"].removeprefix("gs://private/")].public
    # Neither a token nor an address that works for everybody stands in what went by.
    assert google.TOKEN not in done.err + done.out + plain.err
    assert "X-Goog-Signature" not in done.err
    assert servers(at_bucket) == []


@pytest.mark.parametrize(
    ("name", "code"), [("forbidden", "bucket_not_writable"), ("nowhere", "bucket_not_writable")]
)
def test_bucket_is_checked_first(at_bucket: Machine, name: str, code: str) -> None:
    """Before anything is realized, and only if that is wanted."""
    file = workflow(at_bucket, PICTURE)
    run_it = ["workflow", "run", "v", "--workflow", str(file), "--gcs-bucket", name, "--json"]
    done = command(at_bucket, *run_it)
    assert (done.status, done.problem["code"]) == (FAILED, code), done
    assert f"gs://{name}" in done.problem["detail"]
    assert not at_bucket.target().exists()
    # Unchecked it fails at the end; what was made is kept.
    late = command(at_bucket, *run_it, GCS_VALIDATE="false")
    assert (late.status, late.problem["code"]) == (FAILED, code), late
    (path,) = late.problem["args"]["kept"]
    assert Path(path).read_bytes().startswith(b"\x89PNG")


def test_bucket_without_login(at_bucket: Machine) -> None:
    file = workflow(at_bucket, PICTURE)
    run_it = ["workflow", "run", "v", "--workflow", str(file), "--gcs-bucket", "private", "--json"]
    done = command(at_bucket, *run_it, GOOGLE_APPLICATION_CREDENTIALS="", NO_GCE_CHECK="true")
    assert (done.status, done.problem["code"]) == (FAILED, "token_missing"), done
    assert "GOOGLE_APPLICATION_CREDENTIALS" in done.problem["hint"]


def test_large_into_a_bucket(at_bucket: Machine, bucket: Bucket) -> None:
    """In pieces, over breaks of all kinds; a daemon does it too, and by itself as its variables say."""
    at_bucket.root.variables |= {"GCS_BUCKET": "private", "OUTPUT_MODE": "gcs"}
    at_bucket.root.serve().wait()
    asked = {"version_id": "v", "workflow": PICTURE}
    job = daemon(at_bucket).post("/api/workflows/runs", asked)["job"]["id"]
    assert result(end(at_bucket, job))["output_mode"] == "gcs"
    size = 17 << 20
    for name in ("cut", "partial", "503-twice", "lost"):
        node_of = node("SaveBytes", size=size, name=f"{name}.bin", key="files")
        (output,) = result(run(at_bucket, node_of, output="gcs"))["outputs"]
        written = bucket.uploads.written["private", output["gcs_uri"].removeprefix("gs://private/")]
        assert hashlib.sha256(written.body).hexdigest() == output["sha256"]
    wrong = node("SaveBytes", size=9, name="crc-wrong.bin", key="files")
    found = problem(run(at_bucket, wrong, output="gcs"), "checksum_of_host_differs")
    assert Path(found["args"]["kept"][0]).stat().st_size == 9


# An image

DOCKER = """#!/bin/sh
for word in "$@"; do echo "arg $word"; last=$word; done
cd "$last" && find . -type f | sort && find . -type d | sort
env | sed "s/^/env /"
test -x entrypoint.sh && exit "${DOCKER_STATUS:-0}"
"""


def test_docker_build(comfy: Machine, comfyui: Repository, tmp_path: Path) -> None:
    """Docker gets a directory with all that the Dockerfile copies, and nothing of the caller's secrets."""
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    path = {"PATH": f"{docker.parent}:{comfy.root.variables['PATH']}", "HF_TOKEN": "hf_demo"}
    comfy.declare(comfyui, "demo")
    comfy.ok("resolve", "demo")
    (comfy.root.path / "workflows").mkdir()
    workflow(comfy, PICTURE, "workflows/mine.json")
    (comfy.root.path / "workflows" / "more").mkdir()
    workflow(comfy, PICTURE, "workflows/more/other.json")
    version = json.loads((Path(__file__).parents[1] / "package.json").read_text())["version"]
    wheel = f"jupyterlab_comfyui_cockpit-{version}-py3-none-any.whl"
    (comfy.root.path / "dist").mkdir()
    (comfy.root.path / "dist" / wheel).touch()
    (comfy.root.path / "dist" / "jupyterlab_comfyui_cockpit-0.0.0-py3-none-any.whl").touch()
    done = command(comfy, "docker", "build", "--version", "demo", "--tag", "worker:local", **path)
    assert done.status == DONE, done
    lines = done.out.splitlines()
    arguments = [line.removeprefix("arg ") for line in lines if line.startswith("arg ")]
    assert arguments[:5] == ["build", "--platform", "linux/amd64", "--tag", "worker:local"]
    assert f"COCKPIT_VERSION={version}" in arguments
    assert "COMFY_VERSION_NAME=demo" in arguments
    assert [line for line in lines if line.startswith("./") and "." in Path(line).name] == [
        "./entrypoint.sh",
        "./rp_handler/__init__.py",
        "./rp_handler/main.py",
        "./versions/demo.json",
        "./versions/demo.lock.json",
        f"./wheels/{wheel}",
        "./workflows/mine.json",
        "./workflows/more/other.json",
    ]
    assert "./Dockerfile" in lines
    assert not [line for line in lines if "hf_demo" in line]
    assert list((comfy.cache / "work").iterdir()) == []
    # Folders are there also without anything in them; docker's own failure is the command's.
    for name in ("dist", "workflows"):
        shutil.rmtree(comfy.root.path / name)
    comfy.lock_file("demo").unlink()
    failed = command(
        comfy,
        "docker",
        "build",
        "demo",
        "--tag",
        "t",
        **{**path, "DOCKER_CONFIG": "/x"},
        DOCKER_STATUS="7",
    )
    assert failed.status == DONE, "only what docker itself reads goes to docker"
    assert {"./wheels", "./workflows"} <= set(failed.out.splitlines())
    assert "env DOCKER_CONFIG=/x" in failed.out
    docker.write_text("#!/bin/sh\nexit 7\n")
    assert command(comfy, "docker", "build", "demo", "--tag", "t", **path).status == 7
    docker.unlink()
    none = command(
        comfy, "docker", "build", "demo", "--tag", "t", "--json", PATH=str(docker.parent)
    )
    assert (none.status, none.problem["code"]) == (FAILED, "file_missing")
    two = command(comfy, "docker", "build", "demo", "--version", "v", "--tag", "t", "--json")
    assert (two.status, two.problem["code"]) == (WRONG_USE, "bad_request")
    assert "--version=ID" in command(comfy, "docker", "build", "--help").out
    unknown = command(comfy, "docker", "build", "nope", "--tag", "t", "--json")
    assert (unknown.status, unknown.problem["code"]) == (WRONG_USE, "unknown_id")
