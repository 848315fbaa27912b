"""A progress bar on standard error, so that standard output holds the report alone."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar


class TerminalProgress:
    """`Progress` for a terminal: a bar for each step. Elsewhere the steps' names, a line each."""

    def __init__(self) -> None:
        self._bar: ProgressBar[int] | None = None

    def __enter__(self) -> Self:
        """Show nothing before the first step."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the line; leave an unfinished bar as it is."""
        self._end(is_done=error is None)

    def begin(self, step: str, total: int) -> None:
        self._end()
        self._bar = click.progressbar(
            length=max(total, 1), label=f"{step:<20}", file=sys.stderr, show_pos=total > 1
        )
        self._bar.__enter__()

    def advance(self, parts: int) -> None:
        if self._bar is not None:
            self._bar.update(parts)

    def _end(self, *, is_done: bool = True) -> None:
        if self._bar is not None:
            if is_done:
                self._bar.update((self._bar.length or 0) - self._bar.pos)
            self._bar.render_progress()
            self._bar.__exit__(None, None, None)
            self._bar = None
