"""Protocols between the doctor and its storage, and the values they exchange."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.doctor.rules.memberships import Membership
from app.doctor.rules.repair_plan import RepairPlan
from app.doctor.rules.stored_team import StoredTeam, TeamKey
from app.domain.ids import TeamId, UserId


@dataclass(frozen=True, slots=True)
class Obstacle:
    """An index or validator that blocks the service, and how a repair changes it."""

    what: str
    becomes: str


@dataclass(frozen=True, slots=True)
class PlannedRepair:
    """A document as it was read, and the plan for its replacement."""

    team: StoredTeam
    plan: RepairPlan


@dataclass(frozen=True, slots=True)
class Undone:
    """Counts of an undo.

    A team changed since its repair is kept as it is; `kept_ids` names the first ones.
    """

    entries: int = 0
    restored: int = 0
    kept: int = 0
    kept_ids: tuple[TeamId, ...] = ()


class StoredTeams(Protocol):
    """Read access to the collection. *Raises*: `DatabaseUnavailable`."""

    async def count(self) -> int:
        """Estimated number of documents."""

    def walk(self) -> AsyncIterator[StoredTeam]:
        """All documents, ordered by `_id`."""

    def read(self, keys: Sequence[TeamKey]) -> AsyncIterator[StoredTeam]:
        """The documents with these keys that still exist."""

    async def recorded_versions(self, team_ids: Sequence[TeamId]) -> Mapping[TeamId, int]:
        """The highest version of each team in the change log."""

    async def taken_ids(self, team_ids: Sequence[TeamId]) -> frozenset[TeamId]:
        """The ids among these that already belong to a document."""

    async def obstacles(self) -> Sequence[Obstacle]:
        """Indexes and validators that prevent a server from starting or writing."""


class RepairableTeams(StoredTeams, Protocol):
    """Write access to the collection. *Raises*: also `RepairStopped`; repeating is safe."""

    async def remove_obstacles(self) -> None:
        """Record indexes and validator in the journal, then drop the obstacles.

        It drops G1's unique index too, which rejects intermediate states; `prepare` rebuilds it.
        """

    async def rewrite(self, repairs: Sequence[PlannedRepair]) -> Sequence[TeamKey]:
        """Write the repaired documents, journal first; returns the keys of those changed meanwhile.

        *Atomicity*: one document, on condition that it is unchanged since it was read.
        """

    async def prepare(self) -> None:
        """Create the service's validator and indexes, as a starting server does."""


class UndoableRepairs(Protocol):
    """Repairs recorded in the journal. *Raises*: as `RepairableTeams`."""

    async def count(self) -> int:
        """Number of journal entries to undo."""

    def undo(self) -> AsyncIterator[Undone]:
        """Revert the changes, newest first; yields the counts of each batch."""


class MembershipIndex(Protocol):
    """Temporary index of all memberships, in bounded memory."""

    def add(self, team: RepairPlan) -> None:
        """Add a team with its members, and whether its document is itself broken."""

    def answer(self, user_id: UserId, team_id: TeamId) -> None:
        """Store the operator's choice of a team for a user."""

    def conflicts(self) -> Iterator[tuple[UserId, Sequence[Membership], TeamId | None]]:
        """Users on several teams, ordered by id, with the operator's choice."""

    def add_departure(self, key: TeamKey, user_id: UserId, kept: TeamId) -> None:
        """Store that a user leaves this team and stays on another."""

    def departures(self, key: TeamKey) -> Mapping[UserId, TeamId]:
        """The users who leave this team, with the team where each stays."""

    def broken_teams(self) -> Iterator[Sequence[TeamKey]]:
        """Keys of the teams to repair, in batches, in the order they were added."""

    def count_broken(self) -> int:
        """Number of teams to repair."""


class Progress(Protocol):
    """Progress display."""

    def begin(self, step: str, total: int) -> None:
        """End the current step and start one of `total` parts."""

    def advance(self, parts: int) -> None:
        """Mark further parts as done."""
