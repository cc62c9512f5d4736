"""Each code of the catalogue, provoked by the real command line: code, exit status, hint, no file."""

from __future__ import annotations

import concurrent.futures
import json
import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from demo.hub.exchange import Hub

from . import shapes
from .cockpit import Done, Program, Root, about
from .conftest import serving
from .shapes import check

HF, CIVITAI = "https://huggingface.co", "https://civitai.com"
ZEROS = "0" * 64
FAILED, WRONG_USE, DIFFERS = 1, 2, 3


@dataclass(frozen=True)
class Row:
    """`source` is installed as `<id>.safetensors`; `{hub}` and `{closed}` are addresses."""

    code: str
    source: str | dict[str, Any]
    hint: str  # a regular expression for a part of it
    variables: dict[str, str] = field(default_factory=dict)
    entry: dict[str, Any] = field(default_factory=dict)
    link: str | None = None
    args: dict[str, Any] = field(default_factory=dict)  # what must be among them; ... is anything
    path: str = "a.safetensors"


def hf(repo: str, file: str = "model.safetensors") -> str:
    return f"hf://{repo}/{file}"


def civitai(version: int) -> str:
    return f"civitai://models/{version}"


def web(fault: str) -> str:
    return f"{{hub}}/files/{fault}/a.safetensors"


def bad_file(kind: str) -> Row:
    return Row("not_a_model", web(kind), "Open the address in a browser")


def bad_redirect(kind: str) -> Row:
    return Row("redirect_refused", web(kind), "address of the file itself")


def nonsense(kind: str) -> Row:
    return Row("host_error", web(kind), "Try again later")


READER, SCOPED = {"HF_TOKEN": "hf_reader"}, {"HF_TOKEN": "hf_scoped"}
WRONG_HF, WRONG_CIVITAI = {"HF_TOKEN": "hf_nobody"}, {"CIVITAI_TOKEN": "nobody"}
ALL_HF, ALL_CIVITAI = {"HF_TOKEN": "hf_demo"}, {"CIVITAI_TOKEN": "civitai_demo"}
GATED = f"{HF}/gated/no-licence"

