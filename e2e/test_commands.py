"""Every verb, with and without --json, with and without a daemon, and every exit status."""

from __future__ import annotations

import json
import re
import shutil
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from demo.hub.exchange import Hub

from . import shapes
from .cockpit import LONGEST, MINE, Root, about, bodies, until
from .conftest import Roots
from .shapes import check

DONE, FAILED, WRONG_USE, DIFFERS, CANCELLED = 0, 1, 2, 3, 130


def small(hub: Hub, name: str = "a") -> str:
    return f"{hub.api}/files/good/{name}.safetensors?size=40000"


@pytest.fixture
def served(root: Root, request: pytest.FixtureRequest) -> Root:
    """The same root, with a daemon where the parameter says so."""
    if request.param:
        root.serve().wait()
    return root


both = pytest.mark.parametrize("served", [False, True], ids=["alone", "daemon"], indirect=True)


@both
def test_the_way_of_a_model(served: Root, hub: Hub) -> None:
    """From nothing to a file and back, by every verb."""
    root = served
    size, sha256 = about(repo="demo/mixed")
    root.declare(hf="hf://demo/mixed/model.safetensors", web=small(hub))

    done = root.json("models", "status")
    status = check(shapes.STATUS, done.json)
    assert (done.status, status["ok"]) == (DIFFERS, True)
    assert [m["state"] for m in status["models"]] == ["missing", "missing"]
    assert status["declaration"] == {"file": "models.json", "state": "ok", "errors": []}
    assert status["models_dir"] == str(root.path)

    done = root.json("models", "plan", "--all")
    plan = check(shapes.PLAN, done.json)
    assert (done.status, plan["ok"]) == (DONE, True)
    assert [s["action"] for s in plan["steps"]] == ["download", "download"]
    assert plan["steps"][0]["expected_from"] == "hub"
    assert plan["steps"][0]["sha256"] == sha256
    assert plan["file_systems"][0]["needed_bytes"] == size + 40000
    assert root.tree() == []

    done = root.json("models", "install", "--model", "hf")
    install = check(shapes.INSTALL, done.json)
    assert (done.status, install["ok"]) == (DONE, True)
    assert install["models"] == [
        {
            "id": "hf",
            "state": "installed",
            "path": "hf.safetensors",
            "size_bytes": size,
            "sha256": sha256,
            "verified": "hub",
            "problem": None,
        }
    ]
    assert root.tree() == ["hf.safetensors"]

    done = root.json("models", "wait", "--bundle", "b", "--timeout", "0.1")
    waited = check(shapes.WAITED, done.json)
    assert (done.status, waited["timed_out"]) == (DIFFERS, True)

    done = root.json("models", "install", "--bundle", "b")
    states = [m["state"] for m in check(shapes.INSTALL, done.json)["models"]]
    assert (done.status, states) == (DONE, ["present", "installed"])

    done = root.json("models", "wait", "--bundle", "b", "--timeout", "5")
    assert (done.status, check(shapes.WAITED, done.json)["timed_out"]) == (DONE, False)

    done = root.json("models", "verify")
    verify = check(shapes.VERIFY, done.json)
    assert [(m["state"], m["method"]) for m in verify["models"]] == [
        ("ok", "full"),
        ("unverifiable", "full"),
    ]
    assert (done.status, verify["ok"]) == (DONE, True)
    fast = check(shapes.VERIFY, root.json("models", "verify", "--fast", "--model", "hf").json)
    assert fast["models"][0]["method"] == "cached"

    done = root.json("models", "pin")
    pin = check(shapes.PIN, done.json)
    assert [(m["id"], m["from"]) for m in pin["changed"]] == [("hf", "hub"), ("web", "file")]
    assert done.status == DONE
    assert check(shapes.PIN, root.json("models", "pin").json)["unchanged"] == ["hf", "web"]
    assert root.json("models", "status").status == DONE

    done = root.json("models", "remove", "hf", "--yes")
    removed = check(shapes.REMOVE, done.json)
    assert removed["removed"] == [{"id": "hf", "path": "hf.safetensors", "freed_bytes": size}]
    assert done.status == DONE
    again = check(shapes.REMOVE, root.json("models", "remove", "--model", "hf", "--yes").json)
    assert [k["id"] for k in again["kept"]] == ["hf"]
    assert json.loads(root.read())["models"]["hf"]["sha256"] == sha256
    assert root.tree() == ["web.safetensors"]


