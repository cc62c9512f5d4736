"""Civitai's part of the hub: metadata, the download route with each of its answers, its storage."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from .content import Body, broken_file, safetensors
from .exchange import Exchange
from .transfer import ANSWERS, BODIES, FAULT_SIZE, Transfer, act, challenge, split_fault

TOKEN = "civitai_demo"
BROWSERS = ("mozilla", "chrome", "safari", "firefox", "opera", "edge")
KINDS = {
    *("Model", "Text Encoder", "Vision Encoder", "Pruned Model", "Negative", "Training Data"),
    *("VAE", "Config", "Archive", "UNet", "Diffusion Model", "CLIPVision", "ControlNet"),
    *("Workflow", "Upscaler", "Enhancement LoRA", "Other"),
}
FORMATS = {"SafeTensor", "PickleTensor", "GGUF", "Diffusers", "Core ML", "ONNX", "Other"}


@dataclass(frozen=True)
class File:
    """One file of a version."""

    id: int
    name: str
    body: Body
    type: str = "Model"
    format: str = "SafeTensor"
    size: str = "pruned"
    fp: str = "fp16"
    hash_style: str = "upper"
    primary: bool = True

    @cached_property
    def hashes(self) -> dict[str, str]:
        sha = self.body.sha256
        shown = {
            "upper": sha.upper(),
            "lower": sha,
            "mixed": sha[:32].upper() + sha[32:],
            "short": sha[:40].upper(),
            "wrong": "0" * 64,
        }
        if self.hash_style == "none":
            return {}
        return {"AutoV2": sha[:10].upper(), "SHA256": shown[self.hash_style]}


@dataclass(frozen=True)
class Version:
    """A version; `answer` names the row of the download route's table, `fault` the storage's."""

    id: int
    model_id: int
    name: str
    files: tuple[File, ...]
    model: str = "Demo LoRA"
    type: str = "LORA"
    base: str = "SDXL 1.0"
    answer: str = ""
    fault: str = ""
    says: str = ""
    login: bool = False
    storage: str = "r2"


def _file(number: int, size: int = FAULT_SIZE, **more: Any) -> File:
    name = more.pop("name", f"demo_{number}.safetensors")
    return File(number * 10, name, more.pop("body", None) or safetensors(name, size), **more)


def _versions() -> list[Version]:
    three = (
        _file(102, name="demo_pruned.safetensors"),
        File(
            1021,
            "demo_full.safetensors",
            safetensors("full", FAULT_SIZE + 4096),
            size="full",
            fp="fp32",
            primary=False,
        ),
        File(1022, "demo_vae.safetensors", safetensors("cvae", 500_000), type="VAE", primary=False),
    )
    simple: dict[int, dict[str, Any]] = {
        101: {"says": "needs a token", "login": True},
        103: {"says": "no hashes yet", "files": (_file(103, hash_style="none"),)},
        104: {"says": "publishes a wrong SHA256", "files": (_file(104, hash_style="wrong"),)},
        105: {"says": "SHA256 in lower case", "files": (_file(105, hash_style="lower"),)},
        106: {"says": "SHA256 in mixed case", "files": (_file(106, hash_style="mixed"),)},
        107: {"says": "SHA256 of a wrong length", "files": (_file(107, hash_style="short"),)},
        108: {"says": "file name in UTF-8", "files": (_file(108, name="モデル.safetensors"),)},
        201: {"says": "403 Forbidden", "answer": "forbidden"},
        202: {"says": "429, account quota", "answer": "quota"},
        203: {"says": "400, validation", "answer": "invalid"},
        204: {"says": "404 File not found", "answer": "not-found"},
        205: {"says": "404 once, then right", "answer": "not-found-once"},
        206: {"says": "410 archived", "answer": "archived", "files": ()},
        207: {"says": "401, downloads disabled", "answer": "disabled"},
        208: {"says": "403 early access", "answer": "early-access"},
        209: {"says": "403, no grant", "answer": "no-grant", "login": True},
        210: {"says": "500", "answer": "error"},
        211: {"says": "500 once, then right", "answer": "error-once"},
        212: {"says": "451 on the metadata", "answer": "region"},
        213: {"says": "early access as a redirect to HTML", "answer": "early-access-page"},
        214: {"says": "challenge page, 403", "answer": "challenge"},
        215: {"says": "429 with a page", "answer": "quota-page"},
        301: {"says": "storage on B2", "storage": "b2"},
        302: {"says": "signed URL expired once", "fault": "expired-once"},
        303: {"says": "signed URL always expired", "fault": "expired"},
        304: {"says": "NoSuchKey in the storage", "fault": "no-such-key"},
        305: {"says": "HTML for the file", "files": (_file(305, body=broken_file("html", 0)),)},
        306: {"says": "cut, then the rest", "fault": "resume-ok"},
        307: {"says": "truncated, always", "fault": "truncated"},
        308: {"says": "stalls in the middle", "fault": "stall"},
        309: {"says": "one bit turned", "fault": "wrong-hash"},
        310: {"says": "cut; then the signed URL has expired", "fault": "expires-midway"},
    }
    made = [
        Version(
            128713,
            12345,
            "1.0",
            (_file(128713, 32_000_000, name="demo_style.safetensors"),),
            "Demo Style",
            says="the demo's own",
        ),
        Version(100, 5000, "v1", (_file(100),), says="right"),
        Version(102, 5001, "v1", three, says="three files; name type, format or fileId"),
    ]
    for number, about in simple.items():
        files = about.pop("files", (_file(number),))
        made.append(Version(number, 10_000 + number, "v1", files, **about))
    return made


VERSIONS = {version.id: version for version in _versions()}
MODELS = {version.model_id for version in VERSIONS.values()}


def handle(x: Exchange) -> bool:
    """Answer if the path is Civitai's; tell whether it was."""
    if x.path.startswith(("/r2/", "/file/civitai-modelfiles/")):
        _storage(x)
    elif found := re.fullmatch(r"/api/download/models/([^/]+)", x.path):
        _download(x, found[1])
    elif found := re.fullmatch(r"/api/v1/model-versions/by-hash/([0-9A-Fa-f]+)", x.path):
        _by_hash(x, found[1].upper())
    elif found := re.fullmatch(r"/api/v1/model-versions/(?:mini/)?(\d+)", x.path):
        _version(x, int(found[1]))
    elif found := re.fullmatch(r"/api/v1/models/(\d+)", x.path):
        _model(x, int(found[1]))
    elif found := re.fullmatch(r"/(login|model-versions/.*)", x.path):
        page = "<!DOCTYPE html><html><title>Log in</title><body>Log in</body></html>"
        x.kind = "page"
        x.answer(200, {"Content-Type": "text/html; charset=utf-8"}, page)
    else:
        return False
    return True


