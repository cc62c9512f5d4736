"""A stand-in for the daemon: the same ready line, secret and end, and routes to look through.

`python fake_daemon.py [crash | slow | deaf | mute]`
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    jobs: list[dict[str, Any]] = []  # noqa: RUF012

    def do_GET(self) -> None:
        if self.headers.get("X-Cockpit-Secret") != os.environ["COCKPIT_SECRET"]:
            return self.say(401, {"refused": "secret"})
        if self.headers["Host"] != f"127.0.0.1:{self.server.server_address[1]}":
            return self.say(421, {"refused": "host"})
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        route = self.path.partition("?")[0]
        if route == "/api/events":
            return self.events()
        if route == "/api/half":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"0123456789")
            self.wfile.flush()
            self.close_connection = True
            return None
        if route == "/api/crash":
            os._exit(7)
        if route == "/api/job":
            self.jobs.append({"id": "1", "state": "running"})
            return self.say(202, {"job": self.jobs[0]}, Location="/api/jobs/1")
        if route == "/api/hostile":
            return self.say(200, {}, **{"Set-Cookie": "a=b", "Content-Security-Policy": "x"})
        seen = {"method": self.command, "path": self.path, "headers": dict(self.headers)}
        return self.say(200, seen | {"body": body})

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def say(self, status: int, document: dict[str, Any], **headers: str) -> None:
        text = json.dumps(document).encode()
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        follower = "no browser" if "User-Agent" not in self.headers else "a browser"
        try:
            while True:
                snapshot = json.dumps({"api": 1, "jobs": self.jobs})
                self.wfile.write(f"event: snapshot\ndata: {snapshot}\n\n".encode())
                self.wfile.flush()
                time.sleep(0.1)
        except OSError:
            print("an event stream was closed by", follower, file=sys.stderr, flush=True)
            self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        """Say nothing: what is logged is what a test looks for."""


def main(behaviour: str) -> None:
    if behaviour == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("a line of the daemon's log", file=sys.stderr, flush=True)
    if behaviour == "crash":
        sys.exit(3)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if behaviour == "slow":
        time.sleep(1.5)
    port = server.server_address[1]
    ready = {"event": "ready", "url": f"http://127.0.0.1:{port}", "port": port, "pid": os.getpid()}
    if behaviour != "mute":
        print("not JSON\n" + json.dumps(ready | {"version": "0", "api": 1}), flush=True)
    sys.stdin.read()
    while behaviour == "deaf":
        time.sleep(1)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
