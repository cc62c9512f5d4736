"""Everything that can be wrong with models.json and cockpit.json, each error at its place."""

from __future__ import annotations

import re
from typing import Any

import pytest

from . import shapes
from .cockpit import Root
from .shapes import check

WRONG_USE = 2


def marked(text: str) -> tuple[str, dict[int, tuple[int, int]]]:
    """Take the marks «1», «2» … out of a text; return where they stood, as line and column."""
    places: dict[int, tuple[int, int]] = {}
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        while found := re.search(r"«(\d+)»", line):
            places[int(found[1])] = (number, found.start() + 1)
            line = line[: found.start()] + line[found.end() :]
        lines.append(line)
    return "\n".join(lines) + "\n", places


TEXT = """{
  "$schema": "x",
  «1»"model": {},
  "models": {
    "good": {"source": "hf://a/b/c.safetensors", "path": "good.bin"},
    "unknown_key": {"source": "x", "path": "a", «2»"sha265": "aa"},
    "no_source": «3»{"path": "b"},
    "no_path": «4»{"source": "x"},
    "not_an_object": «5»"x",
    "scheme": {"source": «6»"ftp://host/x", "path": "c"},
    "hf": {"source": «7»"hf://only", "path": "d"},
    "kind": {"source": {"kind": «8»"hugingface"}, "path": "e"},
    "parts": {"source": «9»{"kind": "huggingface"}, "path": "f"},
    "repo": {"source": {"kind": "huggingface", "repo_id": «10»"a b", "filename": «11»"../x"}, "path": "g"},
    "version": {"source": {"kind": "civitai", "version_id": «12»"12"}, "path": "h"},
    "sha": {"source": "x", "path": "i", "sha256": «13»"abc"},
    "size": {"source": "x", "path": "j", "size_bytes": «14»-1},
    "size_text": {"source": "x", "path": "k", "size_bytes": «15»"12"},
    "size_part": {"source": "x", "path": "l", "size_bytes": «16»1.5},
    "up": {"source": "x", "path": «17»"../out.bin"},
    "absolute": {"source": "x", "path": «18»"/etc/x.bin"},
    "ours": {"source": "x", "path": «19»".comfyui-cockpit/x"},
    "same": {"source": "x", "path": «20»"good.bin"},
    "number": {"source": «21»12, "path": "m"},
    "name": {"source": "x", "path": "n", "display_name": «22»true},
    "ユニコード": {"source": "x", "path": «23»"../ö"},
    «24»"": {"source": "x", "path": "o"},
    "air": {"source": «25»"urn:air:nonsense", "path": "p"},
    "other_machine": {"source": «26»"file://server/x", "path": "q"}
  },
  "bundles": {
    "a": {"models": [«27»"god", "good", «28»12], "auto_install": «29»"yes", «30»"enable": true},
    "b": «31»{"description": ""},
    "c": {"models": «32»"good"}
  }
}"""

INVALID, UNSUPPORTED = "declaration_invalid", "source_unsupported"
OUTSIDE = "path_outside_root"
WANTED: dict[int, tuple[str, str, str]] = {
    1: ("/model", INVALID, 'Did you mean "models"?'),
    2: ("/models/unknown_key/sha265", INVALID, 'Did you mean "sha256"?'),
    3: ("/models/no_source", INVALID, 'Add "source" here.'),
    4: ("/models/no_path", INVALID, 'Add "path" here.'),
    5: ("/models/not_an_object", INVALID, "Write an object."),
    6: ("/models/scheme/source", UNSUPPORTED, "hf://owner/name/file"),
    7: ("/models/hf/source", UNSUPPORTED, "hf://owner/name/file"),
    8: ("/models/kind/source/kind", UNSUPPORTED, 'Did you mean "huggingface"?'),
    9: ("/models/parts/source", INVALID, "here."),
    10: ("/models/repo/source/repo_id", INVALID, "owner/name"),
    11: ("/models/repo/source/filename", INVALID, "path in the repository"),
    12: ("/models/version/source/version_id", INVALID, ""),
    13: ("/models/sha/sha256", INVALID, "64 hexadecimal digits"),
    14: ("/models/size/size_bytes", INVALID, ""),
    15: ("/models/size_text/size_bytes", INVALID, ""),
    16: ("/models/size_part/size_bytes", INVALID, ""),
    17: ("/models/up/path", OUTSIDE, "relative to models_dir"),
    18: ("/models/absolute/path", OUTSIDE, "extra_roots"),
    19: ("/models/ours/path", INVALID, "relative to models_dir"),
    20: ("/models/same/path", "path_taken", "a path of its own"),
    21: ("/models/number/source", INVALID, "hf://owner/name/file"),
    22: ("/models/name/display_name", INVALID, ""),
    23: ("/models/ユニコード/path", OUTSIDE, "relative to models_dir"),
    24: ("/models/", INVALID, "Give it a name."),
    25: ("/models/air/source", UNSUPPORTED, ""),
    26: ("/models/other_machine/source", UNSUPPORTED, ""),
    27: ("/bundles/a/models/0", "unknown_id", 'Did you mean "good"?'),
    28: ("/bundles/a/models/2", INVALID, ""),
    29: ("/bundles/a/auto_install", INVALID, ""),
    30: ("/bundles/a/enable", INVALID, 'Did you mean "enabled"?'),
    31: ("/bundles/b", INVALID, 'Add "models" here.'),
    32: ("/bundles/c/models", INVALID, "Write a list."),
}


