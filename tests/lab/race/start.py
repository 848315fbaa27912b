"""What moves on a terminal while the race's modules are imported, which takes seconds."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from threading import Event, Thread
from typing import Final

INTERRUPTED: Final = 130


@contextmanager
def moving(text: str) -> Iterator[None]:
    """Shows that something goes on, on a terminal; Ctrl-C ends the process quietly."""
    over = Event()

    def move() -> None:
        for frame in cycle("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"):
            print(f"\r{frame} {text}", end="", file=sys.stderr, flush=True)
            if over.wait(0.1):
                break
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    thread = Thread(target=move)
    if sys.stderr.isatty():
        thread.start()
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        over.set()
        if thread.ident is not None:
            thread.join()
