"""What can be told of the image without building it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

DOCKER = Path(__file__).parents[1]
BESIDE = {"versions", "wheels", "workflows"}  # what `docker build` lays into the context
BUILD_ARGUMENTS = {"COCKPIT_VERSION", "COMFY_VERSION_NAME"}  # and what it passes
SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|KEY|CREDENTIAL", re.IGNORECASE)


def instructions() -> list[tuple[str, str]]:
    lines = (DOCKER / "Dockerfile").read_text("utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    whole = text.replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(None, 1)[1]) for line in whole if line.strip()]


def of(name: str) -> list[str]:
    return [rest for found, rest in instructions() if found == name]


def test_what_is_copied_is_there() -> None:
    copied = [source for rest in of("COPY") for source in shlex.split(rest)[:-1]]
    assert len(copied) > 4
    for source in copied:
        assert source.rstrip("/") in BESIDE or (DOCKER / source).exists(), source
    assert {name for name in BESIDE if f"{name}/" in copied} == BESIDE


def test_no_secret_is_built_in() -> None:
    names = {rest.split("=")[0].strip() for rest in of("ARG")}
    assert names == BUILD_ARGUMENTS
    variables = {word.split("=")[0] for rest in of("ENV") for word in shlex.split(rest)}
    assert "COMFY_HOME" in variables
    assert not [name for name in names | variables if SECRET.search(name)]


def test_the_entry_point_can_be_started() -> None:
    *_, started = json.loads(of("ENTRYPOINT")[-1])
    assert of("WORKDIR") == ["/app"]
    assert os.access(DOCKER / Path(started).relative_to("/app"), os.X_OK)


@pytest.mark.parametrize(
    ("wheels", "installed"),
    [(["cockpit.whl"], "wheels/cockpit.whl"), ([], "jupyterlab-comfyui-cockpit==0.1.0")],
)
def test_the_package_comes_from_its_wheel_or_the_index(
    tmp_path: Path, machine: Path, wheels: list[str], installed: str
) -> None:
    (machine / "pip").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (machine / "pip").chmod(0o755)
    (tmp_path / "wheels").mkdir()
    for name in wheels:
        (tmp_path / "wheels" / name).touch()
    (install,) = [rest for rest in of("RUN") if "pip install" in rest]
    environment = os.environ | {"COCKPIT_VERSION": "0.1.0"}
    out = subprocess.check_output(["sh", "-c", install], cwd=tmp_path, env=environment, text=True)
    assert out.splitlines()[-1] == installed


def test_the_workflows_are_in_api_format() -> None:
    workflows = DOCKER.parent / "workflows"
    assert json.loads((workflows / "minimal.json").read_text("utf-8")) == {}
    example = json.loads((workflows / "example.json").read_text("utf-8"))
    assert [node["class_type"] for node in example.values()] == ["EmptyImage", "SaveImage"]
