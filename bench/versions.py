"""A version realized by us, by plain git and uv, and by comfy-cli, all from warm caches."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from statistics import median

from .table import Row, compared, limited
from .tools import count, environment, in_memory, package, program, progress, wheel_python

# A few packages that people's nodes ask for: wheels with code and without, some megabytes.
REQUIREMENTS = "requests\npillow\nnumpy\npyyaml\nsafetensors\naiohttp\ntqdm\nscipy\n"


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


def bench() -> list[Row]:
    """Ours and theirs in turn; ours again, and a second version that shares all but a package."""
    times: dict[str, list[float]] = {}
    with in_memory() as place:
        home, root, log = place / "home", place / "root", place / "log"
        home.mkdir()
        (root / "versions").mkdir(parents=True)
        many = {f"comfy/part{i}.py": f"x = {i}\n" * 200 for i in range(500)}
        repository(
            place,
            "ComfyUI",
            {
                "main.py": "print('up')\n",
                "requirements.txt": REQUIREMENTS,
                "custom_nodes/.keep": "",
                **many,
            },
        )
        repository(place, "node", {"__init__.py": "", "requirements.txt": "packaging\nidna\n"})
        uv, python = uv_program(), str(wheel_python().resolve())
        version = subprocess.run(
            [python, "-c", "import platform; print(platform.python_version())"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        spec = {
            "schema_version": 2,
            "version_id": "one",
            "comfy": {"repo": (place / "ComfyUI").as_uri()},
            "custom_nodes": [{"repo": (place / "node").as_uri()}],
            "python": version,
        }
        second = spec | {"version_id": "two", "python_packages": ["iniconfig"]}
        for each in (spec, second):
            (root / "versions" / f"{each['version_id']}.json").write_text(json.dumps(each))
        env = environment(
            home,
            COMFY_CACHE_ROOT=str(place / "cache"),
            UV_CACHE_DIR=str(place / "cache" / "uv"),
            PATH=f"{Path(uv).parent}{os.pathsep}{os.environ['PATH']}",
        )
        realize = [package().command_line, "version", "realize", "--root", str(root), "--quiet"]
        comfy = place / "comfy-cli"
        subprocess.run([uv, "venv", "--quiet", "--python", python, str(comfy)], check=True)
        subprocess.run(
            [
                uv,
                "pip",
                "install",
                "--quiet",
                "--python",
                str(comfy / "bin" / "python"),
                "comfy-cli",
            ],
            check=True,
        )
        # Once, so that every cache is warm.
        timed([*realize, "one"], env, root, log)
        timed([*realize, "two"], env, root, log)
        for turn in range(count("BENCH_ROUNDS", 5)):
            for name in ("one", "two"):
                shutil.rmtree(home / ".comfy-builds" / f"comfy-{name}")
                (home / f"comfy-{name}").unlink()
            taken = {
                "ours": timed([*realize, "one"], env, root, log),
                "again": timed([*realize, "one"], env, root, log),
                "second": timed([*realize, "two"], env, root, log),
            }
            hand = place / "hand"
            shutil.rmtree(hand, ignore_errors=True)
            hand.mkdir()
            taken["hand"] = timed(
                [program("bash"), "-c", by_hand(place, hand, python)], env, place, log
            )
            theirs = place / "theirs"
            shutil.rmtree(theirs, ignore_errors=True)
            command = [
                str(comfy / "bin" / "comfy"),
                "--skip-prompt",
                "--no-enable-telemetry",
                f"--workspace={theirs}",
                "install",
                "--url",
                (place / "ComfyUI").as_uri(),
                "--cpu",
                "--skip-torch-or-directml",
                "--skip-manager",
                "--fast-deps",
            ]
            try:
                taken["comfy-cli"] = timed(command, env, place, log)
            except RuntimeError as error:
                progress(f"comfy-cli: {error}")
            for name, seconds in taken.items():
                times.setdefault(name, []).append(seconds)
            progress(
                f"{turn + 1}: "
                + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in taken.items())
            )
    mine = {name: median(each) for name, each in times.items()}
    rows = [
        compared(
            "first realize, warm caches", mine["ours"], mine["hand"], "git + uv by hand", "s", 1.3
        )
    ]
    if "comfy-cli" in mine:
        rows.append(
            compared(
                "first realize, warm caches", mine["ours"], mine["comfy-cli"], "comfy-cli", "s", 0.3
            )
        )
    return [
        *rows,
        compared("unchanged realize", mine["again"], mine["hand"], "git + uv by hand", "s", 1.3),
        compared(
            "second version that shares the core",
            mine["second"],
            mine["hand"],
            "git + uv by hand",
            "s",
            1.3,
        ),
        limited("unchanged realize", mine["again"], "s", 5),
    ]