def test_text_for_people(root: Root, hub: Hub) -> None:
    """Without --json: results on standard output, progress and problems on standard error."""
    root.declare(hf="hf://demo/mixed/model.safetensors", pickle="hf://demo/upscaler/4x_demo.pth")
    root.write(root.read().replace("pickle.safetensors", "pickle.pth"))
    done = root.run("models", "status")
    assert done.status == DIFFERS
    assert "0 of 2 models installed" in done.out
    assert "runs code when loaded" in done.out
    done = root.run("models", "plan", "--all")
    assert (done.status, "download" in done.out) == (DONE, True)
    done = root.run("models", "install", "--all")
    assert (done.status, "installed" in done.out) == (DONE, True)
    assert done.err.strip(), "a pipe gets progress, on standard error"
    assert root.run("models", "wait", "--bundle", "b").status == DONE
    quiet = root.run("models", "verify", "--quiet")
    assert (quiet.status, quiet.err) == (DONE, "")
    assert "pinned" in root.run("models", "pin").out
    assert root.run("models", "validate").out.strip() == "models.json is valid."
    assert "removed" in root.run("models", "remove", "hf", "--yes").out
    done = root.run("models", "verify")
    assert (done.status, "(file_missing)" in done.out) == (DIFFERS, True)
    done = root.run("models", "install", "--model", "nobody")
    assert (done.status, done.out) == (WRONG_USE, "")
    assert "(unknown_id)" in done.err
    assert "hint: " in done.err


def test_no_choice_means_auto_install(root: Root, hub: Hub) -> None:
    root.declare(a=small(hub))
    done = root.json("models", "install")
    assert (done.status, check(shapes.INSTALL, done.json)["models"]) == (DONE, [])
    root.declare(a=small(hub), auto=True)
    assert [m["id"] for m in root.json("models", "install").json["models"]] == ["a"]
    document = json.loads(root.read())
    document["bundles"]["b"]["enabled"] = False
    root.write(json.dumps(document))
    assert root.json("models", "install").json["models"] == []


def test_a_failure_does_not_stop_the_next(root: Root, hub: Hub) -> None:
    root.declare(bad=f"{hub.api}/files/status-404/x.safetensors", good=small(hub))
    done = root.install()
    models = check(shapes.INSTALL, done.json)["models"]
    assert [(m["id"], m["state"]) for m in models] == [("bad", "failed"), ("good", "installed")]
    assert (done.status, done.json["ok"]) == (FAILED, False)
    assert models[0]["problem"]["code"] == "file_not_found"


