"""Versions through a running daemon: the same routes, their documents, jobs and events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from . import shapes
from .cockpit import Daemon, until
from .comfy import Machine, Repository, core
from .shapes import check


@pytest.fixture
def comfyui(tmp_path: Path) -> Repository:
    return core(tmp_path / "git" / "ComfyUI")


@pytest.fixture
def daemon(comfy: Machine) -> Daemon:
    return comfy.root.serve().wait()


def events(lines: list[str]) -> list[tuple[str, Any]]:
    found, name = [], ""
    for line in lines:
        if line.startswith("event: "):
            name = line[7:].strip()
        elif line.startswith("data: "):
            found.append((name, json.loads(line[6:])))
    return found


def test_every_route(comfy: Machine, comfyui: Repository, daemon: Daemon, tmp_path: Path) -> None:
    get, post = daemon.get, daemon.post

    def job(path: str, body: Any = None) -> Any:
        status, headers, text = daemon.request("POST", path, body or {})
        assert status == 202, text
        started = check(shapes.ONE_JOB, json.loads(text))["job"]
        assert headers["Location"].endswith(f"/api/jobs/{started['id']}")
        until(
            lambda: get(f"/api/jobs/{started['id']}")["job"]["state"] not in ("queued", "running")
        )
        ended = check(shapes.ONE_JOB, get(f"/api/jobs/{started['id']}"))["job"]
        assert ended["state"] == "done", ended
        return ended

    empty = check(shapes.VERSIONS, get("/api/versions"))
    assert (empty["versions"], empty["directory"]) == ([], str(comfy.versions))
    with daemon.events() as lines:
        body = {"id": "v", "repo": f"{comfyui.path}@main", "python_packages": ["idna"]}
        assert check(shapes.WRITTEN, post("/api/versions", body))["file"] == str(comfy.file())
        assert check(shapes.VALIDATE, post("/api/versions/v/validate"))["ok"]
        assert check(shapes.VERSION_STATUS, get("/api/versions/v"))["state"] == "declared"
        plan = check(shapes.VERSION_PLAN, post("/api/versions/v/plan"))
        assert (plan["ok"], plan["action"]) == (True, "realize")
        assert {f["shortfall_bytes"] for f in plan["file_systems"]} <= {0}
        assert not comfy.lock_file().exists()
        resolved = job("/api/versions/v/resolve")
        assert resolved["kind"] == "versions.resolve"
        check(shapes.RESOLVE, resolved["result"])
        realized = job("/api/versions/v/realize")
        assert (realized["kind"], realized["lane"], realized["subjects"]) == (
            "versions.realize",
            "environments",
            ["v"],
        )
        first = check(shapes.REALIZE, realized["result"])
        assert realized["log"]
        listed = check(shapes.VERSIONS, get("/api/versions"))
        assert [v["state"] for v in listed["versions"]] == ["realized"]
        assert listed["revision"] != empty["revision"]
        check(shapes.WRITTEN, post("/api/versions/v/clone", {"to": "w"}))
        diff = check(shapes.VERSION_DIFF, post("/api/versions/diff", {"a": "v", "b": "w"}))
        assert diff["equal"]
        check(shapes.VERIFY, job("/api/versions/v/verify-models")["result"])
        comfy.declare(comfyui, env={"A": "x"}, python_packages=["idna"])
        job("/api/versions/v/realize")
        back = check(shapes.REALIZE, post("/api/versions/v/rollback"))
        assert back["environment_digest"] == first["environment_digest"]
        check(
            shapes.PACK, job("/api/versions/w/pack", {"output": str(tmp_path / "pack")})["result"]
        )
        check(shapes.REPRODUCE, job("/api/versions/w/reproduce")["result"])
        check(shapes.FREED, job("/api/versions/gc", {"dry_run": True})["result"])
        check(
            shapes.INIT,
            job("/api/versions/init", {"path": str(tmp_path / "init"), "repo": comfyui.url})[
                "result"
            ],
        )
        status, _, text = daemon.request("DELETE", "/api/versions/v?dry_run=true")
        assert (status, check(shapes.FREED, json.loads(text))["dry_run"]) == (200, True)
        assert comfy.target().exists()
        status, _, text = daemon.request(
            "DELETE", "/api/versions/v?remove_models=true&remove_root=true&remove_spec=true"
        )
        assert status == 200, text
        check(shapes.FREED, json.loads(text))
        assert not comfy.target().exists()
        until(lambda: any(n == "versions" and d["removed"] == ["v"] for n, d in events(lines)))
    told = events(lines)
    changed = [d["changed"] for n, d in told if n == "versions"]
    assert ["v"] in changed
    assert ["w"] in changed
    for name, document in told:
        if name == "versions":
            assert set(document) == {"revision", "changed", "removed"}
        elif name == "job":
            check(shapes.JOB_EVENT, document)
    finals = {d["id"]: d["state"] for n, d in told if n == "job"}
    jobs = {j["id"]: j["state"] for j in check(shapes.JOBS, get("/api/jobs"))["jobs"]}
    assert finals == jobs
    assert set(jobs.values()) == {"done"}
    kinds = {d["kind"] for n, d in told if n == "job"}
    assert {
        "versions.realize",
        "versions.build",
        "versions.resolve",
        "versions.pack",
        "versions.reproduce",
        "versions.gc",
    } <= kinds
    phases = [d["progress"]["phase"] for n, d in told if n == "job" and d["id"] == realized["id"]]
    assert phases
    assert any(n == "log" and set(d) == {"job_id", "lines"} for n, d in told)


def test_change_by_hand_is_told(comfy: Machine, comfyui: Repository, daemon: Daemon) -> None:
    """The user edits a spec: whoever listens is told, and sees the new state."""
    comfy.versions.mkdir()
    with daemon.events() as lines:
        before = len(events(lines))
        comfy.declare(comfyui)
        until(lambda: any(name == "versions" for name, _ in events(lines)[before:]), 15)
    snapshot = next(d for n, d in events(lines) if n == "snapshot")
    assert check(shapes.SNAPSHOT, snapshot)["versions_revision"] is not None


def test_what_is_refused(comfy: Machine, comfyui: Repository, daemon: Daemon) -> None:
    comfy.declare(comfyui)
    cases: list[tuple[str, str, Any, int, str]] = [
        ("GET", "/api/versions/nothing", None, 404, "unknown_id"),
        ("POST", "/api/versions/nothing/realize", {}, 404, "unknown_id"),
        ("POST", "/api/versions/nothing/validate", {}, 404, "unknown_id"),
        ("POST", "/api/versions/nothing/clone", {"to": "x"}, 404, "unknown_id"),
        ("GET", "/api/versions/..%2F..%2Fetc", None, 400, "bad_request"),
        ("GET", "/api/versions/a%20b", None, 400, "bad_request"),
        ("POST", "/api/versions/v.lock/realize", {}, 400, "bad_request"),
        ("POST", "/api/versions/v/clone", {}, 400, "bad_request"),
        ("POST", "/api/versions/v/clone", {"to": "../x"}, 400, "bad_request"),
        ("POST", "/api/versions/v/clone", {"to": "v"}, 409, "path_taken"),
        ("POST", "/api/versions/v/realize", {"target": "relative"}, 400, "bad_request"),
        ("POST", "/api/versions/v/realize", {"target": "/"}, 400, "bad_request"),
        ("POST", "/api/versions/v/realize", {"target": "/a\0b"}, 400, "bad_request"),
        ("POST", "/api/versions/v/realize", {"targett": "/x"}, 400, "bad_request"),
        ("POST", "/api/versions/v/realize", {"offline": "yes"}, 400, "bad_request"),
        ("POST", "/api/versions/v/realize", [], 400, "bad_request"),
        ("POST", "/api/versions/v/pack", {}, 400, "bad_request"),
        ("POST", "/api/versions/v/verify-models", {"timeout": -1}, 400, "bad_request"),
        ("POST", "/api/versions/v/rollback", {}, 409, "environment_not_realized"),
        ("DELETE", "/api/versions/v", None, 409, "environment_not_realized"),
        ("DELETE", "/api/versions/v?target=relative", None, 400, "bad_request"),
        ("DELETE", "/api/versions/v?target=%00", None, 400, "bad_request"),
        ("DELETE", "/api/versions/v?target=/etc", None, 409, "not_ours"),
        ("DELETE", "/api/versions/v?remove_modles=true", None, 400, "bad_request"),
        ("GET", "/api/versions/v?ful=true", None, 400, "bad_request"),
        ("POST", "/api/versions", {"repo": "x"}, 400, "bad_request"),
        ("POST", "/api/versions", {"id": "x", "repo": "ext::x"}, 400, "source_unsupported"),
        (
            "POST",
            "/api/versions",
            {"id": "x", "repo": comfyui.url, "nodes": [1]},
            400,
            "bad_request",
        ),
        ("POST", "/api/versions/diff", {"a": "v"}, 400, "bad_request"),
        ("POST", "/api/versions/init", {}, 400, "bad_request"),
        ("POST", "/api/versions/init", {"path": "/x", "install_torch": "gpu"}, 400, "bad_request"),
        ("PUT", "/api/versions/v", {}, 404, "not_found"),
        ("GET", "/api/versions/%00", None, 400, "bad_request"),
        ("GET", "/api/versions/%zz", None, 400, "bad_request"),
    ]
    for method, path, body, status, code in cases:
        got, headers, text = daemon.request(method, path, body)
        problem = check(shapes.problem_of, json.loads(text))
        assert (got, problem["code"]) == (status, code), (method, path, body, text)
        assert headers["Content-Type"].startswith("application/problem+json")
        assert problem["status"] == status
    assert daemon.get("/api/jobs")["jobs"] == []
    assert not any(line for line in daemon.lines if "Exception" in line), daemon.log


def test_command_and_daemon_are_the_same(
    comfy: Machine, comfyui: Repository, daemon: Daemon
) -> None:
    """A command finds the daemon of its root: it follows the job there; --offline stays by itself."""
    comfy.declare(comfyui)
    done = comfy.ok("realize", "v")
    jobs = daemon.get("/api/jobs")["jobs"]
    assert [j["kind"] for j in jobs if j["parent"] is None] == ["versions.realize"]
    assert comfy.ok("realize", "v", "--offline") == done | {"state": "unchanged"}
    assert len(daemon.get("/api/jobs")["jobs"]) == len(jobs)
    daemon.stop()
    assert comfy.ok("realize", "v") == done | {"state": "unchanged"}
