"""What the wheel and the sdist hold, and that one number is the version everywhere."""

from __future__ import annotations

import ast
import io
import json
import os
import subprocess
import sys
import tarfile
import tokenize
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from comfyui_cockpit import __version__
from comfyui_cockpit.java import JAR

CHECKOUT = Path(__file__).resolve().parents[2]
NAME = "jupyterlab_comfyui_cockpit"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel from it, where neither Maven nor Node can be found."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", folder, CHECKOUT])
    [sdist] = folder.glob("*.tar.gz")
    wheel = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    bare = {"PATH": str(folder), "HOME": str(folder)}
    run([*wheel, "--wheel-dir", folder, sdist], environ=bare)
    return folder


def run(command: list[str | Path], environ: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, env=environ or dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_sdist_carries_what_was_built_and_no_sources_of_it(built: Path) -> None:
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    package = "jupyter_server_ext/comfyui_cockpit"
    assert {f"{package}/sidecar.jar", f"{package}/labextension/package.json"} <= names
    assert not any(name.startswith(("sidecar/", "labextension/", "demo/")) for name in names)


def test_the_wheel_is_for_every_platform_and_carries_all_once(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    assert wheel.name == f"{NAME}-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
    data = f"{NAME}-{__version__}.data/data"
    lab = f"{data}/share/jupyter/labextensions/jupyterlab-comfyui-cockpit"
    for wanted in (
        *("comfyui_cockpit/sidecar.jar", "comfyui_cockpit/py.typed"),
        *(f"{lab}/package.json", f"{lab}/install.json"),
        f"{data}/etc/jupyter/jupyter_server_config.d/comfyui_cockpit.json",
    ):
        assert names.count(wanted) == 1, wanted
    assert not any(name.startswith("comfyui_cockpit/labextension") for name in names)
    assert not any("__pycache__" in name or "gitignore" in name for name in names)


def test_one_version_is_everywhere() -> None:
    stored = json.loads((CHECKOUT / "package.json").read_text())["version"]
    assert version("jupyterlab-comfyui-cockpit") == __version__ == stored
    built = json.loads((JAR.parent / "labextension" / "package.json").read_text())
    assert built["version"] == stored
    with zipfile.ZipFile(JAR) as jar:
        carried = [json.loads(jar.read(n)) for n in jar.namelist() if n.endswith("package.json")]
    assert [document["version"] for document in carried] == [stored]
    assert stored not in (CHECKOUT / "pyproject.toml").read_text().replace(">=", "")


def code_lines(module: Path) -> int:
    """Count lines that are neither blank nor comment nor documentation."""
    text = module.read_text("utf-8")
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.string.strip() and token.type != tokenize.COMMENT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        if isinstance(node, documented) and ast.get_docstring(node):
            text_of = node.body[0]
            lines -= set(range(text_of.lineno, (text_of.end_lineno or 0) + 1))
    return len(lines)


def test_the_server_extension_stays_small() -> None:
    modules = {module.name: code_lines(module) for module in JAR.parent.glob("*.py")}
    assert sum(modules.values()) < 600, modules
    assert max(modules.values()) < 200, modules


def test_every_missing_tool_is_named_at_once(tmp_path: Path) -> None:
    program = CHECKOUT / "hatch_build.py"
    code = f"import runpy, pathlib; pathlib.Path.glob = lambda *a: iter(()); runpy.run_path({str(program)!r}, run_name='__main__')"  # noqa: E501
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    for tool in ("JDK 25", "Maven", "Node 20"):
        assert f"- {tool}" in done.stderr