SOURCES: dict[str, tuple[str | dict[str, object], dict[str, str]]] = {
    "http": ("{hub}/files/good/a.safetensors?size=40000", {"fault": "good", "name": "a.safetensors", "size": "40000"}),
    "url": ({"kind": "url", "url": "{hub}/files/good/a.safetensors"}, {"fault": "good", "name": "a.safetensors"}),
    "hf": ("hf://demo/mixed/model.safetensors", {"repo": "demo/mixed"}),
    "hf_models": ("hf://models/demo/mixed@v1.0/model.safetensors", {"repo": "demo/mixed"}),
    "hf_rev": ("huggingface://demo/mixed/model.safetensors?rev=main", {"repo": "demo/mixed"}),
    "hf_ref": ("hf://demo/mixed@refs/pr/1/model.safetensors", {"repo": "demo/mixed"}),
    "hf_object": (
        {"kind": "huggingface", "repo_id": "demo/mixed", "filename": "model.safetensors"},
        {"repo": "demo/mixed"},
    ),
    "hf_blob": ("https://huggingface.co/demo/mixed/blob/main/model.safetensors", {"repo": "demo/mixed"}),
    "hf_resolve": (
        "https://huggingface.co/demo/mixed/resolve/main/model.safetensors?download=true",
        {"repo": "demo/mixed"},
    ),
    "hf_folder": ("hf://demo/sdxl-vae/vae/sdxl_vae.safetensors", {"repo": "demo/sdxl-vae", "path": "vae/sdxl_vae.safetensors"}),
    "hf_renamed": ("hf://old/renamed/model.safetensors", {"repo": "demo/mixed"}),
    "hf_small": ("hf://demo/mixed/config.json", {"repo": "demo/mixed", "path": "config.json"}),
    "hf_empty": ("hf://demo/mixed/empty.txt", {"repo": "demo/mixed", "path": "empty.txt"}),
    "hf_awful": (
        {"kind": "huggingface", "repo_id": "demo/mixed", "filename": "subfolder/to?/awful?filename%you:should,never.give"},
        {"repo": "demo/mixed", "path": "subfolder/to?/awful?filename%you:should,never.give"},
    ),
    "hf_gguf": ("hf://demo/mixed/model.gguf", {"repo": "demo/mixed", "path": "model.gguf"}),
    "hf_dataset": ("hf://datasets/demo/data/data.json", {"repo": "demo/data", "path": "data.json"}),
    "hf_dataset_page": ("https://huggingface.co/datasets/demo/data/blob/main/data.json", {"repo": "demo/data", "path": "data.json"}),
    "civitai": ("civitai://models/100", {"version": "100"}),
    "civitai_api": ("civitai://api/download/models/100", {"version": "100"}),
    "civitai_pair": ("civitai://5000@100", {"version": "100"}),
    "civitai_object": ({"kind": "civitai", "model_id": 5000, "version_id": 100}, {"version": "100"}),
    "civitai_page": ("https://civitai.com/models/5000/demo-lora?modelVersionId=100", {"version": "100"}),
    "civitai_type": ("civitai://models/102?type=VAE", {"version": "102", "file": "2"}),
    "civitai_file": ({"kind": "civitai", "version_id": 102, "file_id": 1021}, {"version": "102", "file": "1"}),
    "civitai_b2": ("civitai://models/301", {"version": "301"}),
    "air": ("urn:air:sdxl:lora:civitai:5000@100", {"version": "100"}),
    "air_short": ("air:sdxl:lora:civitai:5000@100", {"version": "100"}),
}  # fmt: skip


def test_every_kind_of_source(root: Root, hub: Hub) -> None:
    """All that people write and paste becomes the right bytes."""
    models: dict[str, Any] = {}
    for name, (source, query) in SOURCES.items():
        given = json.loads(json.dumps(source).replace("{hub}", hub.api))
        ending = query.get("path", "model.safetensors").rsplit(".", 1)[-1].replace("give", "txt")
        models[name] = {"source": given, "path": f"{name}.{ending}"}
    (root.path / "shelf").mkdir()
    kept = root.path / "shelf" / "mine.gguf"
    kept.write_bytes((b"GGUF" + (3).to_bytes(4, "little")).ljust(64, b"\0"))
    for name, own in {
        "file": kept.as_uri(),
        "absolute": str(kept),
        "relative": "shelf/mine.gguf",
        "file_object": {"kind": "file", "path": "shelf/mine.gguf"},
    }.items():
        models[name] = {"source": own, "path": f"copies/{name}.gguf"}
    root.declare(**models)
    done = root.install()
    results = {m["id"]: m for m in check(shapes.INSTALL, done.json)["models"]}
    failed = {
        name: m["problem"] and m["problem"]["detail"]
        for name, m in results.items()
        if m["state"] != "installed"
    }
    assert failed == {}
    assert done.status == DONE
    for name, (_, query) in SOURCES.items():
        size, sha256 = about(**query)
        assert (results[name]["size_bytes"], results[name]["sha256"]) == (size, sha256), name
        assert (root.path / models[name]["path"]).stat().st_size == size
    for name in ("file", "absolute", "relative", "file_object"):
        assert (root.path / f"copies/{name}.gguf").read_bytes() == kept.read_bytes()
    assert [
        e["subject"] for e in bodies(hub) if e["host"].startswith("127") and e["kind"] == "cdn"
    ] == []


