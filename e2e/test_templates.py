"""Model files that workflows name: all official templates, every format, and what is declared of them."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from .cockpit import Root

DONE, WRONG_USE, DIFFERS = 0, 2, 3
FILES = (".safetensors", ".gguf", ".ckpt", ".pt", ".pth", ".sft")
BATCH = 40


def official() -> Path:
    """Return the folder of the official templates' package."""
    spec = find_spec("comfyui_workflow_templates_json")
    assert spec, "pip install comfyui-workflow-templates-json"
    assert spec.origin
    return Path(spec.origin).with_name("templates")


def nodes_of(graph: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Walk a workflow and its subgraphs."""
    yield from graph.get("nodes", [])
    for subgraph in graph.get("definitions", {}).get("subgraphs", []):
        yield from nodes_of(subgraph)


def named(widgets: Any) -> Iterator[str]:
    """Find every model file's name in the widgets' values."""
    if isinstance(widgets, str):
        if widgets.endswith(FILES) and "\n" not in widgets:
            yield widgets
    elif isinstance(widgets, list):
        for value in widgets:
            yield from named(value)
    elif isinstance(widgets, dict):
        for value in widgets.values():
            yield from named(value)


def base(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1]


def test_every_link_and_every_name_of_all_official_templates_is_found(root: Root) -> None:
    index = json.loads((official() / "index.json").read_text("utf-8"))
    names_of_all = [template["name"] for group in index for template in group["templates"]]
    workflows = sorted({official() / f"{name}.json" for name in names_of_all})
    assert len(workflows) > 600
    links = 0
    for start in range(0, len(workflows), BATCH):
        batch = workflows[start : start + BATCH]
        done = root.run("models", "from-workflow", "--offline", "--json", *map(str, batch))
        assert done.status in (DONE, DIFFERS), done
        found: dict[str, list[dict[str, Any]]] = {str(file): [] for file in batch}
        unread: dict[str, set[str]] = {str(file): set() for file in batch}
        for item in done.json["files"]:
            found[item["workflow"]].append(item)
        for item in done.json["unread_nodes"]:
            unread[item["workflow"]].add(item["name"])
        for file in batch:
            nodes = list(nodes_of(json.loads(file.read_text("utf-8"))))
            embedded = {
                (model["directory"], model["name"], model["url"])
                for node in nodes
                for model in (node.get("properties") or {}).get("models") or []
            }
            mine = found[str(file)]
            told = {(x["folder"], x["name"], x["link"]) for x in mine if x["link"]}
            assert told == embedded, file.name
            links += len(embedded)
            listed = {base(x["name"]) for x in mine} | {base(name) for name in unread[str(file)]}
            names = {base(name) for node in nodes for name in named(node.get("widgets_values"))}
            assert names <= listed, file.name
    assert links > 391


def test_a_template_becomes_a_bundle(root: Root) -> None:
    template = {"COCKPIT_TEMPLATES_DIR": str(official())}
    root.write("{}\n")
    found = root.run("models", "templates", "--search", "z-image turbo", "--json", **template)
    assert found.status == DONE
    names = [template["name"] for template in found.json["templates"]]
    assert "image_z_image_turbo" in names
    first = found.json["templates"][0]
    assert first["missing_bytes"] == first["size_bytes"] > 10**9

    command = ["models", "from-template", "image_z_image_turbo", "--offline", "--json"]
    before = root.run(*command, **template)
    assert before.status == DIFFERS
    assert {file["state"] for file in before.json["files"]} == {"missing"}
    assert root.read() == "{}\n"

    written = root.run(*command, "--write", **template)
    assert written.status == DONE
    assert {file["state"] for file in written.json["files"]} == {"declared"}
    declared = json.loads(root.read())
    assert declared["bundles"]["image_z_image_turbo"]["models"] == list(declared["models"])
    assert {model["type"] for model in declared["models"].values()} == {
        "vae",
        "text_encoder",
        "diffusion_model",
    }
    assert root.run("models", "validate").status == DONE

    for model in declared["models"].values():
        file = root.models / model["path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * 1000)
    after = root.run(*command, **template)
    assert {file["state"] for file in after.json["files"]} == {"installed"}
    again = root.run("models", "templates", "--search", "z-image turbo", "--json", **template)
    missing = {t["name"]: t["missing_bytes"] for t in again.json["templates"]}
    assert missing["image_z_image_turbo"] == 0


API = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd/x.safetensors"}},
    "2": {"class_type": "SomethingNew", "inputs": {"model": "y.gguf", "n": 1, "c": ["1", 0]}},
}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(kind: bytes, text: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(kind, text) + chunk(b"IEND", b"")


def webp(text: bytes) -> bytes:
    exif = b"Exif\x00\x00MM\x00*" + b"prompt:" + text + b"\x00"
    body = b"WEBP" + b"EXIF" + struct.pack("<I", len(exif)) + exif + b"\x00" * (len(exif) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("api.json", json.dumps(API).encode()),
        ("wrapped.json", json.dumps({"prompt": API}).encode()),
        ("text.png", png(b"tEXt", b"prompt\x00" + json.dumps(API).encode())),
        ("zip.png", png(b"zTXt", b"prompt\x00\x00" + zlib.compress(json.dumps(API).encode()))),
        (
            "international.png",
            png(b"iTXt", b"prompt\x00\x00\x00\x00\x00" + json.dumps(API).encode()),
        ),
        ("picture.webp", webp(json.dumps(API).encode())),
    ],
)
def test_every_format_is_read(root: Root, tmp_path: Path, name: str, content: bytes) -> None:
    root.write("{}")
    file = tmp_path / name
    file.write_bytes(content)
    done = root.run("models", "from-workflow", str(file), "--offline", "--json")
    assert done.status == DIFFERS
    (found,) = done.json["files"]
    assert (found["name"], found["folder"]) == ("sd/x.safetensors", "checkpoints")
    assert found["input"] == "ckpt_name"
    (unread,) = done.json["unread_nodes"]
    assert (unread["node_type"], unread["name"]) == ("SomethingNew", "y.gguf")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("none.json", b'{"a": 1}'),
        ("none.png", png(b"tEXt", b"Title\x00x")),
        ("cut.png", b"\x89PNG\r\n\x1a\n\x00\x00"),
        ("broken.png", png(b"zTXt", b"prompt\x00\x00nonsense")),
        ("text.json", b"hello"),
    ],
)
def test_what_is_no_workflow_is_named(
    root: Root, tmp_path: Path, name: str, content: bytes
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    done = root.run("models", "from-workflow", str(file), "--json")
    assert done.status == WRONG_USE
    assert done.problem["code"] == "bad_request"
    assert name in done.problem["detail"]


def test_a_browser_reads_no_file_outside_the_root(root: Root, tmp_path: Path) -> None:
    root.write("{}")
    (tmp_path / "outside.json").write_text(json.dumps(API))
    inside = root.path / "inside.json"
    inside.write_text(json.dumps(API))
    daemon = root.serve().wait()
    assert daemon.post("/api/models/from-workflow", {"files": ["inside.json"]})["files"]
    status, _, answer = daemon.request(
        "POST", "/api/models/from-workflow", {"files": ["../outside.json"]}
    )
    assert status == 400
    assert json.loads(answer)["code"] == "path_outside_root"
