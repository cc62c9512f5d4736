"""The way from the browser to the daemon: Jupyter's rights in front, the daemon's secret behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote_plus

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web
from tornado.iostream import StreamClosedError

from .problem import problem

if TYPE_CHECKING:
    import httpx

    from .app import CockpitApp

# What may pass. Everything else stays: cookies, tokens, whatever a hub or gateway signs its
# requests with, hop-by-hop headers, and a content policy weaker than Jupyter's.
REQUEST_HEADERS = (
    *(
        "Accept",
        "Accept-Language",
        "Content-Type",
        "If-Match",
        "If-None-Match",
        "If-Modified-Since",
    ),
    *("If-Range", "Last-Event-ID", "Range", "User-Agent"),
)
RESPONSE_HEADERS = (
    *("Accept-Ranges", "Cache-Control", "Content-Disposition", "Content-Length", "Content-Range"),
    *("Content-Type", "ETag", "Last-Modified", "Retry-After"),
)
OUR_ARGUMENTS = {"token", "_xsrf", "no_track_activity"}


class CockpitHandler(APIHandler):
    """What our handlers share: whose rights they ask for, and how they answer."""

    auth_resource = "comfyui_cockpit"

    @property
    def cockpit(self) -> CockpitApp:
        return cast("CockpitApp", self.settings["comfyui_cockpit"])

    def update_api_activity(self) -> None:
        # A panel that only looks (polls, events) must not keep an idle server alive.
        if self.request.method not in ("GET", "HEAD"):
            super().update_api_activity()

    def answer(self, status: int, document: dict[str, Any], kind: str = "application/json") -> None:
        self.set_status(status)
        self.finish(json.dumps(document), set_content_type=kind)

    def refuse(self, document: dict[str, Any]) -> None:
        self.answer(document["status"], document, "application/problem+json")


class ServerHandler(CockpitHandler):
    """`GET /comfyui-cockpit/server`: this extension, and how the daemon is."""

    @web.authenticated
    @authorized
    def get(self) -> None:
        self.answer(200, self.cockpit.server_document())


class RestartHandler(CockpitHandler):
    """`POST /comfyui-cockpit/server/restart`: a fresh daemon, also after it was given up."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        await self.cockpit.daemon.restart()
        self.answer(202, self.cockpit.server_document())


class ProxyHandler(CockpitHandler):
    """`/comfyui-cockpit/api/…`, streamed both ways; never any host but the daemon's."""

    _relay: asyncio.Task[None] | None = None

    # `authorized` keeps the first action it computed: each verb needs a function of its own.
    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.pass_on()

    @web.authenticated
    @authorized
    async def head(self) -> None:
        await self.pass_on()

    @web.authenticated
    @authorized
    async def post(self) -> None:
        await self.pass_on()

    @web.authenticated
    @authorized
    async def put(self) -> None:
        await self.pass_on()

    @web.authenticated
    @authorized
    async def delete(self) -> None:
        await self.pass_on()

    def on_connection_close(self) -> None:
        if self._relay is not None:
            self._relay.cancel()  # closes the connection to the daemon at once

    async def pass_on(self) -> None:
        """Hand the request to the daemon and its answer back, or say why that cannot be."""
        if "Upgrade" in self.request.headers:
            said = problem("bad_request", 400, "No upgrade", "This route is plain HTTP.", "")
            return self.refuse(said)
        if self.cockpit.daemon.state != "ready":
            return self.refuse(self._absent())
        import httpx

        self._relay = asyncio.create_task(self._pass_on())
        try:
            with contextlib.suppress(StreamClosedError):  # the browser went away while we wrote
                await self._relay
        except asyncio.CancelledError:
            if not self._relay.cancelled():
                raise  # not the browser that left, but this server that stops
        except httpx.HTTPError as error:
            self.log.warning("ComfyUI Cockpit's daemon did not answer: %r", error)
            if not self._headers_written:
                return self.refuse(self._absent())
            # A finish would make half an answer look like a whole one.
            self.detach().close()

    async def _pass_on(self) -> None:
        client, request = self.cockpit.client, self._request()
        response = await client.send(request, stream=True)
        async with contextlib.aclosing(response):
            self.set_status(response.status_code)
            self.clear_header("Content-Type")
            for name in RESPONSE_HEADERS:
                if name in response.headers:
                    self.set_header(name, response.headers[name])
            location = response.headers.get("Location", "")
            if location.startswith("/api/"):
                self.set_header("Location", f"{self._prefix}{location}")
            if response.headers.get("Content-Type", "").startswith("text/event-stream"):
                self.set_header("Cache-Control", "no-store")
                self.set_header("X-Accel-Buffering", "no")
            await self.flush()
            async for chunk in response.aiter_raw():
                self.write(chunk)
                await self.flush()
        await self.finish()

    @property
    def _prefix(self) -> str:
        return f"{self.base_url.rstrip('/')}/comfyui-cockpit"

    def _request(self) -> httpx.Request:
        daemon, incoming = self.cockpit.daemon, self.request
        headers = {
            name: incoming.headers[name] for name in REQUEST_HEADERS if name in incoming.headers
        }
        headers |= {"X-Cockpit-Secret": daemon.secret, "Accept-Encoding": "identity"}
        query = "&".join(filter(_is_the_daemons, incoming.query.split("&")))
        target = incoming.path.removeprefix(self._prefix) + (f"?{query}" if query else "")
        # As `target` the path goes out byte for byte; a URL would be normalised on the way.
        return self.cockpit.client.build_request(
            incoming.method or "GET",
            f"{daemon.url}{target}",
            headers=headers,
            content=incoming.body or None,
            extensions={"target": target.encode("latin-1")},
        )

    def _absent(self) -> dict[str, Any]:
        daemon = self.cockpit.daemon
        args = {"state": daemon.state, "log": list(daemon.lines)}
        if daemon.state == "failed":
            hint = "Look at the log, then run the command “Restart daemon”."
            cause = daemon.cause or "It failed."
            return problem("daemon_failed", 502, "The daemon failed", cause, hint, args)
        if daemon.state == "ready":
            args["state"] = "starting"  # it went away just now; the supervisor is about to notice
        said = ("The daemon is starting", "It is not ready yet.", "Try again in a moment.")
        return problem("starting", 503, *said, args)


def _is_the_daemons(argument: str) -> bool:
    return bool(argument) and unquote_plus(argument.partition("=")[0]) not in OUR_ARGUMENTS
