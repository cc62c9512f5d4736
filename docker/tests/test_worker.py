"""The image's entry point, with a command line that only pretends and RunPod's own SDK."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from rp_handler import main

DOCKER = Path(__file__).parents[1]
PROBLEM = {"code": "file_missing", "detail": "No workflow is there.", "hint": "Name one."}


@contextlib.contextmanager
def entry(*arguments: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    """Start what the image starts, where it starts it."""
    with subprocess.Popen(
        [str(DOCKER / "entrypoint.sh"), *arguments],
        cwd=DOCKER,
        env=os.environ | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with the process that pings RunPod


def entered(*arguments: str, **more: str) -> tuple[int, str]:
    with entry(*arguments, **more) as process:
        out, _ = process.communicate(timeout=30)
        return process.returncode, out


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def waits(pid: Path) -> bool:
    return pid.exists() and pid.read_text() != ""


def gone(pid: Path) -> bool:
    return not Path("/proc", pid.read_text()).exists()


def handled(**job: Any) -> dict[str, Any]:
    return asyncio.run(main.handler({"id": "j1", "input": job}))


# The command line


def test_arguments_and_status_pass_through() -> None:
    given = ["--version-id", "v", "--workflow", "/app/workflows/example.json", "--output", "gcs"]
    status, out = entered(*given)
    assert status == 3
    assert json.loads(out) == ["version", "run-handler", "--root", "/somewhere", *given]


@pytest.mark.parametrize("given", [["--help"], ["v", "--root", "/other"], ["--root=/other"]])
def test_a_root_that_is_given_stays(given: list[str]) -> None:
    at = ["--root", "/somewhere"] if given == ["--help"] else []
    assert json.loads(entered(*given)[1]) == ["version", "run-handler", *at, *given]


def test_the_image_s_folder_is_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COCKPIT_ROOT")
    monkeypatch.setattr(main, "ROOT", tmp_path / "none")
    assert main.root([]) == []
    monkeypatch.setattr(main, "ROOT", tmp_path)
    assert main.root([]) == ["--root", str(tmp_path)]


def test_a_missing_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SystemExit, match="pip install jupyterlab-comfyui-cockpit"):
        main.program()


def test_a_missing_sdk_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["main"])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="pip install runpod"):
        main.main()


# One job


def test_a_job_goes_in_and_its_result_comes_out(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNPOD_AI_API_KEY", "the-worker-s")
    job = {"id": "j1", "input": {"workflow": {}}, "s3Config": {"accessSecret": "no"}}
    done = asyncio.run(main.handler(job))
    assert done["asked"] == {"id": "j1", "input": {"workflow": {}}}
    assert done["arguments"] == ["handler", "--root", "/somewhere"]
    assert done["secret"] is None
    assert "progress: 1 of 2" in capfd.readouterr().err


def test_a_problem_is_an_error_with_its_hint() -> None:
    done = handled(problem=PROBLEM)
    assert done == {"error": "No workflow is there. Name one.", "problem": PROBLEM}


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ({"garbage": "Exception in thread main"}, "ended with 0 "),
        ({"garbage": ""}, "ended with 0 "),
        ({"garbage": "[1]"}, "ended with 0 "),
        ({"garbage": "{}", "status": 1}, "ended with 1 "),
        ({"garbage": '{"ok": false}'}, "ended with 0 "),
        ({"die": True}, "ended by signal 9, Killed "),
    ],
)
def test_what_is_no_result_is_an_error_with_the_log(job: dict[str, Any], said: str) -> None:
    done = handled(**job)
    assert set(done) == {"error"}
    assert said in done["error"]
    assert "progress: 1 of 2" in done["error"]


def test_a_job_that_is_cancelled_ends_its_child(pid: Path) -> None:
    async def cancelled() -> None:
        task = asyncio.create_task(main.handler({"id": "j1", "input": {"wait": "kindly"}}))
        await asyncio.to_thread(until, lambda: waits(pid))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert gone(pid)


# RunPod's SDK


@pytest.mark.parametrize(
    ("job", "status", "said"),
    [
        ({"workflow": {}}, 0, "completed successfully"),
        ({"problem": PROBLEM}, 1, "failed with error: No workflow is there. Name one."),
        ({"garbage": "no"}, 1, "failed with error: comfyui-cockpit handler ended with 0"),
    ],
)
def test_the_sdk_s_local_test_tells_done_from_failed(
    job: dict[str, Any], status: int, said: str
) -> None:
    ended, out = entered("--test_input", json.dumps({"input": job}))
    assert ended == status, out
    assert said in out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_child_ends_with_the_worker(pid: Path, number: int) -> None:
    with entry("--test_input", json.dumps({"input": {"wait": "kindly"}})) as worker:
        until(lambda: waits(pid))
        worker.send_signal(number)
        worker.communicate(timeout=30)
    assert gone(pid)


def test_a_stubborn_child_ends_too(pid: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "GRACE", 0.2)

    async def told() -> dict[str, Any]:
        task = asyncio.create_task(main.handler({"id": "j1", "input": {"wait": "stubborn"}}))
        await asyncio.to_thread(until, lambda: waits(pid))
        os.kill(os.getpid(), signal.SIGTERM)
        return await asyncio.wait_for(task, 30)

    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        assert "signal 9" in asyncio.run(told())["error"]
    finally:
        signal.signal(signal.SIGTERM, before)
    assert gone(pid)


class RunPod(ThreadingHTTPServer):
    """The four addresses that a worker asks."""

    def __init__(self, job: dict[str, Any]) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.jobs = [{"id": "j1", "input": job}]
        self.stop: list[str] = []
        self.results: list[dict[str, Any]] = []

    @property
    def variables(self) -> dict[str, str]:
        here = f"http://127.0.0.1:{self.server_port}"
        return {
            "RUNPOD_WEBHOOK_GET_JOB": f"{here}/job-take/$ID?gpu=none",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{here}/job-done/$RUNPOD_POD_ID/$ID?gpu=none",
            "RUNPOD_WEBHOOK_PING": f"{here}/ping/$RUNPOD_POD_ID",
            "RUNPOD_POD_ID": "pod",
            "RUNPOD_AI_API_KEY": "the-worker-s",
            "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
        }


class Answers(BaseHTTPRequestHandler):
    server: RunPod

    def do_GET(self) -> None:
        said: Any = None
        if self.path.startswith("/job-take/") and self.server.jobs:
            said = self.server.jobs.pop()
        elif self.path.startswith("/job-stop/") and self.server.stop:
            said = {"jobsToStop": [self.server.stop.pop()]}
        elif self.path.startswith("/ping/"):
            said = {}
        else:
            time.sleep(0.1)
        self.answer(said)

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.results.append(json.loads(self.rfile.read(length)))
        self.answer({})

    def answer(self, said: Any) -> None:
        body = b"" if said is None else json.dumps(said).encode()
        self.send_response(200 if body else 204)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextlib.contextmanager
def working(job: dict[str, Any]) -> Iterator[tuple[RunPod, subprocess.Popen[str]]]:
    """A worker at RunPod's, as far as it can tell, that finds one job."""
    with RunPod(job) as runpod:
        threading.Thread(target=runpod.serve_forever, daemon=True).start()
        with entry(**runpod.variables) as worker:
            yield runpod, worker
        runpod.shutdown()


