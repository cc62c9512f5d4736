"""One request and its answer over a raw socket, so that lengths can lie and connections break."""

from __future__ import annotations

import contextlib
import gzip
import json
import select
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.client import responses
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Headers = dict[str, str] | list[tuple[str, str]]


class HungUp(Exception):  # noqa: N818
    """The connection is over, by our doing or by the client's."""


@dataclass
class Hub:
    """What all connections share."""

    rate: float = 0.0
    log: Path | None = None
    cdn_host: str = "localhost"
    api_host: str = "127.0.0.1"
    port: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    entries: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def times(self, what: str) -> int:
        """Count `what`; return how often it came before."""
        with self.lock:
            self.seen[what] += 1
            return self.seen[what] - 1

    def write(self, entry: dict[str, Any]) -> None:
        with self.lock:
            self.entries.append(entry)
            if self.log:
                with self.log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry) + "\n")

    @property
    def api(self) -> str:
        return f"http://{self.api_host}:{self.port}"

    @property
    def cdn(self) -> str:
        return f"http://{self.cdn_host}:{self.port}"


class Exchange:
    """A request that was read, and the means to answer it."""

    def __init__(self, hub: Hub, connection: socket.socket, head: bytes, rest: bytes) -> None:
        self.hub, self.connection, self.rest = hub, connection, rest
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ", 2)
        self.headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()
        parts = urlsplit(self.target)
        self.raw_path, self.path, self.query_text = parts.path, unquote(parts.path), parts.query
        self.query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.keep_alive = self.headers.get("connection", "").lower() != "close"
        self.kind, self.subject = "", ""
        self.status, self.sent, self.total, self.complete = 0, 0, 0, False
        self.start = self.end = time.time()
        self._paced_from, self._paced = time.monotonic(), 0

    @property
    def bearer(self) -> str | None:
        """The token of the Authorization header, whatever its scheme."""
        given = self.headers.get("authorization")
        return given.split(" ")[-1] if given is not None else None

    def read_body(self) -> bytes:
        length = int(self.headers.get("content-length", 0))
        while len(self.rest) < length:
            more = self.connection.recv(65536)
            if not more:
                raise HungUp
            self.rest += more
        body, self.rest = self.rest[:length], self.rest[length:]
        return body

    def begin(self, status: int, headers: Headers) -> None:
        """Send the status line and headers, just as they are given."""
        self.status = status
        pairs = headers.items() if isinstance(headers, dict) else headers
        lines = [f"HTTP/1.1 {status} {responses.get(status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in pairs]
        self._put(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace"))

    def send(self, pieces: Iterable[bytes]) -> None:
        """Send parts of the body no faster than the hub's rate."""
        for piece in pieces:
            for at in range(0, len(piece), 65536):
                part = piece[at : at + 65536]
                self._put(part)
                self.sent += len(part)
                self.end = time.time()
                self.pace(len(part), self.hub.rate)

    def pace(self, count: int, rate: float) -> None:
        self._paced += count
        if rate:
            ahead = self._paced_from + self._paced / rate - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)

    def answer(
        self, status: int, headers: dict[str, str] | None = None, body: str | bytes = b""
    ) -> None:
        """Send a whole small answer."""
        raw = body.encode() if isinstance(body, str) else body
        every = {"Content-Type": "text/plain; charset=utf-8"} | (headers or {})
        if status not in (204, 304):
            every["Content-Length"] = str(len(raw))
        self.begin(status, every)
        if self.method != "HEAD":
            self._put(raw)
        self.end, self.complete = time.time(), True

    def json(self, document: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Send a document as the hubs do."""
        self.packed(json.dumps(document).encode(), status, headers)

    def packed(self, raw: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Send JSON, gzipped and chunked when the client takes gzip."""
        every = {"Content-Type": "application/json; charset=utf-8"} | (headers or {})
        if "gzip" not in self.headers.get("accept-encoding", ""):
            return self.answer(status, every, raw)
        packed = gzip.compress(raw)
        self.begin(status, every | {"Content-Encoding": "gzip", "Transfer-Encoding": "chunked"})
        if self.method != "HEAD":
            self._put(b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed))
        self.end, self.complete = time.time(), True
        return None

    def wait_for_hang_up(self) -> None:
        """Say nothing more until the client goes away."""
        while True:
            readable, _, _ = select.select([self.connection], [], [], 0.2)
            if readable and not self.connection.recv(65536):
                raise HungUp

    def drop(self) -> None:
        """Close the connection in the ordinary way."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
        raise HungUp

    def reset(self) -> None:
        """Break the connection: the client sees a reset."""
        time.sleep(0.05)  # a reset overtakes what the client has not read yet
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise HungUp

    def _put(self, raw: bytes) -> None:
        try:
            self.connection.sendall(raw)
        except OSError as error:
            raise HungUp from error

    def entry(self) -> dict[str, Any]:
        """What the log says of this exchange. Never a token, only whether there was one."""
        return {
            "start": self.start,
            "end": self.end,
            "host": self.headers.get("host", ""),
            "method": self.method,
            "path": self.raw_path,
            "kind": self.kind,
            "subject": self.subject,
            "status": self.status,
            "range": self.headers.get("range"),
            "if_range": self.headers.get("if-range"),
            "accept_encoding": self.headers.get("accept-encoding"),
            "user_agent": self.headers.get("user-agent"),
            "authorization": "authorization" in self.headers,
            "token_in_query": "token" in self.query,
            "cookie": "cookie" in self.headers,
            "header_names": sorted(self.headers),
            "bytes": self.sent,
            "total": self.total,
            "complete": self.complete,
        }
