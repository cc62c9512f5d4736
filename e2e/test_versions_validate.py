"""Everything that can be wrong with a spec or a lock: each error at its place, and nothing is run."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from . import shapes
from .cockpit import Daemon
from .comfy import INDEX, MORE_INDEX, Machine, stats
from .shapes import check
from .test_validate import marked, places

WRONG_USE = 2
INVALID, UNSUPPORTED, OUTSIDE, TAKEN = (
    "declaration_invalid",
    "source_unsupported",
    "path_outside_root",
    "path_taken",
)
REPO = '"repo": "https://example.org/a/n.git"'
SHA = "0123456789abcdef0123456789abcdef01234567"

TEXT = """{
  "$schema": "x",
  «1»"modles": [],
  "schema_version": «2»1,
  "version_id": «3»"a/b",
  "comfy": {"repo": «4»"ext::sh -c id", "ref": «5»"--upload-pack=x", "commit": «6»12, «7»"reff": "x"},
  "custom_nodes": [
    «8»"https://example.org/a/n.git",
    {REPO, "name": «9»"../x"},
    {REPO, "target_dir": «10»"$COMFY_HOME/../x"},
    {REPO, "target_dir": «11»"/etc/x"},
    {REPO, "target_dir": «12»"$COMFY_HOME/models/x"},
    {REPO, "target_dir": «13»"$HOME/custom_nodes/x"},
    «14»{"name": "no_repo"},
    {REPO, "name": "same"}, «15»{REPO, "name": "SAME"},
    {REPO, "name": "flags", "install_requirements": «16»"yes", "run_install_script": «17»1},
    {REPO, "name": "ref", "ref": «18»"a..b", "commit": «19»"-x"},
    {"repo": «20»"https://user:secret-word@example.org/a/b", "name": "login"},
    {"repo": «21»"http://example.org/a?b", "name": "query"},
    {REPO, "name": «22»".git"},
    {REPO, "name": «23»"a\\\\b"}
  ],
  "models": [
    «24»{"target_subdir": "loras"},
    {"source": «25»"ftp://host/x", "target_subdir": "loras"},
    {"source": "https://example.org/a.bin", "target_subdir": «26»"../out"},
    {"source": "https://example.org/a.bin", "target_path": «27»"/etc/a.bin"},
    {"source": "https://example.org/a.bin", "target_path": «28»"$HOME/a.bin"},
    {"source": "https://example.org/a.bin", "target_path": «29»"$MODELS_DIR/../a.bin"},
    {"source": "https://example.org/a.bin", "target_path": "loras/b.bin", "checksum": «30»"sha256:12"},
    {"source": "https://example.org/a.bin", "target_path": "loras/c.bin", "checksum": «31»12},
    {"source": "https://example.org/a.bin", "target_path": "loras/d.bin"},
    «32»{"source": "https://example.org/b.bin", "target_path": "$MODELS_DIR/loras/d.bin"},
    {"source": "https://example.org/a.bin", "target_subdir": "loras", "name": «33»"a/b"},
    {"source": "https://example.org/a.bin", "target_subdir": "loras", «34»"cheksum": "x"},
    {"source": «35»"/no\\u0000where", "target_subdir": "loras"}
  ],
  "python_packages": [«36»12, «37»"a b c", «38»"a\\n--INDEX=x", «39»"-e ../x", «40»"", «47»"--find-links ./wheels"],
  "python": «41»"2.7",
  "env": {«42»"A B": "x", "C": «43»12, "D": "${E}"},
  "options": {"torch_backend": «44»"auto", "offline": «45»"no", «46»"skip_model": true}
}""".replace("REPO", REPO).replace("--INDEX", INDEX)

WANTED: dict[int, tuple[str, str, str]] = {
    1: ("/modles", INVALID, 'Did you mean "models"?'),
    2: ("/schema_version", INVALID, "Write 2"),
    3: ("/version_id", INVALID, "id"),
    4: ("/comfy/repo", UNSUPPORTED, "git clone"),
    5: ("/comfy/ref", INVALID, "branch"),
    6: ("/comfy/commit", INVALID, "string"),
    7: ("/comfy/reff", INVALID, 'Did you mean "ref"?'),
    8: ("/custom_nodes/0", INVALID, "object"),
    9: ("/custom_nodes/1/name", OUTSIDE, "folder"),
    10: ("/custom_nodes/2/target_dir", OUTSIDE, "$COMFY_HOME/custom_nodes/"),
    11: ("/custom_nodes/3/target_dir", OUTSIDE, "$COMFY_HOME/custom_nodes/"),
    12: ("/custom_nodes/4/target_dir", OUTSIDE, "$COMFY_HOME/custom_nodes/"),
    13: ("/custom_nodes/5/target_dir", OUTSIDE, "$COMFY_HOME/custom_nodes/"),
    14: ("/custom_nodes/6", INVALID, 'Add "repo" here.'),
    15: ("/custom_nodes/8", TAKEN, "target_dir"),
    16: ("/custom_nodes/9/install_requirements", INVALID, "true or false"),
    17: ("/custom_nodes/9/run_install_script", INVALID, "true or false"),
    18: ("/custom_nodes/10/ref", INVALID, "branch"),
    19: ("/custom_nodes/10/commit", INVALID, "40 hexadecimal"),
    20: ("/custom_nodes/11/repo", UNSUPPORTED, ""),
    21: ("/custom_nodes/12/repo", UNSUPPORTED, ""),
    22: ("/custom_nodes/13/name", OUTSIDE, ""),
    23: ("/custom_nodes/14/name", OUTSIDE, ""),
    24: ("/models/0", INVALID, 'Add "source" here.'),
    25: ("/models/1/source", UNSUPPORTED, ""),
    26: ("/models/2/target_subdir", OUTSIDE, "$MODELS_DIR"),
    27: ("/models/3/target_path", OUTSIDE, "$MODELS_DIR"),
    28: ("/models/4/target_path", OUTSIDE, "$MODELS_DIR"),
    29: ("/models/5/target_path", OUTSIDE, "$MODELS_DIR"),
    30: ("/models/6/checksum", INVALID, "sha256:"),
    31: ("/models/7/checksum", INVALID, ""),
    32: ("/models/9", TAKEN, "place of its own"),
    33: ("/models/10/name", OUTSIDE, "target_subdir"),
    34: ("/models/11/cheksum", INVALID, 'Did you mean "checksum"?'),
    35: ("/models/12/source", UNSUPPORTED, ""),
    36: ("/python_packages/0", INVALID, "string"),
    37: ("/python_packages/1", INVALID, "name==1.2"),
    38: ("/python_packages/2", INVALID, "item of its own"),
    39: ("/python_packages/3", INVALID, ""),
    40: ("/python_packages/4", INVALID, ""),
    41: ("/python", INVALID, "3.12"),
    42: ("/env/A B", INVALID, "letters"),
    43: ("/env/C", INVALID, "string"),
    44: ("/options/torch_backend", INVALID, "cpu"),
    45: ("/options/offline", INVALID, "true or false"),
    46: ("/options/skip_model", INVALID, 'Did you mean "skip_models"?'),
    47: ("/python_packages/5", INVALID, "--wheels-dir"),
}


def test_every_error_at_its_place(comfy: Machine) -> None:
    text, marks = marked(TEXT)
    comfy.write("v", text)
    done = comfy.json("validate", "v")
    document = check(shapes.VALIDATE, done.json)
    assert (done.status, document["ok"]) == (WRONG_USE, False)
    assert document["file"] == "versions/v.json"
    found = places(document["errors"])
    stray = {
        at: [e["detail"] for e in errors]
        for at, errors in found.items()
        if at not in marks.values()
    }
    unseen = [number for number, at in marks.items() if at not in found]
    assert (stray, unseen) == ({}, [])
    for number, (pointer, code, hint) in WANTED.items():
        (error,) = found[marks[number]]
        assert (error["where"]["pointer"], error["code"]) == (pointer, code), (number, error)
        assert error["where"]["file"] == "versions/v.json"
        assert hint in error["hint"], (number, error)
        assert "secret-word" not in json.dumps(error)


def test_same_errors_for_whoever_wants_to_work(comfy: Machine) -> None:
    """What is wrong is told in full by every verb, exit 2, and nothing is left behind."""
    comfy.write("v", marked(TEXT)[0])
    comfy.json("list")
    before = stats(comfy.root.path, comfy.root.home)
    for verb in (
        ["resolve"],
        ["realize"],
        ["realize", "--dry-run"],
        ["reproduce"],
        ["pack"],
        ["verify-models"],
    ):
        done = comfy.json(verb[0], "v", *verb[1:])
        problem = check(shapes.problem_of, done.problem)
        assert (done.status, problem["code"]) == (WRONG_USE, INVALID), verb
        assert len(problem["errors"]) == len(WANTED)
        assert problem["where"]["file"] == "versions/v.json"
    assert stats(comfy.root.path, comfy.root.home) == before
    text = comfy.root.run("version", "validate", "v")
    assert text.status == WRONG_USE
    assert "versions/v.json:3:" in text.out + text.err


def test_good_specs_and_warnings(comfy: Machine) -> None:
    spec = {
        "$schema": "../schemas/version.schema.json",
        "schema_version": 2,
        "version_id": "other",
        "comfy": {"repo": "https://github.com/comfyanonymous/ComfyUI", "commit": "master"},
        "custom_nodes": [
            {"repo": "https://example.org/a/one.git", "commit": SHA.upper()},
            {"repo": "git@example.org:a/two.git", "target_dir": "$COMFY_HOME/custom_nodes/Two"},
            {"repo": "../near/three", "name": "three", "ref": "feature/x"},
            {
                "repo": "https://example.org/a/four",
                "target_dir": "${COMFY_HOME}/ComfyUI/custom_nodes/four/",
            },
        ],
        "models": [
            {"source": "https://example.org/a.safetensors", "target_subdir": "loras"},
            {
                "source": "https://example.org/a.safetensors",
                "target_path": "$MODELS_DIR/loras/a.safetensors",
            },
            {
                "source": "https://example.org/b.safetensors",
                "target_path": "$COMFY_HOME/models/loras/b.safetensors",
            },
            {"source": "civitai://128713", "target_subdir": "loras", "checksum": "a" * 64},
            {"source": "https://example.org/c.safetensors"},
        ],
        "python_packages": [
            "six",
            f"{MORE_INDEX} https://example.org/simple",
            "--no-cache-dir",
            "idna>=3 --pre",
        ],
        "python": "3.12",
        "env": {"A": "", "B": "${B}"},
        "options": {"torch_backend": "cu128", "skip_models": False, "offline": False},
    }
    comfy.write("v", json.dumps(spec, indent=1))
    document = check(shapes.VALIDATE, comfy.ok("validate", "v", "--offline"))
    assert document["errors"] == []
    warnings = {w["where"]["pointer"]: w["detail"] for w in document["warnings"]}
    assert sorted(warnings) == [
        "/comfy/commit",
        "/models/1",
        "/models/4",
        "/python_packages/1",
        "/python_packages/2",
        "/python_packages/3",
        "/version_id",
    ]
    assert "taken as a ref" in warnings["/comfy/commit"]
    assert "a second time" in warnings["/models/1"]
    assert "passed on" in warnings["/python_packages/1"]
    assert "left out" in warnings["/python_packages/2"]
    assert '"v"' in warnings["/version_id"]


@pytest.fixture
def daemon(comfy: Machine) -> Daemon:
    return comfy.root.serve().wait()


def validate(daemon: Daemon, text: str) -> dict[str, Any]:
    found: dict[str, Any] = check(
        shapes.VALIDATE, daemon.post("/api/versions/v/validate", {"text": text})
    )
    return found


NO_DOCUMENT = {
    "": "empty",
    "{": "not JSON",
    "[]": "must be an object",
    "null": "must be an object",
    '{"a": 1, "a": 2}': '"a"',
    '{"comfy": {"repo": "x", "repo": "y"}}': '"repo"',
    "{} {}": "after the end",
    "[" * 200_000: "not JSON",
    '{"a":' * 5000: "not JSON",
    '{"a":' * 5000 + "1" + "}" * 5000: "not JSON",
    "\ufeff{": "not JSON",
    '{"schema_version": ' + "9" * 5000 + "}": "",
    '{"schema_version": 1e400}': "",
    '{"x": NaN}': "not JSON",
    '{"x": "' + "y" * (2 << 20) + '"}': "at most",
    "[" + "[]," * (1 << 18) + "[]]": "must be an object",
    "{" + ",".join(f'"k{n}":{{}}' for n in range(80_000)) + "}": "Unknown key",
}


def test_what_is_no_document(comfy: Machine, daemon: Daemon) -> None:
    for text, said in NO_DOCUMENT.items():
        shown = text[:40]
        document = validate(daemon, text)
        assert document["ok"] is False, shown
        assert any(said in error["detail"] for error in document["errors"]), (
            shown,
            document["errors"][:3],
        )
        assert all(len(error["detail"]) < 2000 for error in document["errors"]), shown
    assert daemon.get("/api/health")["state"] == "ready"
    comfy.write("v", "[" * 200_000)
    done = comfy.json("validate", "v", "--offline")
    assert (done.status, done.json["ok"]) == (WRONG_USE, False)
    assert "\tat " not in done.err


def test_enormous_file(comfy: Machine) -> None:
    """A file that nobody would read whole is refused before it is read, alone and by the daemon."""
    with comfy.write("v", "{").open("r+b") as file:
        file.truncate(600 << 20)
    for _ in ("alone", "daemon"):
        done = comfy.json("validate", "v")
        assert done.status == WRONG_USE, done.err
        problem = done.json["errors"][0] if "errors" in done.json else done.problem
        assert (problem["code"], "at most" in problem["detail"]) == (INVALID, True)
        assert comfy.json("realize", "v").status == WRONG_USE
        listed = check(shapes.VERSIONS, comfy.json("list").json)["versions"]
        assert (listed[0]["state"], listed[0]["differences"][0]["code"]) == ("declared", INVALID)
        comfy.root.serve().wait()


FULL: dict[str, Any] = {
    "schema_version": 2,
    "version_id": "v",
    "comfy": {"repo": "https://example.org/a/b", "ref": "main", "commit": SHA},
    "custom_nodes": [
        {
            "name": "n",
            "repo": "https://example.org/a/n",
            "ref": "main",
            "commit": SHA,
            "target_dir": "$COMFY_HOME/custom_nodes/n",
            "install_requirements": True,
            "run_install_script": False,
        }
    ],
    "models": [
        {
            "source": "https://example.org/a.bin",
            "name": "a.bin",
            "target_subdir": "loras",
            "target_path": "loras/a.bin",
            "checksum": "sha256:" + "a" * 64,
        }
    ],
    "python_packages": ["six"],
    "python": "3.12",
    "env": {"A": "x"},
    "options": {"offline": False, "skip_models": False, "torch_backend": "cpu"},
}
OTHERS: list[Any] = [
    1,
    1.5,
    -1,
    True,
    "",
    " ",
    "\n",
    [],
    {},
    [[]],
    {"a": {}},
    [1],
    ["x", {}],
    10**30,
]


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*at, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from paths(inner, (*at, number))


def changed(document: Any, at: tuple[Any, ...], value: Any) -> Any:
    made = json.loads(json.dumps(document))
    inner = made
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    return made


def found(document: Any, at: tuple[Any, ...]) -> Any:
    for key in at:
        document = document[key]
    return document


def pointer(at: tuple[Any, ...]) -> str:
    return "".join(f"/{key}" for key in at)


def test_wrong_types_everywhere(daemon: Daemon) -> None:
    """Whatever stands anywhere instead: an error there, never an accident."""
    assert validate(daemon, json.dumps(FULL))["errors"] == []
    for at in paths(FULL):
        old = found(FULL, at)
        for other in OTHERS:
            alike = type(other) is type(old) and isinstance(other, dict | list | bool)
            if alike or (at[-1] == "A" and isinstance(other, str)):
                continue
            document = validate(daemon, json.dumps(changed(FULL, at, other)))
            pointers = [error["where"]["pointer"] for error in document["errors"]]
            assert any(p.startswith(pointer(at)) for p in pointers), (at, other, document["errors"])
        nothing = validate(daemon, json.dumps(changed(FULL, at, None)))
        assert all(e["where"]["pointer"].startswith(pointer(at)[:5]) for e in nothing["errors"])


LEAVING = [
    "..",
    "../x",
    "a/../../x",
    "/etc/x",
    "//x",
    "a/..",
    "C:\\x",
    "a\\..\\x",
    "~/x/../..",
    "$HOME/x",
    "${HOME}/x",
    "a/\u0000b",
    "x/" * 50 + "../" * 51,
    "$COMFY_HOME/..",
    "$MODELS_DIR/../x",
    "$COMFY_HOME$COMFY_HOME/x",
    "a\nb",
    ".",
]
HELPERS = [
    "ext::sh -c id",
    "ext::sh -c 'touch /tmp/x' %S",
    "fd::7",
    "transport::address",
    "--upload-pack=touch /tmp/x",
    "-oProxyCommand=id",
    "ssh://-oProxyCommand=id/x",
    "-x@host:a",
    "host:-x",
    "file://host/x",
    "http://u:p@h/x",
    "ftp://h/x",
    "https://",
    "https://h",
    "http://h/../x",
    "https://h/a b",
    "git://h/-x",
    "https://h/%0d%0ax",
    "\u0000",
    "a\nb",
    "http://h/x#y",
]
OPTIONS = [
    "--upload-pack=touch",
    "-x",
    "--",
    "a..b",
    "a b",
    "a\tb",
    "@{-1}",
    "HEAD^",
    "HEAD~1",
    "a:b",
    "refs//x",
    "/x",
    "x/",
    "x.lock",
    "x*",
    "x?",
    "[x",
    "x\\y",
    "\u0000",
    "\u007f",
    "x.",
    "",
]


def hostile(chance: random.Random) -> tuple[tuple[Any, ...], str]:
    at: tuple[Any, ...]
    node: tuple[Any, ...] = ("custom_nodes", 0)
    model: tuple[Any, ...] = ("models", 0)
    choices: list[tuple[tuple[Any, ...], list[str]]] = [
        (("comfy", "repo"), HELPERS),
        ((*node, "repo"), HELPERS),
        (("comfy", "ref"), OPTIONS),
        (("comfy", "commit"), OPTIONS),
        ((*node, "ref"), OPTIONS),
        ((*node, "commit"), OPTIONS),
        (
            (*node, "target_dir"),
            [
                *LEAVING,
                "$COMFY_HOME/models/x",
                "$COMFY_HOME/ComfyUI",
                "$MODELS_DIR/x",
                ".git",
                "x/.git",
                "x/.GIT/hooks",
            ],
        ),
        ((*model, "target_subdir"), [path for path in LEAVING if path != "."]),
        (
            (*model, "target_path"),
            [
                *LEAVING,
                "$COMFY_HOME/.venv/bin/python",
                "$COMFY_HOME/.comfy_env",
                "$COMFY_HOME/ComfyUI",
                "$COMFY_HOME/extra_model_paths.yaml",
                "$COMFY_HOME/.work/x",
                ".comfyui-cockpit/x",
            ],
        ),
        ((*model, "name"), [*LEAVING, "a/b"]),
        (
            ("python_packages", 0),
            [
                "-e /x",
                "-r /etc/passwd",
                "--requirement=x",
                "-c x",
                "a\n-e x",
                "a\rb",
                "; x",
                "@ x",
                "a b",
                "$(x)",
                "a`x`",
                "six @ file:///x y",
                "six @ ../x",
                "../x",
                "/x",
                "./x.whl",
                "six @ git+ext::sh",
            ],
        ),
        (("python",), ["--x", "3", "4.1", "3.12; x", "2.7", "3.12.8.1", "../3.12", "pypy3.10"]),
        (("options", "torch_backend"), ["--x", "auto", "cpu x", "CU128", "../cpu", "cu1"]),
        (("version_id",), ["../v", "a/b", "-x", "..", ".", "a b", "x" * 101, "v.lock"]),
    ]
    at, values = chance.choice(choices)
    return at, chance.choice(values)


def test_seeded_hostile_specs(comfy: Machine, daemon: Daemon) -> None:
    before = stats(comfy.root.home, comfy.root.path)
    seen = set()
    for seed in range(1500):
        at, value = hostile(random.Random(seed))  # noqa: S311
        if (at, value) in seen:
            continue
        seen.add((at, value))
        document = validate(daemon, json.dumps(changed(FULL, at, value)))
        pointers = [error["where"]["pointer"] for error in document["errors"]]
        assert any(p.startswith(pointer(at[:-1])) for p in pointers), (at, value, document)
    assert len(seen) > 150
    assert daemon.get("/api/jobs")["jobs"] == []
    assert stats(comfy.root.home, comfy.root.path) == before


LOCK: dict[str, Any] = {
    "lock_version": 1,
    "platform": "x86_64-manylinux_2_28",
    "python": "3.12.1",
    "comfy": {
        "repo": "https://example.org/a/b",
        "commit": SHA,
        "tree": SHA,
        "submodules": [{"path": "sub", "repo": "https://example.org/a/s", "commit": SHA}],
    },
    "custom_nodes": [
        {
            "name": "n",
            "dir": "custom_nodes/n",
            "repo": "https://example.org/a/n",
            "commit": SHA,
            "tree": SHA,
            "submodules": [],
            "run_install_script": False,
        }
    ],
    "packages": [
        {
            "name": "six",
            "version": "1.17.0",
            "file": "six-1.17.0-py2.py3-none-any.whl",
            "sha256": "a" * 64,
        },
        {"name": "g", "repo": "https://example.org/a/g", "commit": SHA},
    ],
    "build_packages": [],
    "torch_backend": "cpu",
    "places": [f"{MORE_INDEX} https://example.org/simple"],
    "models": [
        {
            "path": "loras/a.bin",
            "source": "https://example.org/a.bin",
            "size_bytes": 5,
            "sha256": "b" * 64,
        }
    ],
    "env": {"A": "${A}"},
}
LINES = [
    f"x {INDEX}=http://e/",
    "six\nevil",
    "-e /x",
    "a b",
    "../x",
    "",
    "/etc/x",
    "six;evil",
    "x@y",
]
HOSTILE_LOCK: dict[tuple[Any, ...], list[Any]] = {
    ("lock_version",): [2, "1", None, 1.5],
    ("platform",): ["--x", "../x", "", 1, f"linux {INDEX}=x"],
    ("python",): ["--x", "3.12", "3", "../3.12.1", 3.12, "3.12.1 --x"],
    ("comfy",): ["x", [], None],
    ("comfy", "repo"): [*HELPERS, 1],
    ("comfy", "commit"): ["--x", "main", SHA[:10], SHA + "0", 1],
    ("comfy", "tree"): ["--x", "main", 1],
    ("comfy", "submodules"): ["x", {}],
    ("comfy", "submodules", 0, "path"): ["../x", "/etc/x", "..", ".git/x", "a/../..", ""],
    ("comfy", "submodules", 0, "repo"): [*HELPERS, "file:///etc", "/etc", "../x"],
    ("comfy", "submodules", 0, "commit"): ["--x", "main"],
    ("custom_nodes", 0, "dir"): [
        "../x",
        "custom_nodes",
        "custom_nodes/..",
        "models/x",
        "/x",
        "custom_nodes/../x",
        "custom_nodes/.git",
        "custom_nodes/a/.git/hooks",
    ],
    ("custom_nodes", 0, "repo"): HELPERS,
    ("custom_nodes", 0, "run_install_script"): ["yes", 1],
    ("packages", 0, "name"): LINES,
    ("packages", 0, "version"): LINES,
    ("packages", 0, "file"): LINES,
    ("packages", 0, "sha256"): ["x", "a" * 63, "a" * 64 + " --x"],
    ("packages", 1, "repo"): [*HELPERS, f"/x {INDEX}=http://e/", "file:///x y", "/x y"],
    ("packages", 1, "commit"): ["main", "--x", SHA + " --x"],
    ("torch_backend",): ["--x", "auto", "cpu x", 1],
    ("places", 0): [
        "six",
        "-e /x",
        "-r /etc/passwd",
        f"{INDEX} http://x\n-e /x",
        "--no-binary :all:",
        INDEX,
        "--trusted-host x",
        "--find-links /x -e y",
        1,
        f"{MORE_INDEX} https://u:p@h/x",
    ],
    ("models", 0, "path"): [
        "../x",
        "/etc/x",
        "$COMFY_HOME/../x",
        "$COMFY_HOME/.venv/x",
        "$COMFY_HOME/.comfy_env",
        "",
        "a/../x",
        "$HOME/x",
        ".comfyui-cockpit/x",
    ],
    ("models", 0, "source"): ["ext::x", "", 1, "ftp://x/y", "hf://x"],
    ("models", 0, "size_bytes"): [-1, "5", 1.5],
    ("models", 0, "sha256"): ["x", 1, "b" * 63],
    ("env",): ["x", []],
    ("env", "A"): [1, []],
}


def test_hostile_locks(comfy: Machine, daemon: Daemon) -> None:
    """A lock may come from anywhere: it is believed no more than a spec."""
    comfy.declare("https://example.org/a/b")
    file = comfy.root.path / "other.lock.json"
    before = stats(comfy.root.home)

    def plan(document: Any) -> dict[str, Any]:
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        body = {"lock": str(file), "offline": True}
        status, _, text = daemon.request("POST", "/api/versions/v/plan", body)
        answer: dict[str, Any] = json.loads(text)
        assert status in (200, 400, 422), (document, text)
        return answer

    good = plan(LOCK)
    assert {p["code"] for p in check(shapes.VERSION_PLAN, good)["missing"]} <= {
        "offline",
        "interpreter_missing",
    }
    cases = [(at, value) for at, values in HOSTILE_LOCK.items() for value in values]
    documents = [(str((at, value)), changed(LOCK, at, value)) for at, value in cases]
    documents += [
        (f"without {key}", {k: v for k, v in LOCK.items() if k != key})
        for key in ("comfy", "python", "platform", "lock_version")
    ]
    documents.append(("unknown", LOCK | {"x": 1}))
    documents.append(("twice", changed(LOCK, ("models",), LOCK["models"] * 2)))
    documents.append(("nodes twice", changed(LOCK, ("custom_nodes",), LOCK["custom_nodes"] * 2)))
    documents.append(("env name", changed(LOCK, ("env",), {"A=B": "x"})))
    documents.append(("env NUL", changed(LOCK, ("env",), {"A": "x\0y"})))
    for text in ("", "[]", "{", "[" * 100_000, '{"lock_version":1,"lock_version":1}'):
        documents.append((text[:30], text))
    for name, document in documents:
        answer = plan(document)
        assert answer.get("code") in (INVALID, UNSUPPORTED, OUTSIDE), (name, answer)
        assert answer["code"] != INVALID or answer["errors"], name
    assert daemon.get("/api/health")["state"] == "ready"
    assert stats(comfy.root.home) == before
    file.write_text(json.dumps(changed(LOCK, ("places", 0), "-e /x")))
    for verb in (["realize"], ["realize", "--dry-run"]):
        done = comfy.json(verb[0], "v", *verb[1:], "--lock", str(file), "--offline")
        assert (done.status, done.problem["code"]) == (WRONG_USE, INVALID)
    done = comfy.json("realize", "v", LOCK_PATH=str(file))
    assert (done.status, done.problem["code"]) == (WRONG_USE, INVALID)
    where = done.problem["errors"][0]["where"]
    assert (where["pointer"], where["file"]) == ("/places/0", "other.lock.json")