def test_moved_branch_is_pinned(root: Root, hub: Hub) -> None:
    """Case 34: what was asked about is what comes, though `main` moved meanwhile."""
    root.declare(a="hf://moving/branch/model.safetensors")
    done = root.install()
    assert (done.status, done.json["models"][0]["sha256"]) == (DONE, about(repo="moving/branch")[1])


LINKS = {
    "hf": ("hf://demo/mixed/model.safetensors", r"mixed_model_[0-9a-f]{8}", "checkpoints/model.safetensors"),
    "page": ("https://huggingface.co/demo/sdxl-vae/blob/main/vae/sdxl_vae.safetensors", r"sdxl_vae_sdxl_vae_[0-9a-f]{8}", "vae/sdxl_vae.safetensors"),
    "civitai": ("https://civitai.com/models/12345?modelVersionId=128713", r"demo_style_1_0_128713", "loras/demo_style.safetensors"),
    "air": ("urn:air:sdxl:lora:civitai:12345@128713", r"demo_style_1_0_128713", "loras/demo_style.safetensors"),
    "web": ("{hub}/files/good/My%20Own.safetensors", r"my_own_[0-9a-f]{8}|my_20own_[0-9a-f]{8}", None),
}  # fmt: skip


@pytest.mark.parametrize("link", LINKS)
def test_declare(root: Root, hub: Hub, link: str) -> None:
    url, id_, path = LINKS[link]
    done = root.json("models", "declare", url.format(hub=hub.api))
    declared = check(shapes.DECLARE, done.json)
    assert (done.status, declared["written"]) == (DONE, False)
    assert re.fullmatch(id_, declared["id"]), declared["id"]
    assert path in (None, declared["model"]["path"])
    assert not (root.path / "models.json").exists()


def test_declare_writes_and_keeps_formatting(root: Root, hub: Hub) -> None:
    """`declare --write` and `pin` change what they must and not a byte more."""
    before = (
        '{\n    "models": {\n        "mine": {"source": "hf://demo/mixed/model.safetensors",\n'
        '                 "path": "mine.safetensors"},\n\n        "other": { "path": "o.bin", '
        f'"source": "{small(hub)}" }}\n    }},\n'
        '    "bundles": {"b": {"models": ["mine"]   }}\n}\n'
    )
    root.write(before)
    done = root.json("models", "declare", "civitai://models/100", "--bundle", "b", "--write")
    declared = check(shapes.DECLARE, done.json)
    assert (declared["written"], declared["bundle"]) == (True, "b")
    after = root.read()
    document = json.loads(after)
    assert document["models"].pop(declared["id"]) == declared["model"]
    assert document["bundles"]["b"]["models"] == ["mine", declared["id"]]
    head = before[: before.index('"other"')]
    assert after.startswith(head)
    assert f'"other": {{ "path": "o.bin", "source": "{small(hub)}" }}' in after
    # Once more changes nothing.
    root.json("models", "declare", "civitai://models/100", "--bundle", "b", "--write")
    assert root.read() == after

    done = root.json("models", "pin", "--model", "mine")
    assert [m["id"] for m in check(shapes.PIN, done.json)["changed"]] == ["mine"]
    pinned = root.read()
    size, sha256 = about(repo="demo/mixed")
    entry = json.loads(pinned)["models"]["mine"]
    assert (entry["sha256"], entry["size_bytes"]) == (sha256, size)
    assert pinned.startswith(before[: before.index('"path": "mine')])
    assert pinned.endswith(after[after.index('"other"') :])
    new = root.json(
        "models",
        "declare",
        "hf://demo/mixed/model.gguf",
        "--bundle",
        "fresh",
        "--path",
        "x/y.gguf",
        "--write",
    )
    assert check(shapes.DECLARE, new.json)["model"]["path"] == "x/y.gguf"
    assert json.loads(root.read())["bundles"]["fresh"]["models"] == [new.json["id"]]


