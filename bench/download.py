"""One large file from nginx on loopback into memory: ours against those that people use."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .daemons import Ready, make_cache, own_daemon
from .measure import Cost, cpu_of_tree, median, run
from .server import NAME, Served, serving
from .table import Row, compared
from .tools import count, environment, in_memory, package, program, progress, size

TOOLS = ("nginx", "curl", "openssl", "aria2c", "hf")
MIB = 1 << 20


@dataclass(frozen=True)
class Place:
    """Where one run may write."""

    folder: Path
    home: Path
    served: Served

    @property
    def file(self) -> Path:
        return self.folder / NAME

    def check(self) -> None:
        """A file that is not whole was not fetched."""
        if self.file.stat().st_size != self.served.size:
            raise RuntimeError(f"{self.file} is not whole")


def write_root(root: Path, served: Served, how: str, models: int = 1) -> None:
    """Declare the file, under one name or several."""
    entries = {
        f"m{number}": {
            "source": served.url(how),
            "path": NAME if models == 1 else f"{number}.safetensors",
            "sha256": served.sha256,
            "size_bytes": served.size,
        }
        for number in range(models)
    }
    (root / "models.json").write_text(json.dumps({"models": entries}))


def ours(place: Place, how: str = "fast", cache: Path | None = None) -> Cost:
    """`comfyui-cockpit models install`; with a start-up cache, in the place where it looks."""
    write_root(place.folder, place.served, how)
    command = [package().command_line, "models", "install", "--all", "--json"]
    if cache:
        at = cache_place(place.folder)
        at.parent.mkdir(parents=True)
        at.hardlink_to(cache)
        at.chmod(0o600)
    done = run(command, cwd=place.folder, env=environment(place.home))
    [model] = json.loads(done.out)["models"]
    if model["verified"] != "declared":
        raise RuntimeError(f"not verified: {model}")
    return done.cost


def cache_place(root: Path) -> Path:
    ask = (
        "import pathlib, sys; from comfyui_cockpit import java as j; "
        "print(j.aot_cache(j.find_java(), pathlib.Path(sys.argv[1])))"
    )
    return Path(
        run(
            [str(Path(package().command_line).with_name("python")), "-c", ask, str(root)]
        ).out.strip()
    )


def curl(place: Place, how: str = "fast") -> Cost:
    command = [program("curl"), "-sS", "--fail", "-o", str(place.file), place.served.url(how)]
    return run(command, env=environment(place.home)).cost


def openssl(place: Place) -> Cost:
    done = run([program("openssl"), "dgst", "-sha256", "-r", str(place.file)])
    if done.out.split()[0] != place.served.sha256:
        raise RuntimeError("what curl fetched is another file")
    return done.cost


def aria2c(place: Place, connections: int, how: str = "fast", verify: bool = True) -> Cost:
    number = str(connections)
    command = [program("aria2c"), "-q", "-x", number, "-s", number, "--file-allocation=none"]
    command += ["-d", str(place.folder), "-o", NAME, "--no-conf", "--min-split-size=1M"]
    if verify:
        command += [f"--checksum=sha-256={place.served.sha256}"]
    return run([*command, place.served.url(how)], env=environment(place.home)).cost


def hf(place: Place) -> Cost:
    variables = environment(
        place.home,
        HF_ENDPOINT=place.served.address,
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_HUB_DISABLE_XET="1",
        HF_HUB_DISABLE_PROGRESS_BARS="1",
    )
    command = [program("hf"), "download", "bench/model", NAME, "--local-dir", str(place.folder)]
    return run(command, env=variables).cost


def in_place(folder: Path, home: Path, served: Served, what: Callable[[Place], Cost]) -> Cost:
    """Run in a folder that is new and goes away."""
    folder.mkdir()
    try:
        place = Place(folder, home, served)
        cost = what(place)
        place.check()
        return cost
    finally:
        shutil.rmtree(folder)


def in_daemon(daemon: Ready, root: Path, model: str) -> Cost:
    """One installation in a daemon that runs; the clock is the job's own."""
    before = cpu_of_tree(daemon.pid)
    job = daemon.json("POST", "/api/models/install", {"models": [model]})["job"]
    while job["ended_at"] is None:
        time.sleep(0.2)
        job = daemon.json("GET", f"/api/jobs/{job['id']}")["job"]
    cost = Cost(_seconds(job), cpu_of_tree(daemon.pid) - before, daemon.peak)
    if job["state"] != "done":
        raise RuntimeError(f"the daemon failed: {job}")
    daemon.call("DELETE", f"/api/models/{model}/file")
    return cost


