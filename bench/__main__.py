"""`python -m bench [name …]`: measure, and print one table."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from . import daemon, download, lab, plan, versions
from .table import Row, markdown
from .tools import MissingError, progress, require


class Bench(NamedTuple):
    """What to run, and what it needs."""

    run: Callable[[], list[Row]]
    tools: tuple[str, ...] = ()


BENCHES = {
    "download": Bench(download.bench, download.TOOLS),
    "throttled": Bench(download.throttled, ("nginx", "aria2c")),
    "daemon": Bench(daemon.bench, ("javac",)),
    "lab": Bench(lab.bench),
    "plan": Bench(plan.bench),
    "versions": Bench(versions.bench, ("git",)),
}


def main() -> int:
    """Return 1 when a program is missing, 0 otherwise: a missed aim is a figure, not a failure."""
    parser = argparse.ArgumentParser(
        "python -m bench",
        description=__doc__,
        epilog="Environment: COCKPIT_PYTHON (an environment with our wheel), BENCH_SIZE (2GiB), "
        "BENCH_ROUNDS (5), BENCH_SLOW_SIZE (1GiB), BENCH_SLOW_ROUNDS (3), BENCH_STARTS (9), "
        "BENCH_PAIRS (20), BENCH_MODELS (10000).",
    )
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHES))
    names = parser.parse_args().names or list(BENCHES)
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        parser.error(f"no such bench: {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    try:
        require(sorted({tool for name in names for tool in BENCHES[name].tools}))
    except MissingError as error:
        print(error, file=sys.stderr)
        return 1
    rows: list[Row] = []
    for name in names:
        progress(f"-- {name}")
        rows += BENCHES[name].run()
    print(f"{_machine()}\n\n{markdown(rows)}")
    return 0


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    kind = next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), "?"
    )
    return f"{os.cpu_count()} cores, {kind}, {platform.system()} {platform.release()}"


if __name__ == "__main__":
    sys.exit(main())
