"""The virtual environment that every script runs in: made once, renewed when what it holds changes.

Standard library only, since it runs before anything is installed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn, TextIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # a module, or nothing

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
COMMANDS = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
STAMP = ENVIRONMENT / "installed"
OLDEST_PYTHON = (3, 11)


def run(command: str, *arguments: str) -> NoReturn:
    """Replaces this process by a command of the environment, with these arguments."""
    set_up()
    os.environ.setdefault("DATA_DIR", str(ROOT / ".data"))
    executable = str(COMMANDS / command)
    if os.name == "nt":
        sys.exit(subprocess.call([executable, *arguments]))
    os.execv(executable, [executable, *arguments])


def set_up() -> None:
    """Makes the environment, unless it holds what the lock file says."""
    wanted = _fingerprint()
    if _is_installed(wanted):
        return
    with (ROOT / ".venv.lock").open("w") as lock:
        _wait_for(lock)
        if not _is_installed(wanted):
            _install(wanted)


def _is_installed(wanted: str) -> bool:
    return STAMP.is_file() and STAMP.read_text() == wanted


def _fingerprint() -> str:
    # The folder counts too, since an environment that was copied elsewhere does not work there.
    locked = (ROOT / "requirements.lock").read_bytes()
    return hashlib.sha256(locked + str(ROOT).encode()).hexdigest()


def _wait_for(lock: TextIO) -> None:
    """Lets one script install at a time; the others wait, and then find it done."""
    if fcntl is not None:
        fcntl.flock(lock, fcntl.LOCK_EX)


def _install(wanted: str) -> None:
    print("Setting up .venv with the locked dependencies; this happens once.", file=sys.stderr)
    python = _find_python()
    try:
        subprocess.check_call([python, "-m", "venv", "--clear", str(ENVIRONMENT)])
    except subprocess.CalledProcessError:
        sys.exit("Python's venv module does not work; on Debian: apt-get install python3-venv.")
    pip = [
        str(COMMANDS / "python"),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
    ]
    try:
        subprocess.check_call([*pip, "--require-hashes", "-r", str(ROOT / "requirements.lock")])
        subprocess.check_call([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    except subprocess.CalledProcessError:
        sys.exit("The dependencies could not be installed; what pip said stands above.")
    STAMP.write_text(wanted)


def _find_python() -> str:
    if sys.version_info >= OLDEST_PYTHON:
        return sys.executable
    for minor in range(19, OLDEST_PYTHON[1] - 1, -1):
        if found := shutil.which(f"python3.{minor}"):
            return found
    sys.exit("Team Joiner needs Python 3.11 or newer, and none was found.")
