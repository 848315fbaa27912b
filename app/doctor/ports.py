"""What the doctor needs: the collection as it is, a ledger to compare users in, and a progress."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Protocol

from app.doctor.repairs import Obstacle, Treatment, Undone
from app.doctor.rules.memberships import Membership
from app.doctor.rules.repair_plan import Cure
from app.doctor.rules.stored_team import ClassicTeam, TeamKey
from app.domain.ids import TeamId, UserId


class ClassicTeams(Protocol):
    """The collection, to look at. *Raises*: `DatabaseUnavailable`."""

    async def count(self) -> int:
        """About how many documents there are."""

    def walk(self) -> AsyncIterator[ClassicTeam]:
        """All documents, in the order of their ids."""

    def read(self, keys: Sequence[TeamKey]) -> AsyncIterator[ClassicTeam]:
        """Those documents, if they are still there."""

    async def recorded_versions(self, team_ids: Sequence[TeamId]) -> Mapping[TeamId, int]:
        """The last version of each of those teams that stands in the change log."""

    async def taken_ids(self, team_ids: Sequence[TeamId]) -> frozenset[TeamId]:
        """Those ids under which there is a document."""

    async def obstacles(self) -> Sequence[Obstacle]:
        """Indexes and a validator that would keep a server from starting, or from writing."""


class RepairableTeams(ClassicTeams, Protocol):
    """The collection, to write to. *Raises*: also `RepairStopped`; repeating is safe."""

    async def clear(self) -> None:
        """Writes the collection's form into the journal, then removes the obstacles.

        It removes G1's index as well, which would refuse what lies between: it stands again after
        `prepare`.
        """

    async def rewrite(self, treatments: Sequence[Treatment]) -> Sequence[TeamKey]:
        """Writes them, each into the journal first; the keys of those that had changed meanwhile.

        *Atomicity*: each document by itself, on the condition that it is as it was read.
        """

    async def prepare(self) -> None:
        """Brings the collection's validator and indexes to our form, as a server's start does."""


class Journal(Protocol):
    """What repairs have written down. *Raises*: as `RepairableTeams`."""

    async def count(self) -> int:
        """About how many entries there are to be undone."""

    def undo(self) -> AsyncIterator[Undone]:
        """Takes the changes back, the last one first; tells of each batch."""


class Ledger(Protocol):
    """Compares the users of all teams in bounded memory. It is gone when the command ends."""

    def add(self, team: Cure) -> None:
        """Enters a team, its members, and whether it needs a repair on its own account."""

    def answer(self, user_id: UserId, team_id: TeamId) -> None:
        """Enters the operator's answer to where a user stays."""

    def contested(self) -> Iterator[tuple[UserId, Sequence[Membership], TeamId | None]]:
        """The users on several teams, in their order, with the operator's answer."""

    def lose(self, key: TeamKey, user_id: UserId, kept: TeamId) -> None:
        """Enters that a team loses a user, who stays on another one."""

    def losses(self, key: TeamKey) -> Mapping[UserId, TeamId]:
        """Whom a team loses, and to which team."""

    def patients(self) -> Iterator[Sequence[TeamKey]]:
        """The teams to be repaired, in batches, in the order in which they were entered."""

    def count_patients(self) -> int:
        """How many there are."""


class Progress(Protocol):
    """Where the work is, for people who wait."""

    def begin(self, step: str, total: int) -> None:
        """A new step of so many parts begins, and the one before has ended."""

    def advance(self, parts: int) -> None:
        """So many parts more are done."""