ROWS: dict[str, Row] = {
    # Case 48: every refusal of the Hub has its own words.
    "token_missing-hf": Row("token_missing", hf("gated/no-licence"), "Accept the terms on the page, then set HF_TOKEN", link=GATED),
    "token_missing-manual": Row("token_missing", hf("gated/manual"), "HF_TOKEN", link=f"{HF}/gated/manual"),
    "token_missing-civitai": Row("token_missing", civitai(101), "API key .* CIVITAI_TOKEN"),
    "token_rejected-hf": Row("token_rejected", hf("demo/mixed"), "new token .* HF_TOKEN, or unset it", WRONG_HF),
    "token_rejected-civitai": Row("token_rejected", civitai(101), "new API key .* CIVITAI_TOKEN", WRONG_CIVITAI),
    "licence_not_accepted": Row("licence_not_accepted", hf("gated/no-licence"), "accept its terms with the account of your token", READER, link=GATED),
    "access_denied-hf": Row("access_denied", hf("gated/no-licence"), "account that has it", SCOPED, link=GATED),
    "access_denied-civitai": Row("access_denied", civitai(209), "account that has it", ALL_CIVITAI),
    "access_denied-401": Row("access_denied", web("status-401"), "address that needs no login", ALL_HF | ALL_CIVITAI),
    "access_denied-403": Row("access_denied", web("status-403"), "Ask the owner"),
    # Cases 51 and 52.
    "early_access": Row("early_access", civitai(208), "Wait until the date", args={"until": "2027-01-01T00:00:00.000Z"}),
    "early_access-page": Row("early_access", civitai(213), "Wait until the date", args={"until": "2027-01-01T00:00:00.000Z"}),
    "download_disabled": Row("download_disabled", civitai(207), "another version or another source"),
    "download_disabled-token": Row("download_disabled", civitai(207), "another version or another source", ALL_CIVITAI),
    "removed_by_host-civitai": Row("removed_by_host", civitai(206), "another version or another source"),
    "removed_by_host-hf": Row("removed_by_host", hf("disabled/repo"), "another version or another source"),
    "removed_by_host-410": Row("removed_by_host", web("status-410"), "another version or another source"),
    # Case 53.
    "blocked-challenge": Row("blocked", web("challenge"), "another network, or set HTTPS_PROXY"),
    "blocked-challenge-503": Row("blocked", web("challenge-503"), "another network"),
    "blocked-civitai": Row("blocked", civitai(214), "another network"),
    "blocked-region": Row("blocked", civitai(212), "another network"),
    "blocked-forbidden": Row("blocked", civitai(201), "another network"),
    "blocked-451": Row("blocked", web("status-451"), "another network"),
    "repository_not_found": Row("repository_not_found", hf("nobody/nothing"), "Check the repository's name"),
    "repository_not_found-token": Row("repository_not_found", hf("nobody/nothing"), "Check the repository's name", ALL_HF),
    "repository_not_found-private": Row("repository_not_found", hf("private/repo"), "private one needs HF_TOKEN"),
    "revision_not_found": Row("revision_not_found", hf("demo/mixed@nowhere"), "branch, tag or commit"),
    "file_not_found-hf": Row("file_not_found", hf("demo/mixed", "Model.safetensors"), "upper and lower case"),
    "file_not_found-404": Row("file_not_found", web("status-404"), "Check the file name"),
    "file_not_found-civitai": Row("file_not_found", "civitai://models/102?type=Archive", "demo_pruned.safetensors, demo_full.safetensors"),
    "version_not_found": Row("version_not_found", civitai(999), "modelVersionId"),
    "version_not_found-gone": Row("version_not_found", civitai(204), "modelVersionId"),
    "source_ambiguous-civitai": Row("source_ambiguous", civitai(102), "Choose one of: demo_pruned.safetensors = civitai", args={"choices": ...}),
    "source_ambiguous-air": Row("source_ambiguous", "urn:air:sdxl:lora:civitai:5001", "Choose one of", args={"choices": ...}),
    "source_ambiguous-page": Row("source_ambiguous", f"{CIVITAI}/models/5001", "Choose one of", args={"choices": ...}),
    "source_ambiguous-hf": Row("source_ambiguous", f"{HF}/demo/mixed", "model.gguf = hf://", args={"choices": ...}),
    "source_unsupported-folder": Row("source_unsupported", "folder", "Name the file itself"),
    "source_unsupported-pipe": Row("source_unsupported", "pipe", "Name the file itself"),
    "source_unsupported-device": Row("source_unsupported", "/dev/zero", "Name the file itself"),
    # Case 49: what a host asks for is done, unless it is too long.
    "rate_limited-long": Row("rate_limited", web("retry-after-86400"), "a token raises the limit", args={"retry_after": 86400}),
    "rate_limited-hf": Row("rate_limited", hf("broken/rate-limited-bare"), "Wait, then try again"),
    "rate_limited-civitai": Row("rate_limited", civitai(202), "Wait, then try again"),
    "rate_limited-page": Row("rate_limited", civitai(215), "Wait, then try again"),
    # Case 50 and lengths that make no sense.
    "host_error-500": nonsense("status-500"),
    "host_error-501": nonsense("status-501"),
    "host_error-civitai": Row("host_error", civitai(210), "Try again later"),
    "host_error-204": nonsense("no-content"),
    "host_error-two-lengths": nonsense("two-lengths"),
    "host_error-negative": nonsense("negative-length"),
    "host_error-huge": nonsense("huge-length"),
    "host_error-gzip": nonsense("gzip"),
    "host_error-other-length": Row("host_error", hf("broken/longer-length"), "Try again later"),
    # Cases 42, 43: the storage's own refusals never ask for a token.
    "host_error-cdn-401": Row("host_error", hf("broken/cdn-401"), "Try again later", ALL_HF),
    "host_error-cdn-403": Row("host_error", hf("broken/cdn-403"), "Try again later", ALL_HF),
    "host_error-expired": Row("host_error", hf("broken/expired"), "Try again later"),
    "host_error-storage": Row("host_error", civitai(303), "Try again later", ALL_CIVITAI),
    "host_error-no-such-key": Row("host_error", civitai(304), "Try again later"),
    "connection_failed-refused": Row("connection_failed", "http://127.0.0.1:{closed}/a.safetensors", "HTTPS_PROXY, NO_PROXY"),
    "connection_failed-name": Row("connection_failed", "https://nowhere.invalid/a.safetensors", "HTTPS_PROXY, NO_PROXY"),
    "connection_failed-proxy": Row("connection_failed", "https://models.example/a.safetensors", "user name and password", {"HTTPS_PROXY": "http://127.0.0.1:{closed}"}, args={"proxy": True}),
    "redirect_refused-loop": bad_redirect("redirect-loop"),
    "redirect_refused-21": bad_redirect("redirect-21"),
    "redirect_refused-nowhere": bad_redirect("redirect-nowhere"),
    "redirect_refused-file": bad_redirect("redirect-file"),
    "redirect_refused-ftp": bad_redirect("redirect-ftp"),
    "redirect_refused-javascript": bad_redirect("redirect-javascript"),
    "redirect_refused-userinfo": bad_redirect("redirect-userinfo"),
    "redirect_refused-long": bad_redirect("redirect-long"),
    "redirect_refused-link-local": bad_redirect("redirect-link-local"),
    "stalled": Row("stalled", hf("broken/stall-at-start"), "the host is too slow"),
    "incomplete": Row("incomplete", web("truncated"), "Try again later"),
    "incomplete-civitai": Row("incomplete", civitai(307), "Try again later"),
    "not_a_model-html": bad_file("html"),
    "not_a_model-login": bad_file("login-redirect"),
    "not_a_model-civitai": Row("not_a_model", civitai(305), "Open the address in a browser"),
    "not_a_model-lfs": Row("not_a_model", web("lfs-pointer"), "resolve"),
    "not_a_model-json": bad_file("json-error"),
    "not_a_model-zip": bad_file("zip"),
    "not_a_model-pickle": bad_file("pickle"),
    "not_a_model-header-zero": bad_file("header-zero"),
    "not_a_model-header-huge": bad_file("header-huge"),
    "not_a_model-header-past-end": bad_file("header-past-end"),
    "not_a_model-header-gap": bad_file("header-gap"),
    "not_a_model-header-overlap": bad_file("header-overlap"),
    "not_a_model-header-short": bad_file("header-short"),
    "not_a_model-empty": bad_file("empty"),
    "not_a_model-gguf-cut": Row("not_a_model", "{hub}/files/gguf-cut/a.gguf", "Open the address", path="a.gguf"),
    "not_a_model-gguf": Row("not_a_model", "{hub}/files/zip/a.gguf", "Open the address", path="a.gguf"),
    "size_differs": Row("size_differs", web("good"), "size_bytes in models.json", entry={"size_bytes": 5}, args={"expected": 5, "actual": 3 << 20}),
    "size_differs-hub": Row("size_differs", hf("demo/mixed"), "size_bytes in models.json", entry={"size_bytes": 5}, args={"actual": 1_000_000}),
    "checksum_differs": Row("checksum_differs", web("good"), "sha256 in models.json", entry={"sha256": ZEROS}, args={"expected": ZEROS, "actual": ...}),
    "checksum_differs-hub": Row("checksum_differs", hf("demo/mixed"), "sha256 in models.json", entry={"sha256": ZEROS}, args={"expected": ZEROS}),
    "checksum_of_host_differs": Row("checksum_of_host_differs", hf("broken/hub-hash"), "tell the host", args={"expected": ZEROS}),
    "checksum_of_host_differs-bit": Row("checksum_of_host_differs", hf("broken/wrong-hash"), "tell the host"),
    "checksum_of_host_differs-civitai": Row("checksum_of_host_differs", civitai(104), "tell the host"),
    "checksum_of_host_differs-civitai-bit": Row("checksum_of_host_differs", civitai(309), "tell the host"),
    "path_taken": Row("path_taken", web("good"), "Move it away", path="folder"),
    "path_taken-itself": Row("path_taken", "ours.bin", "another source", path="twin.bin"),
    "file_missing": Row("file_missing", "nowhere.bin", "Install it, or correct the path"),
    "offline": Row("offline", "https://models.example/a.safetensors", "without --offline once", {"OFFLINE": "1"}, args={"missing": ["https://models.example/a.safetensors"]}),
}  # fmt: skip

