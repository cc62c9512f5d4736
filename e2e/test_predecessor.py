"""The page for those who come from the scripts: each line in its order, and each does what it says."""

from __future__ import annotations

import base64
import json
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.hub.exchange import Hub

from . import bucket as google
from .bucket import Bucket
from .cockpit import Done, until
from .comfy import Machine, Repository, core
from .test_docs import commands
from .test_workflows import SERVER, answers, free_port, servers

HERE = Path(__file__).parents[1]
PAGE = HERE / "docs" / "reference" / "predecessor-commands.md"
SCRIPTS = (
    *("init_comfyui.sh", "realize_version.py", "version.py", "verify_models.py"),
    *("remove_version.sh", "build_docker.sh", "run_handler_local.sh"),
    *("repro_workflow_hash.py", "python -m rp_handler.main"),
)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with google.serving() as made:
        yield made


def test_names_every_script() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    for script in SCRIPTS:
        assert any(script in row.split("|")[1] for row in rows), script


def test_each_line_works(
    comfy: Machine, hub: Hub, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    comfyui = core(tmp_path / "git" / "ComfyUI", main__py=SERVER.read_text("utf-8"))
    comfyui.commit({"requirements.txt": ""})
    scripts = Repository.create(tmp_path / "git" / "ComfyUI-Custom-Scripts", {"__init__.py": ""})
    port = free_port()
    here = comfy.root.path
    for folder in ("wheels", "models"):
        (here / folder).mkdir()
    shutil.copytree(HERE / "workflows", here / "workflows")
    (here / "bin").mkdir()
    (here / "bin" / "docker").write_text("#!/bin/sh\necho docker $*\n")
    (here / "bin" / "docker").chmod(0o755)
    comfy.root.set(gcs_endpoint=bucket.url)
    variables = {
        "GCS_BUCKET": "private",
        "GOOGLE_APPLICATION_CREDENTIALS": str(bucket.service(tmp_path / "key.json")),
        "PATH": f"{here / 'bin'}:{comfy.root.variables['PATH']}",
    }
    # What the page names far away is here.
    near = {
        "https://github.com/comfyanonymous/ComfyUI-Custom-Scripts": scripts.url,
        "https://github.com/comfyanonymous/ComfyUI": comfyui.url,
        "https://example.com/": f"{hub.api}/files/good/",
        "8188": str(port),
    }
    repository = ["--repo", comfyui.url]

    def start(line: str) -> subprocess.Popen[str]:
        for far, instead in near.items():
            line = line.replace(far, instead)
        words = shlex.split(line)[1:]
        more = repository if words[:2] == ["version", "init"] else []
        return subprocess.Popen(
            [*comfy.root.program.command, *words, *more],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=comfy.root.environment | variables,
            cwd=here,
        )

    said: dict[str, Done] = {}
    lines = commands(PAGE)
    assert len(lines) == 23
    for line in lines:
        process = start(line)
        if " run-ui " in line:
            until(lambda: answers(port))
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
        wanted = 130 if " run-ui " in line else 0
        assert process.returncode == wanted, (line, out, err)
        said[line] = Done(process.returncode, out, err)

    def of(part: str) -> list[str]:
        return [done.out for line, done in said.items() if part in line]

    assert (here / "comfy" / "ComfyUI" / "main.py").is_file()
    for out in of("workflows/example.json --output base64"):
        assert base64.b64decode(out).startswith(b"\x89PNG"), out
    assert of("workflows/minimal.json") == ["", ""], "the smoke test has no outputs"
    recorded = json.loads((here / "workflows" / "example.baseline.json").read_text())
    assert len(recorded["files"]) == 1
    assert of("--mode compare")[0].startswith("equal")
    assert "docker build --platform linux/amd64 --tag runpod-comfy:local" in of("docker build")[0]
    assert (comfy.versions / "other.json").is_file()
    # All that was realized is gone again, what is the user's is not.
    assert not (here / "comfy-demo").exists()
    assert not comfy.target("demo").exists()
    assert (comfy.versions / "demo.json").is_file()
    assert servers(comfy) == []
