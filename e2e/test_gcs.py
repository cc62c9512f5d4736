"""gs://: an emulator of others, and a bucket of ours that knows rights, tokens and faults."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from . import bucket as google
from . import shapes
from .bucket import FIRST, SECOND, SECRET, TOKEN, Bucket, content
from .cockpit import Done, Root, until
from .shapes import check
from .test_secrets import Processes

QUICK = {"GCS_RETRIES": "1", "GCS_RETRY_BASE_SLEEP": "0.02"}
BEARER = f"Bearer {TOKEN}"


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with google.serving() as made:
        yield made


@pytest.fixture
def at_bucket(root: Root, bucket: Bucket) -> Root:
    root.set(gcs_endpoint=bucket.url)
    root.variables |= QUICK
    return root


def problem(done: Done) -> dict[str, Any]:
    """Return what the one model failed of."""
    model = check(shapes.INSTALL, done.json)["models"][0]
    assert (done.status, model["state"]) == (1, "failed"), done
    found: dict[str, Any] = model["problem"]
    return found


def installed(root: Root, done: Done, name: str, generation: str = FIRST) -> None:
    """The one model is there, byte for byte."""
    assert done.status == 0, done
    expected = content(f"{name} {generation}")
    assert (root.models / "a.safetensors").read_bytes() == expected
    model = check(shapes.INSTALL, done.json)["models"][0]
    assert (model["state"], model["verified"]) == ("installed", "hub")
    assert model["sha256"] == hashlib.sha256(expected).hexdigest()


# An emulator that others wrote. `GCS_EMULATOR` names another one that runs already, with a bucket `models`.


class Emulator:
    """An emulator's address, and what puts objects there."""

    def __init__(self, url: str) -> None:
        self.url = url

    def put(self, name: str, body: bytes, bucket: str = "models") -> str:
        """Upload; return the generation."""
        target = f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(name, safe='')}"
        answer = self.request("POST", target, body)
        return str(json.loads(answer)["generation"])

    def request(self, method: str, target: str, body: bytes | None = None) -> bytes:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        kind = {"Content-Type": "application/octet-stream"} if body is not None else {}
        connection.request(method, target, body, kind)
        with contextlib.closing(connection):
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text
            return text


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    named = os.environ.get("GCS_EMULATOR")
    if named:
        yield Emulator(named)
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1"]
    process = subprocess.Popen(
        [*program, "--port", str(port), "--default-bucket", "models", "--in-memory", "--quiet"],
        cwd=tmp_path_factory.mktemp("emulator"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def answers() -> bool:
        assert process.poll() is None, "the emulator ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    try:
        until(answers, 30, 0.05)
        yield Emulator(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def at_emulator(root: Root, emulator: Emulator) -> Root:
    root.set(gcs_endpoint=emulator.url)
    root.variables |= QUICK
    return root


def test_emulator(at_emulator: Root, emulator: Emulator) -> None:
    """Declared in both forms, planned, installed, verified, pinned; found again and left alone."""
    root, first, second = at_emulator, content("first", 3_000_000), content("second", 70_000)
    emulator.put("dir/first.safetensors", first)
    generation = emulator.put("odd/né me+#?%/x.safetensors", second)
    odd = {"kind": "gcs", "bucket": "models", "object": "odd/né me+#?%/x.safetensors"}
    root.declare(a="gs://models/dir/first.safetensors", b=odd)
    plan = check(shapes.PLAN, root.json("models", "plan", "--all").json)
    host = urlsplit(emulator.url).hostname
    assert [
        (step["host"], step["size_bytes"], step["action"], step["sha256"]) for step in plan["steps"]
    ] == [
        (host, len(first), "download", None),
        (host, len(second), "download", None),
    ]
    assert {step["expected_from"] for step in plan["steps"]} == {"hub"}
    done = root.install()
    assert done.status == 0, done
    assert (root.models / "a.safetensors").read_bytes() == first
    assert (root.models / "b.safetensors").read_bytes() == second
    status = check(shapes.STATUS, root.json("models", "status").json)
    assert [(model["state"], model["verified"], model["host"]) for model in status["models"]] == [
        ("installed", "hub", host)
    ] * 2
    assert [model["state"] for model in root.install().json["models"]] == ["present"] * 2
    verified = check(shapes.VERIFY, root.json("models", "verify").json)
    assert [model["state"] for model in verified["models"]] == ["ok", "ok"]
    pinned = root.json("models", "pin").json
    assert [each["sha256"] for each in pinned["changed"]] == [
        hashlib.sha256(body).hexdigest() for body in (first, second)
    ]
    root.declare(a=odd | {"generation": int(generation)})
    (root.models / "a.safetensors").unlink()
    assert root.install().status == 0
    assert (root.models / "a.safetensors").read_bytes() == second


def test_emulator_declares(at_emulator: Root, emulator: Emulator) -> None:
    root, body = at_emulator, content("lora", 80_000)
    generation = emulator.put("loras/some_lora.safetensors", body)
    arguments = ("models", "declare", "gs://models/loras/some_lora.safetensors", "--bundle", "b")
    declared = check(shapes.DECLARE, root.json(*arguments, "--write").json)
    assert declared["model"]["source"] == {
        "kind": "gcs",
        "bucket": "models",
        "object": "loras/some_lora.safetensors",
        "generation": int(generation),
    }
    assert declared["model"]["size_bytes"] == len(body)
    assert "sha256" not in declared["model"]
    assert declared["id"].startswith("some_lora_")
    assert root.install().status == 0
    assert (root.models / declared["model"]["path"]).read_bytes() == body


def test_emulator_replaced(at_emulator: Root, emulator: Emulator) -> None:
    """What is there is left alone; what is taken away comes as it now is."""
    root, old, new = at_emulator, content("old", 60_000), content("new", 60_000)
    emulator.put("x.safetensors", old)
    root.declare(a="gs://models/x.safetensors")
    assert root.install().status == 0
    emulator.put("x.safetensors", new)
    assert root.install().json["models"][0]["state"] == "present"
    assert (root.models / "a.safetensors").read_bytes() == old
    assert root.json("models", "remove", "a", "--yes").status == 0
    assert root.install().json["models"][0]["state"] == "installed"
    assert (root.models / "a.safetensors").read_bytes() == new


def test_emulator_by_daemon(at_emulator: Root, emulator: Emulator) -> None:
    root, body = at_emulator, content("auto", 2_000_000)
    emulator.put("auto.safetensors", body)
    root.declare(auto=True, a="gs://models/auto.safetensors")
    daemon = root.serve().wait()
    assert {job["state"] for job in daemon.idle()} == {"done"}
    assert (root.models / "a.safetensors").read_bytes() == body
    assert daemon.get("/api/models")["models"][0]["state"] == "installed"
    assert daemon.stop() == 0


@pytest.mark.parametrize(
    "source", ["gs://models/nothing.safetensors", "gs://other-models/x.safetensors"]
)
def test_emulator_has_nothing(at_emulator: Root, source: str) -> None:
    at_emulator.declare(a=source)
    assert problem(at_emulator.install())["code"] in ("file_not_found", "repository_not_found")
    assert at_emulator.tree() == []


# Our own bucket.


@pytest.mark.parametrize(
    "name", ["good", "composite", "cut", "stall", "429-twice", "dir/../b//c #?+%ü"]
)
def test_arrives(at_bucket: Root, bucket: Bucket, name: str) -> None:
    """Case 57 (composite): whole, and held against what the bucket says of the very generation."""
    at_bucket.declare(a={"kind": "gcs", "bucket": "open", "object": name})
    installed(at_bucket, at_bucket.install(GCS_RETRIES="2"), name)
    media = bucket.of("alt=media")
    assert {f"generation={FIRST}" in each.target for each in media} == {True}
    assert [each for each in bucket.asked if each.token] == []
    if name in ("cut", "stall"):
        assert len(media) == 2
        assert media[1].headers["range"].startswith("bytes=")
        assert "if-range" not in media[1].headers


@pytest.mark.parametrize("name", ["replaced", "replaced-midway"])
def test_replaced_meanwhile(at_bucket: Root, name: str) -> None:
    """Case 57: never a mixture, and the newer one where nobody asked for the older."""
    at_bucket.declare(a=f"gs://open/{name}")
    installed(at_bucket, at_bucket.install(), name, SECOND)
    (at_bucket.models / "a.safetensors").unlink()
    at_bucket.declare(a=f"gs://open/{name}#{FIRST}")
    assert problem(at_bucket.install())["code"] == "revision_not_found"
    assert at_bucket.tree() == []


REFUSALS = {
    # Case 56: who has no account does not learn which of the two it is.
    "gs://private/a": ("token_missing", "private or missing", "GOOGLE_APPLICATION_CREDENTIALS"),
    "gs://open/missing": ("file_not_found", "no object gs://open/missing", "upper and lower case"),
    "gs://nowhere/a": ("repository_not_found", "no bucket nowhere", "bucket's name"),
    "gs://pays/a": ("access_denied", "requester pays", "--billing-project"),
    "gs://open/a#5": ("revision_not_found", "gs://open/a#5", "versioning"),
    # Case 57.
    "gs://open/gzip": ("host_error", "stored compressed", "--gzip-local"),
    "gs://open/transcoded": ("host_error", "stored compressed", "--gzip-local"),
    "gs://open/crc-wrong": ("checksum_of_host_differs", "another", "tell the host"),
    "gs://open/md5-wrong": ("checksum_of_host_differs", "another", "tell the host"),
    "gs://open/503": ("host_error", "503", "Try again later"),
    "gs://open/429-twice": ("rate_limited", "429", "Wait"),
}


@pytest.mark.parametrize("source", REFUSALS)
def test_refused(at_bucket: Root, bucket: Bucket, source: str) -> None:
    code, detail, hint = REFUSALS[source]
    at_bucket.declare(a=source)
    found = problem(at_bucket.install())
    assert found["code"] == code
    assert detail in found["detail"]
    assert hint in found["hint"]
    assert at_bucket.tree() == []
    if code in ("host_error", "rate_limited") and "stored" not in detail:
        assert len(bucket.asked) == 2, "once more, as GCS_RETRIES says"


@pytest.mark.parametrize("kind", ["service", "user"])
def test_signed_in(at_bucket: Root, bucket: Bucket, kind: str, tmp_path: Path) -> None:
    file = getattr(bucket, kind)(tmp_path / "key.json")
    at_bucket.declare(a="gs://private/good", b="gs://private/cut")
    done = at_bucket.install(GOOGLE_APPLICATION_CREDENTIALS=str(file))
    assert done.status == 0, done
    assert {each.token for each in bucket.of("/storage/")} == {BEARER}
    assert len(bucket.of("/token")) == 1, "one token does for all"
    at_bucket.declare(c="gs://forbidden/a")
    found = problem(at_bucket.install(GOOGLE_APPLICATION_CREDENTIALS=str(file)))
    assert found["code"] == "access_denied"
    assert "Storage Object Viewer" in found["hint"]


def test_workload_identity(
    root: Root, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Tokens come over TLS, with the certificates that we trust and not only Java's."""
    place = tmp_path_factory.mktemp("tls")
    made = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=e2e -keyout key.pem -out cert.pem"
    alternative = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        ["openssl", *made.split(), *alternative], cwd=place, check=True, capture_output=True
    )
    (tmp_path / "subject").write_text(SECRET)
    with google.serving(place / "cert.pem") as bucket:
        account = {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/providers/b",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{bucket.url}/token",
            "credential_source": {"file": str(tmp_path / "subject")},
        }
        (tmp_path / "key.json").write_text(json.dumps(account))
        root.set(gcs_endpoint=bucket.url)
        root.declare(a="gs://private/good")
        trust = {"SSL_CERT_FILE": str(place / "cert.pem")}
        done = root.install(GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "key.json"), **trust)
        installed(root, done, "good")
        assert [each.form["subject_token"] for each in bucket.of("/token")] == [SECRET]


def test_machine_of_google(at_bucket: Root, bucket: Bucket) -> None:
    at_bucket.declare(a="gs://private/good")
    machine = {"GCE_METADATA_HOST": f"127.0.0.1:{bucket.port}"}
    installed(at_bucket, at_bucket.install(**machine), "good")
    asked = bucket.of("/computeMetadata/")
    assert {each.headers["metadata-flavor"] for each in asked} == {"Google"}
    assert "devstorage.read_only" in asked[0].target


def test_machine_without_account(at_bucket: Root, bucket: Bucket) -> None:
    bucket.account = False
    machine = {"GCE_METADATA_HOST": f"127.0.0.1:{bucket.port}"}
    at_bucket.declare(a="gs://open/good")
    installed(at_bucket, at_bucket.install(**machine), "good")
    assert [each for each in bucket.asked if each.token] == []


def test_machine_of_somebody_else(at_bucket: Root, bucket: Bucket) -> None:
    """Case 58: who does not answer as Google's server does is not asked for a token."""
    bucket.flavored = False
    machine = {"GCE_METADATA_HOST": f"127.0.0.1:{bucket.port}"}
    at_bucket.declare(a="gs://private/good")
    assert problem(at_bucket.install(**machine))["code"] == "token_missing"
    assert bucket.of("/computeMetadata/") == []
    assert [each for each in bucket.asked if each.token] == []
    bucket.asked.clear()
    bucket.flavored = True
    assert problem(at_bucket.install(NO_GCE_CHECK="true", **machine))["code"] == "token_missing"
    assert [each for each in bucket.asked if not each.target.startswith("/storage/")] == []


BROKEN = {
    "absent": ("token_missing", "there is no such file"),
    "text": ("token_rejected", "is not JSON"),
    "unknown": ("token_rejected", "no account that is known"),
    "keyless": ("token_rejected", "no usable key"),
    "revoked": ("token_rejected", "invalid_grant"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_account(at_bucket: Root, bucket: Bucket, kind: str, tmp_path: Path) -> None:
    """Case 56: a broken account is an error also for what everybody may read; nothing was asked for."""
    file = tmp_path / "key.json"
    if kind == "revoked":
        bucket.refuses = "invalid_grant"
        bucket.user(file)
    elif kind != "absent":
        service = {"type": "service_account", "client_email": "a", "private_key": SECRET}
        texts = {
            "text": SECRET,
            "unknown": json.dumps({"type": "gdch_service_account"}),
            "keyless": json.dumps(service),
        }
        file.write_text(texts[kind])
    at_bucket.declare(a="gs://open/good")
    done = at_bucket.install(GOOGLE_APPLICATION_CREDENTIALS=str(file))
    code, detail = BROKEN[kind]
    found = problem(done)
    assert (found["code"], detail in found["detail"]) == (code, True), found
    assert SECRET not in done.out + done.err
    assert bucket.of("/storage/") == []


def test_emulators_get_no_login(at_bucket: Root, bucket: Bucket) -> None:
    """gcloud's own file is for Google, not for what stands in its place."""
    bucket.user(at_bucket.home / ".config/gcloud/application_default_credentials.json")
    at_bucket.declare(a="gs://private/good")
    assert problem(at_bucket.install())["code"] == "token_missing"
    assert bucket.of("/token") == []


def test_through_a_proxy(root: Root, bucket: Bucket, tmp_path: Path) -> None:
    """Tokens and objects take the way that everything takes."""
    root.set(gcs_endpoint="http://storage.example")
    file = bucket.user(tmp_path / "key.json", "http://tokens.example/token")
    root.declare(a="gs://private/good")
    way = {"HTTP_PROXY": bucket.url, "GOOGLE_APPLICATION_CREDENTIALS": str(file)}
    installed(root, root.install(**way), "good")
    assert [each.target for each in bucket.of("tokens.example")] == ["http://tokens.example/token"]
    assert {each.token for each in bucket.of("http://storage.example/storage/v1/")} == {BEARER}
    assert {each.headers["user-agent"].split("/")[0] for each in bucket.asked} == {
        "comfyui-cockpit"
    }


def test_version(at_bucket: Root, bucket: Bucket, tmp_path: Path) -> None:
    """A spec names an object; its lock the generation, and the content once somebody has seen it."""
    root, repo, target = at_bucket, tmp_path / "repo", tmp_path / "target"
    repo.mkdir()
    (repo / "main.py").touch()
    (repo / "requirements.txt").touch()
    who = ("-c", "user.name=me", "-c", "user.email=me@example")
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), (*who, "commit", "-qm", "one")):
        subprocess.run(["git", *command], cwd=repo, check=True)
    spec = {
        "schema_version": 2,
        "version_id": "v",
        "comfy": {"repo": f"file://{repo}", "ref": "main"},
        "custom_nodes": [],
        "models": [{"source": "gs://private/composite.safetensors", "target_subdir": "loras"}],
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }
    (root.path / "versions").mkdir()
    (root.path / "versions/v.json").write_text(json.dumps(spec))
    key = str(bucket.user(tmp_path / "key.json"))
    root.variables |= {"COCKPIT_UV": str(Path(sys.executable).with_name("uv"))}
    root.variables |= {"GOOGLE_APPLICATION_CREDENTIALS": key}
    done = root.json("version", "realize", "v", "--target", str(target))
    assert done.status == 0, done
    body = content(f"composite.safetensors {FIRST}")
    assert (target / "models/loras/composite.safetensors").read_bytes() == body
    lock = (root.path / "versions/v.lock.json").read_text()
    assert json.loads(lock)["models"] == [
        {
            "path": "loras/composite.safetensors",
            "sha256": hashlib.sha256(body).hexdigest(),
            "size_bytes": len(body),
            "source": f"gs://private/composite.safetensors#{FIRST}",
        }
    ]
    assert TOKEN not in lock + done.out + done.err


def test_offline(root: Root, bucket: Bucket, tmp_path: Path) -> None:
    file = bucket.user(tmp_path / "key.json")
    root.declare(a="gs://private/good")
    found = problem(root.install("--offline", GOOGLE_APPLICATION_CREDENTIALS=str(file)))
    assert (found["code"], found["args"]["missing"]) == ("offline", ["gs://private/good"])
    assert bucket.asked == []
    plan = check(shapes.PLAN, root.json("models", "plan", "--all", "--offline").json)
    assert [step["host"] for step in plan["steps"]] == ["storage.googleapis.com"]


def test_doctor(root: Root, bucket: Bucket, tmp_path: Path) -> None:
    def said(**variables: str) -> dict[str, Any]:
        done = root.json("doctor", **variables)
        assert SECRET not in done.out
        checks = check(shapes.DOCTOR, done.json)["checks"]
        found: dict[str, Any] = next(each for each in checks if each["name"] == "gcs")
        return found

    assert said()["state"] == "ok"
    assert "public objects only" in said()["detail"]
    gcloud = bucket.user(root.home / ".config/gcloud/application_default_credentials.json")
    assert f"authorized_user in gcloud's file {gcloud}" in said()["detail"]
    key = bucket.service(tmp_path / "key.json")
    named = said(GOOGLE_APPLICATION_CREDENTIALS=str(key))
    assert named["state"] == "ok"
    assert f"service_account in the file {key}" in named["detail"]
    key.write_text(SECRET)
    broken = said(GOOGLE_APPLICATION_CREDENTIALS=str(key))
    assert broken["state"] == "warning"
    assert "unset it for public objects" in broken["hint"]
    root.set(gcs_endpoint=bucket.url)
    assert bucket.url in said()["detail"]
    assert "public objects only" in said()["detail"], "gcloud's file is for Google only"
    assert bucket.asked == []


def test_loads_nothing_of_googles(root: Root, bucket: Bucket, tmp_path: Path) -> None:
    """Whoever has no gs:// source, or no account, does not pay for Google's library."""

    def loaded(**variables: str) -> set[str]:
        log, command = tmp_path / "classes", root.program.command
        at = command.index("-jar")
        subprocess.run(
            [
                *command[:at],
                f"-Xlog:class+load:file={log}",
                *command[at:],
                *("models", "install", "--all", "--root", str(root.path)),
            ],
            env=root.environment | variables,
            check=True,
            capture_output=True,
        )
        names = set(re.findall(r"([\w.$]+) source:", log.read_text()))
        assert "comfyui.cockpit.main.Main" in names
        foreign = ("com.google.", "io.grpc", "io.opencensus")
        return {name for name in names if name.startswith(foreign)}

    root.declare(a=f"{root.hub.api}/files/good/a.safetensors")
    assert loaded() == set()
    root.set(gcs_endpoint=bucket.url)
    root.declare(b="gs://open/good")
    assert loaded() == set()
    root.declare(c="gs://private/good")
    file = bucket.service(tmp_path / "key.json")
    assert loaded(GOOGLE_APPLICATION_CREDENTIALS=str(file))


def test_secret_scan(at_bucket: Root, bucket: Bucket, tmp_path: Path) -> None:
    """The access token and what it is made of stand nowhere but in the requests that need them."""
    root = at_bucket
    key = bucket.service(tmp_path / "key.json")
    private = json.loads(key.read_text())["private_key"].split("\n")[1]
    root.declare(
        good="gs://private/good", cut="gs://private/cut", no="gs://forbidden/a",
        crc="gs://private/crc-wrong", gone="gs://private/missing", much="gs://private/503",
    )  # fmt: skip
    daemon = root.serve("--verbose", GOOGLE_APPLICATION_CREDENTIALS=str(key)).wait()
    processes = Processes(daemon.process.pid)
    with daemon.events() as events:
        done = root.json("models", "install", "--all", "--verbose")
        jobs = daemon.idle()
        time.sleep(0.2)
    answers = [daemon.get(f"/api/{each}") for each in ("models", "jobs", "doctor")]
    answers += [daemon.get(f"/api/jobs/{job['id']}") for job in jobs]
    processes.stop()
    assert daemon.stop() == 0
    assert {model["id"]: model["state"] for model in done.json["models"]} == {
        "good": "installed", "cut": "installed", "no": "failed", "crc": "failed", "gone": "failed", "much": "failed",
    }  # fmt: skip
    assert {each.token for each in bucket.of("/storage/")} == {BEARER}
    said = [done.out, done.err, daemon.log, "".join(events), json.dumps(answers)]
    said += [repr(processes.arguments), repr(processes.environments)]
    said += [
        file.read_bytes().decode("latin-1")
        for place in (root.path, root.home)
        for file in place.rglob("*")
        if file.is_file()
    ]
    assertion = bucket.of("/token")[0].form["assertion"]
    for text in said:
        assert TOKEN not in text
        assert private not in text
        assert assertion.split(".")[2] not in text
