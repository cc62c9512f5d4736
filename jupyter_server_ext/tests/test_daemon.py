"""The child's life, with a real child."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable

import pytest
from comfyui_cockpit.daemon import Daemon, Launch, Patience
from lab import SECRET, Lab, fake_launch

Tell = Callable[..., None]
LOG = logging.getLogger("cockpit-test")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def live(behaviours: list[str], story: Callable[[Daemon], object], **patience: float) -> None:
    """Run `story` with a daemon whose nth start behaves like the nth of `behaviours`."""
    rest = iter(behaviours)

    async def whole() -> None:
        quick = Patience(**{"first_delay": 0.05, "grace": 0.5} | patience)  # type: ignore[arg-type]
        daemon = Daemon(lambda: fake_launch(next(rest)), LOG, quick)
        daemon.start()
        try:
            await asyncio.wait_for(story(daemon), 20)  # type: ignore[arg-type]
        finally:
            await daemon.stop()
        assert daemon.state == "stopped"

    asyncio.run(whole())


def test_is_ready_when_the_ready_line_came() -> None:
    async def story(daemon: Daemon) -> None:
        assert daemon.state == "starting"
        await daemon.wait_for("ready")
        assert daemon.url.startswith("http://127.0.0.1:")
        assert daemon.secret == SECRET

    live([""], story)


def test_starts_again_after_a_crash() -> None:
    async def story(daemon: Daemon) -> None:
        await daemon.wait_for("ready")
        assert daemon.cause is None
        assert list(daemon.lines).count("a line of the daemon's log") == 3

    live(["crash", "crash", ""], story)


def test_gives_up_after_a_few_crashes_and_keeps_the_log() -> None:
    async def story(daemon: Daemon) -> None:
        started = time.monotonic()
        await daemon.wait_for("failed")
        assert time.monotonic() - started > 0.2 + 0.4 + 0.8
        assert daemon.cause == "The daemon ended with status 3 4 times in a row."
        assert list(daemon.lines) == ["a line of the daemon's log"] * 4

    live(["crash"] * 4, story, first_delay=0.2)


def test_forgets_crashes_of_long_ago() -> None:
    async def story(daemon: Daemon) -> None:
        await daemon.wait_for("ready")

    live(["crash"] * 6 + [""], story, window=0.01)


def test_fails_at_once_when_it_cannot_even_start() -> None:
    async def whole() -> None:
        def prepare() -> Launch:
            raise FileNotFoundError("no Java")

        daemon = Daemon(prepare, LOG)
        daemon.start()
        await asyncio.wait_for(daemon.wait_for("failed"), 5)
        assert daemon.cause == "no Java"

    asyncio.run(whole())


def test_a_restart_brings_it_back_after_it_was_given_up() -> None:
    async def story(daemon: Daemon) -> None:
        await daemon.wait_for("failed")
        await asyncio.gather(daemon.restart(), daemon.restart())
        await daemon.wait_for("ready")

    live(["crash"] * 4 + ["", "", ""], story)


def test_keeps_the_last_two_hundred_lines() -> None:
    daemon = Daemon(fake_launch, LOG)
    for number in range(300):
        daemon._note(f"line {number}\n".encode())
    assert (len(daemon.lines), daemon.lines[0]) == (200, "line 100")


@pytest.mark.parametrize(("behaviour", "seconds"), [("", 0.5), ("mute", 0.5), ("deaf", 3)])
def test_is_gone_after_a_stop(behaviour: str, seconds: float) -> None:
    pids = []

    async def story(daemon: Daemon) -> None:
        await daemon.wait_for("starting" if behaviour == "mute" else "ready")
        await asyncio.sleep(0.4)
        pids.extend(children())
        started = time.monotonic()
        await daemon.stop()
        assert time.monotonic() - started < seconds

    live([behaviour], story)
    assert len(pids) == 1
    assert not is_alive(pids[0])


def children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children") as file:  # noqa: PTH123
        own = [int(pid) for pid in file.read().split()]
    for thread in os.listdir("/proc/self/task"):  # noqa: PTH208
        with open(f"/proc/self/task/{thread}/children") as file:  # noqa: PTH123
            own += [int(pid) for pid in file.read().split()]
    return sorted(set(own))


def test_the_server_restarts_a_daemon_that_crashed_and_a_user_one_that_failed(tell: Tell) -> None:
    async def story(lab: Lab) -> None:
        first = lab.cockpit.daemon.url
        answer = await lab.request("POST", "/api/crash")
        assert (answer.status_code, answer.json()["code"]) == (503, "starting")
        await lab.cockpit.daemon.wait_for("starting")
        await lab.cockpit.daemon.wait_for("ready")
        assert lab.cockpit.daemon.url != first
        restarted = await lab.request("POST", "/server/restart")
        assert restarted.status_code == 202
        assert restarted.json()["state"] == "starting"
        await lab.cockpit.daemon.wait_for("ready")

    tell(story)
    assert children() == []
