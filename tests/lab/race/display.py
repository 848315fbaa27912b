"""What is shown while the race runs: live on a terminal, else a line now and then."""

from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from tests.lab.race.fight import Fight

LINE_SECONDS = 2.5
REFRESHES_PER_SECOND = 5


class Display:
    """Shows the fights on the error output, so that the table can be redirected by itself."""

    def __init__(self, *, seed: int) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._is_live = self._console.is_terminal and not self._console.is_dumb_terminal
        self._seed = seed
        self._fights: list[Fight] = []
        self._status = ""
        self._next_line = 0.0
        self._spinner = Spinner("dots")
        self._live = Live(
            console=self._console,
            get_renderable=self._render,
            refresh_per_second=REFRESHES_PER_SECOND,
            # The table that follows tells it all, and better.
            transient=True,
        )

    def __enter__(self) -> Self:
        if self._is_live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._is_live:
            self._live.stop()

    def say(self, status: str) -> None:
        """What goes on apart from the fights."""
        self._status = status
        if not self._is_live and status:
            self._console.print(status)

    def add(self, fight: Fight) -> None:
        self.say("")
        self._fights.append(fight)
        self._next_line = monotonic() + LINE_SECONDS

    def tick(self) -> None:
        """Called often; a line is due now and then, and at a fight's end."""
        fight = self._fights[-1]
        if self._is_live or (monotonic() < self._next_line and not fight.is_over):
            return
        self._next_line = monotonic() + LINE_SECONDS
        self._console.print(
            f"{fight.title}: {fight.elapsed:.1f} of {fight.seconds:g} s, "
            f"{fight.accepted} accepted, {sum(fight.refused.values())} refused, "
            f"on two teams: {len(fight.violations.on_several_teams)} now, "
            f"{len(fight.violations.ever_on_several_teams)} ever",
            soft_wrap=True,
        )

    def _render(self) -> RenderableType:
        self._spinner.update(text=Text(self._status or f"Racing, seed {self._seed}.", style="dim"))
        status = self._spinner
        if not self._fights:
            return status
        table = Table(box=None, padding=(0, 1, 0, 0))
        for heading in ("", "", "seconds", "accepted", "refused", "on two teams", "ever"):
            table.add_column(heading, justify="right" if heading else "left", header_style="dim")
        for fight in self._fights:
            now = len(fight.violations.on_several_teams)
            ever = len(fight.violations.ever_on_several_teams)
            colour = "bold red" if ever else "bold green"
            table.add_row(
                fight.title,
                ProgressBar(
                    total=fight.seconds, completed=min(fight.elapsed, fight.seconds), width=20
                ),
                f"{fight.elapsed:.1f}",
                str(fight.accepted),
                str(sum(fight.refused.values())),
                Text(str(now), style=colour),
                Text(str(ever), style=colour),
            )
        return Group(status, table)
