"""The half of the bucket that takes: sessions, chunks, and what Google refuses."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import google_crc32c

QUARTER = 256 << 10  # chunks but the last are multiples of this
CREATE = "storage.objects.create"
_RANGE = re.compile(r"bytes (?:\*|(\d+)-(\d+))/(\d+)")


def sums(body: bytes) -> dict[str, str]:
    """Return an object's checksums as the JSON API writes them."""
    checksum: Any = google_crc32c.Checksum  # it has no types
    digests = {
        "crc32c": checksum(body).digest(),
        "md5Hash": md5(body, usedforsecurity=False).digest(),
    }
    return {name: base64.b64encode(digest).decode() for name, digest in digests.items()}


@dataclass
class Reply:
    """What is answered: an object of JSON or nothing."""

    status: int
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def error(status: int, reason: str, message: str) -> Reply:
        """As Google says that something is wrong."""
        each = {"domain": "global", "reason": reason, "message": message}
        return Reply(status, {"error": {"code": status, "message": message, "errors": [each]}})


@dataclass
class Written:
    """An object that somebody wrote."""

    body: bytes
    mime: str
    public: bool
    generation: str

    def described(self, name: str) -> dict[str, Any]:
        """Return the resource of the JSON API."""
        return {
            "kind": "storage#object",
            "name": name,
            "contentType": self.mime,
            "size": str(len(self.body)),
            "generation": self.generation,
            **sums(self.body),
        }


@dataclass
class _Session:
    bucket: str
    name: str
    metadata: dict[str, Any]
    mime: str
    total: int | None
    public: bool
    body: bytearray = field(default_factory=bytearray)
    done: dict[str, Any] | None = None


