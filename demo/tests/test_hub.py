"""What the hub does that no client of the hubs can be asked about."""

from __future__ import annotations

import hashlib
import http.client
import json
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from demo.hub import civitai, huggingface, transfer
from demo.hub.content import broken_file, gguf, safetensors
from demo.hub.exchange import Hub
from demo.hub.server import plain_body

ROOT = Path(__file__).resolve().parents[2]


def ask(url: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=5)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    try:
        connection.request(method, target, headers=named)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def civit(hub: Hub, version: int | str, query: str = "", **headers: str) -> tuple[int, Any]:
    url = f"{hub.api}/api/download/models/{version}{query}"
    status, got, body = ask(url, **headers)
    return status, got.get("Location") or json.loads(body)


@pytest.mark.parametrize("size", [256, 4096, 16384, 1_000_001, 64_000_000])
def test_safetensors_are_as_the_format_says(size: int) -> None:
    body = safetensors("a", size)
    raw = b"".join(body.pieces())
    assert len(raw) == body.size == size
    [length] = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    del header["__metadata__"]
    at = 0
    for tensor in header.values():
        start, end = tensor["data_offsets"]
        wide = {"F16": 2, "U8": 1}[tensor["dtype"]]
        assert (start, end - start) == (at, tensor["shape"][0] * wide)
        at = end
    assert at == size - 8 - length


def test_gguf_begins_as_the_format_says() -> None:
    assert gguf("a", 4096).read(0, 8) == b"GGUF\x03\0\0\0"


def test_any_part_of_a_file_is_the_same_as_in_the_whole() -> None:
    body = safetensors("a", 3_000_000)
    whole = b"".join(body.pieces())
    for start, end in ((0, 10), (4090, 5000), (1_000_000, 2_200_000), (2_999_999, 3_000_000)):
        assert b"".join(body.pieces(start, end)) == whole[start:end]
    assert hashlib.sha256(whole).hexdigest() == body.sha256


def test_a_huge_file_needs_no_memory(hub: Hub) -> None:
    url = f"{hub.api}/files/good/model.safetensors?size=30GB"
    status, headers, body = ask(url, Range="bytes=29999999990-")
    assert (status, len(body)) == (206, 10)
    assert headers["Content-Range"] == "bytes 29999999990-29999999999/30000000000"


def test_ranges_and_validators(hub: Hub) -> None:
    url = f"{hub.api}/files/good/a.safetensors?size=1000"
    _, headers, whole = ask(url)
    etag = headers["ETag"]
    assert ask(url, Range="bytes=10-19")[2] == whole[10:20]
    assert ask(url, Range="bytes=-5")[2] == whole[-5:]
    assert ask(url, Range="bytes=10-", If_Range=etag)[0] == 206
    assert ask(url, Range="bytes=10-", If_Range='"other"')[0] == 200
    status, headers, _ = ask(url, Range="bytes=1000-")
    assert (status, headers["Content-Range"]) == (416, "bytes */1000")
    assert ask(url, If_None_Match=etag)[0] == 304


def test_the_storage_refuses_a_token_and_a_changed_signature(hub: Hub) -> None:
    status, headers, _ = ask(f"{hub.api}/demo/mixed/resolve/main/model.safetensors")
    assert status == 302
    location = headers["Location"]
    assert ask(location, Authorization="Bearer hf_demo")[0] == 400
    assert ask(location.replace("Signature=", "Signature=0"))[0] == 403
    assert ask(location.replace("localhost", "127.0.0.1"))[0] == 403
    assert ask(location)[0] == 200


def test_every_answer_carries_the_rate_limit(hub: Hub) -> None:
    for path in ("demo/mixed/resolve/main/config.json", "no/such/resolve/main/x"):
        assert "RateLimit" in ask(f"{hub.api}/{path}")[1]