GOOD: dict[str, Row] = {
    "49-r0-t2": Row("", hf("broken/rate-limited-once"), ""),
    "49-date": Row("", web("retry-after-date-once"), ""),
    "49-past": Row("", web("retry-after-past-once"), ""),
    "49-garbage": Row("", web("retry-after-garbage-once"), ""),
    "43-expired-once": Row("", hf("broken/expired-once"), "", ALL_HF),
    "43-civitai": Row("", civitai(302), "", ALL_CIVITAI),
    "44-hf": Row("", hf("broken/expires-midway"), "", ALL_HF),
    "44-civitai": Row("", civitai(310), "", ALL_CIVITAI),
    "45-signed-range": Row("", hf("broken/signed-range"), "", ALL_HF),
    "36-gated": Row("", hf("gated/no-licence"), "", ALL_HF),
    "36-login": Row("", civitai(101), "", ALL_CIVITAI),
    "37-renamed": Row("", hf("old/renamed"), "", ALL_HF),
    "38-b2": Row("", civitai(301), "", ALL_CIVITAI),
    "47-newline": Row("", hf("private/repo"), "", {"HF_TOKEN": "hf_demo\n"}),
    "51-404-once": Row("", civitai(205), "", ALL_CIVITAI),
    "50-500-once": Row("", civitai(211), ""),
    "50-503-twice": Row("", web("status-503-twice"), ""),
    "55-no-hash": Row("", civitai(103), ""),
    "55-lower": Row("", civitai(105), ""),
    "55-mixed": Row("", civitai(106), ""),
    "55-length": Row("", civitai(107), ""),
    "21-reset-resumed": Row("", hf("broken/reset-once"), ""),
    "35-head-403": Row("", web("head-403"), ""),
    "35-head-405": Row("", hf("broken/head-405"), ""),
    "40-3-hops": Row("", web("redirect-3"), ""),
    "64-name": Row("", web("disposition-dotdot"), ""),
}  # fmt: skip


