"""Progress of the doctor's steps, on standard error."""

import sys
from contextlib import AbstractContextManager
from typing import Any

import click


def progress(step: str, total: int) -> AbstractContextManager[Any]:
    """A progress bar; without a terminal, a line with the step's name."""
    return click.progressbar(
        length=max(total, 1), label=f"{step:<20}", file=sys.stderr, show_pos=total > 1
    )
