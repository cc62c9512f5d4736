"""The shapes of all JSON documents: every key is there, null where it does not apply, no other."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Check = Callable[[Any, str], None]


def fail(at: str, wanted: str, value: Any) -> None:
    raise AssertionError(f"{at or 'document'}: {wanted} is wanted, not {value!r}")


def kind(*types: type, name: str = "") -> Check:
    def check(value: Any, at: str) -> None:
        good = isinstance(value, types) and (bool in types or not isinstance(value, bool))
        if not good:
            fail(at, name or "/".join(t.__name__ for t in types), value)

    return check


def one(*words: str) -> Check:
    return lambda value, at: None if value in words else fail(at, " | ".join(words), value)


def match(pattern: str) -> Check:
    def check(value: Any, at: str) -> None:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            fail(at, pattern, value)

    return check


def maybe(inner: Check) -> Check:
    return lambda value, at: None if value is None else inner(value, at)


def many(inner: Check) -> Check:
    def check(value: Any, at: str) -> None:
        LIST(value, at)
        for number, item in enumerate(value):
            inner(item, f"{at}[{number}]")

    return check


def values(inner: Check) -> Check:
    """Return the check of an object whose keys are anybody's."""

    def check(value: Any, at: str) -> None:
        DICT(value, at)
        for key, item in value.items():
            inner(item, f"{at}.{key}")

    return check


def obj(**keys: Check) -> Check:
    def check(value: Any, at: str) -> None:
        DICT(value, at)
        names = {key.rstrip("_") for key in keys}
        if set(value) != names:
            fail(at, f"missing {names - set(value)}, unknown {set(value) - names}", value)
        for key, inner in keys.items():
            inner(value[key.rstrip("_")], f"{at}.{key}")

    return check


