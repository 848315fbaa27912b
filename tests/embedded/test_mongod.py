"""Messages to the operator if no mongod is found, or it can't run on this system."""

import sys
from pathlib import Path

import pytest

from app.domain.faults import EmbeddedDatabaseFailed
from app.embedded import database, mongod
from app.embedded.database import embedded_database
from app.embedded.mongod import find_mongod


def fake_mongod(folder: Path, script: str) -> Path:
    executable = folder / "mongod"
    executable.write_text(f"#!/bin/sh\n{script}\n")
    executable.chmod(0o755)
    return executable


def test_a_missing_mongod_is_reported_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongod, "_package_folders", list)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(EmbeddedDatabaseFailed, match=r"team-joiner\[embedded\].*MONGODB_URI"):
        find_mongod()


def test_a_mongod_on_the_path_is_found_when_the_package_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongod, "_package_folders", list)
    monkeypatch.setenv("PATH", str(tmp_path))
    executable = fake_mongod(tmp_path, "exit 0")

    assert find_mongod() == executable


@pytest.mark.parametrize(
    ("obstacle", "used"), [("It needs glibc.", "path"), (None, "bin")], ids=["can't run", "may run"]
)
def test_a_mongod_on_the_path_is_used_only_where_the_package_cannot_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, obstacle: str | None, used: str
) -> None:
    for name in ("bin", "path"):
        (tmp_path / name).mkdir()
        fake_mongod(tmp_path / name, "exit 0")
    monkeypatch.setattr(mongod, "_package_folders", lambda: [tmp_path])
    monkeypatch.setattr(mongod, "package_obstacle", lambda: obstacle)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))

    assert find_mongod() == tmp_path / used / "mongod"


def test_a_file_without_execute_permission_is_reported_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    fake_mongod(tmp_path / "bin", "exit 0").chmod(0o644)
    monkeypatch.setattr(mongod, "_package_folders", lambda: [tmp_path])

    with pytest.raises(EmbeddedDatabaseFailed, match="chmod"):
        find_mongod()


@pytest.mark.parametrize("package", ["filelock", "psutil"])
def test_a_missing_optional_package_is_reported_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.delitem(sys.modules, "app.embedded.folder", raising=False)
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(EmbeddedDatabaseFailed, match=rf"{package}.*team-joiner\[embedded\]"):
        embedded_database(tmp_path).__enter__()


@pytest.mark.parametrize(
    ("script", "advice"),
    [
        (
            "echo mongod: error while loading shared libraries: libcurl.so.4: cannot open >&2\n"
            "exit 127",
            r"(?s)apt-get install libcurl4 .*MONGODB_URI.*libcurl\.so\.4",
        ),
        ("echo The disk is full.\nexit 14", r"exit code 14(?s:.*)The disk is full\."),
        ("kill -ILL $$", "AVX.*MONGODB_URI"),
    ],
    ids=["a missing library", "an error of its own", "an old processor"],
)
def test_a_mongod_that_cannot_start_is_reported_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, advice: str
) -> None:
    executable = fake_mongod(tmp_path, script)
    monkeypatch.setattr(database, "find_mongod", lambda: executable)

    with pytest.raises(EmbeddedDatabaseFailed, match=advice):
        embedded_database(tmp_path / "data").__enter__()


def test_a_mongod_that_is_never_ready_fails_at_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable = fake_mongod(tmp_path, "echo Still thinking.\nexec sleep 600")
    monkeypatch.setattr(database, "find_mongod", lambda: executable)
    monkeypatch.setattr(database, "START_SECONDS", 0.5)

    with pytest.raises(EmbeddedDatabaseFailed, match=r"(?s)not ready.*Still thinking\."):
        embedded_database(tmp_path / "data").__enter__()
