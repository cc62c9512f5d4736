"""`make lab`: JupyterLab as a user has it, from the wheel, with the demo hub or on your folder.

Builds the wheel and an environment for it when the sources have changed, then starts the hub and
the lab, prints the address, and ends both on Ctrl-C. `--prepare` makes the environment only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

CHECKOUT = Path(__file__).resolve().parents[1]
DEMO = CHECKOUT / ".demo"
PACKAGE = CHECKOUT / "jupyter_server_ext" / "comfyui_cockpit"


def main() -> int:
    """Run until Ctrl-C or until the lab ends; return its status."""
    parser = argparse.ArgumentParser("demo/lab.py", description=__doc__)
    parser.add_argument("--root", type=Path, help="your own folder, with the real hosts")
    parser.add_argument("--rate", default="15MB", help="the hub's bytes a second for each body")
    parser.add_argument("--port", type=int, default=8888, help="the lab's; the next free one")
    parser.add_argument("--prepare", action="store_true", help="print the Python to use, and stop")
    options = parser.parse_args()
    python = wheel_environment()
    if options.prepare:
        print(python)
        return 0
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell has us ignore Ctrl-C
        signal.signal(number, _interrupt)
    hub = None
    root = options.root.resolve() if options.root else DEMO / "root"
    try:
        if not options.root:
            hub, url = start_hub(options.rate)
            write_root(root, url)
        return run_lab(python, root, options.port)
    finally:
        if hub is not None and hub.stdin is not None:
            hub.stdin.close()
            hub.wait(5)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def wheel_environment() -> Path:
    """Return the Python of an environment with the wheel of just these sources."""
    home = CHECKOUT / ".venvs" / "wheel"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    digest = hashlib.sha256()
    inputs = [file for file in PACKAGE.rglob("*") if file.is_file() and file.suffix != ".pyc"]
    for file in sorted([*inputs, CHECKOUT / "pyproject.toml"]):
        digest.update(file.read_bytes())
    stamp = home / "wheel.sha256"
    if stamp.is_file() and stamp.read_text() == digest.hexdigest():
        return python
    print("Making an environment with the wheel. This takes a minute.", file=sys.stderr)
    shutil.rmtree(home, ignore_errors=True)
    wheels = CHECKOUT / ".venvs" / "dist"
    shutil.rmtree(wheels, ignore_errors=True)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels)]
    subprocess.run([*build, str(CHECKOUT)], check=True, stdout=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    [wheel] = wheels.glob("*.whl")
    wanted = [str(wheel), "jupyterlab>=4.6,<4.7", "notebook>=7.6,<8"]
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *wanted], check=True)
    stamp.write_text(digest.hexdigest())
    return python


def start_hub(rate: str) -> tuple[subprocess.Popen[str], str]:
    """Start the hub; it ends with its standard input, so also when this program is killed."""
    command = [sys.executable, str(CHECKOUT / "demo" / "hub"), "--until-eof", "--rate", rate]
    hub = subprocess.Popen(
        [*command, "--log", str(DEMO / "hub.jsonl")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    if hub.stdout is None:
        raise RuntimeError("The hub has no output.")
    return hub, str(json.loads(hub.stdout.readline())["url"])


def write_root(root: Path, hub: str) -> None:
    """Make the demo's folder: no models yet, so that they can be seen to arrive."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    shutil.copyfile(CHECKOUT / "demo" / "models.json", root / "models.json")
    settings = {"models_dir": "models", "huggingface_endpoint": hub, "civitai_base_url": hub}
    (root / "cockpit.json").write_text(json.dumps(settings, indent=2) + "\n")


def run_lab(python: Path, root: Path, port: int) -> int:
    """Start the lab, say where it is, and wait for its end."""
    flags = [f"--ServerApp.root_dir={root}", "--no-browser", f"--port={port}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--allow-root")
    # Jupyter asks before it obeys a first Ctrl-C; in a session of its own it never sees one.
    lab = subprocess.Popen([str(python), "-m", "jupyterlab", *flags], start_new_session=True)
    try:
        address = wait_for_address(python, lab)
        if address:
            print(f"\n  ComfyUI Cockpit is in the left side bar of\n\n    {address}\n", flush=True)
            print(f"  Its folder is {root}. Ctrl-C ends it.\n", flush=True)
        return lab.wait()
    except KeyboardInterrupt:
        lab.terminate()
        try:
            lab.wait(15)
        except subprocess.TimeoutExpired:
            lab.kill()
            lab.wait()
        return 0


def wait_for_address(python: Path, lab: subprocess.Popen[bytes]) -> str | None:
    """Return the lab's address once its connection file is there; None if it ends before."""
    ask = "from jupyter_core.paths import jupyter_runtime_dir as d; print(d())"
    said = subprocess.run([str(python), "-c", ask], check=True, capture_output=True, text=True)
    file = Path(said.stdout.strip(), f"jpserver-{lab.pid}.json")
    while lab.poll() is None:
        if file.is_file():
            server = json.loads(file.read_text())
            return f"{server['url']}lab?token={server['token']}"
        time.sleep(0.2)
    return None


if __name__ == "__main__":
    sys.exit(main())
