"""ComfyUI-shaped repositories of our own, served as the real ones are, and roots that realize them."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .cockpit import Done, Root, Running, until

# Nothing of the machine's own git: no hooks, no names, no dates but ours, so that commits are the same everywhere.
GIT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Author",
    "GIT_AUTHOR_EMAIL": "author@example.org",
    "GIT_COMMITTER_NAME": "Author",
    "GIT_COMMITTER_EMAIL": "author@example.org",
    "GIT_ALLOW_PROTOCOL": "file:http",
}

# The options that name an index of packages, as people write them into requirements; here nothing comes from one.
INDEX, MORE_INDEX = "--index-url", "--extra-index-url"

MAIN = '''"""Says what it runs on, as a ComfyUI that starts would find it."""
import importlib.metadata, json, os, sys
here = os.path.dirname(os.path.abspath(__file__))
def nodes():
    folder = os.path.join(here, "custom_nodes")
    return sorted(n for n in os.listdir(folder) if os.path.isdir(os.path.join(folder, n)) and not n.startswith("__"))
print(json.dumps({
    "version": open(os.path.join(here, "comfyui_version.txt")).read().strip(),
    "prefix": sys.prefix, "python": "%d.%d.%d" % sys.version_info[:3],
    "packages": sorted(d.metadata["Name"].lower() + "==" + d.version for d in importlib.metadata.distributions()),
    "nodes": nodes(),
}))
'''

# What the folder of the real ComfyUI has that matters to whoever puts it somewhere.
CORE: dict[str, str] = {
    "main.py": MAIN,
    "comfyui_version.txt": "1\n",
    "requirements.txt": "six==1.17.0\n",
    ".gitignore": "__pycache__/\n*.py[cod]\n/output/\n/input/\n!/input/example.png\n/models/\n/temp/\n/custom_nodes/\n!custom_nodes/example_node.py.example\nextra_model_paths.yaml\n/.vs\n.idea/\nvenv/\n.venv/\n/user/\n",
    "custom_nodes/example_node.py.example": "class Example: ...\n",
    "models/checkpoints/put_checkpoints_here": "",
    "models/configs/v1-inference.yaml": "model: {}\n",
    "input/example.png": "not really\n",
    "output/_output_images_will_be_put_here": "",
    "extra_model_paths.yaml.example": "#comfyui:\n#     base_path: path/to/comfyui/\n",
    "comfy/__init__.py": "",
    "script.sh": "#!/bin/sh\necho here\n",
}


def git(*arguments: str, at: Path, **variables: str) -> str:
    """Run git as nobody in particular; return what it says."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=at,
        env=GIT | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"git {arguments}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