@dataclass
class Asked:
    """What came of a row."""

    done: Done
    left: list[str]


@pytest.fixture(scope="module")
def shared_hub() -> Iterator[Hub]:
    with serving() as hub:
        yield hub


@pytest.fixture(scope="module")
def answers(
    tmp_path_factory: pytest.TempPathFactory,
    program: Program,
    shared_hub: Hub,
    request: pytest.FixtureRequest,
) -> dict[str, Asked]:
    """Run the rows that are wanted, some side by side: each has its own root."""
    wanted = {
        item.callspec.params.get("name", "")
        for item in request.session.items
        if item.path == request.path and hasattr(item, "callspec")
    }
    place = tmp_path_factory.mktemp("codes")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused for certain
        closed = str(taken.getsockname()[1])

        def ask(name: str) -> Asked:
            row = (ROWS | GOOD)[name]
            return _ask(
                row, Root(place / name, place / f"{name}-home", program, shared_hub), closed
            )

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            names = [name for name in ROWS | GOOD if name in wanted]
            return dict(zip(names, pool.map(ask, names), strict=True))


def _ask(row: Row, root: Root, closed: str) -> Asked:
    root.set(network={"retries": 2 if not row.code else 1})
    (root.path / "folder").mkdir()
    os.mkfifo(root.path / "pipe")
    (root.path / "ours.bin").write_bytes(b"\0" * 2000)
    if row.path == "twin.bin":
        (root.path / "twin.bin").hardlink_to(root.path / "ours.bin")
    before = root.tree()

    def fill(text: str) -> str:
        return text.replace("{hub}", root.hub.api).replace("{closed}", closed)

    source = json.loads(fill(json.dumps(row.source)))
    root.declare(a={"source": source, "path": row.path} | row.entry)
    variables = {name: fill(value) for name, value in row.variables.items()}
    more = ["--offline"] if variables.pop("OFFLINE", "") else []
    more += ["--overwrite"] if row.path == "twin.bin" else []
    done = root.install(*more, **variables)
    return Asked(done, sorted(set(root.tree()) - set(before)))