def _metadata(x: Exchange, version: Version) -> dict[str, Any]:
    base = f"http://{x.headers.get('host', '')}"
    about = {
        "id": version.id,
        "modelId": version.model_id,
        "name": version.name,
        "baseModel": version.base,
        "air": f"urn:air:sdxl:{version.type.lower()}:civitai:{version.model_id}@{version.id}",
        "status": "Published",
        "availability": "EarlyAccess" if "early" in version.answer else "Public",
        "usageControl": "Download",
        "model": {"name": version.model, "type": version.type, "nsfw": False},
        "files": [_file_metadata(base, version, file) for file in version.files],
        "downloadUrl": f"{base}/api/download/models/{version.id}",
    }
    if version.answer == "archived":
        del about["downloadUrl"]
    if "early" in version.answer:
        about["earlyAccessEndsAt"] = "2027-01-01T00:00:00.000Z"
    return about


def _file_metadata(base: str, version: Version, file: File) -> dict[str, Any]:
    # With several files the site's own link asks for metadata that no file has: 404.
    wrong = f"?type={quote(file.type)}&format={file.format}&size={file.size}&fp=bf16"
    link = f"{base}/api/download/models/{version.id}{wrong if len(version.files) > 1 else ''}"
    return {
        "id": file.id,
        "name": file.name,
        "type": file.type,
        "sizeKB": file.body.size / 1024,
        "metadata": {"format": file.format, "size": file.size, "fp": file.fp},
        "pickleScanResult": "Success",
        "virusScanResult": "Success",
        "hashes": file.hashes,
        "primary": file.primary,
        "downloadUrl": link,
    }


