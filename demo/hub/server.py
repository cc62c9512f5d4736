"""Listen, read requests, hand them to the host that they are for, write the log."""

from __future__ import annotations

import contextlib
import re
import socket
import socketserver
import time
from functools import lru_cache
from typing import Any

from . import civitai, huggingface
from .content import Body, broken_file, parse_size, safetensors
from .exchange import Exchange, Hub, HungUp
from .transfer import ANSWERS, BODIES, FAULT_SIZE, Transfer, act, faults, split_fault


class Server(socketserver.ThreadingTCPServer):
    """The hub: one port for all hosts, told apart by name and path."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, hub: Hub, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), Connection)
        self.hub = hub
        hub.port = self.server_address[1]


class Connection(socketserver.BaseRequestHandler):
    """Requests of one connection, one after the other."""

    def handle(self) -> None:
        hub: Hub = self.server.hub  # type: ignore[attr-defined]
        rest = b""
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):
            while True:
                while b"\r\n\r\n" not in rest:
                    more = self.request.recv(65536)
                    if not more:
                        return
                    rest += more
                head, _, rest = rest.partition(b"\r\n\r\n")
                x = Exchange(hub, self.request, head, rest)
                try:
                    respond(x)
                except HungUp:
                    return
                finally:
                    if x.kind != "hub":
                        x.end = x.end if x.sent else time.time()
                        hub.write(x.entry())
                rest = x.rest
                if not x.keep_alive:
                    return


def respond(x: Exchange) -> None:
    """Answer one request."""
    if x.path.startswith("/hub/"):
        x.kind = "hub"
        own(x)
    elif x.path.startswith("/files/"):
        plain(x)
    elif not civitai.handle(x) and not huggingface.handle(x):
        x.read_body()
        x.answer(404, {}, "Nothing here")


def plain(x: Exchange) -> None:
    """Serve `/files/<fault or kind>/<name>[?size=N]`: a host without any protocol of its own."""
    x.kind = "file"
    found = re.fullmatch(r"/files/([^/]+)/([^/]+)", x.path)
    if not found:
        return x.answer(404, {}, "Nothing here")
    fault, name = found.groups()
    x.subject = f"files/{fault}/{name}"
    body = plain_body(fault, name, x.query.get("size", str(FAULT_SIZE)))
    transfer = Transfer(x, body, f'"{body.seed}-{body.size}"', name, fault)
    if not act(transfer, ANSWERS, BODIES):
        transfer.serve()
    return None


@lru_cache(maxsize=64)
def plain_body(fault: str, name: str, size: str) -> Body:
    """Return what `/files/<fault>/<name>?size=…` serves."""
    kind = split_fault(fault)[0]
    return broken_file(kind, parse_size(size)) or safetensors(f"{kind}/{name}", parse_size(size))


def own(x: Exchange) -> None:
    """Serve what tests ask the hub itself."""
    if x.path == "/hub/log":
        with x.hub.lock:
            entries = list(x.hub.entries)
        x.json(entries)
    elif x.path == "/hub/reset" and x.method == "POST":
        x.read_body()
        with x.hub.lock:
            x.hub.seen.clear()
            x.hub.entries.clear()
        x.answer(204)
    elif x.path == "/hub/catalogue":
        x.json(catalogue())
    elif x.path == "/hub/hash":  # of what a path serves: /hub/hash?repo=…&path=… or ?fault=…&name=…
        x.json(published(x.query))
    else:
        x.answer(404, {}, "Nothing here")


def published(query: dict[str, str]) -> dict[str, Any]:
    """Return size and true SHA-256 of a file of the hub."""
    body: Body | None
    if "repo" in query:
        repo = huggingface.find_repo(query["repo"])
        body = repo.files.get(query.get("path", "model.safetensors")) if repo else None
    elif "version" in query:
        version = civitai.VERSIONS.get(int(query["version"]))
        body = version.files[int(query.get("file", 0))].body if version else None
    else:
        size = query.get("size", str(FAULT_SIZE))
        body = plain_body(query["fault"], query.get("name", "model.safetensors"), size)
    if body is None:
        return {"size_bytes": None, "sha256": None}
    return {"size_bytes": body.size, "sha256": body.sha256}


def catalogue() -> dict[str, Any]:
    """Return all that can be asked for."""
    return {
        "repos": {
            repo.id: {
                path: {"size_bytes": body.size, "sha256": body.sha256}
                for path, body in repo.files.items()
            }
            for repo in huggingface.REPOS.values()
        },
        "renamed": huggingface.RENAMED,
        "faults": faults() | huggingface.CDN_FAULTS,
        "civitai": {version.id: version.says for version in civitai.VERSIONS.values()},
    }
