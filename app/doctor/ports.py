"""What the doctor needs: the collection as it is, an index to compare users in, and a progress."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.doctor.rules.memberships import Membership
from app.doctor.rules.repair_plan import RepairPlan
from app.doctor.rules.stored_team import StoredTeam, TeamKey
from app.domain.ids import TeamId, UserId


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something about the collection itself that stands in our way, and what a repair does."""

    what: str
    becomes: str


@dataclass(frozen=True, slots=True)
class PlannedRepair:
    """A document as it was read, and what is to be written in its place."""

    team: StoredTeam
    plan: RepairPlan


@dataclass(frozen=True, slots=True)
class Undone:
    """How many entries of the journal were looked at, and what came of them.

    A team that somebody has changed since the repair is kept as it is; `kept_ids` names the first.
    """

    entries: int = 0
    restored: int = 0
    kept: int = 0
    kept_ids: tuple[TeamId, ...] = ()


class StoredTeams(Protocol):
    """The collection, to look at. *Raises*: `DatabaseUnavailable`."""

    async def count(self) -> int:
        """About how many documents there are."""

    def walk(self) -> AsyncIterator[StoredTeam]:
        """All documents, in the order of their ids."""

    def read(self, keys: Sequence[TeamKey]) -> AsyncIterator[StoredTeam]:
        """Those documents, if they are still there."""

    async def recorded_versions(self, team_ids: Sequence[TeamId]) -> Mapping[TeamId, int]:
        """The last version of each of those teams that stands in the change log."""

    async def taken_ids(self, team_ids: Sequence[TeamId]) -> frozenset[TeamId]:
        """Those ids under which there is a document."""

    async def obstacles(self) -> Sequence[Obstacle]:
        """Indexes and a validator that would keep a server from starting, or from writing."""


class RepairableTeams(StoredTeams, Protocol):
    """The collection, to write to. *Raises*: also `RepairStopped`; repeating is safe."""

    async def remove_obstacles(self) -> None:
        """Writes the collection's form into the journal, then removes the obstacles.

        It removes G1's index as well, which would refuse what lies between: it stands again after
        `prepare`.
        """

    async def rewrite(self, repairs: Sequence[PlannedRepair]) -> Sequence[TeamKey]:
        """Writes them, each into the journal first; the keys of those that had changed meanwhile.

        *Atomicity*: each document by itself, on the condition that it is as it was read.
        """

    async def prepare(self) -> None:
        """Brings the collection's validator and indexes to our form, as a server's start does."""


class UndoableRepairs(Protocol):
    """What repairs have written down. *Raises*: as `RepairableTeams`."""

    async def count(self) -> int:
        """About how many entries there are to be undone."""

    def undo(self) -> AsyncIterator[Undone]:
        """Takes the changes back, the last one first; tells of each batch."""


class MembershipIndex(Protocol):
    """Compares the users of all teams in bounded memory. It is gone when the command ends."""

    def add(self, team: RepairPlan) -> None:
        """Enters a team, its members, and whether it needs a repair on its own account."""

    def answer(self, user_id: UserId, team_id: TeamId) -> None:
        """Enters the operator's answer to where a user stays."""

    def conflicts(self) -> Iterator[tuple[UserId, Sequence[Membership], TeamId | None]]:
        """The users on several teams, in their order, with the operator's answer."""

    def add_departure(self, key: TeamKey, user_id: UserId, kept: TeamId) -> None:
        """Enters that a team loses a user, who stays on another one."""

    def departures(self, key: TeamKey) -> Mapping[UserId, TeamId]:
        """Whom a team loses, and to which team."""

    def broken_teams(self) -> Iterator[Sequence[TeamKey]]:
        """The teams to be repaired, in batches, in the order in which they were entered."""

    def count_broken(self) -> int:
        """How many there are."""


class Progress(Protocol):
    """Where the work is, for people who wait."""

    def begin(self, step: str, total: int) -> None:
        """A new step of so many parts begins, and the one before has ended."""

    def advance(self, parts: int) -> None:
        """So many parts more are done."""