def test_declare_begins_a_file(root: Root, hub: Hub) -> None:
    done = root.run("models", "declare", "hf://demo/mixed/model.safetensors", "--write")
    assert (done.status, "Written to models.json." in done.out) == (DONE, True)
    assert root.json("models", "validate").status == DONE
    assert root.install().status == DONE


@pytest.mark.parametrize("token", ["", "hf_reader"])
def test_declare_what_is_gated(root: Root, hub: Hub, token: str) -> None:
    """A hub tells everything of it but the bytes: what it is, and the page on which its terms are accepted."""
    size, sha256 = about(repo="gated/no-licence")
    link = "hf://gated/no-licence/model.safetensors"
    done = root.json("models", "declare", link, "--write", HF_TOKEN=token)
    declared = check(shapes.DECLARE, done.json)
    assert (done.status, declared["written"], declared["licence"]) == (DONE, True, "apache-2.0")
    page = "https://huggingface.co/gated/no-licence"
    assert declared["gate"] == {"kind": "licence", "url": page, "until": None}
    assert (declared["model"]["size_bytes"], declared["model"]["sha256"]) == (size, sha256)
    accepted = root.json("models", "declare", link, HF_TOKEN="hf_demo").json
    assert (accepted["gate"], accepted["licence"]) == (None, "apache-2.0")
    assert accepted["model"]["size_bytes"] == size
    (model,) = check(shapes.STATUS, root.json("models", "status").json)["models"]
    assert model["display_name"] == declared["model"]["display_name"]


def test_remove_of_what_is_not_declared_removes_nothing(root: Root, hub: Hub) -> None:
    root.declare(a=small(hub))
    assert root.install().status == DONE
    done = root.json("models", "remove", "a", "nosuch", "--yes")
    assert done.status == WRONG_USE
    (model,) = root.json("models", "status").json["models"]
    assert (model["state"], model["display_name"]) == ("installed", "a")


def test_pin_says_what_it_cannot(root: Root, hub: Hub) -> None:
    root.declare(a=small(hub))
    done = root.json("models", "pin")
    pin = check(shapes.PIN, done.json)
    assert (done.status, pin["ok"], pin["changed"]) == (FAILED, False, [])
    assert pin["problems"][0]["code"] == "file_missing"
    assert "Install it first" in pin["problems"][0]["hint"]


def test_jobs_need_a_daemon_or_are_none(root: Root, hub: Hub) -> None:
    done = root.json("jobs", "list")
    assert (done.status, check(shapes.JOBS, done.json)["jobs"]) == (DONE, [])
    done = root.json("jobs", "show", "nobody")
    assert (done.status, check(shapes.problem_of, done.problem)["code"]) == (WRONG_USE, "not_found")
    done = root.json("jobs", "cancel", "nobody")
    assert (done.status, done.problem["code"]) == (WRONG_USE, "not_found")


