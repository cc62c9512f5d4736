"""Ten thousand declared models: the answers that a panel and a plan wait for."""

from __future__ import annotations

import json
import time
from pathlib import Path
from statistics import median
from typing import Any

from .daemons import Ready, own_daemon
from .measure import cpu_of_tree
from .table import Row, limited
from .tools import count, in_memory, progress

WARM = 20


def write_models(root: Path, number: int) -> None:
    """Half of them are there."""
    folder = root / "models"
    folder.mkdir()
    models: dict[str, Any] = {}
    for at in range(number):
        path = f"models/{at}.safetensors"
        models[f"model-{at}"] = {
            "source": f"http://models.example/{at}.safetensors",
            "path": path,
            "sha256": f"{at:064x}",
            "size_bytes": 4,
        }
        if at % 2:
            (root / path).write_bytes(b"1234")
    bundles = {"all": {"models": list(models)}}
    (root / "models.json").write_text(json.dumps({"models": models, "bundles": bundles}))


def ask(daemon: Ready, method: str, path: str, body: Any) -> tuple[float, float, int]:
    """Median milliseconds of warm calls, their CPU milliseconds each, bytes of the answer."""
    for _ in range(WARM):
        answer = daemon.call(method, path, body)
    before = cpu_of_tree(daemon.pid)
    times = []
    for _ in range(WARM):
        start = time.perf_counter()
        answer = daemon.call(method, path, body)
        times.append(1000 * (time.perf_counter() - start))
    cpu = 1000 * (cpu_of_tree(daemon.pid) - before) / WARM
    progress(
        f"{method} {path}: {median(times):.0f} ms, {cpu:.0f} CPU ms, first of them {times[0]:.0f}"
    )
    return median(times), cpu, len(answer)


def bench() -> list[Row]:
    """Through a running daemon that opens no connection."""
    number = count("BENCH_MODELS", 10_000)
    rows = []
    with in_memory() as place:
        root, home = place / "root", place / "home"
        root.mkdir()
        home.mkdir()
        write_models(root, number)
        with own_daemon(root, home, "--offline") as daemon:
            for method, path, body in (
                ("GET", "/api/models", None),
                ("POST", "/api/models/plan", {"all": True}),
            ):
                wall, cpu, length = ask(daemon, method, path, body)
                size = f"{length / (1 << 20):.1f} MiB of JSON"
                rows.append(limited(f"{number} models, {method} {path}, {size}", wall, "ms", 100))
                rows.append(Row("its CPU", f"{cpu:.0f} ms"))
    return rows