def _version(x: Exchange, number: int) -> None:
    x.kind, x.subject = "api", f"civitai/{number}"
    version = VERSIONS.get(number)
    if version is None:
        return x.json({"error": "Model not found"}, 404)
    if version.answer == "region":
        return x.json({"error": "Not available in your region", "code": "REGION_BLOCKED"}, 451)
    return x.json(_metadata(x, version))


def _by_hash(x: Exchange, wanted: str) -> None:
    x.kind, x.subject = "api", "civitai/by-hash"
    for version in VERSIONS.values():
        for file in version.files:
            if wanted in (name.upper() for name in file.hashes.values()):
                return x.json(_metadata(x, version))
    return x.json({"error": "Model not found"}, 404)


def _model(x: Exchange, number: int) -> None:
    x.kind, x.subject = "api", f"civitai/model/{number}"
    versions = [version for version in VERSIONS.values() if version.model_id == number]
    if not versions:
        return x.json({"error": "Model not found"}, 404)
    listed = [_metadata(x, version) for version in versions]
    return x.json(
        {"id": number, "name": versions[0].model, "type": versions[0].type, "modelVersions": listed}
    )


def _refuse(x: Exchange, status: int, said: dict[str, Any]) -> None:
    if any(browser in x.headers.get("user-agent", "").lower() for browser in BROWSERS):
        return x.answer(status, {}, str(said.get("message", said["error"])))
    return x.json(said, status, {"Cache-Control": "no-store"})


def _download(x: Exchange, text: str) -> None:
    x.kind, x.subject = "download", f"civitai/{text}"
    version = VERSIONS.get(int(text)) if text.isdigit() else None
    kind, style = x.query.get("type"), x.query.get("format")
    if not text.isdigit() or (kind and kind not in KINDS) or (style and style not in FORMATS):
        return _refuse(x, 400, {"error": "Invalid enum value or id"})
    if version is None:
        return _refuse(x, 404, {"error": "File not found"})
    # A header, whatever is in it, beats the query; an unknown token is nobody's.
    given = x.bearer if x.bearer is not None else x.query.get("token")
    if _answered(x, version, signed_in=given == TOKEN):
        return None
    file = _choose(x, version)
    if file is None:
        return _refuse(x, 404, {"error": "File not found"})
    location = _sign(x, version, file)
    x.begin(
        307,
        {"Location": location, "Cache-Control": "no-store", "Transfer-Encoding": "chunked"},
    )
    if x.method != "HEAD":
        x.send([b"b\r\nRedirecting\r\n0\r\n\r\n"])
    x.sent, x.complete = 0, True
    return None


def _answered(x: Exchange, version: Version, *, signed_in: bool) -> bool:
    """Answer in the order in which the site checks; tell whether it did."""
    answer = version.answer
    browser = any(name in x.headers.get("user-agent", "").lower() for name in BROWSERS)
    if answer.endswith("-once"):
        answer = "" if x.hub.times(f"{answer} {version.id}") else answer.removesuffix("-once")
    here = "The creator of this asset"
    said: dict[str, tuple[int, dict[str, Any]]] = {
        "forbidden": (403, {"error": "Forbidden"}),
        "quota": (429, {"error": "We've noticed an unusual amount of downloading from you."}),
        "invalid": (400, {"error": "Number must be greater than 0"}),
        "not-found": (404, {"error": "File not found"}),
        "archived": (410, {"error": "Model archived, not available for download"}),
        "disabled": (
            401,
            {"error": "Unauthorized", "message": f"{here} has disabled downloads on this file"},
        ),
        "error": (500, {"error": "Internal error"}),
    }
    if answer in said:
        _refuse(x, *said[answer])
    elif answer == "challenge":
        challenge(403)(_empty(x))
    elif answer == "quota-page":
        page = {"Content-Type": "text/html"}
        x.answer(429, page, "<!DOCTYPE html><html><title>Too many requests</title></html>")
    elif version.login and not signed_in:
        if browser:
            back = quote(x.target, safe="")
            x.answer(307, {"Location": f"/login?returnUrl={back}&reason=download-auth"}, "")
        else:
            needs = f"{here} requires you to be logged in to download it"
            _refuse(x, 401, {"error": "Unauthorized", "message": needs})
    elif answer == "early-access-page" or (answer == "early-access" and browser):
        x.answer(307, {"Location": f"/model-versions/{version.id}"}, "")
    elif answer == "early-access":
        until = {"error": "Early Access", "deadline": "2027-01-01T00:00:00.000Z"}
        _refuse(x, 403, until | {"message": "This asset is in Early Access."})
    elif answer == "no-grant":
        _refuse(x, 403, {"error": "You do not have access to download this file"})
    else:
        return False
    return True