def test_jobs_of_the_daemon(root: Root, hub: Hub) -> None:
    """A job of the daemon is seen, followed and cancelled from the command line."""
    hub.rate = 400_000
    root.declare(a="hf://sized/20MB/model.safetensors", b=small(hub))
    daemon = root.serve().wait()
    command = root.start("models", "install", "--all", "--json")
    until(lambda: f"{MINE}/writing" in " ".join(root.tree()))
    listed = check(shapes.JOBS, root.json("jobs", "list").json)["jobs"]
    parent = next(job for job in listed if job["kind"] == "models.install")
    child = next(job for job in listed if job["subjects"] == ["a"] and job["parent"])
    assert (parent["subjects"], child["parent"]) == (["a", "b"], parent["id"])
    status = check(shapes.STATUS, daemon.get("/api/models"))
    assert status["models"][0]["job_id"] == child["id"]
    assert child["id"] in root.run("jobs", "show", child["id"]).out
    shown = check(shapes.ONE_JOB, root.json("jobs", "show", parent["id"]).json)
    assert shown["job"]["state"] == "running"
    assert parent["id"] in root.run("jobs", "list").out
    cancelled = root.json("jobs", "cancel", child["id"])
    assert (cancelled.status, check(shapes.ONE_JOB, cancelled.json)["job"]["id"]) == (
        DONE,
        child["id"],
    )
    done = command.end()
    states = {m["id"]: m["state"] for m in check(shapes.INSTALL, done.json)["models"]}
    assert states == {"a": "cancelled", "b": "installed"}
    assert done.status == CANCELLED
    assert root.tree() == ["b.safetensors"]


@both
def test_interrupt(served: Root, hub: Hub) -> None:
    """SIGINT while a file comes: 130, one document, and nothing is left."""
    root = served
    hub.rate = 400_000
    root.declare(a="hf://sized/20MB/model.safetensors", b=small(hub))
    command = root.start("models", "install", "--all", "--json")
    until(lambda: any(name.endswith(".cockpit-part") for name in root.tree()))
    done = command.interrupt()
    assert done.status == CANCELLED
    until(lambda: root.tree() == [])
    assert check(shapes.INSTALL, done.json)["ok"] is False
    assert [m["state"] for m in done.json["models"]] == ["cancelled", "skipped"]


def test_interrupt_before_anything_came(root: Root) -> None:
    """While a host that took the connection says nothing."""
    root.set(network={"header_timeout": 60})
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(LONGEST)
        root.declare(a=f"http://127.0.0.1:{server.getsockname()[1]}/a.safetensors")
        command = root.start("models", "install", "--all", "--json")
        connection, _ = server.accept()
        with connection:
            connection.recv(1)
            done = command.interrupt()
    assert (done.status, root.tree()) == (CANCELLED, [])
    assert check(shapes.INSTALL, done.json)["models"][0]["state"] == "cancelled"


def test_offline(root: Root, hub: Hub) -> None:
    """--offline: loopback is allowed, anything beyond is `offline`, own files are copied."""
    (root.path / "own.bin").write_bytes(b"\0" * 2000)
    root.declare(
        far="https://models.example/x.safetensors", own={"source": "own.bin", "path": "c.bin"}
    )
    done = root.install("--offline")
    models = {m["id"]: m for m in check(shapes.INSTALL, done.json)["models"]}
    assert done.status == FAILED
    assert models["own"]["state"] == "installed"
    assert models["far"]["problem"]["code"] == "offline"
    assert models["far"]["problem"]["args"]["missing"] == ["https://models.example/x.safetensors"]
    assert root.json("models", "plan", "--all", "--offline").status == DONE
    assert root.json("models", "verify", "--model", "own", "--offline").status == DONE
    assert root.json("models", "status", "--offline").status == DIFFERS


def test_offline_does_not_use_the_daemon(root: Root, hub: Hub) -> None:
    (root.path / "own.bin").write_bytes(b"\0" * 2000)
    root.declare(own={"source": "own.bin", "path": "c.bin"})
    daemon = root.serve().wait()
    assert root.install("--offline").status == DONE
    assert daemon.get("/api/jobs")["jobs"] == []


