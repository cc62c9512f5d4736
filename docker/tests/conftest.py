"""A machine with a `comfyui-cockpit` that only pretends."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FAKE = Path(__file__).with_name("fake.py")


@pytest.fixture
def pid(tmp_path: Path) -> Iterator[Path]:
    """Where the fake says who it is, once it waits; it does not outlive a test that fails."""
    file = tmp_path / "pid"
    yield file
    if file.exists():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(file.read_text()), signal.SIGKILL)


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, pid: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the fake first on PATH, and this Python behind it."""
    places = tmp_path / "bin"
    places.mkdir()
    program = places / "comfyui-cockpit"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$@"\n')
    program.chmod(0o755)
    here = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{places}:{here}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FAKE_PID", str(pid))
    monkeypatch.setenv("COCKPIT_ROOT", "/somewhere")
    monkeypatch.delenv("RUNPOD_WEBHOOK_GET_JOB", raising=False)
    return places
