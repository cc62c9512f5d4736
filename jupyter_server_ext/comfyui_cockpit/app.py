"""The extension's app: settings, start hook, stop hook."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jupyter_server.extension.application import ExtensionApp
from traitlets import Unicode

from . import __version__
from .daemon import Daemon, Launch

if TYPE_CHECKING:
    import httpx
    from jupyter_server.serverapp import ServerApp


class CockpitApp(ExtensionApp):
    """Starts the daemon in the background; the lab never waits for it."""

    name = "comfyui_cockpit"

    java = Unicode("", config=True, help="A Java program or home, 25 or newer, for the daemon.")

    daemon: Daemon
    jobs_running = False
    _watch: asyncio.Task[None] | None = None
    _prepare: Callable[[], Launch] | None = None  # tests put a program of their own here

    def initialize_settings(self) -> None:
        self.daemon = Daemon(self._prepare or self._launch, self.log)
        if not self.authentication:
            self.log.warning(
                "ComfyUI Cockpit: this Jupyter server asks for no token and no password. "
                "Whoever reaches it can download and delete models."
            )

    def initialize_handlers(self) -> None:
        from .proxy import ProxyHandler, RestartHandler, ServerHandler

        self.handlers.append((r"/comfyui-cockpit/api/.*", ProxyHandler))
        self.handlers.append((r"/comfyui-cockpit/server", ServerHandler))
        self.handlers.append((r"/comfyui-cockpit/server/restart", RestartHandler))

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        from .activity import stamp_while_jobs_run

        self.daemon.start()
        self._watch = asyncio.create_task(stamp_while_jobs_run(self))

    async def stop_extension(self) -> None:
        """End the daemon and everything that talks to it."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self.daemon.stop()
        if "client" in self.__dict__:
            await self.client.aclose()

    def current_activity(self) -> bool | None:
        """Tell Jupyter's own idle shutdown whether a job runs."""
        return self.jobs_running or None

    @property
    def authentication(self) -> bool:
        """Whether the server asks anybody for anything."""
        return bool(self.server.identity_provider.auth_enabled)

    @property
    def server(self) -> ServerApp:
        """The Jupyter server that has loaded us."""
        return cast("ServerApp", self.serverapp)

    @cached_property
    def client(self) -> httpx.AsyncClient:
        """The one client to the daemon. No environment: a proxy would catch loopback calls."""
        import httpx

        return httpx.AsyncClient(
            trust_env=False,
            timeout=httpx.Timeout(None, connect=5),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=8),
        )

    def server_document(self) -> dict[str, Any]:
        """What `GET /comfyui-cockpit/server` answers."""
        return {
            "version": __version__,
            "state": self.daemon.state,
            "log": list(self.daemon.lines),
            "authentication": self.authentication,
            "cause": self.daemon.cause,
        }

    def _launch(self) -> Launch:
        from .java import JAR, aot_cache, find_java, launch_command, launch_environment

        if not JAR.is_file():
            raise FileNotFoundError(f"{JAR} is missing: install the package again.")
        root = Path(self.server.root_dir)
        java = find_java(self.java)
        cache = aot_cache(java, root)
        secret = secrets.token_urlsafe(32)
        serve = ["serve", "--until-eof", "--root", str(root), "--aot-cache", str(cache)]
        environment = launch_environment(root)
        environment["COCKPIT_SECRET"] = secret
        return Launch([*launch_command(java, cache), *serve], environment, secret)