def test_small_json_is_gzipped_for_those_who_take_it(hub: Hub) -> None:
    path = "/demo/mixed/resolve/main/config.json"
    where = ask(f"{hub.api}{path}")[1]["Location"]
    assert where.startswith("/api/resolve-cache/models/demo/mixed/")
    assert ask(f"{hub.api}{where}", Accept_Encoding="gzip")[1]["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in ask(f"{hub.api}{where}", Accept_Encoding="identity")[1]


def test_a_branch_moves_after_the_first_look(hub: Hub) -> None:
    url = f"{hub.api}/moving/branch/resolve/main/model.safetensors"
    first, second = ask(url, "HEAD")[1], ask(url)[1]
    assert first["X-Repo-Commit"] != second["X-Repo-Commit"]
    assert first["X-Linked-ETag"] != second["X-Linked-ETag"]
    pinned = ask(url.replace("main", first["X-Repo-Commit"]))[1]
    assert pinned["X-Linked-ETag"] == first["X-Linked-ETag"]


DOWNLOADS = [
    (100, {}, 307, "/r2/"),
    (301, {}, 307, "/file/civitai-modelfiles/"),
    (201, {}, 403, "Forbidden"),
    (202, {}, 429, "unusual amount"),
    ("x", {}, 400, "Invalid"),
    (999, {}, 404, "File not found"),
    (206, {}, 410, "archived"),
    (207, {}, 401, "disabled downloads"),
    (101, {}, 401, "logged in"),
    (101, {"Authorization": "Bearer nobody"}, 401, "logged in"),
    (101, {"Authorization": "Bearer civitai_demo"}, 307, "/r2/"),
    (101, {"User_Agent": "Mozilla/5.0"}, 307, "/login?returnUrl="),
    (208, {}, 403, "Early Access"),
    (208, {"User_Agent": "Mozilla/5.0"}, 307, "/model-versions/208"),
    (209, {"Authorization": "Bearer civitai_demo"}, 403, "do not have access"),
    (210, {}, 500, "Internal"),
]


@pytest.mark.parametrize(("version", "headers", "status", "says"), DOWNLOADS)
def test_civitais_download_route(
    hub: Hub, version: int | str, headers: dict[str, str], status: int, says: str
) -> None:
    got, said = civit(hub, version, **headers)
    assert got == status
    assert says in str(said)


def test_a_header_beats_the_token_in_the_query(hub: Hub) -> None:
    assert civit(hub, 101, "?token=civitai_demo")[0] == 307
    assert civit(hub, 101, "?token=civitai_demo", Authorization="Bearer nobody")[0] == 401


def test_a_passing_404_passes(hub: Hub) -> None:
    assert [civit(hub, 205)[0] for _ in range(3)] == [404, 307, 307]


def test_the_site_chooses_among_files_and_fileid_is_exact(hub: Hub) -> None:
    assert "demo_pruned" in civit(hub, 102)[1]
    assert "demo_full" in civit(hub, 102, "?size=full")[1]
    assert "demo_vae" in civit(hub, 102, "?type=VAE")[1]
    assert "demo_full" in civit(hub, 102, "?fileId=1021")[1]
    listed = json.loads(ask(f"{hub.api}/api/v1/model-versions/102")[2])["files"]
    assert ask(listed[0]["downloadUrl"])[0] == 404


def test_civitais_metadata(hub: Hub) -> None:
    file = civitai.VERSIONS[128713].files[0]
    listed = json.loads(ask(f"{hub.api}/api/v1/model-versions/128713")[2])
    assert listed["modelId"] == 12345
    assert listed["files"][0]["hashes"]["SHA256"] == file.body.sha256.upper()
    assert round(listed["files"][0]["sizeKB"] * 1024) == file.body.size
    model = json.loads(ask(f"{hub.api}/api/v1/models/12345")[2])
    assert [version["id"] for version in model["modelVersions"]] == [128713]
    by_hash = f"{hub.api}/api/v1/model-versions/by-hash/{file.body.sha256}"
    assert json.loads(ask(by_hash)[2])["id"] == 128713
    assert ask(f"{hub.api}/api/v1/model-versions/212")[0] == 451
    assert json.loads(ask(f"{hub.api}/api/v1/model-versions/103")[2])["files"][0]["hashes"] == {}


def test_civitais_storage(hub: Hub) -> None:
    _, location = civit(hub, 108)
    status, headers, body = ask(location)
    assert status == 200
    assert hashlib.sha256(body).hexdigest() == civitai.VERSIONS[108].files[0].body.sha256
    assert "%E3%83%A2" in headers["Content-Disposition"]
    assert ask(location, "HEAD")[0] == 403
    assert ask(location, Authorization="Bearer civitai_demo")[0] == 400
    assert ask(location, Range="bytes=5-9")[2] == body[5:10]
    statuses = [ask(civit(hub, 302)[1])[0] for _ in range(2)]
    assert statuses == [403, 200]
    assert b"NoSuchKey" in ask(civit(hub, 304)[1])[2]


ENDLESS = {"endless", "silent", "stall", "stall-at-start", "stall-at-end", "trickle", "slow"}
QUICK = sorted((set(transfer.ANSWERS) | set(transfer.BODIES)) - ENDLESS)


@pytest.mark.parametrize("fault", QUICK)
def test_a_fault_that_comes_once_leaves_a_right_file_behind(hub: Hub, fault: str) -> None:
    url = f"{hub.api}/files/{fault}-once/model.safetensors?size=40000"
    for _ in range(2):
        try:
            ask(url)
        except (http.client.HTTPException, OSError, ValueError, OverflowError):
            continue
    status, _, body = ask(url)
    want = plain_body(f"{fault}-once", "model.safetensors", "40000")
    assert (status, hashlib.sha256(body).hexdigest()) == (200, want.sha256)


@pytest.mark.parametrize("fault", ["stall", "silent", "trickle"])
def test_a_stalled_connection_ends_with_its_client(hub: Hub, fault: str) -> None:
    connection = http.client.HTTPConnection(f"127.0.0.1:{hub.port}", timeout=0.3)
    connection.request("GET", f"/files/{fault}/model.safetensors?size=40000")
    with pytest.raises(TimeoutError):
        connection.getresponse().read()
    connection.close()
    deadline = time.monotonic() + 5
    while not hub.entries and time.monotonic() < deadline:
        time.sleep(0.05)
    assert hub.entries[0]["complete"] is False
    assert hub.entries[0]["bytes"] < 40000


@pytest.mark.parametrize("kind", ["html", "zip", "header-gap", "header-past-end", "gguf-cut"])
def test_a_wrong_file_is_sent_rightly(hub: Hub, kind: str) -> None:
    want = broken_file(kind, 20000)
    assert want
    body = ask(f"{hub.api}/files/{kind}/model.safetensors?size=20000")[2]
    assert hashlib.sha256(body).hexdigest() == want.sha256


def test_the_demo_declares_what_the_hub_has() -> None:
    declared = json.loads((ROOT / "demo" / "models.json").read_text())
    for model in declared["models"].values():
        source = model["source"]
        if source["kind"] == "civitai":
            body = civitai.VERSIONS[source["version_id"]].files[0].body
        else:
            body = huggingface.REPOS[source["repo_id"]].files[source["filename"]]
        assert model.get("sha256", body.sha256) == body.sha256
        assert model.get("size_bytes", body.size) == body.size
    bundles = declared["bundles"].values()
    assert {name for bundle in bundles for name in bundle["models"]} == set(declared["models"])
    assert [bundle.get("auto_install", False) for bundle in bundles] == [True, False, False]


def test_the_program_says_where_it_is_and_keeps_a_log_without_secrets(tmp_path: Path) -> None:
    log = tmp_path / "hub.jsonl"
    command = [sys.executable, str(ROOT / "demo" / "hub"), "--log", str(log), "--until-eof"]
    command += ["--rate", "1MB"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout
        assert program.stdin
        url = json.loads(program.stdout.readline())["url"]
        started = time.monotonic()
        ask(f"{url}/files/good/a.safetensors?size=500KB&token=hf_demo", Authorization="B hf_demo")
        assert time.monotonic() - started > 0.3
        while not log.exists():  # it is written after the last byte was sent
            time.sleep(0.01)
        program.stdin.close()
        assert program.wait(5) == 0
    [entry] = [json.loads(line) for line in log.read_text().splitlines()]
    assert entry["bytes"] == entry["total"] == 500_000
    assert entry["complete"]
    assert entry["authorization"]
    assert entry["token_in_query"]
    assert "hf_demo" not in log.read_text()