@pytest.mark.parametrize("name", ROWS)
def test_code(answers: dict[str, Asked], name: str) -> None:
    row, answer = ROWS[name], answers[name]
    model = check(shapes.INSTALL, answer.done.json)["models"][0]
    problem = model["problem"]
    assert problem is not None, "it was installed"
    assert problem["code"] == row.code, problem
    assert answer.done.status == FAILED
    assert answer.done.json["ok"] is False
    assert model["state"] == "failed"
    assert re.search(row.hint, problem["hint"]), problem["hint"]
    if row.link:
        assert problem["link"] == row.link
    for key, value in row.args.items():
        assert key in problem["args"], problem["args"]
        assert value is ... or problem["args"][key] == value
    for choice in problem["args"].get("choices", []):
        assert set(choice) == {"filename", "size_bytes", "source"}
        assert choice["size_bytes"] is None or choice["size_bytes"] >= 0
    assert answer.left == [], "nothing half-done is left"


@pytest.mark.parametrize("name", GOOD)
def test_what_must_not_fail(answers: dict[str, Asked], name: str) -> None:
    """The other side of the same cases: a host's passing trouble ends with the right file."""
    answer = answers[name]
    model = check(shapes.INSTALL, answer.done.json)["models"][0]
    assert (model["state"], answer.done.status) == ("installed", 0), model["problem"]
    assert answer.left == ["a.safetensors"]


def test_no_credential_ever_reached_a_storage(answers: dict[str, Asked], shared_hub: Hub) -> None:
    """Cases 36, 38, 42, 54: in all that the rows above sent."""
    assert answers
    with shared_hub.lock:
        entries = list(shared_hub.entries)
    storage = [
        e for e in entries if e["kind"] in ("cdn", "storage") or e["host"].startswith("localhost")
    ]
    assert len(storage) > 20
    for entry in storage:
        assert not entry["authorization"], entry
        assert not entry["cookie"], entry
        assert not entry["token_in_query"], entry
        assert not [name for name in entry["header_names"] if "token" in name or "secret" in name]
    plain = [e for e in entries if e["kind"] == "file"]
    assert plain
    # The plain host is the hub's own origin in these tests, yet a plain source is no hub's.
    assert not [e for e in plain if e["authorization"] or e["token_in_query"]]
    assert not [e for e in entries if e["token_in_query"]], (
        "a token is a header, never in an address"
    )
    hubs = [e for e in entries if e["kind"] in ("resolve", "download") and e["authorization"]]
    assert hubs, "the tokens did go where they belong"


def test_refusals_are_not_asked_twice(answers: dict[str, Asked], shared_hub: Hub) -> None:
    """What is final is not asked again: one HEAD, and a GET where a HEAD cannot say it."""
    assert answers
    for fault in ("status-410", "status-451", "status-404", "challenge"):
        subject = f"files/{fault}/a.safetensors"
        with shared_hub.lock:
            asked = [e["method"] for e in shared_hub.entries if e["subject"] == subject]
        assert len(asked) == len(set(asked)) <= 2, (fault, asked)


# What is wrong with the user's own words: exit 2.
USE: dict[str, tuple[list[str], str, int, str]] = {
    "declaration_invalid": (["models", "install", "--root", "{invalid}"], "declaration_invalid", WRONG_USE, "Did you mean"),
    "unknown_id": (["models", "install", "--model", "b", "--root", "{good}"], "unknown_id", WRONG_USE, "It declares|Did you mean"),
    "bad_request": (["models", "install", "--modle", "b"], "bad_request", WRONG_USE, "--help"),
    "not_found": (["jobs", "show", "x", "--root", "{good}"], "not_found", WRONG_USE, "jobs list"),
    "source_unsupported": (["models", "declare", "ftp://x/y", "--root", "{good}"], "source_unsupported", WRONG_USE, "hf://"),
    "path_outside_root": (["models", "declare", "own.bin", "--path", "../x", "--root", "{good}"], "declaration_invalid", WRONG_USE, "relative to models_dir"),
    "path_taken-link": (["models", "declare", "own.bin", "--path", "dangling", "--root", "{good}"], "declaration_invalid", WRONG_USE, "Move it away"),
    "path_taken": (["models", "declare", "own.bin", "--path", "a.bin", "--root", "{good}"], "declaration_invalid", WRONG_USE, "a path of its own"),
}  # fmt: skip


