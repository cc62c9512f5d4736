"""A version realized by us, by plain git and uv, and by comfy-cli, all from warm caches.

Ours twice: in the daemon that a lab runs, and by a command of its own with its start-up cache.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from statistics import median

from .daemons import Ready, make_cache, own_command, own_environment
from .download import cache_place
from .table import Row, compared
from .tools import count, environment, in_memory, package, program, progress, wheel_python

# What ComfyUI itself asks for, but PyTorch, which would be most of the bytes and none of the work.
REQUIREMENTS = (
    "numpy\ntransformers\ntokenizers\nsentencepiece\nsafetensors\naiohttp\nyarl\npyyaml\nPillow\n"
    "scipy\ntqdm\npsutil\nalembic\nSQLAlchemy\nav\npydantic\npydantic-settings\n"
)
# comfy-cli takes only repositories whose address it knows; git brings this one from here.
OFFICIAL = "https://github.com/comfyanonymous/ComfyUI"


def repository(place: Path, name: str, files: dict[str, str]) -> Path:
    """Make a repository with one commit."""
    folder = place / name
    folder.mkdir()
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    for arguments in (
        ["init", "--quiet", "--initial-branch", "master", "."],
        ["add", "--all"],
        ["-c", "user.name=b", "-c", "user.email=b@localhost", "commit", "--quiet", "-m", "one"],
    ):
        subprocess.run([program("git"), *arguments], cwd=folder, check=True)
    return folder


def timed(command: list[str], env: dict[str, str], cwd: Path, log: Path) -> float:
    """Return the seconds that a command takes; its failure is ours."""
    start = time.perf_counter()
    with log.open("wb") as out:
        done = subprocess.run(command, env=env, cwd=cwd, stdout=out, stderr=out, check=False)
    if done.returncode:
        raise RuntimeError(f"{command}: {log.read_text(errors='replace')[-2000:]}")
    return time.perf_counter() - start


def uv_program() -> str:
    """The one that came with our wheel; everybody here uses it."""
    return str(wheel_python().with_name("uv"))


def by_hand(place: Path, target: Path, python: str) -> str:
    """Write what somebody would type who uses git and uv, and checks and locks nothing."""
    uv = uv_program()
    return "\n".join(
        [
            "set -e",
            f"git clone --quiet {place / 'ComfyUI'} {target}/ComfyUI",
            f"git clone --quiet {place / 'node'} {target}/ComfyUI/custom_nodes/node",
            f"{uv} venv --quiet --python {python} {target}/.venv",
            f"{uv} pip install --quiet --python {target}/.venv/bin/python"
            f" -r {target}/ComfyUI/requirements.txt"
            f" -r {target}/ComfyUI/custom_nodes/node/requirements.txt",
        ]
    )


def specs(place: Path, versions: Path) -> str:
    """Declare two versions, of which the second has a package more; return their Python."""
    many = {f"comfy/part{i}.py": f"x = {i}\n" * 200 for i in range(500)}
    core = {"main.py": "print('up')\n", "requirements.txt": REQUIREMENTS, "custom_nodes/.keep": ""}
    repository(place, "ComfyUI", core | many)
    repository(place, "node", {"__init__.py": "", "requirements.txt": "packaging\nidna\n"})
    python = str(wheel_python().resolve())
    ask = "import platform; print(platform.python_version())"
    exact = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
    spec = {
        "schema_version": 2,
        "version_id": "one",
        "comfy": {"repo": (place / "ComfyUI").as_uri()},
        "custom_nodes": [{"repo": (place / "node").as_uri()}],
        "python": exact.stdout.strip(),
    }
    versions.mkdir(parents=True)
    for each in (spec, spec | {"version_id": "two", "python_packages": ["iniconfig"]}):
        (versions / f"{each['version_id']}.json").write_text(json.dumps(each))
    return python


def comfy_cli(place: Path, python: str) -> list[str]:
    """Install it, and return the command that installs ComfyUI, without PyTorch as ours."""
    folder = place / "comfy-cli"
    subprocess.run([uv_program(), "venv", "--quiet", "--python", python, str(folder)], check=True)
    install = [uv_program(), "pip", "install", "--quiet", "--python", str(folder / "bin/python")]
    subprocess.run([*install, "comfy-cli"], check=True)
    return [
        str(folder / "bin" / "comfy"),
        *("--skip-prompt", "--no-enable-telemetry", f"--workspace={place / 'theirs'}"),
        *("install", "--url", OFFICIAL, "--cpu", "--skip-torch-or-directml"),
        *("--skip-manager", "--fast-deps"),
    ]


def in_daemon(daemon: Ready, version: str) -> float:
    """Return the seconds from the request to the end of the job."""
    start = time.perf_counter()
    job = daemon.json("POST", f"/api/versions/{version}/realize", {})["job"]
    while job["ended_at"] is None:
        time.sleep(0.01)
        job = daemon.json("GET", f"/api/jobs/{job['id']}")["job"]
    if job["state"] != "done":
        raise RuntimeError(f"the daemon failed: {job}")
    return time.perf_counter() - start


def forget(home: Path) -> None:
    """Take both versions away, and leave the caches and the locks."""
    for name in ("one", "two"):
        shutil.rmtree(home / ".comfy-builds" / f"comfy-{name}", ignore_errors=True)
        (home / f"comfy-{name}").unlink(missing_ok=True)


def bench() -> list[Row]:
    """Ours and theirs in turn; ours again, and a second version that shares all but a package."""
    times: dict[str, list[float]] = {}
    with in_memory() as place, contextlib.ExitStack() as stack:
        home, root, log = place / "home", place / "root", place / "log"
        home.mkdir()
        python = specs(place, root / "versions")
        theirs = comfy_cli(place, python)
        variables = {
            "COMFY_CACHE_ROOT": str(place / "cache"),
            "UV_CACHE_DIR": str(place / "cache" / "uv"),
            "PATH": f"{Path(uv_program()).parent}{os.pathsep}{os.environ['PATH']}",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{(place / 'ComfyUI').as_uri()}.insteadOf",
            "GIT_CONFIG_VALUE_0": OFFICIAL,
        }
        env = environment(home, **variables)
        start = make_cache(place / "training")
        at = cache_place(root)
        at.parent.mkdir(parents=True)
        at.hardlink_to(start)
        realize = [package().command_line, "version", "realize", "--root", str(root), "--quiet"]
        # Once, so that every cache is warm.
        for name in ("one", "two"):
            timed([*realize, name], env, root, log)
        daemon = stack.enter_context(
            Ready(
                own_command(root, cache=start),
                own_environment(home, **variables),
                place / "daemon.log",
            )
        )
        for turn in range(count("BENCH_ROUNDS", 5)):
            taken = {}
            forget(home)
            for what, name in (("", "one"), (", again", "one"), (", second", "two")):
                taken[f"daemon{what}"] = in_daemon(daemon, name)
            forget(home)
            # A connection file would send the command to the daemon.
            alone = env | {"COCKPIT_CONNECTION_FILE": str(home / "none.json")}
            for what, name in (("", "one"), (", again", "one"), (", second", "two")):
                taken[f"command{what}"] = timed([*realize, name], alone, root, log)
            hand = place / "hand"
            shutil.rmtree(hand, ignore_errors=True)
            hand.mkdir()
            script = by_hand(place, hand, python)
            taken["hand"] = timed([program("bash"), "-c", script], env, place, log)
            shutil.rmtree(place / "theirs", ignore_errors=True)
            taken["comfy-cli"] = timed(theirs, env, place, log)
            for name, seconds in taken.items():
                times.setdefault(name, []).append(seconds)
            told = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in taken.items())
            progress(f"{turn + 1}: {told}")
    mine = {name: median(each) for name, each in times.items()}
    rows = []
    for how, words in (("daemon", "in the daemon"), ("command", "by command, start-up cache")):
        for peer, name, most in (
            ("hand", "git + uv by hand", 1.3),
            ("comfy-cli", "comfy-cli", 0.3),
        ):
            for what, which in (
                (how, "first realize, warm caches"),
                (f"{how}, again", "unchanged realize"),
                (f"{how}, second", "a second version that shares the core"),
            ):
                what_for = f"{which}, {words}"
                rows.append(compared(what_for, mine[what], mine[peer], name, "s", most))
    return rows
