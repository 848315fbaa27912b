"""Progress of a race on the error output, so that the table can be redirected by itself."""

from time import monotonic

from rich.console import Console

from tests.lab.race.fight import Fight

LINE_SECONDS = 2.5


class Display:
    """A line for what goes on, and one now and then while the clients fight."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._fight: Fight | None = None
        self._next_line = 0.0

    def say(self, status: str) -> None:
        self._console.print(status)

    def add(self, fight: Fight) -> None:
        self._fight = fight
        self._next_line = monotonic() + LINE_SECONDS

    def tick(self) -> None:
        """Called often; a line is due now and then, and at a fight's end."""
        fight = self._fight
        if fight is None or (monotonic() < self._next_line and not fight.is_over):
            return
        self._next_line = monotonic() + LINE_SECONDS
        self.say(
            f"{fight.title}: {fight.elapsed:.1f} of {fight.seconds:g} s, "
            f"{fight.accepted} accepted, {sum(fight.refused.values())} refused, "
            f"on two teams: {len(fight.violations.on_several_teams)} now, "
            f"{len(fight.violations.ever_on_several_teams)} ever"
        )
