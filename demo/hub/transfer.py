"""How a file's bytes go out: rightly, or with one of the faults that real hosts have.

A fault is chosen by name. `NAME-once`, `NAME-twice` and `NAME-5-times` have it that often and are
right afterwards.
"""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from .content import Body
from .exchange import Exchange

FAULT_SIZE = 3 << 20
Step = Callable[["Transfer"], None]


class Transfer:
    """One body, or the part of it that was asked for, on its way."""

    def __init__(self, x: Exchange, body: Body, etag: str, name: str, fault: str = "") -> None:
        self.x, self.body, self.etag, self.name = x, body, etag, name
        self.fault = fault
        x.total = body.size
        self.start, self.end, self.status = 0, body.size, 200
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", x.headers.get("range", ""))
        self.ranged = bool(found and any(found.groups()))
        if found and self.ranged and x.headers.get("if-range", etag) == etag:
            self.status = 206
            if found[1]:
                self.start = int(found[1])
                self.end = min(int(found[2]) + 1, body.size) if found[2] else body.size
            else:
                self.start = max(0, body.size - int(found[2]))

    @property
    def middle(self) -> int:
        return (self.start + self.end) // 2

    def headers(self, **changes: str | None) -> dict[str, str]:
        """Return the right headers with changes; `None` leaves one out."""
        right: dict[str, str | None] = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(self.end - self.start),
            "Accept-Ranges": "bytes",
            "ETag": self.etag,
            "Cache-Control": "public, max-age=31536000",
            "Content-Disposition": f"inline; filename*=UTF-8''{self.name}; "
            f'filename="{self.name}";',
        }
        if self.status == 206:
            right["Content-Range"] = f"bytes {self.start}-{self.end - 1}/{self.body.size}"
        right |= {name.replace("_", "-"): value for name, value in changes.items()}
        return {name: value for name, value in right.items() if value is not None}

    def whole(self) -> None:
        """Turn the answer to a range into one of everything."""
        self.start, self.end, self.status = 0, self.body.size, 200

    def serve(self) -> None:
        """Answer rightly."""
        x = self.x
        if x.headers.get("if-none-match") == self.etag:
            return x.answer(304, {"ETag": self.etag})
        if self.status == 206 and self.start >= self.body.size:
            return x.answer(416, {"Content-Range": f"bytes */{self.body.size}"})
        x.begin(self.status, self.headers())
        self.bytes(self.start, self.end)
        x.complete = True
        return None

    def bytes(self, start: int, end: int) -> None:
        if self.x.method != "HEAD":
            self.x.send(self.body.pieces(start, end))

    def begin(self, **changes: str | None) -> None:
        self.x.begin(self.status, self.headers(**changes))

    def chunks(self, start: int, end: int, *, last: bool = True) -> None:
        """Send in chunks; without `last` the end is missing."""
        if self.x.method == "HEAD":
            return
        for piece in self.body.pieces(start, end, most=65536):
            self.x.send([b"%x\r\n%s\r\n" % (len(piece), piece)])
        if last:
            self.x.send([b"0\r\n\r\n"])

    def first_cut(self) -> bool:
        """Cut the very first transfer in its middle; return False for all later ones."""
        if self.x.method == "HEAD":
            self.serve()
            return True
        if self.x.hub.times(f"cut {self.x.subject}"):
            return False
        self.begin()
        self.bytes(self.start, self.middle)
        self.x.reset()
        return True


# --- lengths and bodies --------------------------------------------------------------------------


def truncated(t: Transfer) -> None:
    t.begin()
    t.bytes(t.start, t.middle)
    t.x.drop()


def reset(t: Transfer) -> None:
    t.begin()
    t.bytes(t.start, t.middle)
    t.x.reset()


def no_length(t: Transfer) -> None:
    t.begin(Content_Length=None, Connection="close")
    t.bytes(t.start, t.end)
    t.x.drop()


def no_length_cut(t: Transfer) -> None:
    t.begin(Content_Length=None, Connection="close")
    t.bytes(t.start, t.middle)
    t.x.drop()


def chunked(t: Transfer) -> None:
    t.begin(Content_Length=None, Transfer_Encoding="chunked")
    t.chunks(t.start, t.end)


def chunk_cut(t: Transfer) -> None:
    t.begin(Content_Length=None, Transfer_Encoding="chunked")
    t.chunks(t.start, t.middle, last=False)
    t.x.send([b"10000\r\n", b"half a chunk"])
    t.x.drop()


def chunk_end_missing(t: Transfer) -> None:
    t.begin(Content_Length=None, Transfer_Encoding="chunked")
    t.chunks(t.start, t.end, last=False)
    t.x.drop()


def too_long(t: Transfer) -> None:
    t.begin()
    t.bytes(t.start, t.end)
    t.x.send([b"more than was announced" * 1000])
    t.x.drop()