STR, INT, BOOL, DICT, LIST = kind(str), kind(int), kind(bool), kind(dict), kind(list)
NUMBER = kind(int, float)
UUID = match(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TEXT = match(r"(?s).*\S.*")
TIME = match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
SHA256 = match(r"[0-9a-f]{64}")
YES: Check = lambda value, at: None if value is True else fail(at, "true", value)  # noqa: E731
ANYTHING: Check = lambda value, at: None  # noqa: E731

WHERE = obj(file=TEXT, pointer=STR, line=INT, column=INT)


def problem(value: Any, at: str) -> None:
    obj(
        type=match(r"urn:comfyui-cockpit:[a-z_]+"),
        title=TEXT,
        status=INT,
        detail=TEXT,
        code=match(r"[a-z_]+"),
        hint=TEXT,
        args=DICT,
        where=maybe(WHERE),
        retryable=BOOL,
        link=maybe(match(r"https?://.+")),
        errors=many(problem),
    )(value, at)
    if value["type"] != f"urn:comfyui-cockpit:{value['code']}":
        fail(f"{at}.type", value["code"], value["type"])
    if not re.search(r"[.?!…]$", value["detail"]):
        fail(f"{at}.detail", "a sentence", value["detail"])


problem_of: Check = problem
FAILURE = obj(ok=lambda v, at: None if v is False else fail(at, "false", v), problem=problem)
READY = obj(event=one("ready"), url=TEXT, port=INT, pid=INT, version=TEXT, api=INT)
CONNECTION = obj(
    schema_version=INT,
    url=TEXT,
    header=one("X-Cockpit-Secret"),
    secret=TEXT,
    root=TEXT,
    pid=INT,
    started_at=TIME,
    version=TEXT,
    api=INT,
)
HEALTH = obj(
    state=one("ready"),
    version=TEXT,
    api=INT,
    java=TEXT,
    root=TEXT,
    models_dir=TEXT,
    started_at=TIME,
)

PROGRESS = obj(
    phase=STR,
    current=maybe(STR),
    done_bytes=INT,
    total_bytes=maybe(INT),
    done_steps=INT,
    total_steps=INT,
    bytes_per_second=maybe(INT),
    seconds_left=maybe(INT),
    stalled=BOOL,
)
JOB_KEYS: dict[str, Check] = {
    "id": TEXT,
    "kind": match(r"[a-z]+\.[a-z_]+"),
    "lane": maybe(one("downloads", "environments", "gpu")),
    "state": one("queued", "running", "done", "failed", "cancelled"),
    "subjects": many(TEXT),
    "parent": maybe(TEXT),
    "queue_place": maybe(INT),
    "progress": PROGRESS,
    "created_at": TIME,
    "started_at": maybe(TIME),
    "ended_at": maybe(TIME),
    "result": maybe(DICT),
    "problem": maybe(problem),
}
JOB = obj(**JOB_KEYS, log=many(STR))
JOB_EVENT = obj(**JOB_KEYS)
ONE_JOB = obj(job=JOB)
JOBS = obj(ok=YES, jobs=many(JOB))
SNAPSHOT = obj(
    api=INT,
    jobs=many(JOB_EVENT),
    models_revision=kind(str, int),
    versions_revision=maybe(kind(str, int)),
)

STATUS_KEYS: dict[str, Check] = {
    "ok": BOOL,
    "revision": kind(str, int),
    "models_dir": match(r"/.+"),
    "declaration": obj(file=TEXT, state=one("ok", "missing", "invalid"), errors=many(problem)),
    "bundles": many(
        obj(
            id=TEXT,
            description=STR,
            models=many(TEXT),
            auto_install=BOOL,
            enabled=BOOL,
            missing_bytes=maybe(INT),
        )
    ),
    "models": many(
        obj(
            id=TEXT,
            display_name=maybe(TEXT),
            version=maybe(TEXT),
            type=maybe(TEXT),
            path=TEXT,
            host=TEXT,
            state=one("installed", "missing", "invalid"),
            size_bytes=maybe(INT),
            sha256=maybe(SHA256),
            verified=one("declared", "hub", "none", "unchecked"),
            executes_code=BOOL,
            job_id=maybe(TEXT),
            problem=maybe(problem),
        )
    ),
}
STATUS = obj(**STATUS_KEYS)
WAITED = obj(**STATUS_KEYS, timed_out=BOOL)
PLAN = obj(
    ok=BOOL,
    steps=many(
        obj(
            id=TEXT,
            action=one("download", "copy", "present", "blocked"),
            host=TEXT,
            path=TEXT,
            size_bytes=maybe(INT),
            sha256=maybe(SHA256),
            expected_from=maybe(one("declared", "hub")),
            executes_code=BOOL,
            problem=maybe(problem),
        )
    ),
    file_systems=many(
        obj(path=match(r"/.*"), free_bytes=INT, needed_bytes=INT, shortfall_bytes=INT)
    ),
    unknown_sizes=INT,
    problems=many(problem),
)
INSTALL = obj(
    ok=BOOL,
    models=many(
        obj(
            id=TEXT,
            state=one("installed", "present", "failed", "cancelled", "skipped"),
            path=TEXT,
            size_bytes=maybe(INT),
            sha256=maybe(SHA256),
            verified=one("declared", "hub", "none"),
            problem=maybe(problem),
        )
    ),
)
VERIFY = obj(
    ok=BOOL,
    models=many(
        obj(
            id=TEXT,
            path=TEXT,
            state=one(
                "ok", "missing", "size_differs", "checksum_differs", "unverifiable", "repaired"
            ),
            method=one("full", "cached"),
            expected=maybe(TEXT),
            actual=maybe(TEXT),
            problem=maybe(problem),
        )
    ),
)
PIN = obj(
    ok=BOOL,
    changed=many(obj(id=TEXT, sha256=SHA256, size_bytes=INT, from_=one("hub", "file"))),
    unchanged=many(TEXT),
    problems=many(problem),
)
DECLARE = obj(
    ok=YES,
    id=match(r"[a-z0-9]+(_[a-z0-9]+)*"),
    written=BOOL,
    model=DICT,
    choices=many(obj(filename=TEXT, size_bytes=maybe(INT), source=TEXT)),
    gate=maybe(obj(kind=TEXT, url=maybe(TEXT), until=maybe(TEXT))),
    licence=maybe(TEXT),
    bundle=maybe(TEXT),
)
REMOVE = obj(
    ok=BOOL,
    removed=many(obj(id=TEXT, path=TEXT, freed_bytes=INT)),
    kept=many(obj(id=TEXT, path=TEXT, reason=TEXT)),
)
VALIDATE = obj(ok=BOOL, file=TEXT, errors=many(problem), warnings=many(problem))
DOCTOR = obj(
    ok=BOOL,
    checks=many(
        obj(
            name=TEXT,
            state=one("ok", "warning", "failed"),
            code=TEXT,
            args=DICT,
            detail=TEXT,
            hint=STR,
        )
    ),
)

COMMIT = match(r"[0-9a-f]{40}")
KEY = match(r"[0-9a-f]{16}")
FILE_SYSTEMS = many(obj(path=match(r"/.*"), free_bytes=INT, needed_bytes=INT, shortfall_bytes=INT))
VERSION_PLAN = obj(
    ok=BOOL,
    version_id=TEXT,
    lock_digest=SHA256,
    action=one("realize", "nothing"),
    steps=many(
        obj(
            kind=one("commit", "checkout", "environment", "package", "model", "link", "switch"),
            subject=TEXT,
            from_=maybe(one("cache", "network", "wheels", "file")),
            size_bytes=maybe(INT),
        )
    ),
    file_systems=FILE_SYSTEMS,
    missing=many(problem),
)
WRITTEN = obj(ok=YES, version_id=TEXT, file=match(r"/.+\.json"))
RESOLVE = obj(
    ok=YES,
    lock_file=match(r"/.+\.lock\.json"),
    lock_digest=SHA256,
    changed=many(obj(what=TEXT, from_=maybe(TEXT), to=maybe(TEXT))),
)
REALIZE = obj(
    ok=YES,
    state=one("realized", "unchanged"),
    target=match(r"/.+"),
    lock_digest=SHA256,
    environment_digest=SHA256,
    previous=maybe(KEY),
)
VERSION_STATUS = obj(
    ok=BOOL,
    version_id=TEXT,
    state=one("declared", "resolved", "stale", "realized", "broken"),
    target=match(r"/.+"),
    lock_digest=maybe(SHA256),
    environment_digest=maybe(SHA256),
    differences=many(problem),
)
VERSIONS = obj(
    ok=YES,
    revision=TEXT,
    directory=match(r"/.+"),
    cache_root=match(r"/.+"),
    versions=many(VERSION_STATUS),
)
VERSION_DIFF = obj(
    ok=BOOL,
    equal=BOOL,
    differences=many(obj(pointer=match(r"(/.*)?"), a=ANYTHING, b=ANYTHING)),
)
FREED = obj(
    ok=YES,
    dry_run=BOOL,
    removed=many(obj(path=match(r"/.+"), freed_bytes=INT)),
    kept=many(obj(path=match(r"/.+"), reason=TEXT)),
)
REPRODUCE = obj(
    ok=BOOL,
    equal=BOOL,
    runs=many(obj(lock_digest=SHA256, environment_digest=SHA256)),
    differences=many(problem),
)
PACK = obj(ok=YES, path=match(r"/.+"), files=many(obj(path=TEXT, size_bytes=INT, sha256=SHA256)))
BASELINE = obj(
    schema_version=INT,
    workflow_sha256=SHA256,
    lock_digest=SHA256,
    files=values(SHA256),
)
OUTPUT = obj(
    name=TEXT,
    node_id=maybe(TEXT),
    kind=one("image", "video", "audio", "text", "3d", "file"),
    mime=match(r"[a-z]+/[^ ]+(; charset=utf-8)?"),
    size_bytes=INT,
    sha256=SHA256,
    base64=maybe(match(r"[A-Za-z0-9+/]*=*")),
    gcs_uri=maybe(match(r"gs://.+")),
    path=maybe(match(r"/.+")),
    url=maybe(match(r"https?://.+")),
    signed_url=maybe(match(r"https?://.+")),
)
RUN = obj(
    request_id=TEXT,
    version_id=TEXT,
    prompt_id=maybe(UUID),
    lock_digest=SHA256,
    output_mode=one("base64", "gcs", "file"),
    outputs=many(OUTPUT),
    timings=obj(realize=NUMBER, start=NUMBER, run=NUMBER, deliver=NUMBER),
)
HASH = obj(
    ok=BOOL,
    equal=BOOL,
    version_id=TEXT,
    before=maybe(BASELINE),
    now=BASELINE,
    differences=many(obj(pointer=TEXT, a=maybe(TEXT), b=maybe(TEXT))),
)
INIT = obj(ok=YES, path=match(r"/.+"), venv=match(r"/.+"), commit=COMMIT, python=TEXT, torch=TEXT)

_CHECKOUT: dict[str, Check] = {
    "repo": TEXT,
    "commit": COMMIT,
    "tree": COMMIT,
    "submodules": many(obj(path=TEXT, repo=TEXT, commit=COMMIT)),
}
_DIST: dict[str, Check] = {"name": TEXT, "version": TEXT, "file": TEXT, "sha256": SHA256}
_GIT: dict[str, Check] = {"name": TEXT, "repo": TEXT, "commit": COMMIT}


def locked_package(value: Any, at: str) -> None:
    """A file of an index, or one with its address; a commit of a repository, or a part of it."""
    DICT(value, at)
    keys, more = (_GIT, "subdirectory") if "repo" in value else (_DIST, "url")
    obj(**keys | ({more: TEXT} if more in value else {}))(value, at)


def environment(value: Any, at: str) -> None:
    DICT(value, at)
    for name, text in value.items():
        match(r"[A-Za-z_][A-Za-z0-9_]*")(name, at)
        STR(text, f"{at}.{name}")


LOCK = obj(
    lock_version=lambda v, at: None if v == 1 else fail(at, "1", v),
    platform=match(r"[a-z0-9_-]+"),
    python=match(r"3\.\d+\.\d+"),
    comfy=obj(**_CHECKOUT),
    custom_nodes=many(
        obj(name=TEXT, dir=match(r"custom_nodes/.+"), run_install_script=BOOL, **_CHECKOUT)
    ),
    packages=many(locked_package),
    build_packages=many(locked_package),
    torch_backend=maybe(TEXT),
    places=many(TEXT),
    models=many(obj(path=TEXT, source=TEXT, size_bytes=maybe(INT), sha256=maybe(SHA256))),
    env=environment,
)


def check(shape: Check, document: Any) -> Any:
    """Return the document when it has the shape."""
    shape(document, "")
    return document
