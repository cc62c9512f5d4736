"""JupyterLab with us and without us, in pairs."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .measure import cpu_of_tree, run, wait_until
from .server import answers, free_port
from .table import Row, compared, limited
from .tools import count, environment, in_memory, progress, wheel_python

SETTLED = 6.0  # seconds after the first answer; the daemon has started by then
LONGEST = 60.0
# The extension's own share: import, settings, handlers; as Jupyter Server's manager does it.
LOAD = """
import time
from jupyter_server.serverapp import ServerApp
app = ServerApp(ip="127.0.0.1", port=0, open_browser=False, allow_root=True)
app.initialize(argv=[], find_extensions=False, new_httpserver=False)
start, cpu = time.perf_counter(), time.process_time()
manager = app.extension_manager
assert manager.add_extension("comfyui_cockpit", enabled=True)
manager.link_extension("comfyui_cockpit")
manager.load_extension("comfyui_cockpit")
print(time.perf_counter() - start, time.process_time() - cpu)
"""


@dataclass(frozen=True)
class Start:
    """Seconds until the lab answers, and CPU seconds of all its processes then and later."""

    ready: float
    cpu: float
    settled: float


def start(place: Path, with_us: bool) -> Start:
    """Start a lab in a folder of its own and look."""
    root = place / "root"
    configuration = place / "configuration"
    configuration.mkdir(parents=True, exist_ok=True)
    root.mkdir(exist_ok=True)
    settings = {"ServerApp": {"jpserver_extensions": {"comfyui_cockpit": with_us}}}
    (configuration / "jupyter_server_config.json").write_text(json.dumps(settings))
    port = free_port()
    command = [str(wheel_python()), "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    command += [f"--ServerApp.root_dir={root}", "--IdentityProvider.token="]
    variables = environment(place, JUPYTER_CONFIG_DIR=str(configuration))
    with (place / "log").open("wb") as log:
        begin = time.perf_counter()
        lab = subprocess.Popen(command, env=variables, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(port, "/api/status"), LONGEST, 0.01)
        ready = time.perf_counter() - begin
        cpu = cpu_of_tree(lab.pid)
        time.sleep(SETTLED)
        if with_us != answers(port, "/comfyui-cockpit/server"):
            raise RuntimeError(
                "the extension is not as it should be: " + (place / "log").read_text()
            )
        return Start(ready, cpu, cpu_of_tree(lab.pid))
    finally:
        lab.terminate()
        lab.wait(30)


def bench() -> list[Row]:
    """Pairs, each way round in turn; and the extension's own load."""
    pairs: list[tuple[Start, Start]] = []
    with in_memory() as place:
        (place / "home").mkdir()
        loads = [_load(place / "home") for _ in range(9)]
        for with_us in (True, False):
            start(place / str(with_us), with_us)  # the first of each fills the page cache
        for turn in range(count("BENCH_PAIRS", 20)):
            order = (True, False) if turn % 2 else (False, True)
            one = {with_us: start(place / str(with_us), with_us) for with_us in order}
            pairs.append((one[True], one[False]))
            progress(f"{turn + 1} with us: {one[True]}, without: {one[False]}")
    later = median(1000 * (mine.ready - other.ready) for mine, other in pairs)
    rows = [
        limited("import and load in the server, wall", median(one[0] for one in loads), "ms", 50),
        limited("import and load in the server, CPU", median(one[1] for one in loads), "ms", 50),
    ]
    for title, name, most in (
        ("lab ready", "ready", 1.05),
        ("CPU until the lab is ready", "cpu", None),
        (f"CPU until {SETTLED:g} s later, our daemon started", "settled", None),
    ):
        mine = median(getattr(pair[0], name) for pair in pairs)
        other = median(getattr(pair[1], name) for pair in pairs)
        rows.append(compared(title, mine, other, "without us", "s", most))
    spread = sorted(1000 * (mine.ready - other.ready) for mine, other in pairs)
    quarter = len(spread) // 4
    rows.append(
        Row(
            "lab ready later, median of the pairs",
            f"{later:.0f} ms",
            f"half of them: {spread[quarter]:.0f} to {spread[-1 - quarter]:.0f} ms",
            None,
            "not measurable: 0 lies between",
            spread[quarter] <= 0 <= spread[-1 - quarter] or later <= 0,
        )
    )
    return rows


def _load(home: Path) -> tuple[float, float]:
    said = run([str(wheel_python()), "-c", LOAD], env=environment(home)).out.split()
    return 1000 * float(said[-2]), 1000 * float(said[-1])
