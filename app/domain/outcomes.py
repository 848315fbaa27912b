"""What an accepted mutation answers. What a refused one answers is in `problems.py`."""

from dataclasses import dataclass

from app.domain.teams import Team


@dataclass(frozen=True, slots=True)
class Accepted:
    """One team changed; `team` is how the change left it.

    When `replayed`, the change had been made by an earlier sending of the same request: nothing
    was written now, and `team` is the team as it is now, which may be later.
    """

    team: Team
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class AcceptedMove:
    """A user changed teams: both teams as the move left them, or as they are now if `replayed`."""

    from_team: Team
    to_team: Team
    replayed: bool = False
