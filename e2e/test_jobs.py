"""One model of a batch is cancelled, or wanted twice."""

from __future__ import annotations

from typing import Any

from .cockpit import Daemon, Root, bodies, until

MIB = 1 << 20


def part(daemon: Daemon, model: str, state: str) -> dict[str, Any] | None:
    """Find the newest job that brings this model, once it is in this state."""
    jobs = [
        job
        for job in daemon.get("/api/jobs")["jobs"]
        if job["kind"] == "models.fetch" and job["subjects"] == [model]
    ]
    return jobs[-1] if jobs and jobs[-1]["state"] == state else None


def declare_two(root: Root) -> None:
    root.declare(
        first={"source": "hf://sized/3MiB/model.safetensors", "path": "first.safetensors"},
        second={"source": "hf://sized/2MiB/model.safetensors", "path": "second.safetensors"},
    )


def test_a_model_cancelled_before_its_turn_can_be_installed_again(root: Root) -> None:
    root.hub.rate = 2 * MIB
    declare_two(root)
    daemon = root.serve().wait()
    daemon.post("/api/models/install", {"all": True})
    waiting = until(lambda: part(daemon, "second", "queued"))
    assert waiting["queue_place"] == 1
    daemon.post(f"/api/jobs/{waiting['id']}/cancel")
    until(lambda: part(daemon, "second", "cancelled"))
    daemon.idle()
    assert (root.models / "first.safetensors").is_file()
    assert not (root.models / "second.safetensors").exists()

    daemon.post("/api/models/install", {"models": ["second"]})
    until(lambda: part(daemon, "second", "done"))
    assert (root.models / "second.safetensors").is_file()


def test_a_model_wanted_twice_is_fetched_once(root: Root) -> None:
    root.hub.rate = 2 * MIB
    declare_two(root)
    daemon = root.serve().wait()
    one = daemon.post("/api/models/install", {"all": True})["job"]["id"]
    until(lambda: part(daemon, "first", "running"))
    two = daemon.post("/api/models/install", {"models": ["first"]})["job"]["id"]
    daemon.post(f"/api/jobs/{one}/cancel")
    daemon.idle()
    jobs = {job["id"]: job for job in daemon.get("/api/jobs")["jobs"]}
    assert jobs[one]["state"] == "cancelled"
    assert jobs[two]["state"] == "done"
    assert [body["subject"] for body in bodies(root.hub)] == ["sized/3MiB/model.safetensors"]
