"""Hugging Face's part of the hub: resolve with its redirects, its API, its CDN."""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus, unquote

from .content import Body, broken_file, gguf, parse_size, safetensors, text
from .exchange import Exchange
from .transfer import ANSWERS, BODIES, FAULT_SIZE, Transfer, act, split_fault

# Tokens: who they are for. Any other token is refused, also for public files.
TOKENS = {"hf_demo": "all rights", "hf_reader": "no licences", "hf_scoped": "no gated scope"}
SMALL = 100_000  # bytes; smaller text files are git's own, larger ones LFS


@dataclass
class Repo:
    """A repository; `fault` is what it is there for."""

    id: str
    files: dict[str, Body]
    fault: str = ""
    gated: bool | str = False
    private: bool = False
    disabled: bool = False
    licence: str = "apache-2.0"
    type: str = "model"
    wrong_sha256: bool = False
    revisions: tuple[str, ...] = field(default=("main", "refs/pr/1", "v1.0"))

    @property
    def commit(self) -> str:
        return hashlib.sha1(self.id.encode()).hexdigest()  # noqa: S324


def _repo(name: str, files: dict[str, Body], **more: Any) -> Repo:
    license_text = f"---\nlicense: apache-2.0\n---\n# {name}\nMade by the demo hub.\n"
    return Repo(name, {"README.md": text(license_text), **files}, **more)


CONFIG = text(json.dumps({"model_type": "demo", "hidden_size": 64}, indent=2) + "\n")
MODEL = "model.safetensors"

REPOS = {
    repo.id: repo
    for repo in [
        _repo("demo/sdxl-mini", {"sdxl_mini.safetensors": safetensors("sdxl", 64_000_000)}),
        _repo("demo/sdxl-vae", {"vae/sdxl_vae.safetensors": safetensors("vae", 24_000_000)}),
        _repo("demo/upscaler", {"4x_demo.pth": broken_file("pickle", 12_000_000) or text("")}),
        _repo(
            "demo/mixed",
            {
                "config.json": CONFIG,
                MODEL: safetensors("mixed", 1_000_000),
                "model.gguf": gguf("mixed", 1_000_000),
                "subfolder/to?/awful?filename%you:should,never.give": text("awful\n"),
                "empty.txt": text(""),
            },
        ),
        _repo("demo/data", {"data.json": text('{"a": 1}\n')}, type="dataset"),
        _repo("gated/no-licence", {MODEL: safetensors("gated", FAULT_SIZE)}, gated="auto"),
        _repo("gated/manual", {MODEL: safetensors("manual", FAULT_SIZE)}, gated="manual"),
        _repo("private/repo", {MODEL: safetensors("private", FAULT_SIZE)}, private=True),
        _repo("disabled/repo", {MODEL: safetensors("disabled", FAULT_SIZE)}, disabled=True),
        _repo("moving/branch", {MODEL: safetensors("moving", FAULT_SIZE)}),
        _repo("broken/hub-hash", {MODEL: safetensors("x", FAULT_SIZE)}, wrong_sha256=True),
    ]
}
RENAMED = {"old/renamed": "demo/mixed", "bert-demo": "demo/mixed"}
MOVED = Repo("moving/branch", {MODEL: safetensors("moved", FAULT_SIZE)})
MOVED_COMMIT = "f" * 40
CDN_FAULTS = {
    "expired": "the signed URL has expired already",
    "expires-midway": "cut; then the signed URL has expired",
    "signed-range": "cut; the signed URL is good for the range of its resolve request only",
}


@lru_cache(maxsize=64)  # a body keeps its hashes
def find_repo(name: str) -> Repo | None:
    """Return a listed repository, or one made for `broken/<fault>[.<size>]`, `sized/<size>`."""
    if name in REPOS:
        return REPOS[name]
    owner, _, rest = name.partition("/")
    if owner == "sized" and re.fullmatch(r"[\d.]+[KMGi]*B?", rest):
        return Repo(name, {MODEL: safetensors(rest, parse_size(rest))})
    if owner == "broken" and rest:
        fault, _, size = rest.partition(".")
        length = parse_size(size) if size else FAULT_SIZE
        bad = broken_file(split_fault(fault)[0], length)
        return Repo(name, {MODEL: bad or safetensors(fault, length)}, fault=fault)
    return None


@dataclass
class Asked:
    """What a URL names."""

    repo: Repo
    revision: str
    commit: str


