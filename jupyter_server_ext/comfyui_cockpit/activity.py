"""Say that the server is busy while a job runs, so that neither a hub nor Jupyter culls it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import CockpitApp

RUNNING = {"queued", "running"}
STAMP_EVERY = 30.0


async def stamp_while_jobs_run(app: CockpitApp) -> None:
    """Follow the daemon's events for as long as the server lives."""
    stamper: asyncio.Task[None] | None = None
    while True:
        await app.daemon.wait_for("ready")
        import httpx

        running: set[str] = set()
        try:
            async for event, data in _events(app):
                if event == "snapshot":
                    running = {job["id"] for job in data["jobs"] if job["state"] in RUNNING}
                elif event == "job":
                    (running.add if data["state"] in RUNNING else running.discard)(data["id"])
                app.jobs_running = bool(running)
                if app.jobs_running and (stamper is None or stamper.done()):
                    stamper = asyncio.create_task(_stamp(app))
        except httpx.HTTPError as error:
            app.log.debug("The daemon's events ended: %s", error)
        finally:
            app.jobs_running = False
        await asyncio.sleep(1)


async def _stamp(app: CockpitApp) -> None:
    while app.jobs_running:
        app.server.web_app.settings["comfyui_cockpit_last_activity"] = datetime.now(timezone.utc)
        await asyncio.sleep(STAMP_EVERY)


async def _events(app: CockpitApp) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Yield the name and data of each server-sent event of one connection."""
    name, data = "", ""
    headers = {"X-Cockpit-Secret": app.daemon.secret, "Accept": "text/event-stream"}
    url = f"{app.daemon.url}/api/events"
    async with app.client.stream("GET", url, headers=headers) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if line.startswith("event:"):
                name = line.removeprefix("event:").strip()
            elif line.startswith("data:"):
                data += line.removeprefix("data:")
            elif not line:
                if data:
                    yield name, json.loads(data)
                name, data = "", ""