def _seconds(job: dict[str, Any]) -> float:
    start, end = (
        datetime.fromisoformat(job[name].replace("Z", "+00:00"))
        for name in ("created_at", "ended_at")
    )
    return (end - start).total_seconds()


def bench() -> list[Row]:
    """Rounds in which each has its turn; each figure's median."""
    total, rounds = size("BENCH_SIZE", "2GiB"), count("BENCH_ROUNDS", 5)
    costs: dict[str, list[Cost]] = {}
    with in_memory() as memory, serving(memory, total) as served:
        home = memory / "home"
        home.mkdir()
        cache = make_cache(memory)
        root = memory / "root"
        root.mkdir()
        write_root(root, served, "fast", rounds)
        with own_daemon(root, home) as daemon:
            for turn in range(rounds):
                each: dict[str, Callable[[Place], Cost]] = {
                    "ours": ours,
                    "ours, cache": lambda place: ours(place, cache=cache),
                    "aria2c": lambda place: aria2c(place, 1),
                    "aria2c -x4": lambda place: aria2c(place, 4),
                    "hf": hf,
                }
                for name, what in each.items():
                    cost = in_place(memory / "run", home, served, what)
                    _note(costs, name, cost)
                for name, cost in _curl_and_openssl(memory / "run", home, served).items():
                    _note(costs, name, cost)
                _note(costs, "daemon", in_daemon(daemon, root, f"m{turn}"))
    return _rows(costs, total)


def _curl_and_openssl(folder: Path, home: Path, served: Served) -> dict[str, Cost]:
    parts: list[Cost] = []

    def both(place: Place) -> Cost:
        parts.extend([curl(place), openssl(place)])
        return parts[0] + parts[1]

    return {"curl + openssl": in_place(folder, home, served, both), "curl": parts[0]}


def _note(costs: dict[str, list[Cost]], name: str, cost: Cost) -> None:
    progress(f"{name}: {cost.wall:.2f} s, {cost.cpu:.2f} CPU s, {cost.peak / MIB:.0f} MiB")
    costs.setdefault(name, []).append(cost)


def _rows(costs: dict[str, list[Cost]], total: int) -> list[Row]:
    middle = {name: median(every) for name, every in costs.items()}
    verified = ("curl + openssl", "aria2c", "aria2c -x4")
    best = min(verified, key=lambda name: middle[name].wall)
    both = middle["curl + openssl"]
    rows = []
    for name, title in {
        "daemon": "in the running daemon",
        "ours": "by command, no start-up cache",
        "ours, cache": "by command, start-up cache",
    }.items():
        mine = middle[name]
        what = f"{total / (1 << 30):g} GiB, {title}"
        rows += [
            compared(
                f"{what}: time, best verified peer", mine.wall, middle[best].wall, best, "s", 1.11
            ),
            compared(f"{what}: time, curl alone", mine.wall, middle["curl"].wall, "curl", "s", 2),
            compared(f"{what}: CPU", mine.cpu, both.cpu, "curl + openssl", "s", 1.5),
        ]
    mine = middle["daemon"]
    for name in ("aria2c", "aria2c -x4", "hf"):
        rows.append(compared(f"the daemon's time, {name}", mine.wall, middle[name].wall, name, "s"))
        rows.append(compared(f"the daemon's CPU, {name}", mine.cpu, middle[name].cpu, name, "s"))
    for name, peer in (("daemon", "curl"), ("ours", "aria2c"), ("ours, cache", "hf")):
        ours_peak, peak = middle[name].peak / MIB, middle[peer].peak / MIB
        rows.append(compared(f"peak memory ({name})", ours_peak, peak, peer, "MiB"))
    return rows


def throttled() -> list[Row]:
    """20 MB/s a connection: one is not enough."""
    total, rounds = size("BENCH_SLOW_SIZE", "1GiB"), count("BENCH_SLOW_ROUNDS", 3)
    mine: list[Cost] = []
    peers: list[Cost] = []
    with in_memory() as memory, serving(memory, total) as served:
        home = memory / "home"
        home.mkdir()
        for _ in range(rounds):
            mine.append(in_place(memory / "run", home, served, lambda place: ours(place, "slow")))
            peers.append(
                in_place(memory / "run", home, served, lambda place: aria2c(place, 4, "slow"))
            )
            progress(f"throttled: ours {mine[-1].wall:.1f} s, aria2c -x4 {peers[-1].wall:.1f} s")
    ours_middle, peer = median(mine), median(peers)
    what = f"{total / (1 << 30):g} GiB at 20 MB/s a connection"
    return [
        compared(f"{what}: time", ours_middle.wall, peer.wall, "aria2c -x4", "s", 1.2),
        compared(f"{what}: CPU", ours_middle.cpu, peer.cpu, "aria2c -x4", "s"),
    ]