def chunked_too_long(t: Transfer) -> None:
    t.begin(Content_Length=None, Transfer_Encoding="chunked")
    t.chunks(t.start, t.end, last=False)
    t.x.send([b"%x\r\n%s\r\n" % (1 << 20, b"x" * (1 << 20)), b"0\r\n\r\n"])


def endless(t: Transfer) -> None:
    t.begin(Content_Length=None, Transfer_Encoding="chunked")
    while True:
        t.chunks(0, t.body.size, last=False)


def longer_length(t: Transfer) -> None:
    t.begin(Content_Length=str(t.end - t.start + 1))
    t.bytes(t.start, t.end)
    t.x.send([b"x"])


def shorter_length(t: Transfer) -> None:
    t.begin(Content_Length=str(t.end - t.start - 1))
    t.bytes(t.start, t.end - 1)


def zero_length(t: Transfer) -> None:
    t.begin(Content_Length="0")


def length(value: str) -> Step:
    def step(t: Transfer) -> None:
        t.begin(Content_Length=value)
        t.bytes(t.start, t.end)
        t.x.drop()

    return step


def two_lengths(t: Transfer) -> None:
    pairs = [*t.headers().items(), ("Content-Length", str(t.end - t.start - 10))]
    t.x.begin(t.status, pairs)
    t.bytes(t.start, t.end)
    t.x.drop()


def gzipped(t: Transfer) -> None:
    packed = gzip.compress(b"".join(t.body.pieces(t.start, t.end)), 1)
    t.begin(Content_Length=str(len(packed)), Content_Encoding="gzip")
    t.x.send([packed] if t.x.method != "HEAD" else [])


def encoding(value: str) -> Step:
    def step(t: Transfer) -> None:
        t.begin(Content_Encoding=value)
        t.bytes(t.start, t.end)

    return step


def nothing(status: int) -> Step:
    return lambda t: t.x.begin(status, {})


# --- timing --------------------------------------------------------------------------------------


def silent(t: Transfer) -> None:
    t.x.wait_for_hang_up()


def stall(at: float) -> Step:
    def step(t: Transfer) -> None:
        t.begin()
        t.bytes(t.start, t.start + int((t.end - t.start) * at))
        t.x.wait_for_hang_up()

    return step


def trickle(t: Transfer) -> None:
    t.begin()
    for at in range(t.start, t.end):
        t.bytes(at, at + 1)
        time.sleep(1)


def slow(t: Transfer) -> None:
    t.begin()
    for piece in t.body.pieces(t.start, t.end, most=16384):
        t.x.send([piece])
        t.x.pace(len(piece), 500_000)


# --- ranges and change: the first transfer is cut, the fault is in what follows ------------------


def resume(step: Step) -> Step:
    def cut_then(t: Transfer) -> None:
        if t.first_cut():
            return
        if t.ranged:
            step(t)
        else:
            t.serve()

    return cut_then


def wrong_start(t: Transfer) -> None:
    t.start = max(0, t.start - 1000)
    t.begin()
    t.bytes(t.start, t.end)


def other_total(t: Transfer) -> None:
    t.begin(Content_Range=f"bytes {t.start}-{t.end - 1}/{t.body.size + 1000}")
    t.bytes(t.start, t.end)


def no_content_range(t: Transfer) -> None:
    t.begin(Content_Range=None)
    t.bytes(t.start, t.end)


def no_ranges(t: Transfer) -> None:
    t.whole()
    t.begin(Accept_Ranges="none")
    t.bytes(t.start, t.end)


def multipart(t: Transfer) -> None:
    kind = "multipart/byteranges; boundary=cut"
    t.begin(Content_Type=kind, Content_Range=None)
    t.bytes(t.start, t.end)


def refused_range(total: int) -> Step:
    return lambda t: t.x.answer(416, {"Content-Range": f"bytes */{t.body.size + total}"})


def partial_unasked(t: Transfer) -> None:
    if not t.ranged:
        t.end, t.status = t.middle, 206
    t.begin()
    t.bytes(t.start, t.end)


def etag_changes(t: Transfer) -> None:
    t.etag = '"another-etag"'
    if "if-range" in t.x.headers:
        t.whole()
    t.serve()


def weak_etag(t: Transfer) -> None:
    t.etag = f"W/{t.etag}"
    if "if-range" in t.x.headers:  # a weak validator never matches here
        t.whole()
    if not t.first_cut():
        t.serve()


def content_changes(t: Transfer) -> None:
    t.body = Body(t.body.head, t.body.size, t.body.seed + " changed")
    t.serve()


def disposition(value: str) -> Step:
    def step(t: Transfer) -> None:
        t.begin(Content_Disposition=value)
        t.bytes(t.start, t.end)

    return step


