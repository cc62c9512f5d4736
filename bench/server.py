"""A model file in memory and an nginx that serves it on loopback."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .measure import wait_until
from .tools import program

CHUNK = 16 << 20
NAME = "model.safetensors"
# `hf` asks for headers that only a hub sends; this much is all that it needs.
CONFIGURATION = """
daemon off; pid nginx.pid; worker_processes 1; error_log error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_timeout 60;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4;
  scgi_temp_path t5;
  server {{
    listen 127.0.0.1:{port};
    root {folder};
    location /fast/ {{ alias {folder}/; }}
    location /slow/ {{ alias {folder}/; limit_rate 20m; }}
    location /bench/model/resolve/main/ {{
      alias {folder}/; etag off;
      add_header ETag '"{sha256}"';
      add_header X-Linked-ETag '"{sha256}"';
      add_header X-Linked-Size {size};
      add_header X-Repo-Commit 0123456789abcdef0123456789abcdef01234567;
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Served:
    """The file and where to get it."""

    address: str
    size: int
    sha256: str

    def url(self, how: str = "fast") -> str:
        return f"{self.address}/{how}/{NAME}"


def write_model(file: Path, size: int) -> str:
    """Write a safetensors file of exactly this size; return its sha256."""
    room = 256
    weights = size - 8 - room
    header = {"w": {"dtype": "U8", "shape": [weights], "data_offsets": [0, weights]}}
    digest = hashlib.sha256()
    noise = os.urandom(CHUNK)
    with file.open("wb") as out:
        left = size
        text = json.dumps(header).encode().ljust(room)
        piece = room.to_bytes(8, "little") + text
        while left:
            piece = piece[:left]
            out.write(piece)
            digest.update(piece)
            left -= len(piece)
            piece = noise
    return digest.hexdigest()


@contextmanager
def serving(place: Path, size: int) -> Iterator[Served]:
    """Serve a new file out of `place` for the length of the block."""
    folder = place / "served"
    folder.mkdir()
    sha256 = write_model(folder / NAME, size)
    port = free_port()
    text = CONFIGURATION.format(port=port, folder=folder, sha256=sha256, size=size)
    if os.geteuid() == 0:
        text = "user root;\n" + text
    (place / "nginx.conf").write_text(text)
    nginx = subprocess.Popen(
        [program("nginx"), "-p", str(place), "-e", "error.log", "-c", str(place / "nginx.conf")]
    )
    served = Served(f"http://127.0.0.1:{port}", size, sha256)
    try:
        wait_until(lambda: answers(port, f"/fast/{NAME}", "HEAD"), 10)
        yield served
    finally:
        nginx.terminate()
        nginx.wait(10)


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def answers(port: int, path: str, method: str = "GET") -> bool:
    """Tell whether there is a 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
