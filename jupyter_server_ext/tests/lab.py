"""A Jupyter server in this process with our extension in front of the fake daemon.

pytest-jupyter is not used; the private names of jupyter_server that stand for it are all here.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest
from comfyui_cockpit.app import CockpitApp
from comfyui_cockpit.daemon import Daemon, Launch, Patience
from jupyter_server.serverapp import ServerApp

FAKE = Path(__file__).with_name("fake_daemon.py")
TOKEN = "a-token-of-the-server"
SECRET = "a-secret-of-the-daemon"


def fake_launch(behaviour: str = "") -> Launch:
    command = [sys.executable, str(FAKE), behaviour]
    return Launch(command, {**os.environ, "COCKPIT_SECRET": SECRET}, SECRET)


class Lab:
    """A running server and a client with its token."""

    def __init__(self, app: ServerApp) -> None:
        self.app = app
        points = app.extension_manager.extension_points["comfyui_cockpit"]
        self.cockpit: CockpitApp = points.app
        self.base = f"http://127.0.0.1:{app.port}{app.base_url}"
        self.url = f"{self.base}comfyui-cockpit"
        self.headers = {"Authorization": f"token {app.identity_provider.token}"}

    def client(self, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(trust_env=False, timeout=10, **options)

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async with self.client(headers=self.headers) as client:
            return await client.request(method, f"{self.url}{path}", **options)


Story = Callable[[Lab], Coroutine[Any, Any, None]]


@pytest.fixture
def tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that runs a story (`async def story(lab)`) against a server of its own."""
    for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
        monkeypatch.setenv(f"JUPYTER_{name}", str(tmp_path / name))

    def run(story: Story, behaviour: str = "", ready: bool = True, **settings: Any) -> None:
        monkeypatch.setattr(CockpitApp, "_prepare", staticmethod(lambda: fake_launch(behaviour)))
        quick = Patience(first_delay=0.05, grace=0.5)
        monkeypatch.setattr("comfyui_cockpit.app.Daemon", lambda p, log: Daemon(p, log, quick))

        async def whole() -> None:
            app = ServerApp.instance(
                **{
                    "ip": "127.0.0.1",
                    "port": 0,
                    "open_browser": False,
                    "allow_root": True,
                    "root_dir": str(tmp_path),
                    "base_url": "/x/y/",
                    "token": TOKEN,
                    "allow_unauthenticated_access": False,
                    "reraise_server_extension_failures": True,
                    "jpserver_extensions": {"comfyui_cockpit": True},
                }
                | settings
            )
            try:
                app.initialize(argv=[], find_extensions=False, new_httpserver=True)
                await app._post_start()
                lab = Lab(app)
                if ready:
                    await asyncio.wait_for(lab.cockpit.daemon.wait_for("ready"), 10)
                await asyncio.wait_for(story(lab), 30)
            finally:
                await app._cleanup()
                ServerApp.clear_instance()

        asyncio.run(whole())

    return run
