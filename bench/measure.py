"""Run programs and read what they cost: wall clock, processor seconds, peak memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOOK = 0.02  # seconds between two looks at a child's memory
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Seconds of the wall clock and of all processors, and the most memory of one process."""

    wall: float
    cpu: float
    peak: int = 0

    def __add__(self, other: Cost) -> Cost:
        """One after the other."""
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.peak, other.peak))


@dataclass(frozen=True)
class Done:
    """A program that ended well."""

    cost: Cost
    out: str


def median(costs: Iterable[Cost]) -> Cost:
    """Each figure's own median."""
    every = list(costs)
    return Cost(
        statistics.median(cost.wall for cost in every),
        statistics.median(cost.cpu for cost in every),
        int(statistics.median(cost.peak for cost in every)),
    )


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    longest: float = 600,
) -> Done:
    """Run to the end; an exit status other than 0, or no end, is an error."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd, env=env
        )
        peak = 0
        while True:
            peak = max(peak, peak_memory(process.pid))
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            wall = time.perf_counter() - start
            if pid:
                break
            if wall > longest:
                process.kill()
                raise RuntimeError(f"{command[0]} did not end within {longest:g} s")
            time.sleep(LOOK if wall > LOOK else LOOK / 10)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said = out.read()
        if process.returncode != 0:
            raise RuntimeError(f"{command} ended with {process.returncode}: {said} {err.read()}")
    return Done(Cost(wall, usage.ru_utime + usage.ru_stime, peak), said)


def peak_memory(pid: int) -> int:
    """The most bytes that a process has held so far; 0 when it is gone."""
    return _memory(pid, "VmHWM")


def memory(pid: int) -> int:
    """The bytes that a process holds now, pages of mapped files among them."""
    return _memory(pid, "VmRSS")


def _memory(pid: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def cpu_of_tree(pid: int) -> float:
    """Seconds of a process, of those that it has waited for, and of all that stem from it."""
    seconds = _cpu(pid)
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except FileNotFoundError:
        return seconds
    for task in tasks:
        try:
            children = (task / "children").read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        seconds += sum(cpu_of_tree(int(child)) for child in children)
    return seconds


def _cpu(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    fields = text.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICK


def wait_until(what: Callable[[], bool], longest: float, every: float = 0.05) -> None:
    """Return when it is so."""
    end = time.monotonic() + longest
    while not what():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} did not come true within {longest:g} s")
        time.sleep(every)
