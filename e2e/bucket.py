"""A bucket that is less kind than the emulators: rights, tokens, and the faults that Google's has."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import socket
import ssl
import struct
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c

from demo.hub.content import safetensors

from .writing import CREATE, Reply, Uploads

TOKEN = "ya29." + "Tk7" * 12
SECRET = "1//" + "Rf9" * 12  # what the user's file holds
FLAVOR = "Metadata-Flavor"
FIRST, SECOND = "1700000000000001", "1700000000000002"


def content(name: str, size: int = 300_000) -> bytes:
    """Return a model file, another one for each name."""
    return b"".join(safetensors(name, size).pieces())


@dataclass
class Asked:
    """A request that came, through a proxy where the target has a host."""

    method: str
    target: str
    headers: dict[str, str]
    form: dict[str, str]

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "")


@dataclass
class Bucket:
    """What the server has, and what it was asked.

    The bucket `open` is everybody's, `private` wants a token, `forbidden` knows the account and refuses it, `pays`
    charges whoever reads. An object's name begins with the fault that it has. Nobody writes without a token.
    """

    port: int = 0
    scheme: str = "http"
    flavored: bool = True
    account: bool = True  # the machine has one
    refuses: str = ""  # what the token endpoint says instead of giving a token
    knows_rights: bool = True  # it answers what an account may do; stand-ins may not
    uploads: Uploads = field(default_factory=Uploads)
    asked: list[Asked] = field(default_factory=list)
    times: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def of(self, part: str) -> list[Asked]:
        """Return the requests whose target has this part."""
        return [each for each in self.asked if part in each.target]

    def user(self, file: Path, token_uri: str | None = None) -> Path:
        """Write the file of a user who signed in with gcloud."""
        account = {
            "type": "authorized_user",
            "client_id": "me.apps",
            "client_secret": "cs" + SECRET[3:],
            "refresh_token": SECRET,
            "token_uri": token_uri or f"{self.url}/token",
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(account))
        return file

    def service(self, file: Path) -> Path:
        """Write the key file of a service account."""
        key = subprocess.run(
            ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        self.uploads.key = subprocess.run(
            ["openssl", "pkey", "-pubout"], input=key, check=True, capture_output=True, text=True
        ).stdout
        account = {
            "type": "service_account",
            "project_id": "p",
            "private_key_id": "k",
            "private_key": key,
            "client_email": "sa@p.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": f"{self.url}/token",
        }
        file.write_text(json.dumps(account))
        return file


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bucket: Bucket

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if urlsplit(self.path).path.startswith("/upload/"):
            self._begin(self.rfile.read(length))
            return
        form = parse_qs(self.rfile.read(length).decode())
        self._note({name: values[0] for name, values in form.items()})
        if self.bucket.refuses:
            self._json(400, {"error": self.bucket.refuses, "error_description": "Bad Request"})
        elif urlsplit(self.path).path == "/token":
            kind = "urn:ietf:params:oauth:token-type:access_token"
            given = {"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"}
            self._json(200, given | {"issued_token_type": kind})
        else:
            self._json(404, {})

    def do_GET(self) -> None:
        self._note({})
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path in ("", "/") or parts.path.startswith("/computeMetadata/"):
            self._metadata_server(parts.path)
        elif not parts.path.startswith("/storage/"):
            self._public(parts.path, parts.query)
        elif "/o/" not in parts.path:
            self._bucket(*parts.path.split("/")[4:], query=query)
        else:
            _, _, _, _, bucket, _, name = parts.path.split("/", 6)
            self._object(bucket, unquote(name), query)

    def do_PUT(self) -> None:
        self._note({})
        length = int(self.headers.get("Content-Length", 0))
        query = parse_qs(urlsplit(self.path).query)
        session = query.get("upload_id", [""])[0]
        content_range = self.headers.get("Content-Range", "")
        if self.bucket.uploads.cuts(session, length):
            self.bucket.uploads.put(session, content_range, self.rfile.read(length // 2), cut=True)
            self._break()
        else:
            body = self.rfile.read(length)
            self._reply(self._token() or self.bucket.uploads.put(session, content_range, body))

    def _begin(self, body: bytes) -> None:
        self._note({})
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        bucket = parts.path.split("/")[5]
        refusal = self._refusal(bucket, CREATE)
        reply = (
            Reply.error(*refusal)
            if refusal
            else self.bucket.uploads.begin(bucket, query, self.headers, body)
        )
        session = reply.headers.get("X-GUploader-UploadID")
        if session:
            reply.headers["Location"] = f"{self._origin()}{self.path}&upload_id={session}"
        self._reply(reply)

    def _origin(self) -> str:
        """As whoever asks sees it, through a proxy too."""
        return f"{self.bucket.scheme}://{self.headers['Host']}"

    def _bucket(self, bucket: str, *rest: str, query: dict[str, str]) -> None:
        refusal = self._refusal(bucket, "storage.buckets.get")
        rights = rest == ("iam", "testPermissions")
        if rights and not self.bucket.knows_rights:
            self._answer(404, {"Content-Type": "text/plain"}, b"404 page not found\n")
        elif rights and (not refusal or "does not have" in refusal[2]):
            # Whoever may nothing is told so; that is no error.
            has = self.headers.get("Authorization") and not refusal
            permissions = {"permissions": [query["permissions"]]} if has else {}
            self._json(200, {"kind": "storage#testIamPermissionsResponse", **permissions})
        elif refusal:
            self._error(*refusal)
        else:
            self._json(200, {"kind": "storage#bucket", "name": bucket})

    def _public(self, path: str, query: str) -> None:
        """An object for whoever has its address."""
        _, bucket, name = path.split("/", 2)
        written = self.bucket.uploads.written.get((bucket, unquote(name)))
        if written and self.bucket.uploads.may_read(written, self.headers["Host"], path, query):
            self._answer(200, {"Content-Type": written.mime}, written.body)
        else:
            denied = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"
            self._answer(403, {"Content-Type": "application/xml"}, denied)

    def _note(self, form: dict[str, str]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.bucket.asked.append(Asked(self.command, self.path, headers, form))

    def _metadata_server(self, path: str) -> None:
        flavor = {FLAVOR: "Google"} if self.bucket.flavored else {}
        if path in ("", "/"):
            self._answer(200, {"Content-Type": "text/html", **flavor}, b"computeMetadata/\n")
        elif self.headers.get(FLAVOR) != "Google":
            self._answer(403, flavor, b"")
        elif not self.bucket.account:
            self._answer(404, flavor, b"")
        else:
            given = {"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"}
            self._json(200, given, flavor)

    def _token(self) -> Reply | None:
        token = self.headers.get("Authorization", "")
        if token and token != f"Bearer {TOKEN}":
            return Reply.error(401, "authError", "Invalid Credentials")
        return None

    def _refusal(
        self, bucket: str, right: str = "storage.objects.get"
    ) -> tuple[int, str, str] | None:
        token = self.headers.get("Authorization", "")
        if self._token():
            return 401, "authError", "Invalid Credentials"
        if bucket == "nowhere":
            return 404, "notFound", "The specified bucket does not exist."
        if bucket == "pays":
            return (
                400,
                "required",
                "Bucket is a requester pays bucket but no user project provided.",
            )
        if (bucket != "open" or right == CREATE) and not token:
            return 401, "required", f"Anonymous caller does not have {right} access."
        if bucket == "forbidden":
            return 403, "forbidden", f"sa@p.iam does not have {right} access."
        return None

    def _object(self, bucket: str, name: str, query: dict[str, str]) -> None:
        refusal = self._refusal(bucket)
        if refusal:
            self._error(*refusal)
            return
        media = query.get("alt") == "media"
        written = self.bucket.uploads.written.get((bucket, name))
        if written:
            if media:
                self._answer(200, {"x-goog-generation": written.generation}, written.body)
            else:
                self._json(200, written.described(name))
            return
        fault = name.rsplit("/", 1)[-1]
        time = self.bucket.times[f"{name} {media}"]
        self.bucket.times[f"{name} {media}"] += 1
        replaced = fault.startswith("replaced") and (media or self.bucket.times[f"{name} True"])
        if fault.startswith("missing"):
            self._error(404, "notFound", f"No such object: {bucket}/{name}")
        elif fault.startswith("429-twice") and time < 2:
            self._error(429, "rateLimitExceeded", "The rate of requests is too high.")
        elif fault.startswith("503"):
            self._error(503, "backendError", "We encountered an internal error.")
        else:
            generation = SECOND if replaced else FIRST
            body = content(f"{name} {generation}")
            if query.get("generation", generation) != generation:
                self._error(404, "notFound", f"No such object: {bucket}/{name}")
            elif media:
                self._media(fault, body, generation, time)
            else:
                self._describe(fault, body, generation)

    def _sums(self, fault: str, body: bytes) -> dict[str, str]:
        checksum: Any = google_crc32c.Checksum  # it has no types
        crc = checksum(b"other" if fault.startswith("crc-wrong") else body).digest()
        sum5 = md5(b"other" if fault.startswith("md5-wrong") else body, usedforsecurity=False)
        sums = {"crc32c": base64.b64encode(crc).decode()}
        if not fault.startswith(("composite", "crc-wrong")):
            sums["md5"] = base64.b64encode(sum5.digest()).decode()
        return sums

    def _describe(self, fault: str, body: bytes, generation: str) -> None:
        sums = self._sums(fault, body)
        described = {
            "kind": "storage#object",
            "size": str(len(body)),
            "generation": generation,
            "crc32c": sums["crc32c"],
        }
        if "md5" in sums:
            described["md5Hash"] = sums["md5"]
        if fault.startswith("gzip"):
            described["contentEncoding"] = "gzip"
        self._json(200, described)

    def _media(self, fault: str, body: bytes, generation: str, time: int) -> None:
        headers = {
            "Accept-Ranges": "bytes",
            "ETag": "CIHp=",
            "x-goog-generation": generation,
            "x-goog-hash": ",".join(f"{k}={v}" for k, v in self._sums(fault, body).items()),
            "x-goog-stored-content-encoding": "gzip"
            if fault.startswith("transcoded")
            else "identity",
        }
        start = 0
        if "Range" in self.headers:
            start = int(self.headers["Range"].removeprefix("bytes=").split("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        cut = fault.startswith(("cut", "replaced-midway", "stall")) and time == 0
        self.send_response(206 if start else 200)
        for name, value in {**headers, "Content-Length": str(len(body) - start)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[start : len(body) // 2 if cut else len(body)])
        if cut:
            self.wfile.flush()
            if fault.startswith("stall"):
                self.bucket.over.wait(20)
            self._break()

    def _break(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 1))

    def _reply(self, reply: Reply) -> None:
        if reply.body is None:
            self._answer(reply.status, reply.headers, b"")
        else:
            self._json(reply.status, reply.body, reply.headers)

    def _error(self, code: int, reason: str, message: str) -> None:
        self._reply(Reply.error(code, reason, message))

    def _json(self, code: int, body: Any, headers: dict[str, str] | None = None) -> None:
        kind = {"Content-Type": "application/json; charset=UTF-8"}
        self._answer(code, kind | (headers or {}), json.dumps(body).encode())

    def _answer(self, code: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that had enough goes away."""


@contextlib.contextmanager
def serving(certificate: Path | None = None) -> Iterator[Bucket]:
    """A bucket for the length of the block, over TLS where there is a certificate."""
    bucket = Bucket()
    handler = type("Handler", (_Handler,), {"bucket": bucket})
    with _Server(("127.0.0.1", 0), handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, certificate.with_name("key.pem"))
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
            bucket.scheme = "https"
        bucket.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield bucket
        finally:
            bucket.over.set()
            server.shutdown()
            thread.join()