BAD_USE = [
    ["models", "install", "--nonsense"],
    ["models", "install", "--bundle"],
    ["models", "instal"],
    ["model"],
    ["models"],
    [],
    ["models", "wait"],
    ["models", "wait", "--bundle", "b", "--timeout", "soon"],
    ["models", "remove"],
    ["models", "remove", "a"],
    ["models", "declare"],
    ["jobs", "show"],
    ["serve", "--port", "1"],
    ["doctor", "now"],
]


@pytest.mark.parametrize("arguments", BAD_USE, ids=lambda words: "-".join(words) or "nothing")
def test_bad_usage(root: Root, hub: Hub, arguments: list[str]) -> None:
    root.declare(a=small(hub))
    done = root.json(*arguments)
    assert done.status == WRONG_USE, done
    found = check(shapes.problem_of, done.problem)
    assert found["code"] == "bad_request"
    assert "--help" in found["hint"]
    assert "Exception" not in done.err


@pytest.mark.parametrize("noun", [[], ["models"], ["jobs"]], ids=str)
def test_noun_without_verb(root: Root, noun: list[str]) -> None:
    """The verbs are shown, and the status says that nothing was done."""
    done = root.bare(*noun)
    assert (done.status, done.out) == (WRONG_USE, "")
    assert "Usage: comfyui-cockpit" in done.err


def test_unknown_names(root: Root, hub: Hub) -> None:
    root.declare(sdxl_base=small(hub))
    for arguments in (
        ["models", "install", "--model", "sdxl_bas"],
        ["models", "plan", "--model", "sdxl_bas"],
        ["models", "verify", "--model", "sdxl_bas"],
        ["models", "pin", "--model", "sdxl_bas"],
        ["models", "remove", "sdxl_bas", "--yes"],
        ["models", "install", "--bundle", "bb"],
        ["models", "wait", "--bundle", "bb"],
    ):
        done = root.json(*arguments)
        assert (done.status, done.problem["code"]) == (WRONG_USE, "unknown_id"), arguments
        assert check(shapes.problem_of, done.problem)["args"]["id"] in arguments
        if "sdxl_bas" in arguments:
            assert done.problem["hint"] == 'Did you mean "sdxl_base"?'


@pytest.mark.parametrize("verb", ["models status", "models install", "doctor", "serve"])
def test_root_that_is_none(root: Root, verb: str) -> None:
    shutil.rmtree(root.path)
    done = root.json(*verb.split())
    if verb != "serve":
        assert check(shapes.problem_of, done.problem)["code"] == "bad_request"
        assert "is not a directory" in done.problem["detail"]
    assert done.status == WRONG_USE
    assert "Exception" not in done.err


def test_no_models_json(root: Root) -> None:
    done = root.json("models", "status")
    assert check(shapes.STATUS, done.json)["declaration"]["state"] == "missing"
    assert done.status == DONE
    done = root.json("models", "validate")
    assert (done.status, done.json["errors"][0]["code"]) == (WRONG_USE, "file_missing")
    done = root.install()
    assert (done.status, done.problem["code"]) == (WRONG_USE, "declaration_invalid")


def test_doctor(root: Root, hub: Hub) -> None:
    root.declare(a=small(hub))
    done = root.json("doctor")
    doctor = check(shapes.DOCTOR, done.json)
    assert (done.status, doctor["ok"]) == (DONE, True)
    names = [c["name"] for c in doctor["checks"]]
    assert {
        "java",
        "models_dir",
        "disk",
        "models.json",
        "huggingface",
        "civitai",
        "proxy",
        "certificates",
    } <= set(names)
    root.write("{")
    done = root.json("doctor")
    assert (done.status, done.json["ok"]) == (FAILED, False)
    text = root.run("doctor")
    assert (text.status, "✗ models.json" in text.out) == (FAILED, True)


def test_openapi(root: Root) -> None:
    done = root.json("openapi")
    assert (done.status, done.json["openapi"][:2]) == (DONE, "3.")
    assert json.loads(root.run("openapi").out) == done.json