def test_runpod_gets_the_result() -> None:
    with working({"workflow": {}}) as (runpod, _):
        until(lambda: bool(runpod.results))
    assert [result["output"]["request_id"] for result in runpod.results] == ["j1"]
    assert "error" not in runpod.results[0]


def test_runpod_gets_the_problem() -> None:
    with working({"problem": PROBLEM}) as (runpod, _):
        until(lambda: bool(runpod.results))
    said = {"error": "No workflow is there. Name one.", "output": {"problem": PROBLEM}}
    assert runpod.results == [said]


def test_a_job_that_runpod_stops_ends_its_child_and_not_the_worker(pid: Path) -> None:
    with working({"wait": "kindly"}) as (runpod, worker):
        until(lambda: waits(pid))
        runpod.stop.append("j1")
        until(lambda: gone(pid))
        assert worker.poll() is None
        runpod.jobs.append({"id": "j2", "input": {}})
        until(lambda: bool(runpod.results))
    assert [result["output"]["request_id"] for result in runpod.results] == ["j2"]


def test_a_worker_that_is_terminated_says_so_of_its_job(pid: Path) -> None:
    with working({"wait": "kindly"}) as (runpod, worker):
        until(lambda: waits(pid))
        worker.terminate()
        worker.communicate(timeout=30)
        assert worker.returncode == 0
    assert gone(pid)
    assert [result["error"] for result in runpod.results] == ["Cancelled."]
