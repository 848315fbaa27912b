"""Problems: the expected refusals, as values. `message` is derived from the fields.

When several hold, the first of this order is reported: NotAllowed, InvalidInput, TeamNotFound,
AlreadyOnTeam or NotOnTeam, VersionConflict, TeamFull. Of many users, `VersionConflict` comes before
the problems of each.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.ids import TeamId, UserId, Version
from app.domain.teams import Team, quoted


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """The viewer may not do this."""

    requirement: str

    @property
    def message(self) -> str:
        return self.requirement


@dataclass(frozen=True, slots=True)
class InvalidInput:
    """A value is outside its limits; `field` is its name in the schema."""

    field: str
    requirement: str

    @property
    def message(self) -> str:
        return f"{self.field} {self.requirement}."


@dataclass(frozen=True, slots=True)
class TeamNotFound:
    """No team has this id, or it has been deleted."""

    team_id: TeamId

    @property
    def message(self) -> str:
        return f"There is no team {quoted(self.team_id)}."


@dataclass(frozen=True, slots=True)
class AlreadyOnTeam:
    """The user is on a team, perhaps this one, and can be on one only."""

    user_id: UserId
    current_team: Team

    @property
    def message(self) -> str:
        return (
            f"User {quoted(self.user_id)} is already on team {quoted(self.current_team.name)}. "
            "Move the user, or let the user leave first."
        )


@dataclass(frozen=True, slots=True)
class NotOnTeam:
    """The user is not on this team; `other_team` is the user's team, if any."""

    user_id: UserId
    other_team: Team | None

    @property
    def message(self) -> str:
        where = f"on team {quoted(self.other_team.name)}" if self.other_team else "on no team"
        return f"User {quoted(self.user_id)} is not on that team, but {where}."


@dataclass(frozen=True, slots=True)
class VersionConflict:
    """The team is not at the version that the request expected; `team` is the current one."""

    expected_version: Version
    team: Team

    @property
    def actual_version(self) -> Version:
        """The version that the team had when the refusal was diagnosed."""
        return self.team.version

    @property
    def message(self) -> str:
        return (
            f"The team is at version {self.actual_version}, not {self.expected_version}. "
            "Look at what changed and send the request again with the new version."
        )


@dataclass(frozen=True, slots=True)
class TeamFull:
    """The team is full, or has more members than the requested capacity."""

    capacity: int

    @property
    def message(self) -> str:
        return f"There is not enough room: the limit is {self.capacity}."


@dataclass(frozen=True, slots=True)
class UsersNotAdded:
    """Some of the users can't be added, so nobody was."""

    problems: Mapping[UserId, AlreadyOnTeam | TeamFull]

    @property
    def message(self) -> str:
        first = next(iter(self.problems.values()))
        return f"Nobody was added, since {len(self.problems)} can't be. {first.message}"