def _empty(x: Exchange) -> Transfer:
    return Transfer(x, Body(b"", 0), '"0"', "nothing")


def _choose(x: Exchange, version: Version) -> File | None:
    """Choose as the site does: the best score, then every asked key must fit."""
    asked = {key: x.query[key] for key in ("type", "format", "size", "fp") if key in x.query}
    if "fileId" in x.query:
        named = [file for file in version.files if str(file.id) == x.query["fileId"]]
        return named[0] if named else None
    if not version.files:
        return None
    wanted = {"format": "SafeTensor", "size": "pruned", "fp": "fp16"} | asked
    weights = {"format": 100, "size": 10, "fp": 1, "type": 1000}

    def score(file: File) -> float:
        points = sum(weights[key] for key in wanted if getattr(file, key) == wanted[key])
        return points + (1000 if "type" not in asked and file.type == "Model" else 0)

    best = max(version.files, key=score)
    return best if all(getattr(best, key) == asked[key] for key in asked) else None


def _sign(x: Exchange, version: Version, file: File) -> str:
    fault, often = split_fault(version.fault)
    late = fault == "expired" and (often is None or x.hub.times(f"expired {version.id}") < often)
    until = int(time.time()) + (-10 if late else 86400)
    number = x.hub.times("signatures")
    path = f"/r2/{version.id}/{file.id}/{quote(file.name)}"
    if version.storage == "b2":
        path = f"/file/civitai-modelfiles/model/{version.id}/{file.id}/{quote(file.name)}"
    shown = quote(f'attachment; filename="{file.name}"', safe="")
    seal = _seal(version.id, file.id, until, number)
    query = f"X-Amz-Expires={until}&response-content-disposition={shown}"
    query += "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-SignedHeaders=host"
    return f"{x.hub.cdn}{path}?{query}&X-Amz-Signature={seal}~{number}"


def _seal(*parts: int) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _xml(x: Exchange, status: int, code: str, message: str) -> None:
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    x.answer(status, {"Content-Type": "application/xml"}, text)


def _storage(x: Exchange) -> None:
    x.kind = "storage"
    if x.bearer is not None:
        return _xml(x, 400, "InvalidRequest", "Missing x-amz-content-sha256")
    if x.headers.get("host", "").partition(":")[0] != x.hub.cdn_host or x.method == "HEAD":
        return _xml(x, 403, "SignatureDoesNotMatch", "The signature does not match.")
    found = re.search(r"/(\d+)/(\d+)/[^/]+$", x.path)
    version = VERSIONS.get(int(found[1])) if found else None
    files = [file for file in version.files if file.id == int(found[2])] if version else []  # type: ignore[index]
    if not version or not files or version.fault == "no-such-key":
        return _xml(x, 404, "NoSuchKey", "The specified key does not exist.")
    file = files[0]
    x.subject = f"civitai/{version.id}/{file.name}"
    until, (seal, _, number) = (
        x.query.get("X-Amz-Expires", "0"),
        x.query.get("X-Amz-Signature", "").partition("~"),
    )
    if not number.isdigit() or seal != _seal(version.id, file.id, int(until), int(number)):
        return _xml(x, 403, "SignatureDoesNotMatch", "The signature does not match.")
    spent = version.fault == "expires-midway" and x.hub.times(f"used {number}")
    if int(until) < time.time() or spent:
        return _xml(x, 403, "AccessDenied", "Request has expired")
    etag = f'"{hashlib.md5(file.name.encode()).hexdigest()}-2"'  # noqa: S324
    transfer = Transfer(x, file.body, etag, quote(file.name), version.fault)
    if version.fault == "expires-midway" and transfer.first_cut():
        return None
    if not act(transfer, BODIES, ANSWERS):
        transfer.serve()
    return None
