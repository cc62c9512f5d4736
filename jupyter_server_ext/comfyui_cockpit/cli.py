"""The console script `comfyui-cockpit`: becomes the jar's command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from .java import JAR, JavaNotFoundError, aot_cache, find_java, launch_command, launch_environment
from .problem import problem


def main() -> NoReturn:
    """Find Java and hand over: the same process on POSIX, a child elsewhere."""
    arguments = sys.argv[1:]
    root = _root(arguments)
    try:
        if not JAR.is_file():
            raise JavaNotFoundError(f"{JAR} is missing.")
        java = find_java()
    except JavaNotFoundError as error:
        hint = "Run `pip install --force-reinstall jupyterlab-comfyui-cockpit`, it brings both."
        if "--json" in arguments:
            said = problem("java_missing", 500, "Java is missing", str(error), hint)
            print(json.dumps({"ok": False, "problem": said}))
        else:
            print(f"{error}\n{hint}", file=sys.stderr)
        sys.exit(1)
    command = [*launch_command(java, aot_cache(java, root)), *arguments]
    environment = launch_environment(root)
    if os.name == "posix":
        os.execve(command[0], command, environment)
    sys.exit(subprocess.run(command, env=environment, check=False).returncode)


def _root(arguments: list[str]) -> Path:
    """Return the Jupyter root that the arguments name; the jar itself checks them all."""
    for at, argument in enumerate(arguments):
        if argument.startswith("--root="):
            return Path(argument.removeprefix("--root="))
        if argument == "--root" and at + 1 < len(arguments):
            return Path(arguments[at + 1])
    return Path.cwd()