@pytest.mark.parametrize(
    "arguments", [["--help"], ["models", "--help"], ["models", "install", "--help"], ["--version"]]
)
def test_help(root: Root, arguments: list[str]) -> None:
    done = root.run(*arguments)
    assert (done.status, done.err) == (DONE, "")
    assert "comfyui-cockpit" in done.out


def test_serve(root: Root, hub: Hub) -> None:
    """Ready line, connection file, health, events, and the end with its standard input."""
    root.declare(a=small(hub), auto=True)
    daemon = root.serve().wait()
    check(shapes.READY, daemon.ready)
    assert daemon.ready["pid"] == daemon.process.pid
    connection = check(shapes.CONNECTION, json.loads(daemon.connection_file.read_text()))
    assert stat.S_IMODE(daemon.connection_file.stat().st_mode) == 0o600
    assert connection["root"] == str(root.path.resolve())
    health = check(shapes.HEALTH, daemon.get("/api/health"))
    assert (health["root"], health["version"]) == (connection["root"], daemon.ready["version"])
    daemon.idle()
    assert root.tree() == ["a.safetensors"], "auto_install needs nobody"
    check(shapes.JOBS, daemon.get("/api/jobs"))
    with daemon.events() as lines:
        daemon.post("/api/models/verify")
        until(lambda: any('"state":"done"' in line.replace(" ", "") for line in lines))
    data = [json.loads(line[5:]) for line in lines if line.startswith("data:")]
    check(shapes.SNAPSHOT, data[0])
    assert lines[0].startswith(("id: ", "event: "))
    for status, headers, text in (
        daemon.request("GET", "/api/models", **{"X-Cockpit-Secret": "wrong"}),
        daemon.request("GET", "/api/models", Host="evil.example"),
        daemon.request("GET", "/api/nothing"),
    ):
        assert status in (403, 404)
        assert headers["Content-Type"].startswith("application/problem+json")
        check(shapes.problem_of, json.loads(text))
    status, headers, text = daemon.request("POST", "/api/models/install", {"all": True})
    assert (status, headers["Location"]) == (202, f"/api/jobs/{json.loads(text)['job']['id']}")
    daemon.idle()
    assert daemon.stop() == 0
    assert not daemon.connection_file.exists()


def test_a_change_of_models_json_is_noticed(root: Root, hub: Hub) -> None:
    root.declare(a=small(hub))
    daemon = root.serve().wait()
    with daemon.events() as lines:
        root.declare(a=small(hub), b=small(hub, "b"))
        until(lambda: any(line.startswith("event: models") for line in lines))
    assert [m["id"] for m in daemon.get("/api/models")["models"]] == ["a", "b"]
    root.write("{")
    until(lambda: daemon.get("/api/models")["declaration"]["state"] == "invalid")
    status = check(shapes.STATUS, daemon.get("/api/models"))
    assert [m["id"] for m in status["models"]] == ["a", "b"], "the last good one stays"


def test_settings_from_the_environment(roots: Roots, tmp_path: Path, hub: Hub) -> None:
    """A variable wins over cockpit.json."""
    place = tmp_path / "elsewhere"
    root = roots(COCKPIT_MODELS_DIR=str(place))
    root.set(models_dir="unused", huggingface_endpoint="http://127.0.0.1:1")
    root.variables["HF_ENDPOINT"] = hub.api
    root.declare(a="hf://demo/mixed/model.safetensors")
    assert root.install().status == DONE
    assert root.tree() == ["a.safetensors"]
    assert (place / "a.safetensors").is_file()
    assert not (root.path / "unused").exists()


def test_extra_roots(root: Root, tmp_path: Path, hub: Hub) -> None:
    root.set(extra_roots=[str(tmp_path / "big")])
    root.declare(a={"source": small(hub), "path": str(tmp_path / "big" / "deep" / "a.safetensors")})
    assert root.install().status == DONE
    assert (tmp_path / "big" / "deep" / "a.safetensors").stat().st_size == 40000