def places(errors: list[dict[str, Any]]) -> dict[tuple[int, int], list[dict[str, Any]]]:
    found: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for error in errors:
        where = error["where"]
        found.setdefault((where["line"], where["column"]), []).append(error)
    return found


def test_every_error_at_its_place(root: Root) -> None:
    text, marks = marked(TEXT)
    root.write(text)
    done = root.json("models", "validate")
    document = check(shapes.VALIDATE, done.json)
    assert (done.status, document["ok"], document["file"]) == (WRONG_USE, False, "models.json")
    found = places(document["errors"])
    assert sorted(found) == sorted(marks.values())
    for number, (pointer, code, hint) in WANTED.items():
        for error in found[marks[number]]:
            assert error["where"]["pointer"] == pointer
            assert error["where"]["file"] == "models.json"
            assert error["code"] == code, error
            assert hint in error["hint"], error
    assert sum(map(len, found.values())) == len(WANTED) + 1, "`parts` lacks two keys"

    # For people: file, line and column, so that a terminal makes a link of it.
    lines = root.run("models", "validate").out.splitlines()
    for line, column in marks.values():
        assert any(text.startswith(f"error: models.json:{line}:{column}: ") for text in lines)


def test_nothing_is_installed_from_a_wrong_file(root: Root) -> None:
    """Install, plan, verify, pin: exit 2, all errors; status shows them and goes on."""
    (root.path / "own.bin").write_bytes(b"\0" * 2000)
    root.write(
        '{"models": {"a": {"source": "own.bin", "path": "a.bin"},\n'
        '  "b": {"source": "own.bin"}, "c": {"path": "c.bin"}}}'
    )
    for verb in ("install", "plan", "verify", "pin"):
        done = root.json("models", verb, "--all")
        found = check(shapes.problem_of, done.problem)
        assert (done.status, found["code"]) == (WRONG_USE, "declaration_invalid")
        assert [e["where"]["line"] for e in found["errors"]] == [2, 2]
        assert found["where"] == found["errors"][0]["where"]
    assert root.tree() == ["own.bin"]
    done = root.json("models", "status")
    assert (done.status, done.json["declaration"]["state"]) == (WRONG_USE, "invalid")
    assert len(done.json["declaration"]["errors"]) == 2


SYNTAX = {
    "open": '{"models": {\n  "a": {"path": "x"\n«1»',
    "comma": '{"models": {},\n «1»}',
    "word": '{"models": «1»nul}',
    "twice": '{"models": {"a": {"source": "x", "path": "a"},\n    «1»"a": {"source": "y", "path": "b"}}}',
    "after": '{"models": {}}\n«1»x',
    "list": "«1»[]",
    "empty": "«1»",
}


@pytest.mark.parametrize("name", SYNTAX)
def test_syntax(root: Root, name: str) -> None:
    text, marks = marked(SYNTAX[name])
    root.write(text if name != "empty" else "")
    done = root.json("models", "validate")
    errors = check(shapes.VALIDATE, done.json)["errors"]
    assert (done.status, [e["code"] for e in errors]) == (WRONG_USE, ["declaration_invalid"])
    where = errors[0]["where"]
    if name == "open":
        assert where["line"] in (3, 4), "the end of the file"
    else:
        assert (where["line"], where["column"]) == (marks.get(1) or (1, 1))


def test_settings_are_a_declaration_too(root: Root) -> None:
    text, marks = marked(
        '{\n  «1»"model_dir": "x",\n  "max_connections": «2»0,\n'
        '  "network": {"retries": «3»"many", «4»"stall_timout": 3},\n'
        '  "huggingface_endpoint": «5»"nowhere",\n  "extra_roots": «6»"x"\n}'
    )
    root.declare(a="own.bin")
    (root.path / "cockpit.json").write_text(text)
    done = root.json("models", "validate")
    errors = check(shapes.VALIDATE, done.json)["errors"]
    assert done.status == WRONG_USE
    assert {e["where"]["file"] for e in errors} == {"cockpit.json"}
    found = places(errors)
    assert sorted(found) == sorted(marks.values())
    assert found[marks[1]][0]["hint"] == 'Did you mean "models_dir"?'
    assert found[marks[4]][0]["hint"] == 'Did you mean "stall_timeout"?'
    assert root.install().problem["code"] == "declaration_invalid"
    assert root.json("doctor").json["ok"] is False


def test_link_out_of_the_root(root: Root) -> None:
    """A path is inside only after symbolic links are resolved."""
    (root.path / "out").symlink_to(root.home)
    root.declare(a={"source": "x", "path": "out/a.bin"})
    done = root.json("models", "validate")
    assert (done.status, done.json["errors"][0]["code"]) == (WRONG_USE, "path_outside_root")


def test_files_of_the_predecessor_load(root: Root) -> None:
    """With display_name, version and type, source objects and `enabled`, as in the user's documents."""
    root.write(
        """{
  "models": {
    "sdxl_base_1_0_128713": {
      "display_name": "SDXL Base", "version": "1.0", "type": "checkpoint",
      "source": {"kind": "civitai", "model_id": 12345, "version_id": 128713},
      "path": "checkpoints/sdxl_base_1_0.safetensors"
    }
  },
  "bundles": {
    "sdxl_basic": {"description": "Basic SDXL setup", "models": ["sdxl_base_1_0_128713"],
                   "auto_install": true, "enabled": true}
  }
}"""
    )
    assert root.json("models", "validate").json == {
        "ok": True,
        "file": "models.json",
        "errors": [],
        "warnings": [],
    }
    assert root.json("models", "install").status == 0
    assert root.tree() == ["checkpoints/sdxl_base_1_0.safetensors"]