# --- answers instead of a file -------------------------------------------------------------------


def status(code: int, body: str = "", **headers: str) -> Step:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda t: t.x.answer(code, named, body)


def challenge(code: int) -> Step:
    page = "<!DOCTYPE html><html><title>Just a moment...</title></html>"
    html = {"Content-Type": "text/html", "cf-mitigated": "challenge", "CF-RAY": "8c0f-FRA"}
    return lambda t: t.x.answer(code, html, page)


def redirect(location: str | None, code: int = 302) -> Step:
    headers = {} if location is None else {"Location": location}
    return lambda t: t.x.answer(code, headers, "Found. Redirecting.")


def redirect_hops(count: int) -> Step:
    def step(t: Transfer) -> None:
        hop = int(t.x.query.get("hop", 0))
        if hop >= count:
            return t.serve()
        return t.x.answer(302, {"Location": f"{t.x.raw_path}?hop={hop + 1}"}, "Found.")

    return step


def head_answers(code: int) -> Step:
    return lambda t: t.x.answer(code) if t.x.method == "HEAD" else t.serve()


def head_lies(t: Transfer) -> None:
    if t.x.method == "HEAD":
        t.begin(Content_Length="12")
    else:
        t.serve()


def past() -> str:
    return formatdate(time.time() - 3600, usegmt=True)


def soon() -> str:
    return formatdate(time.time() + 2, usegmt=True)


RATE = {"RateLimit_Policy": '"fixed window";"resolvers";q=3000;w=300'}

# What a host says instead of the file. On the hub these come from `resolve`.
ANSWERS: dict[str, tuple[str, Step]] = {
    "rate-limited": ("429 with r=0;t=2", status(429, RateLimit='"resolvers";r=0;t=2', **RATE)),
    "rate-limited-r": ("429 with r>0", status(429, RateLimit='"resolvers";r=99794;t=2', **RATE)),
    "rate-limited-bare": ("429 and nothing else", status(429)),
    "retry-after-2": ("429, Retry-After: 2", status(429, Retry_After="2")),
    "retry-after-date": (
        "429, Retry-After: a date in two seconds",
        lambda t: t.x.answer(429, {"Retry-After": soon()}),
    ),
    "retry-after-past": (
        "429, Retry-After: a date gone by",
        lambda t: t.x.answer(429, {"Retry-After": past()}),
    ),
    "retry-after-86400": ("429, Retry-After: a day", status(429, Retry_After="86400")),
    "retry-after-garbage": ("429, Retry-After: soon", status(429, Retry_After="soon")),
    "challenge": ("403 with a challenge page", challenge(403)),
    "challenge-503": ("503 with a challenge page", challenge(503)),
    "login-redirect": ("302 to a login page (HTML, 200)", redirect("/login")),
    "redirect-loop": ("redirects without end", redirect_hops(1000)),
    "redirect-20": ("20 hops, then the file", redirect_hops(20)),
    "redirect-21": ("21 hops, then the file", redirect_hops(21)),
    "redirect-3": ("3 hops, then the file", redirect_hops(3)),
    "redirect-nowhere": ("302 without Location", redirect(None)),
    "redirect-file": ("302 to file:", redirect("file:///etc/passwd")),
    "redirect-ftp": ("302 to ftp:", redirect("ftp://127.0.0.1/model.safetensors")),
    "redirect-javascript": ("302 to javascript:", redirect("javascript:alert(1)")),
    "redirect-userinfo": ("302 with userinfo", redirect("http://user:pass@127.0.0.1:1/x")),
    "redirect-long": ("302, Location over 8 kB", redirect("/login?" + "x" * 9000)),
    "redirect-link-local": ("302 to 169.254.169.254", redirect("http://169.254.169.254/latest/")),
    "redirect-private": ("302 to 10.0.0.1", redirect("http://10.0.0.1/model.safetensors")),
    "head-403": ("HEAD refused with 403", head_answers(403)),
    "head-405": ("HEAD refused with 405", head_answers(405)),
    "head-501": ("HEAD refused with 501", head_answers(501)),
    "head-lies": ("HEAD names another length", head_lies),
}