def handle(x: Exchange) -> bool:
    """Answer if the path is Hugging Face's; tell whether it was."""
    if x.raw_path.startswith("/cdn/"):
        _cdn(x)
    elif found := re.fullmatch(r"/(datasets/|spaces/)?(.+?)/resolve/([^/]+)/(.+)", x.raw_path):
        _resolve(x, found[1] or "", unquote(found[2]), unquote(found[3]), unquote(found[4]))
    elif found := re.fullmatch(
        r"/api/resolve-cache/(?:models|datasets|spaces)/([^/]+/[^/]+)/([^/]+)/(.+)", x.raw_path
    ):
        _resolve_cache(x, unquote(found[1]), unquote(found[2]), unquote(found[3]))
    elif x.path == "/api/whoami-v2":
        _who(x)
    elif found := re.fullmatch(
        r"/api/(models|datasets|spaces)/(.+?)(?:/(revision|tree|paths-info)/([^/]+)(?:/(.*))?)?",
        x.raw_path,
    ):
        x.kind = "api"
        _api(x, found[1], unquote(found[2]), found[3] or "", unquote(found[4] or "main"), found[5])
    else:
        return False
    return True


def _limits() -> dict[str, str]:
    return {
        "RateLimit": '"resolvers";r=2999;t=69',
        "RateLimit-Policy": '"fixed window";"resolvers";q=3000;w=300',
        "X-Request-Id": f"Root=1-{int(time.time()):x}-demo",
    }


def _refuse(x: Exchange, status: int, code: str, message: str, **more: str) -> None:
    headers = _limits() | ({"X-Error-Code": code} if code else {})
    headers |= {"X-Error-Message": message} | {n.replace("_", "-"): v for n, v in more.items()}
    x.json({"error": message}, status, headers)