@pytest.mark.parametrize("case", USE)
def test_wrong_use(root: Root, case: str) -> None:
    arguments, code, status, hint = USE[case]
    invalid = root.path / "invalid"
    invalid.mkdir()
    (invalid / "models.json").write_text('{"model": {}}')
    (root.path / "own.bin").write_bytes(b"\0" * 2000)
    (root.path / "dangling").symlink_to("nothing")
    root.declare(a={"source": "own.bin", "path": "a.bin"})
    places = {"{invalid}": str(invalid), "{good}": str(root.path)}
    done = root.bare(*[places.get(word, word) for word in arguments], "--json")
    problem = check(shapes.problem_of, done.problem)
    assert (problem["code"], done.status) == (code, status)
    assert re.search(hint, problem["hint"]), problem["hint"]
    if case.startswith("path_"):
        assert problem["errors"][0]["code"] == case.partition("-")[0]


def test_token_that_is_none(root: Root) -> None:
    """Case 47: characters that no token has are an error of the settings, named and not shown."""
    root.declare(a=hf("demo/mixed"))
    done = root.install(HF_TOKEN="hf_démo")
    problem = check(shapes.problem_of, done.problem)
    assert (problem["code"], done.status) == ("declaration_invalid", WRONG_USE)
    assert "HF_TOKEN" in problem["detail"]
    assert "hf_d" not in done.out + done.err
    assert "Copy the token again" in problem["hint"]


def test_refusal_of_a_wait(root: Root) -> None:
    """A day's wait fails at once, a short one is taken: see the rows; here with --json off."""
    root.declare(a=f"{root.hub.api}/files/retry-after-86400/a.safetensors")
    done = root.run("models", "install", "--all")
    assert done.status == FAILED
    assert "(rate_limited)" in done.out
    assert about(fault="good", name="a.safetensors")[0] == 3 << 20


def test_plan_names_everything_that_would_fail(root: Root) -> None:
    """The complete list, never only the first; exit 1."""
    root.declare(
        gated=hf("gated/no-licence"),
        gone=civitai(206),
        ambiguous=civitai(102),
        good=hf("demo/mixed"),
        folder={"source": hf("demo/mixed"), "path": "folder"},
    )
    (root.path / "folder").mkdir()
    done = root.json("models", "plan", "--all")
    plan = check(shapes.PLAN, done.json)
    codes = {s["id"]: s["problem"] and s["problem"]["code"] for s in plan["steps"]}
    assert codes == {
        "gated": "token_missing",
        "gone": "removed_by_host",
        "ambiguous": "source_ambiguous",
        "good": None,
        "folder": "path_taken",
    }
    assert {p["code"] for p in plan["problems"]} == set(codes.values()) - {None}
    assert (done.status, plan["ok"]) == (FAILED, False)


def test_daemon_that_went(root: Root) -> None:
    """daemon_failed: it answered, and then no more."""
    root.declare(a=hf("demo/mixed"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        file = Path(root.environment["COCKPIT_CONNECTION_FILE"])
        file.parent.mkdir(parents=True, exist_ok=True)
        said = {"url": url, "secret": "x", "root": str(root.path.resolve()), "api": 1}
        file.write_text(json.dumps(said))
        command = root.start("models", "status", "--json")
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
        for reply in (answer, b"", b""):
            server.settimeout(20)
            try:
                connection, _ = server.accept()
            except TimeoutError:
                break
            with connection:
                connection.recv(65536)
                connection.sendall(reply)
            if command.process.poll() is not None:
                break
            server.settimeout(2)
        server.close()
        done = command.end()
    problem = check(shapes.problem_of, done.problem)
    assert (problem["code"], done.status) == ("daemon_failed", FAILED)
    assert "log" in problem["hint"]


def test_stale_connection_file(root: Root) -> None:
    """A daemon that was killed leaves its file: the command does the work itself."""
    root.declare(a=hf("demo/mixed"))
    daemon = root.serve().wait()
    daemon.kill()
    assert daemon.connection_file.exists()
    assert root.install().status == 0
