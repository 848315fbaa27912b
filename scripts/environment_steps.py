"""The steps of setting up `.venv`: each a program, shown as it goes on.

Like `environment.py` it is read by old Pythons too.
"""

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import List  # noqa: UP035 - for an old Python

SHOW_SECONDS = 0.2
TAIL_LINES = 15


def say(text: str) -> None:
    """Writes a line for the operator."""
    print(text, file=sys.stderr, flush=True)


class Steps:
    """A numbered series of steps; on a terminal, the line of the current step is updated."""

    def __init__(self, count: int, environment: Path) -> None:
        self._count = count
        self._begun = 0
        self._environment = environment
        self._is_live = sys.stderr.isatty()

    def run(self, title: str, *command: object, packages: int = 0) -> None:
        """Runs a program to its end; one that fails ends this process with what it said.

        Of `packages`, where there are any, the line shows how many have been installed.
        """
        self._begun += 1
        began = time.monotonic()
        title = f"[{self._begun}/{self._count}] {title}"
        if not self._is_live:
            say(title)
        before = self._installed()
        process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        lines: List[str] = []  # noqa: UP006 - for an old Python

        def read() -> None:
            assert process.stdout is not None
            lines.extend(line.decode(errors="replace").strip() for line in process.stdout)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            while reader.is_alive():
                if self._is_live:
                    stand = _stand(lines, packages, self._installed() - before)
                    self._show(f"{title} ({time.monotonic() - began:.0f} s){stand}")
                reader.join(SHOW_SECONDS)
            status = process.wait()
        except KeyboardInterrupt:
            # Ctrl-C has reached it too; its message about that is dropped.
            process.terminate()
            process.wait()
            raise
        finally:
            if self._is_live:
                self._show("")
        if self._is_live and not status:
            say(f"{title}: done in {time.monotonic() - began:.0f} s")
        if status:
            say("\n".join(lines[-TAIL_LINES:]))
            sys.exit(f"{title}: failed; the reason stands above.")

    def _installed(self) -> int:
        folders = ("lib/python*/site-packages/*.dist-info", "Lib/site-packages/*.dist-info")
        return len({path for folder in folders for path in self._environment.glob(folder)})

    def _show(self, text: str) -> None:
        print(f"\r\x1b[K{text[:78]}", end="", file=sys.stderr, flush=True)


def _stand(lines: List[str], packages: int, installed: int) -> str:  # noqa: UP006
    """The progress of pip, derived from its output."""
    if not packages:
        return ""
    packages -= sum(line.startswith("Ignoring ") for line in lines)
    fetched = [line.split()[1].split("==")[0] for line in lines if line.startswith("Collecting ")]
    if any(line.startswith("Installing collected") for line in lines):
        return f": {installed} of {packages} installed"
    last = f", {fetched[-1]}" if fetched else ""
    return f": {len(fetched)} of {packages} fetched{last}"