def _look_up(x: Exchange, prefix: str, name: str, revision: str, *, bytes_: bool) -> Asked | None:
    """Find the repository and check the right to it; answer and return None where there is none."""
    x.subject = f"{prefix}{name}"
    token = x.bearer
    if token is not None and token not in TOKENS:
        _refuse(x, 401, "", "Invalid credentials in Authorization header")
        return None
    if name in RENAMED:
        target = x.target.replace(f"/{name}", f"/{RENAMED[name]}", 1)
        x.answer(307, _limits() | {"Location": target}, f"Temporary Redirect to {target}")
        return None
    repo = find_repo(name)
    kind = {"": "model", "datasets/": "dataset", "spaces/": "space"}[prefix]
    if repo is None or repo.type != kind or (repo.private and token != "hf_demo"):
        if token is None:
            _refuse(x, 401, "RepoNotFound", "Invalid username or password.")
        else:
            _refuse(x, 404, "RepoNotFound", "Repository not found")
        return None
    if repo.disabled:
        _refuse(x, 403, "", "Access to this resource is disabled.")
        return None
    commit = repo.commit
    if name == "moving/branch" and (
        revision == MOVED_COMMIT or (revision == "main" and bytes_ and x.hub.times("branch"))
    ):
        repo, commit = MOVED, MOVED_COMMIT
    if revision not in (*repo.revisions, commit):
        _refuse(x, 404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return None
    if repo.gated and bytes_ and token != "hf_demo":
        _gated(x, repo, token)
        return None
    return Asked(repo, revision, commit)


def _gated(x: Exchange, repo: Repo, token: str | None) -> None:
    said = f"Access to model {repo.id} is restricted"
    if token is None:
        more = " You must have access to it and be authenticated to access it. Please log in."
        _refuse(x, 401, "GatedRepo", f"{said}.{more}")
    elif token == "hf_scoped":
        more = "Please enable access to public gated repositories in your fine-grained token"
        _refuse(x, 403, "", f"{more} settings to view this repository.")
    else:
        more = f" and you are not in the authorized list. Visit {x.hub.api}/{repo.id} to ask for"
        _refuse(x, 403, "GatedRepo", f"{said}{more} access.")


def _resolve(x: Exchange, prefix: str, name: str, revision: str, path: str) -> None:
    x.kind = "resolve"
    asked = _look_up(x, prefix, name, revision, bytes_=True)
    if asked is None:
        return None
    x.subject = f"{prefix}{name}/{path}"
    body = asked.repo.files.get(path)
    about = _limits() | {"X-Repo-Commit": asked.commit}
    if body is None:
        return _refuse(x, 404, "EntryNotFound", "Entry not found", X_Repo_Commit=asked.commit)
    if _answers_with_fault(x, asked.repo, Transfer(x, body, '"0"', path, asked.repo.fault)):
        return None
    x.total = 0
    if body.size < SMALL and path.endswith((".json", ".md", ".txt", ".give")):
        kind = prefix or "models/"
        original = quote_plus(f"/{prefix}{name}/resolve/{revision}/{path}")
        where = f"/api/resolve-cache/{kind}{asked.repo.id}/{asked.commit}/{quote(path)}"
        where += f"?{original}=&etag=%22{body.git_sha1}%22"
        return x.answer(307, about | {"Location": where}, f"Temporary Redirect to {where}")
    published = "0" * 64 if asked.repo.wrong_sha256 else body.sha256
    linked = {"X-Linked-Size": str(body.size), "X-Linked-ETag": f'"{published}"'}
    if x.headers.get("if-none-match") == linked["X-Linked-ETag"]:
        return x.answer(304, about | linked)
    location = _sign(x, asked, path)
    about |= linked | {"Location": location, "Accept-Ranges": "bytes", "Vary": "Origin"}
    about |= {"X-Xet-Hash": _xet_hash(body)}
    links = f"<{x.hub.api}/api/models/{name}/xet-read-token/{asked.commit}>"
    about["Link"] = f'{links}; rel="xet-auth"'
    return x.answer(302, about, f"Found. Redirecting to {location}")


def _answers_with_fault(x: Exchange, repo: Repo, transfer: Transfer) -> bool:
    name = split_fault(repo.fault)[0]
    hops = re.fullmatch(r"redirect-(\d+|loop)", name)
    if hops:
        hop = int(x.query.get("hop", 0))
        if hops[1] != "loop" and hop >= int(hops[1]):
            return False
        x.answer(302, _limits() | {"Location": f"{x.raw_path}?hop={hop + 1}"}, "Found.")
        return True
    if name.startswith("head-") and x.method != "HEAD":
        return False
    return act(transfer, ANSWERS)


def _xet_hash(body: Body) -> str:
    return hashlib.sha256(b"xet" + body.sha256.encode()).hexdigest()


def _sign(x: Exchange, asked: Asked, path: str) -> str:
    fault, often = split_fault(asked.repo.fault)
    lasts = 3600
    if fault == "expired" and (often is None or x.hub.times(f"expired {x.subject}") < often):
        lasts = -10
    name = path.rsplit("/", 1)[-1]
    where = f"/cdn/{asked.repo.id}/{asked.commit}/{quote(path)}"
    expires = str(int(time.time()) + lasts)
    ranged = x.headers.get("range", "") if fault == "signed-range" else "any"
    number = str(x.hub.times("signatures"))
    sealed = _seal(unquote(where), expires, ranged, number)
    shown = quote(f"inline; filename*=UTF-8''{name}; filename=\"{name}\";", safe="")
    query = f"response-content-disposition={shown}&Expires={expires}&Policy={quote(ranged)}"
    return f"{x.hub.cdn}{where}?{query}&Signature={sealed}~{number}&Key-Pair-Id=KDEMO"


def _seal(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]


def _cdn(x: Exchange) -> None:
    x.kind = "cdn"
    if x.bearer is not None:
        return x.answer(400, {}, "Only one auth mechanism allowed")
    if x.headers.get("host", "").partition(":")[0] != x.hub.cdn_host:
        return x.answer(403, {}, "This is not the host of this file")
    found = re.fullmatch(r"/cdn/([^/]+/[^/]+)/([0-9a-f]{40})/(.+)", x.path)
    repo = find_repo(found[1]) if found else None
    if found and found[2] == MOVED_COMMIT:
        repo = MOVED
    if not found or repo is None or found[3] not in repo.files:
        return x.answer(404, {}, "Not found")
    x.subject = f"{repo.id}/{found[3]}"
    expires, policy = x.query.get("Expires", "0"), x.query.get("Policy", "")
    seal, _, number = x.query.get("Signature", "").partition("~")
    if seal != _seal(x.path, expires, policy, number):
        return x.answer(403, {}, "MalformedSignature")
    fault = split_fault(repo.fault)[0]
    used = x.hub.times(f"used {number}") if x.method != "HEAD" else 0
    if int(expires) < time.time() or (fault == "expires-midway" and used):
        return x.answer(403, {}, "Request has expired")
    if policy != "any" and policy != x.headers.get("range", ""):
        return x.answer(403, {}, "Auth failed: invalid range")
    body = repo.files[found[3]]
    transfer = Transfer(x, body, f'"{_xet_hash(body)}"', found[3].rsplit("/", 1)[-1], repo.fault)
    if fault in ("expires-midway", "signed-range") and transfer.first_cut():
        return None
    if not act(transfer, BODIES):
        transfer.serve()
    return None


def _resolve_cache(x: Exchange, name: str, commit: str, path: str) -> None:
    x.kind = "resolve-cache"
    repo = find_repo(name)
    x.subject = f"{name}/{path}"
    if repo is None or path not in repo.files:
        return _refuse(x, 404, "EntryNotFound", "Entry not found")
    body = repo.files[path]
    etag = f'"{body.git_sha1}"'
    raw = b"".join(body.pieces())
    about = _limits() | {"X-Repo-Commit": commit, "ETag": etag}
    if x.headers.get("if-none-match") == etag:
        return x.answer(304, about)
    if path.endswith(".json") and "gzip" in x.headers.get("accept-encoding", ""):
        return x.packed(raw, 200, about)
    x.total = body.size
    transfer = Transfer(x, body, etag, path.rsplit("/", 1)[-1])
    x.begin(transfer.status, transfer.headers(**{n.replace("-", "_"): about[n] for n in about}))
    transfer.bytes(transfer.start, transfer.end)
    x.complete = True
    return None


def _who(x: Exchange) -> None:
    if x.bearer not in TOKENS:
        return _refuse(x, 401, "", "Invalid credentials in Authorization header")
    return x.json({"type": "user", "name": "demo", "auth": {"accessToken": {"role": "read"}}})


def _api(x: Exchange, kind: str, name: str, what: str, revision: str, under: str | None) -> None:
    prefix = "" if kind == "models" else f"{kind}/"
    posted = _posted_paths(x) if x.method == "POST" else []
    asked = _look_up(x, prefix, name, revision, bytes_=False)
    if asked is None:
        return None
    repo = asked.repo
    if what in ("tree", "paths-info"):
        paths = posted if what == "paths-info" else list(repo.files)
        inside = f"{unquote(under)}/" if under else ""
        entries = [_tree_entry(repo, p) for p in paths if p in repo.files and p.startswith(inside)]
        return x.json(entries, 200, _limits())
    siblings: list[dict[str, Any]] = []
    for path, body in repo.files.items():
        entry: dict[str, Any] = {"rfilename": path}
        if "blobs" in x.query:
            entry |= {"size": body.size, "blobId": body.git_sha1}
            if "lfs" in (listed := _tree_entry(repo, path)):
                lfs = {"sha256": listed["lfs"]["oid"], "size": body.size, "pointerSize": 134}
                entry["lfs"] = lfs
        siblings.append(entry)
    document = {
        "_id": asked.commit[:24],
        "id": repo.id,
        "modelId": repo.id,
        "author": repo.id.partition("/")[0],
        "sha": asked.commit,
        "private": repo.private,
        "gated": repo.gated,
        "disabled": repo.disabled,
        "lastModified": "2026-11-01T10:00:00.000Z",
        "createdAt": "2026-10-01T10:00:00.000Z",
        "downloads": 1,
        "likes": 1,
        "tags": [f"license:{repo.licence}"],
        "cardData": {"license": repo.licence},
        "siblings": siblings,
    }
    return x.json(document, 200, _limits())


def _posted_paths(x: Exchange) -> list[str]:
    """Return the paths asked for: Python's client sends a form, others JSON."""
    body = x.read_body()
    if "json" in x.headers.get("content-type", ""):
        return list(json.loads(body)["paths"])
    return parse_qs(body.decode()).get("paths", [])


def _tree_entry(repo: Repo, path: str) -> dict[str, Any]:
    body = repo.files[path]
    entry: dict[str, Any] = {"type": "file", "oid": body.git_sha1, "size": body.size, "path": path}
    if body.size >= SMALL or not path.endswith((".json", ".md", ".txt", ".give")):
        oid = "0" * 64 if repo.wrong_sha256 else body.sha256
        entry |= {"lfs": {"oid": oid, "size": body.size, "pointerSize": 134}}
        pointer = (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {body.size}\n"
        )
        entry |= {"oid": text(pointer).git_sha1, "xetHash": _xet_hash(body)}
    return entry