@dataclass
class Uploads:
    """Sessions and objects. The last part of an object's name begins with the fault that its upload has, once:

    `cut` breaks in the middle of a chunk (three times: OkHttp tries two more connections by itself), `partial` keeps half of one, `503-twice` fails twice, `lost` forgets the
    session, `crc-wrong` and `md5-wrong` (always) say other sums than those of what came. The bucket `uniform` lets no
    single object be public.
    """

    written: dict[tuple[str, str], Written] = field(default_factory=dict)
    key: str = ""  # the public one of the service account, in PEM
    _sessions: dict[str, _Session] = field(default_factory=dict)
    _times: Counter[str] = field(default_factory=Counter)

    def begin(self, bucket: str, query: dict[str, str], headers: Any, body: bytes) -> Reply:
        """Open a session."""
        if query.get("uploadType") != "resumable":
            return Reply.error(400, "badRequest", "Only resumable uploads are known here.")
        metadata = json.loads(body or b"{}")
        name = query.get("name") or metadata.get("name")
        if not name:
            return Reply.error(400, "required", "Required object name")
        public = query.get("predefinedAcl") == "publicRead"
        if public and bucket == "uniform":
            message = "Cannot insert legacy ACL for an object when uniform bucket-level access is enabled."
            return Reply.error(400, "invalid", message)
        mime = metadata.get("contentType") or headers.get("X-Upload-Content-Type")
        total = headers.get("X-Upload-Content-Length")
        session = f"session-{len(self._sessions)}"
        self._sessions[session] = _Session(
            bucket, name, metadata, mime, int(total) if total else None, public
        )
        return Reply(200, headers={"X-GUploader-UploadID": session})

    def cuts(self, session: str, length: int) -> bool:
        """Return True if the connection breaks during this chunk."""
        return length > 0 and self._faulty(session, "cut", 3)

    def put(self, session: str, content_range: str, body: bytes, *, cut: bool = False) -> Reply:
        """Take a chunk, or say how far it came."""
        known = self._sessions.get(session)
        if known is None:
            return Reply.error(404, "notFound", "No such upload.")
        if known.done is not None:
            return Reply(200, known.done)
        match = _RANGE.fullmatch(content_range)
        if not match:
            return Reply.error(400, "badRequest", "Failed to parse Content-Range header.")
        start, total = match[1], int(match[3])
        if known.total is not None and total != known.total:
            return Reply.error(400, "badRequest", "The size differs from X-Upload-Content-Length.")
        if start is None:
            return self._finish(session) if total == 0 else self._kept(known)
        if not cut and len(body) != int(match[2]) - int(start) + 1:
            return Reply.error(400, "badRequest", "The body is not what Content-Range says.")
        if int(start) > len(known.body):
            return Reply.error(503, "backendError", "The offset exceeds the size uploaded so far.")
        return self._take(session, body[len(known.body) - int(start) :], total, cut)

    def _take(self, session: str, new: bytes, total: int, cut: bool) -> Reply:
        known = self._sessions[session]
        if self._faulty(session, "503-twice", 2):
            return Reply.error(503, "backendError", "We encountered an internal error.")
        if self._faulty(session, "lost"):
            del self._sessions[session]
            return Reply.error(410, "gone", "The upload is gone.")
        if cut or self._faulty(session, "partial"):
            half = len(new) if cut else len(new) // 2
            new = new[: half - half % QUARTER]
        known.body += new
        if len(known.body) == total:
            return self._finish(session)
        if len(known.body) % QUARTER:
            known.body = known.body[: len(known.body) - len(known.body) % QUARTER]
            if not cut:
                return Reply.error(400, "badRequest", "Chunks are multiples of 256 KiB.")
        return self._kept(known)

    def _kept(self, known: _Session) -> Reply:
        had = {"Range": f"bytes=0-{len(known.body) - 1}"} if known.body else {}
        return Reply(308, headers=had)

    def _finish(self, session: str) -> Reply:
        known = self._sessions[session]
        for name, sum_ in sums(bytes(known.body)).items():
            given = known.metadata.get(name, sum_)
            if given != sum_:
                what = {"md5Hash": "MD5 hash", "crc32c": "CRC32C"}[name]
                message = f'Provided {what} "{given}" doesn\'t match calculated {what} "{sum_}".'
                return Reply.error(400, "invalid", message)
        generation = str(1700000000000100 + len(self.written))
        made = Written(bytes(known.body), known.mime, known.public, generation)
        self.written[known.bucket, known.name] = made
        known.done = made.described(known.name)
        for prefix, name in (("crc-wrong", "crc32c"), ("md5-wrong", "md5Hash")):
            if known.name.rsplit("/", 1)[-1].startswith(prefix):
                known.done[name] = sums(b"other")[name]
        return Reply(200, known.done)

    def _faulty(self, session: str, fault: str, times: int = 1) -> bool:
        known = self._sessions.get(session)
        if known is None or not known.name.rsplit("/", 1)[-1].startswith(fault):
            return False
        self._times[f"{fault} {known.name}"] += 1
        return self._times[f"{fault} {known.name}"] <= times

    def may_read(self, written: Written, host: str, path: str, query: str) -> bool:
        """Return True if everybody may read it, or the address is signed and still good."""
        return written.public or self._is_signed(host, path, query)

    def _is_signed(self, host: str, path: str, query: str) -> bool:
        """Check a V4 signature with openssl, so that nobody's idea of it but Google's counts."""
        signed, _, signature = query.partition("&X-Goog-Signature=")
        given = dict(each.split("=", 1) for each in signed.split("&") if "=" in each)
        try:
            date, credential = given["X-Goog-Date"], given["X-Goog-Credential"].split("%2F")
            seconds = int(given["X-Goog-Expires"])
            begun = time.mktime(time.strptime(date, "%Y%m%dT%H%M%SZ")) - time.timezone
        except (KeyError, ValueError):
            return False
        if not signature or not 1 <= seconds <= 604800 or time.time() > begun + seconds:
            return False
        request = f"GET\n{path}\n{signed}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
        scope = "/".join(credential[1:])
        digest = sha256(request.encode()).hexdigest()
        text = f"GOOG4-RSA-SHA256\n{date}\n{scope}\n{digest}"
        with tempfile.TemporaryDirectory() as made:
            key, mark = Path(made, "key.pem"), Path(made, "signature")
            key.write_text(self.key)
            mark.write_bytes(bytes.fromhex(signature))
            check = ["openssl", "dgst", "-sha256", "-verify", str(key), "-signature", str(mark)]
            return subprocess.run(check, input=text.encode(), capture_output=True).returncode == 0
