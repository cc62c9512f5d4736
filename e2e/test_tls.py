"""https: a certificate of one's own, none, and a redirect out of it after a token (case 39)."""

from __future__ import annotations

import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from demo.hub.content import safetensors
from demo.hub.exchange import Hub

from . import shapes
from .cockpit import Root
from .shapes import check

BODY = b"".join(safetensors("tls", 40_000).pieces())


@dataclass
class Https:
    """A hub over TLS; what it was asked, and with which headers."""

    port: int
    certificate: Path
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tls")
    made = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=e2e -keyout key.pem -out cert.pem"
    subprocess.run(
        ["openssl", *made.split(), "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=place,
        check=True,
        capture_output=True,
    )
    return place / "cert.pem"


@pytest.fixture
def https(certificate: Path, hub: Hub) -> Iterator[Https]:
    made = Https(0, certificate)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            made.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            if ("/resolve/" in self.path and "plain" in self.path) or self.path == "/down":
                self._answer(302, {"Location": f"{hub.api}/files/good/a.safetensors?size=40000"})
            elif "/resolve/" in self.path:
                self._answer(302, {"Location": "/cdn/x", "X-Linked-Size": str(len(BODY))})
            else:
                self._answer(200, {"ETag": '"x"', "Accept-Ranges": "bytes"}, BODY)

        do_HEAD = do_GET

        def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that does not trust us goes away."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        made.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_certificate_of_ones_own(root: Root, https: Https, variable: str) -> None:
    root.declare(a=f"{https.url}/a.safetensors")
    done = root.install(**{variable: str(https.certificate)})
    assert (done.status, root.tree()) == (0, ["a.safetensors"])


def test_certificate_that_nobody_trusts(root: Root, https: Https) -> None:
    """It fails at once: trying again would not make it better."""
    root.set(network={"retries": 5, "retry_base_sleep": 30})
    root.declare(a=f"{https.url}/a.safetensors")
    done = root.install()
    problem = check(shapes.INSTALL, done.json)["models"][0]["problem"]
    assert (problem["code"], done.status, problem["retryable"]) == ("connection_failed", 1, False)
    assert "certificate" in problem["detail"]
    assert "SSL_CERT_FILE" in problem["hint"]
    assert https.seen == []
    assert root.tree() == []


def test_token_over_tls_stays_there(root: Root, https: Https) -> None:
    """Case 39: after a token was sent, https never becomes http; nothing was asked there."""
    root.set(huggingface_endpoint=https.url)
    root.declare(a="hf://demo/plain/model.safetensors")
    trust = {"SSL_CERT_FILE": str(https.certificate), "HF_TOKEN": "hf_demo"}
    done = root.install(**trust)
    problem = check(shapes.INSTALL, done.json)["models"][0]["problem"]
    assert (problem["code"], done.status) == ("redirect_refused", 1)
    assert "after a token was sent" in problem["detail"]
    assert [headers["authorization"] for _, headers in https.seen] == ["Bearer hf_demo"] * len(
        https.seen
    )
    assert root.hub.entries == []
    assert root.tree() == []


def test_https_does_not_become_http(root: Root, https: Https) -> None:
    root.declare(a=f"{https.url}/down")
    done = root.install(SSL_CERT_FILE=str(https.certificate))
    assert done.json["models"][0]["problem"]["code"] == "redirect_refused"
    assert root.hub.entries == []
