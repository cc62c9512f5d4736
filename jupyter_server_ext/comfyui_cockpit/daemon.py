"""The daemon's life: start, ready line, restart with back-off, stop. One child at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from logging import Logger
from threading import Thread
from typing import IO, Any, Literal

State = Literal["starting", "ready", "failed", "stopped"]


@dataclass(frozen=True)
class Launch:
    """How to start the daemon. `secret` is also in `environment`, never in `command`."""

    command: list[str]
    environment: dict[str, str]
    secret: str


@dataclass(frozen=True)
class Patience:
    """Seconds, and how often the daemon may end within `window` before we give up."""

    first_delay: float = 1.0
    longest_delay: float = 30.0
    failures: int = 4
    window: float = 300.0
    grace: float = 5.0


class Daemon:
    """A supervised child. `prepare` says how to start it and may take a while or raise."""

    def __init__(
        self, prepare: Callable[[], Launch], log: Logger, patience: Patience | None = None
    ) -> None:
        self.state: State = "stopped"
        self.cause: str | None = None
        self.url = ""
        self.secret = ""
        self.lines: deque[str] = deque(maxlen=200)
        self._prepare = prepare
        self._log = log
        self._patience = patience or Patience()
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._turn = asyncio.Lock()

    def start(self) -> None:
        """Start supervising in the background; returns at once."""
        self.state, self.cause = "starting", None
        self._task = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        """End the child: close its input, wait, terminate, wait, kill. Returns when it is gone."""
        async with self._turn:
            await self._stop()

    async def restart(self) -> None:
        """Stop whatever there is and start afresh, with all its tries."""
        async with self._turn:
            await self._stop()
            self.start()

    async def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._become("stopped", None)

    async def wait_for(self, *states: State) -> None:
        """Return as soon as the state is one of `states`."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.state in states)

    async def _become(self, state: State, cause: str | None) -> None:
        async with self._changed:
            self.state, self.cause = state, cause
            self._changed.notify_all()

    async def _supervise(self) -> None:
        failures: deque[float] = deque()
        while True:
            try:
                launch = await asyncio.to_thread(self._prepare)
                cause = await self._live(launch)
            except Exception as error:  # no Java, no jar, not executable: another try cannot help
                self._log.error("ComfyUI Cockpit's daemon cannot start: %s", error)
                return await self._become("failed", str(error))
            now = time.monotonic()
            failures.append(now)
            while failures[0] < now - self._patience.window:
                failures.popleft()
            if len(failures) >= self._patience.failures:
                self._log.error("ComfyUI Cockpit's %s %d times. Giving up.", cause, len(failures))
                return await self._become("failed", f"The {cause} {len(failures)} times in a row.")
            await self._become("starting", f"The {cause}.")
            delay = self._patience.first_delay * 2 ** (len(failures) - 1)
            delay = min(delay, self._patience.longest_delay)
            self._log.warning("ComfyUI Cockpit's %s. Next start in %g s.", cause, delay)
            await asyncio.sleep(delay)

    async def _live(self, launch: Launch) -> str:
        """Run one child from start to end; return how it ended."""
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[str] = loop.create_future()
        ended: asyncio.Future[int] = loop.create_future()
        # A session of its own keeps the terminal's Ctrl-C, which is a question, away from it.
        # Not asyncio's subprocess: that needs a proactor loop on Windows, which Jupyter has not.
        process = subprocess.Popen(  # noqa: ASYNC220
            launch.command,
            env=launch.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )

        def tell(call: Callable[[], None]) -> None:
            # After the loop's end nobody listens any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(call)

        def settle(url: str) -> None:
            if not ready.done():
                ready.set_result(url)

        def read(stream: IO[bytes]) -> None:
            with stream:
                for raw in stream:
                    url = _ready_url(raw) if stream is process.stdout else None
                    tell(partial(settle, url) if url else partial(self._note, raw))

        def wait() -> None:
            status = process.wait()
            for reader in readers:  # the last words come first, but no heir of the pipe holds us up
                reader.join(timeout=1)
            tell(partial(ended.set_result, status))

        # Daemon threads: a join at exit would wait for a child that waits for our exit.
        streams = (process.stdout, process.stderr)
        readers = [Thread(target=read, args=(stream,), daemon=True) for stream in streams]
        for thread in (*readers, Thread(target=wait, daemon=True)):
            thread.start()
        either: list[asyncio.Future[Any]] = [ready, ended]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                self.url, self.secret = ready.result(), launch.secret
                await self._become("ready", None)
            return f"daemon ended with status {await asyncio.shield(ended)}"
        finally:
            self.url = ""
            await self._end(process, ended)

    async def _end(self, process: subprocess.Popen[bytes], ended: asyncio.Future[int]) -> None:
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        for harder in (process.terminate, process.kill):
            await asyncio.wait({ended}, timeout=self._patience.grace)
            if ended.done():
                return
            self._log.warning("ComfyUI Cockpit's daemon did not stop: %s.", harder.__name__)
            harder()
        await asyncio.wait({ended})

    def _note(self, raw: bytes) -> None:
        line = raw.decode("utf-8", "replace").rstrip()
        self.lines.append(line)
        self._log.info("%s", line)


def _ready_url(raw: bytes) -> str | None:
    try:
        said = json.loads(raw) if raw.startswith(b"{") else {}
    except ValueError:
        return None
    return str(said["url"]) if said.get("event") == "ready" else None
