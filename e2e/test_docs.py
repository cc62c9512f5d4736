"""What the pages tell people to type is understood by the command line, and the schemas fit the examples."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from .cockpit import Root

HERE = Path(__file__).parents[1]
WRONG_USE = 2
PAGES = sorted([HERE / "README.md", HERE / "CONTRIBUTING.md", *(HERE / "docs").rglob("*.md")])
COMMAND = re.compile(r"^\s*(comfyui-cockpit [^\n]+)$|`(comfyui-cockpit [^`\n]+)`", re.MULTILINE)


def commands(page: Path) -> list[str]:
    """Return a page's commands in their order; one with a placeholder cannot be typed."""
    found = [block or inline for block, inline in COMMAND.findall(page.read_text("utf-8"))]
    return [command for command in found if not set(command) & set("<[…")]


def typed() -> set[tuple[str, str]]:
    """Find each command once, with a page."""
    found: dict[str, str] = {}
    for page in PAGES:
        for command in commands(page):
            found.setdefault(command, str(page.relative_to(HERE)))
    return {(page, command) for command, page in found.items()}


def test_pages_have_commands() -> None:
    assert len(typed()) > 8


def declare_a_version(root: Root) -> None:
    """Declare `demo` as the pages do: beside models.json, where a caller stands, and in a pack; with workflows."""
    repository = root.home / "ComfyUI"
    repository.mkdir()
    (repository / "main.py").write_text("print('ComfyUI')\n")
    for arguments in (
        ["init", "--quiet", "--initial-branch", "master", "."],
        ["add", "--all"],
        ["-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "-m", "one"],
    ):
        subprocess.run(["git", *arguments], cwd=repository, check=True)
    spec = {"schema_version": 2, "version_id": "demo", "comfy": {"repo": repository.as_uri()}}
    for folder in (root.path / "versions", root.home / "versions", root.home / "demo-pack"):
        folder.mkdir()
        (folder / "demo.json").write_text(json.dumps(spec), "utf-8")
    for folder in (root.path, root.home):
        shutil.copytree(HERE / "workflows", folder / "workflows")
        baseline = {
            "schema_version": 1,
            "workflow_sha256": "0" * 64,
            "lock_digest": "0" * 64,
            "files": {},
        }
        (folder / "workflows" / "example.baseline.json").write_text(json.dumps(baseline))


def pretend_docker(root: Root) -> str:
    """Return a PATH on which docker does nothing."""
    docker = root.home / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text("#!/bin/sh\n")
    docker.chmod(0o755)
    return f"{docker.parent}:{os.environ['PATH']}"


@pytest.mark.parametrize(("page", "command"), sorted(typed()))
def test_what_a_page_says_can_be_typed(root: Root, page: str, command: str) -> None:
    root.write((HERE / "demo" / "models.json").read_text("utf-8"))
    arguments = shlex.split(command)[1:]
    if arguments[0] in ("docker", "version", "workflow"):
        declare_a_version(root)
        root.set(gcs_endpoint=root.hub.api)  # a bucket of nobody's
    if arguments[:2] == ["models", "wait"]:
        arguments = ["models", "wait", "--bundle", "demo", "--timeout", "0"]
    variables = {"COMFY_VERSION_NAME": "demo", "GCS_BUCKET": "my-bucket"}
    done = root.run(*arguments, PATH=pretend_docker(root), **variables)
    assert done.status != WRONG_USE, (page, done)
    assert "Exception" not in done.err, (page, done)


def documents(page: str) -> list[Any]:
    """Return the JSON examples of a page."""
    text = (HERE / page).read_text("utf-8")
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]


@pytest.mark.parametrize("page", ["README.md", "docs/reference/models-json.md"])
def test_the_examples_are_valid(root: Root, page: str) -> None:
    schema = json.loads((HERE / "schemas" / "models.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    examples = documents(page)
    assert examples
    for example in examples:
        Draft202012Validator(schema).validate(example)
        root.write(json.dumps(example))
        assert root.run("models", "validate").status == 0


def test_the_examples_of_specs_are_valid(root: Root) -> None:
    schema = json.loads((HERE / "schemas" / "version.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    specs = [json.loads(file.read_text("utf-8")) for file in (HERE / "versions").glob("*.json")]
    specs += documents("docs/reference/version-spec.md")
    assert len(specs) > 2
    (root.path / "versions").mkdir()
    for spec in specs:
        Draft202012Validator(schema).validate(spec)
        file = root.path / "versions" / f"{spec['version_id']}.json"
        file.write_text(json.dumps(spec), "utf-8")
        done = root.json("version", "validate", spec["version_id"])
        assert done.status == 0, done
        assert done.json["warnings"] == [], done


def test_the_demo_fits_the_schemas(root: Root) -> None:
    for name in ("models", "cockpit"):
        schema = json.loads((HERE / "schemas" / f"{name}.schema.json").read_text("utf-8"))
        Draft202012Validator.check_schema(schema)
        file = HERE / "demo" / "models.json" if name == "models" else root.path / "cockpit.json"
        Draft202012Validator(schema).validate(json.loads(file.read_text("utf-8")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"models": {"a": {"path": "x"}}},
        {"models": {"a": {"path": "x", "source": {"kind": "huggingface", "repo_id": "o/n"}}}},
        {"models": {"a": {"path": "x", "source": "hf://o/n/f", "sha256": "12"}}},
        {"models": {"a": {"path": "x", "source": "hf://o/n/f", "size_bytes": -1}}},
        {"bundles": {"b": {"models": "a"}}},
        {"modles": {}},
    ],
)
def test_schema_and_command_line_refuse_the_same(root: Root, wrong: Any) -> None:
    schema = json.loads((HERE / "schemas" / "models.schema.json").read_text("utf-8"))
    assert not Draft202012Validator(schema).is_valid(wrong)
    root.write(json.dumps(wrong))
    assert root.run("models", "validate").status == WRONG_USE
