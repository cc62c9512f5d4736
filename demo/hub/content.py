"""Files of any size, made as they are read: the same bytes for the same name and size, always."""

from __future__ import annotations

import hashlib
import json
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

BLOCK = 1 << 20
UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def parse_size(text: str) -> int:
    """Return bytes: `64MiB`, `5GB`, `1000`."""
    for unit, factor in UNITS.items():
        if text.endswith(unit):
            return int(float(text.removesuffix(unit)) * factor)
    return int(text)


@dataclass(frozen=True)
class Body:
    """`head`, then seeded noise up to `size`; the byte at `flipped` has its lowest bit turned."""

    head: bytes
    size: int
    seed: str = ""
    flipped: int | None = None

    @cached_property
    def _noise(self) -> bytes:
        return random.Random(self.seed).randbytes(BLOCK) * 2  # noqa: S311

    def read(self, start: int, length: int) -> bytes:
        """Return the bytes from `start`, at most `length`, at most to the end of their block."""
        at = start % BLOCK
        length = max(0, min(length, self.size - start, BLOCK - at))
        turn = (start // BLOCK) * 7919 % BLOCK  # each block of the noise is another one
        piece = self._noise[turn + at : turn + at + length]
        if start < len(self.head):
            piece = (self.head[start : start + length] + piece[len(self.head) - start :])[:length]
        if self.flipped is not None and start <= self.flipped < start + length:
            changed = bytearray(piece)
            changed[self.flipped - start] ^= 1
            return bytes(changed)
        return piece

    def pieces(self, start: int = 0, end: int | None = None, most: int = BLOCK) -> Iterator[bytes]:
        """Yield the bytes from `start` up to `end`, which is not included."""
        end = self.size if end is None else end
        while start < end:
            piece = self.read(start, min(most, end - start))
            if not piece:
                return
            yield piece
            start += len(piece)

    def _hash(self, digest: Callable[[], hashlib._Hash], prefix: bytes = b"") -> str:
        state = digest()
        state.update(prefix)
        for piece in self.pieces():
            state.update(piece)
        return state.hexdigest()

    @cached_property
    def sha256(self) -> str:
        return self._hash(hashlib.sha256)

    @cached_property
    def git_sha1(self) -> str:
        """The id that git gives the content."""
        return self._hash(hashlib.sha1, b"blob %d\0" % self.size)


def text(content: str) -> Body:
    """Return a small file with just this content."""
    raw = content.encode()
    return Body(raw, len(raw))


def safetensors(name: str, size: int) -> Body:
    """Return a correct safetensors file of exactly `size` bytes (at least 256)."""
    if size < 256:
        return Body(b"", size, name)
    return Body(_safetensors_head(name, size), size, name)


def _safetensors_head(name: str, size: int, **changes: int) -> bytes:
    """Return length and header. `gap`, `overlap`, `short` move what the header says of the data."""
    header_size = 4096 if size >= 16384 else 256
    data = size - header_size
    count = min(24, max(1, data // 4_000_000)) if size >= 16384 else 1
    each = data // count // 2 * 2
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    for number in range(count):
        last = number == count - 1
        start, end = number * each, data if last else (number + 1) * each
        if last:
            start += changes.get("gap", 0) - changes.get("overlap", 0)
            end -= changes.get("short", 0)
        dtype, length = ("U8", end - start) if last else ("F16", (end - start) // 2)
        tensor = {"dtype": dtype, "shape": [length], "data_offsets": [start, end]}
        header[f"model.layers.{number}.weight"] = tensor
    written = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", header_size - 8) + written.ljust(header_size - 8)


def gguf(name: str, size: int) -> Body:
    """Return a GGUF file with one tensor of 8-bit integers, `size` bytes in all."""

    def string(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    architecture = string("general.architecture") + struct.pack("<I", 8) + string("llama")
    info = string("token_embd.weight") + struct.pack("<IQIQ", 1, size - 160, 24, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + architecture + info
    return Body(head.ljust(160, b"\0"), size, name)


def broken_file(kind: str, size: int) -> Body | None:
    """Return a file whose bytes are wrong though its transfer is right; None for other kinds."""
    good = safetensors(kind, size)
    page = "<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>Log in</body></html>\n"
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize {size}\n"
    past_end = struct.pack("<Q", size)
    makers: dict[str, Callable[[], Body]] = {
        "html": lambda: text(page),
        "lfs-pointer": lambda: text(pointer),
        "json-error": lambda: text('{"error": "Something went wrong"}'),
        "zip": lambda: Body(b"PK\x03\x04\x14\0\0\0\x08\0archive/data.pkl", size, kind),
        "pickle": lambda: Body(b"\x80\x02}q\0X\x05\0\0\0modelq\x01", size, kind),
        "header-zero": lambda: Body(b"\0" * 8, size, kind),
        "header-huge": lambda: Body(struct.pack("<Q", 200_000_000) + b"{", size, kind),
        "header-past-end": lambda: Body(past_end + b"{", size, kind),
        "header-not-utf8": lambda: Body(struct.pack("<Q", 64) + b'{"\xff\xfe', size, kind),
        "header-not-json": lambda: Body(struct.pack("<Q", 64) + b"{" * 64, size, kind),
        "header-gap": lambda: Body(_safetensors_head(kind, size, gap=64), size, kind),
        "header-overlap": lambda: Body(_safetensors_head(kind, size, overlap=64), size, kind),
        "header-short": lambda: Body(_safetensors_head(kind, size, short=64), size, kind),
        "gguf": lambda: gguf(kind, size),
        "gguf-cut": lambda: Body(gguf(kind, size + 4096).head, size, kind),
        "empty": lambda: Body(b"", 0),
        "good": lambda: good,
    }
    make = makers.get(kind)
    return make() if make else None
