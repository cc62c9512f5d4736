"""With arguments a command line, without any RunPod's worker; `comfyui-cockpit` does the work."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

PROGRAM = "comfyui-cockpit"
ROOT = Path("/app")  # in the image
OF_THE_SDK = ("--rp_", "--test_input")  # options that RunPod's SDK reads itself
OF_THE_WORKER = ("RUNPOD_AI_API_KEY", "RUNPOD_API_KEY")  # no business of what a workflow runs
GRACE = 15.0  # seconds that a job has to end by itself
TAIL = 4096  # bytes of the log that an error shows


def main() -> None:
    """Become the command line, or serve RunPod's jobs until the container goes."""
    arguments = sys.argv[1:]
    command = program()
    if arguments and not arguments[0].startswith(OF_THE_SDK):
        line = [command, "version", "run-handler", *root(arguments), *arguments]
        os.execve(command, line, environment())
    if importlib.util.find_spec("runpod") is None:
        sys.exit("The worker needs RunPod's SDK: pip install runpod")
    import runpod

    runpod.serverless.start({"handler": handler})


def program() -> str:
    """Find the command that does the work."""
    found = shutil.which(PROGRAM)
    if found is None:
        sys.exit(f"{PROGRAM} is not on PATH: pip install jupyterlab-comfyui-cockpit")
    return found


def root(arguments: list[str]) -> list[str]:
    """Return the option that says where versions/ is, unless the arguments do."""
    if any(argument.split("=")[0] == "--root" for argument in arguments):
        return []
    named = os.environ.get("COCKPIT_ROOT") or (str(ROOT) if ROOT.is_dir() else "")
    return ["--root", named] if named else []


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OF_THE_WORKER}


async def handler(job: dict[str, Any]) -> dict[str, Any]:
    """Run one job. What fails has the key `error`, a text: RunPod fails a job by that."""
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as answered:
        asked.write(json.dumps({"id": job["id"], "input": job["input"]}).encode())
        asked.seek(0)
        child = await asyncio.create_subprocess_exec(
            *[program(), "handler", *root([])],
            stdin=asked,
            stdout=answered,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
            start_new_session=True,
        )
        assert child.stderr  # noqa: S101 -- a pipe was asked for
        try:
            with ended_by_signals(child):
                tail = await passed_on(child.stderr)
                status = await child.wait()
        finally:
            await end(child)
        answered.seek(0)
        return result(status, answered.read(), tail)


async def passed_on(stream: asyncio.StreamReader) -> bytes:
    """Write what comes into the container's log until it ends; return the last of it."""
    tail = b""
    while some := await stream.read(TAIL):
        sys.stderr.buffer.write(some)
        sys.stderr.buffer.flush()
        tail = (tail + some)[-TAIL:]
    return tail


def result(status: int, out: bytes, tail: bytes) -> dict[str, Any]:
    """Make RunPod's answer of how the child ended, what it printed, and the last of its log."""
    try:
        document = json.loads(out)
    except ValueError:
        document = None
    if isinstance(document, dict):
        problem = document.get("problem")
        if isinstance(problem, dict):
            said = [problem.get(key) for key in ("detail", "hint")]
            text = " ".join(part for part in said if isinstance(part, str))
            return {"error": text or json.dumps(problem), "problem": problem}
        if status == 0 and document.get("ok") is not False:
            return document
    how = f"by signal {-status}, {signal.strsignal(-status)}" if status < 0 else f"with {status}"
    return {
        "error": f"{PROGRAM} handler ended {how} and without a result. The last of its log:\n"
        + tail.decode(errors="replace").strip()
    }


@contextlib.contextmanager
def ended_by_signals(child: asyncio.subprocess.Process) -> Iterator[None]:
    """End the child when the worker is told to stop, besides what the SDK does then."""
    loop = asyncio.get_running_loop()
    ends: list[asyncio.Task[None]] = []

    def stop(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(lambda: ends.append(loop.create_task(end(child))))
        before = befores[number]
        if callable(before):
            before(number, frame)

    numbers: tuple[int, int] = (signal.SIGTERM, signal.SIGINT)
    befores = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, before in befores.items():
            signal.signal(number, before)


async def end(child: asyncio.subprocess.Process) -> None:
    """End the child and its group, the hard way if it does not go; nothing if it is gone."""
    for number, seconds in ((signal.SIGTERM, GRACE), (signal.SIGKILL, None)):
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, number)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(child.wait(), seconds)


if __name__ == "__main__":
    main()