BODIES: dict[str, tuple[str, Step]] = {
    "truncated": ("half the announced length, then close", truncated),
    "reset": ("half, then RST", reset),
    "no-length": ("no length, whole, close", no_length),
    "no-length-cut": ("no length, half, close", no_length_cut),
    "chunked": ("chunked, whole", chunked),
    "chunk-cut": ("cut inside a chunk", chunk_cut),
    "chunk-end-missing": ("all chunks but the last", chunk_end_missing),
    "too-long": ("more bytes than Content-Length", too_long),
    "chunked-too-long": ("1 MiB more than expected, chunked", chunked_too_long),
    "endless": ("chunks for ever", endless),
    "longer-length": ("length and body one byte longer", longer_length),
    "shorter-length": ("length and body one byte shorter", shorter_length),
    "zero-length": ("Content-Length: 0", zero_length),
    "two-lengths": ("two different lengths", two_lengths),
    "negative-length": ("Content-Length: -1", length("-1")),
    "word-length": ("Content-Length: many", length("many")),
    "list-length": ("Content-Length: 10, 20", length("10, 20")),
    "huge-length": ("Content-Length over 2^63", length("9223372036854775808")),
    "no-content": ("204", nothing(204)),
    "reset-content": ("205", nothing(205)),
    "gzip": ("gzip though identity was asked for", gzipped),
    "encoding-br": ("Content-Encoding: br", encoding("br")),
    "encoding-zstd": ("Content-Encoding: zstd", encoding("zstd")),
    "encoding-identity": ("Content-Encoding: identity, right", encoding("identity")),
    "encoding-empty": ("empty Content-Encoding, right", encoding("")),
    "silent": ("never answers", silent),
    "stall": ("half, then nothing more", stall(0.5)),
    "stall-at-start": ("headers, then nothing more", stall(0)),
    "stall-at-end": ("99.9 %, then nothing more", stall(0.999)),
    "trickle": ("a byte a second", trickle),
    "slow": ("500 kB a second", slow),
    "resume-wrong-start": ("then 206 from another start", resume(wrong_start)),
    "resume-other-total": ("then 206 with another total", resume(other_total)),
    "resume-no-content-range": ("then 206 without Content-Range", resume(no_content_range)),
    "resume-no-ranges": ("then 200 to a range", resume(no_ranges)),
    "resume-multipart": ("then multipart/byteranges", resume(multipart)),
    "resume-416": ("then 416 with the right total", resume(refused_range(0))),
    "resume-416-other": ("then 416 with another total", resume(refused_range(-1000))),
    "resume-ok": ("then the rest, rightly", resume(Transfer.serve)),
    "partial-unasked": ("206 though no range was asked for", partial_unasked),
    "etag-changes": ("cut, then another ETag", resume(etag_changes)),
    "weak-etag": ("cut; the ETag is weak", weak_etag),
    "content-changes": ("cut, then other bytes, same ETag", resume(content_changes)),
    "cdn-401": (
        "401 with WWW-Authenticate from the storage",
        status(401, "Sign in", WWW_Authenticate='Bearer realm="storage"'),
    ),
    "cdn-403": ("403 from the storage with a reason", status(403, "invalid key pair id")),
    "disposition-dotdot": ("name ../../x", disposition('attachment; filename="../../x"')),
    "disposition-absolute": ("name /etc/x", disposition('attachment; filename="/etc/x"')),
    "disposition-backslash": (r"name ..\x", disposition(r'attachment; filename="..\\x"')),
    "disposition-long": ("a name of 300", disposition(f'attachment; filename="{"n" * 300}"')),
    "disposition-conflict": (
        "two names",
        disposition("attachment; filename*=UTF-8''a.zip; filename=\"b.exe\""),
    ),
}
BODIES["wrong-hash"] = ("one bit turned, right length", Transfer.serve)


def split_fault(name: str) -> tuple[str, int | None]:
    """Return the fault and how often it comes: `stall-once` is ("stall", 1)."""
    for ending, often in (("-once", 1), ("-twice", 2)):
        if name.endswith(ending):
            return name.removesuffix(ending), often
    found = re.fullmatch(r"(.+)-(\d+)-times", name)
    return (found[1], int(found[2])) if found else (name, None)


def step_of(name: str, table: dict[str, tuple[str, Step]]) -> Step | None:
    """Return what a fault does; `status-503` is any status."""
    if name in table:
        return table[name][1]
    found = re.fullmatch(r"status-(\d{3})", name)
    if found and table is ANSWERS:
        return status(int(found[1]), f"The host says {found[1]}.")
    return None


def act(t: Transfer, *tables: dict[str, tuple[str, Step]]) -> bool:
    """Carry out the transfer's fault if it is in one of the tables and due; tell whether so."""
    name, often = split_fault(t.fault)
    for table in tables:
        step = step_of(name, table)
        if step is None:
            continue
        counted = t.x.method != "HEAD" or table is ANSWERS
        if often is not None and counted and t.x.hub.times(f"{t.fault} {t.x.subject}") >= often:
            return False
        if name == "wrong-hash":
            t.body = Body(t.body.head, t.body.size, t.body.seed, t.body.size // 2)
        step(t)
        return True
    return False


def faults() -> dict[str, Any]:
    """Return every fault with its one line of description."""
    return {name: said for table in (ANSWERS, BODIES) for name, (said, _) in table.items()}