@dataclass
class Repository:
    """A repository with a work tree, and a bare one beside it that is served."""

    path: Path
    made: int = 0

    @classmethod
    def create(cls, path: Path, files: Mapping[str, str | bytes]) -> Repository:
        path.mkdir(parents=True)
        git("init", "--quiet", "--initial-branch=main", at=path)
        for name, value in (
            ("uploadpack.allowFilter", "true"),
            ("uploadpack.allowAnySHA1InWant", "true"),
            ("protocol.file.allow", "always"),
        ):
            git("config", name, value, at=path)
        made = cls(path)
        made.commit(files)
        return made

    @property
    def url(self) -> str:
        return self.path.as_uri()

    @property
    def head(self) -> str:
        return self.sha("HEAD")

    def sha(self, ref: str) -> str:
        return git("rev-parse", f"{ref}^{{commit}}", at=self.path)

    def tree(self, ref: str = "HEAD") -> str:
        return git("rev-parse", f"{ref}^{{tree}}", at=self.path)

    def git(self, *arguments: str, **variables: str) -> str:
        return git(*arguments, at=self.path, **variables)

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
            if name.endswith(".sh"):
                file.chmod(0o755)

    def commit(self, files: Mapping[str, str | bytes] | None = None, *, amend: bool = False) -> str:
        """Commit these files besides those there are; return the commit."""
        self.write(files or {})
        self.git("add", "--all", "--force")
        self.made += 1
        date = f"2024-01-01T00:00:{self.made % 60:02d}Z"
        more = ["--amend"] if amend else []
        self.git(
            *["commit", "--quiet", "--allow-empty", "--message", f"number {self.made}", *more],
            GIT_AUTHOR_DATE=date,
            GIT_COMMITTER_DATE=date,
        )
        return self.head

    def submodule(self, path: str, url: str) -> str:
        """Add a submodule at its head, whatever git itself would say of the address."""
        inner = Path(url.removeprefix("file://")) if url.startswith(("/", "file://")) else None
        commit = git("rev-parse", "HEAD", at=inner) if inner else "1" * 40
        self.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
        (self.path / path).mkdir(parents=True, exist_ok=True)
        with (self.path / ".gitmodules").open("a") as file:
            file.write(f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n')
        self.git("add", ".gitmodules")
        self.made += 1
        date = f"2024-01-01T00:01:{self.made % 60:02d}Z"
        self.git(
            "commit",
            "--quiet",
            "--message",
            "submodule",
            GIT_AUTHOR_DATE=date,
            GIT_COMMITTER_DATE=date,
        )
        return self.head


def core(path: Path, **files: str) -> Repository:
    """A repository as ComfyUI's is; `files` are added by their names with `__` for dots."""
    return Repository.create(
        path, CORE | {name.replace("__", "."): text for name, text in files.items()}
    )


class Backend(http.server.BaseHTTPRequestHandler):
    """`git http-backend` behind a small server; also LFS contents, as a host keeps them."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        self.answer(b"")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length")
        if length is not None:
            return self.answer(self.rfile.read(int(length)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return self.answer(body)

    def answer(self, body: bytes) -> None:
        served: Served = self.server.served  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        served.asked.append(f"{self.command} {self.path}")
        if parts.path.endswith("/info/lfs/objects/batch"):
            return self.batch(served, body)
        if parts.path.startswith("/lfs/"):
            return self.send(200, [], served.lfs[parts.path[5:]])
        environment = GIT | {
            "GIT_PROJECT_ROOT": str(served.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": "127.0.0.1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        pairs = [
            line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line
        ]
        status = next((int(value.split()[0]) for name, value in pairs if name == "Status"), 200)
        self.send(status, [(name, value) for name, value in pairs if name != "Status"], content)
        return None

    def batch(self, served: Served, body: bytes) -> None:
        objects = [
            {"oid": each["oid"], "size": each["size"]}
            | (
                {"actions": {"download": {"href": f"{served.url}/lfs/{each['oid']}"}}}
                if each["oid"] in served.lfs
                else {"error": {"code": 404, "message": "Object does not exist"}}
            )
            for each in json.loads(body)["objects"]
        ]
        answer = json.dumps({"transfer": "basic", "objects": objects}).encode()
        self.send(200, [("Content-Type", "application/vnd.git-lfs+json")], answer)

    def send(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body if self.command != "HEAD" else b"")


@dataclass
class Served:
    """All repositories below one directory, by http."""

    root: Path
    url: str = ""
    asked: list[str] = field(default_factory=list)
    lfs: dict[str, bytes] = field(default_factory=dict)

    def of(self, repository: Repository) -> str:
        return f"{self.url}/{repository.path.relative_to(self.root).as_posix()}/.git"


@contextlib.contextmanager
def by_http(root: Path) -> Iterator[Served]:
    served = Served(root)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    server.daemon_threads = True
    server.served = served  # type: ignore[attr-defined]
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def by_git_daemon(root: Path) -> Iterator[str]:
    """`git daemon` over all below a directory; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        "git",
        "daemon",
        "--export-all",
        "--reuseaddr",
        "--listen=127.0.0.1",
        f"--port={port}",
    ]
    daemon = subprocess.Popen(
        [*command, f"--base-path={root}", str(root)],
        env=GIT
        | {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def listens() -> bool:
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(listens)
        yield f"git://127.0.0.1:{port}"
    finally:
        daemon.terminate()
        daemon.wait()


@dataclass
class Machine:
    """A Jupyter root with a home and caches of its own: what one machine has."""

    root: Root
    cache: Path

    @property
    def versions(self) -> Path:
        return self.root.path / "versions"

    def target(self, name: str = "v") -> Path:
        return self.root.home / f"comfy-{name}"

    def file(self, name: str = "v") -> Path:
        return self.versions / f"{name}.json"

    def lock_file(self, name: str = "v") -> Path:
        return self.versions / f"{name}.lock.json"

    def lock(self, name: str = "v") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.lock_file(name).read_text())
        return found

    def write(self, name: str, text: str) -> Path:
        self.versions.mkdir(exist_ok=True)
        self.file(name).write_text(text, "utf-8")
        return self.file(name)

    def declare(self, repository: Repository | str, name: str = "v", **keys: Any) -> dict[str, Any]:
        """Write a spec; a repository stands for its address and branch main."""
        repo = repository.url if isinstance(repository, Repository) else repository
        document = {
            "schema_version": 2,
            "version_id": name,
            "comfy": {"repo": repo, "ref": "main"},
            "custom_nodes": [],
            "models": [],
            "env": {},
            "options": {},
        } | keys
        self.write(name, json.dumps(document, indent=2) + "\n")
        return document

    def start(self, verb: str, *arguments: str, **variables: str) -> Running:
        return self.root.start("version", verb, *arguments, "--json", **variables)

    def json(self, verb: str, *arguments: str, **variables: str) -> Done:
        return self.start(verb, *arguments, **variables).end(300)

    def ok(self, verb: str, *arguments: str, **variables: str) -> dict[str, Any]:
        done = self.json(verb, *arguments, **variables)
        assert done.status == 0, done
        document: dict[str, Any] = done.json
        return document

    def done_all(self, verb: str, **body: Any) -> dict[str, Any]:
        """The same for what is about all versions."""
        job = self.work(verb, "", **body)
        assert job["state"] == "done", job
        result: dict[str, Any] = job["result"]
        return result

    def work(self, verb: str, name: str = "v", **body: Any) -> dict[str, Any]:
        """Let a running daemon do it, which is quicker than a new process each time; the job's end."""
        daemon = next(d for d in reversed(self.root.daemons) if d.process.poll() is None)
        status, _, text = daemon.request(
            "POST", f"/api/versions/{name}/{verb}".replace("//", "/"), body
        )
        answer: dict[str, Any] = json.loads(text)
        if status != 202:
            return {"state": "refused", "result": None, "problem": answer, "log": []}
        path = f"/api/jobs/{answer['job']['id']}"

        def end() -> dict[str, Any] | None:
            job: dict[str, Any] = daemon.get(path)["job"]
            return job if job["state"] not in ("queued", "running") else None

        return until(end, 300, 0.02)

    def done(self, verb: str, name: str = "v", **body: Any) -> dict[str, Any]:
        """The same, and it must end well; what came of it."""
        job = self.work(verb, name, **body)
        assert job["state"] == "done", job
        result: dict[str, Any] = job["result"]
        return result

    def problem(self, verb: str, name: str = "v", **body: Any) -> dict[str, Any]:
        """The same, and it must not."""
        job = self.work(verb, name, **body)
        assert job["problem"], job
        found: dict[str, Any] = job["problem"]
        return found

    def state(self, name: str = "v") -> dict[str, Any]:
        daemon = next(d for d in reversed(self.root.daemons) if d.process.poll() is None)
        status: dict[str, Any] = daemon.get(f"/api/versions/{name}")
        return status

    def runs(self, name: str = "v", target: Path | None = None) -> dict[str, Any]:
        """Start main.py with the environment's own Python, as a user does; what it says."""
        at = target or self.target(name)
        done = subprocess.run(
            [str(at / ".venv/bin/python"), "-B", str(at / "ComfyUI/main.py")],
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    def alone(self, verb: str, *arguments: str, **variables: str) -> Done:
        """Run the command where there is no network at all, not even loopback."""
        command = [*self.root.program.command, "version", verb, *arguments]
        command += ["--root", str(self.root.path), "--json"]
        done = subprocess.run(
            ["unshare", "--net", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=self.root.environment | variables,
            cwd=self.root.home,
            timeout=300,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)


def machine(root: Root, cache: Path, packages: Path | None = None) -> Machine:
    """Give a root what versions need: caches, and this machine's Pythons.

    `packages`: a cache of uv's shared with other tests; otherwise it is inside of `cache`.
    """
    root.variables |= {"COMFY_CACHE_ROOT": str(cache)}
    for name in (
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_PROXY",
        "UV_DEFAULT_INDEX",
        "UV_INDEX_URL",
    ):
        if name in os.environ:
            root.variables[name] = os.environ[name]
    # pyenv's shims answer slowly, each of them; its Pythons are found in the home.
    parts = os.environ["PATH"].split(os.pathsep)
    root.variables["PATH"] = os.pathsep.join(p for p in parts if Path(p).name != "shims")
    if packages:
        root.variables["UV_CACHE_DIR"] = str(packages)
    pythons = Path("~/.pyenv").expanduser()
    if pythons.is_dir() and not (root.home / ".pyenv").exists():
        (root.home / ".pyenv").symlink_to(pythons)
    return Machine(root, cache)


def stats(*trees: Path, links: bool = True) -> dict[str, tuple[int, int, int, int]]:
    """Everything below these: mode, size, both times; a hard link made elsewhere changes the second."""
    found = {}
    for tree in trees:
        for folder, folders, files in os.walk(tree):
            for name in [*folders, *files, "."]:
                path = Path(folder, name)
                stat = path.lstat()
                changed = stat.st_ctime_ns if links else 0
                found[str(path)] = (stat.st_mode, stat.st_size, stat.st_mtime_ns, changed)
    return found


def copy(tree: Path, to: Path) -> None:
    shutil.copytree(tree, to, symlinks=True)


def flip(file: Path, *, quietly: bool = False) -> None:
    """Turn one bit; quietly: so that size and times are as before."""
    before = file.stat()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    with file.open("r+b") as opened:
        opened.write(content)
    if quietly:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
