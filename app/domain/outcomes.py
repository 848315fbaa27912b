"""The outcomes of accepted mutations. Those of refused ones are in `problems.py`."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.ids import UserId, Version
from app.domain.problems import AlreadyOnTeam, TeamFull
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


@dataclass(frozen=True, slots=True)
class UserOutcome:
    """One of many users: added, at `version`, or not, for the reason `problem`.

    A replay knows whether the user was added, but neither the version nor the reason.
    """

    user_id: UserId
    added: bool
    version: Version | None = None
    problem: AlreadyOnTeam | TeamFull | None = None


@dataclass(frozen=True, slots=True)
class AcceptedUsers:
    """The users who could be added were, maybe nobody; `team` is as in `Accepted`."""

    team: Team
    users: Sequence[UserOutcome]
    replayed: bool = False
