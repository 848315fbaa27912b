"""Protocols between the doctor and its storage, and the values they exchange."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from app.doctor.rules.repair_plan import RepairPlan
from app.doctor.rules.stored_team import StoredTeam, TeamKey
from app.domain.changes import Change
from app.domain.ids import TeamId


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
    """Counts of an undo. Teams changed since their repair are kept; `kept_ids` lists some."""

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

    def changes_of(self, team_ids: Sequence[TeamId]) -> AsyncIterator[Sequence[Change]]:
        """The changes of these teams, each team's in the order of versions, in batches."""

    def recorded_without_document(self) -> AsyncIterator[Sequence[TeamId]]:
        """The teams that the log does not give as deleted and that have no document, in batches."""

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

    async def count_repairs(self) -> int:
        """Number of journal entries to undo."""

    def undo(self) -> AsyncIterator[Undone]:
        """Restore the documents, newest repair first; yields the counts of each batch."""


class ProgressBar(Protocol):
    """Progress of one step."""

    def update(self, n_steps: int) -> None:
        """Mark further parts as done."""


# Opens the progress bar of a step with a number of parts.
Progress = Callable[[str, int], AbstractContextManager[ProgressBar]]
