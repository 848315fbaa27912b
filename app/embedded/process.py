"""Supervision of one mongod process: start, restart after a crash, shutdown."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from app.embedded.binary import NOT_EXECUTABLE, explain_exit

logger = logging.getLogger(__name__)

END_SECONDS = 30.0
"""Timeout of a clean shutdown before SIGKILL; an idle mongod takes 1.0 s."""

MAX_LOG_BYTES = 16 * 1024 * 1024
"""Size at which the log is truncated. An idle mongod writes under 1 MB a day."""

_WATCH_SECONDS = 0.1
_FIRST_RESTART_SECONDS = 0.1
_LONGEST_RESTART_SECONDS = 5.0
_SETTLED_SECONDS = 30.0

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
    os._exit({NOT_EXECUTABLE})
"""


class MongodProcess:
    """A mongod that runs from `start` to `end`, supervised by its own thread.

    That thread alone starts, watches and reaps the process. It lasts as long as mongod, since Linux
    sends the parent-death signal when the *thread* that forked ends.

    Before `keep_alive`, a mongod that exits is not restarted, and `exit_code` is set.
    """

    def __init__(self, command: Sequence[str], log_path: Path) -> None:
        self._command = list(command)
        self._log_path = log_path
        self._restarts = threading.Event()
        self._ending = threading.Event()
        self._exit_code: int | None = None
        # A daemon, so that a process that omits `end` can exit; the kernel then ends mongod.
        self._thread = threading.Thread(target=self._run, name="embedded-mongod", daemon=True)

    @property
    def exit_code(self) -> int | None:
        """The exit code of a mongod that will not be restarted, else None."""
        return self._exit_code

    def start(self) -> None:
        """Start mongod and its supervision, without waiting."""
        self._thread.start()

    def keep_alive(self) -> bool:
        """Restart mongod from now on when it exits; False if it has already exited."""
        self._restarts.set()
        return self._exit_code is None

    def end(self) -> None:
        """Shut mongod down, kill it after `END_SECONDS`, and end the supervision."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        delay_seconds = _FIRST_RESTART_SECONDS
        while not self._ending.is_set():
            started_at = time.monotonic()
            exit_code = self._run_once()
            if exit_code is None:
                return
            # Set the code, then read the flag; `keep_alive` sets the flag, then reads the code. So
            # an exit in between is either restarted here or reported there.
            self._exit_code = exit_code
            if not self._restarts.is_set():
                return
            self._exit_code = None

            if time.monotonic() - started_at > _SETTLED_SECONDS:
                delay_seconds = _FIRST_RESTART_SECONDS
            logger.error(
                "%s\nIt is started again in %.1f s.",
                explain_exit(exit_code, self._log_path),
                delay_seconds,
            )
            self._ending.wait(delay_seconds)
            delay_seconds = min(2 * delay_seconds, _LONGEST_RESTART_SECONDS)

    def _run_once(self) -> int | None:
        """Run mongod; its exit code, or None after `end`."""
        try:
            process = _launch(self._command, self._log_path)
        except OSError:
            logger.exception("The embedded mongod could not be launched.")
            return NOT_EXECUTABLE
        try:
            while not self._ending.wait(_WATCH_SECONDS):
                if process.poll() is not None:
                    return process.returncode
                _bound(self._log_path)
            return None
        finally:
            _end(process)


def _launch(command: list[str], log_path: Path) -> subprocess.Popen[bytes]:
    # Output of mongod and the dynamic loader goes to one file, opened for appending, so that
    # truncating it while mongod runs leaves no hole.
    with log_path.open("ab") as log:
        if sys.platform == "win32":
            return subprocess.Popen(  # noqa: S603 - the command is built from our own paths
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,
            )
        if sys.platform == "linux" and sys.executable:
            launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid())]
            command = [*launcher, *command]
        # A new session, so that Ctrl-C reaches the server only, which drains before ending mongod.
        return subprocess.Popen(  # noqa: S603 - the command is built from our own paths
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
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


def _bound(log_path: Path) -> None:
    try:
        if log_path.stat().st_size > MAX_LOG_BYTES:
            os.truncate(log_path, 0)
    except OSError:
        logger.debug("The log of the embedded mongod could not be bounded.", exc_info=True)
