"""The outcomes of accepted mutations. Those of refused ones are in `problems.py`."""

from dataclasses import dataclass

from app.domain.teams import Team


@dataclass(frozen=True, slots=True)
class Accepted:
    """One changed team; `team` is its state after the change.

    If `replayed`, an earlier sending of the same request had made the change: nothing was written
    now, and `team` is the current team, which may have changed since.
    """

    team: Team
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class AcceptedMove:
    """A completed move: both teams after it, or the current teams if `replayed`."""

    from_team: Team
    to_team: Team
    replayed: bool = False
