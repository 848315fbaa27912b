"""What the service needs from storage. `app/storage` implements it; tests may as well."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Protocol

from app.domain.changes import Attribution, Change, Moment, Unchanged
from app.domain.diagnosis import Replay, TeamState
from app.domain.faults import TeamDamaged
from app.domain.ids import CommitTime, TeamId, UserId, Version
from app.domain.outcomes import AcceptedMove
from app.domain.pages import HistoryPage, MemberPosition, Page, PageRequest, TeamOrder, TeamPosition
from app.domain.teams import FoundTeam, Team


class TeamStore(Protocol):
    """The writes. Each is atomic and carries its whole check; None means that it was refused.

    A refused write has left nothing behind; `read_state` afterwards shows why it was refused.
    *Raises*: `DatabaseUnavailable`; a write may then have happened or not.
    """

    async def insert_team(self, *, name: str, capacity: int | None, by: Attribution) -> Team | None:
        """A new team at version 1. Refused when the request has created one already."""

    async def update_team(
        self,
        *,
        team_id: TeamId,
        expected_version: Version,
        name: str | Unchanged,
        capacity: int | Unchanged | None,
        by: Attribution,
        with_member_count: bool,
    ) -> Team | None:
        """The team with another name or capacity, if it is at that version and its members fit."""

    async def delete_team(
        self, *, team_id: TeamId, expected_version: Version, by: Attribution
    ) -> Team | None:
        """The team, deleted and without members, if it is at that version."""

    async def add_member(
        self,
        *,
        team_id: TeamId,
        user_id: UserId,
        expected_version: Version | None,
        by: Attribution,
        with_member_count: bool,
    ) -> Team | None:
        """The team with the user on it, if it has room and the user is on no team."""

    async def remove_member(
        self,
        *,
        team_id: TeamId,
        user_id: UserId,
        expected_version: Version | None,
        by: Attribution,
        with_member_count: bool,
    ) -> Team | None:
        """The team without the user, if the user is on it."""

    async def move_member(
        self,
        *,
        user_id: UserId,
        to_team_id: TeamId,
        from_team_id: TeamId | None,
        expected_to_version: Version | None,
        expected_from_version: Version | None,
        by: Attribution,
        with_member_count: bool,
    ) -> AcceptedMove | None:
        """Both teams, changed in one transaction. *Raises*: `TooMuchContention`."""

    async def read_state(
        self, *, team_ids: Collection[TeamId], user_id: UserId | None, by: Attribution
    ) -> TeamState:
        """The live teams among those ids, the user's team, and an earlier sending of the request.

        All of one read, so that it held together.
        """

    async def find_created(self, by: Attribution) -> Replay | None:
        """The team that the request has created."""


class TeamDirectory(Protocol):
    """The reads: acknowledged state, from a majority. *Raises*: `DatabaseUnavailable`.

    Those with `at` can show what was so then, for some minutes after. *Raises*: `MomentGone`.
    """

    async def find_teams(
        self,
        team_ids: Collection[TeamId],
        *,
        with_member_count: bool,
        at: CommitTime | None = None,
    ) -> Mapping[TeamId, FoundTeam]:
        """The live teams among those ids; a damaged one is answered by its own fault."""

    async def find_creator(self, team_id: TeamId) -> UserId | None:
        """Who created a live team, which never changes; None where nobody knows."""

    async def find_version(self, team_id: TeamId) -> Version | None:
        """The version of a team, deleted or not; None for one that never was."""

    async def find_team_id_of(self, user_id: UserId) -> tuple[TeamId | None, CommitTime]:
        """The user's team, and the moment at which that was so."""

    async def find_teams_of(
        self,
        user_ids: Collection[UserId],
        *,
        with_member_count: bool,
        at: CommitTime | None = None,
    ) -> Mapping[UserId, FoundTeam]:
        """The team of each of those users who is on one."""

    async def list_teams(
        self,
        page: PageRequest[TeamPosition],
        *,
        order: TeamOrder,
        name_contains: str | None,
        with_member_count: bool,
        at: CommitTime | None = None,
    ) -> Page[FoundTeam, TeamPosition]:
        """A page of the live teams whose name contains that text, in any case.

        *Raises*: `PlaceLost` for the cursor of a damaged team that is gone.
        """

    async def count_teams(self, *, name_contains: str | None, at: CommitTime | None = None) -> int:
        """How many live teams have that text in their name."""

    async def list_members(
        self,
        team_ids: Collection[TeamId],
        page: PageRequest[MemberPosition],
        *,
        at: CommitTime | None = None,
    ) -> Mapping[TeamId, Page[UserId, MemberPosition] | TeamDamaged]:
        """The same page of the members of each of those teams, in the order of joining."""


class ChangeLog(Protocol):
    """The change log. *Raises*: `DatabaseUnavailable`."""

    async def changes_of_team(
        self, team_id: TeamId, *, after: Version | None, limit: int
    ) -> Sequence[Change]:
        """A team's changes in version order, those after a version."""

    async def changes_after(self, position: int, *, limit: int) -> Sequence[Change]:
        """All teams' changes in the order of recording, those after a position."""

    async def histories_of_teams(
        self, team_ids: Collection[TeamId], page: HistoryPage
    ) -> Mapping[TeamId, Sequence[Change]]:
        """Of each team the changes on the page, in or against version order."""

    async def histories_of_users(
        self, user_ids: Collection[UserId], page: HistoryPage
    ) -> Mapping[UserId, Sequence[Change]]:
        """Of each user the moves on the page, in or against their order."""

    async def first_position(self) -> int:
        """The position of the first change that the log still holds; 0 when there is none."""

    async def last_position(self) -> int:
        """The position of the last change; 0 when there is none."""

    async def moment(self) -> Moment:
        """The present moment: what is read of the teams at it fits the log after its position."""

    async def catch_up(self) -> None:
        """Returns once reads, of teams too, show all that anybody has been shown before the call.

        They always do but after an election: a new primary has all that a majority has, and does
        not know at once that a majority has it. A feed that meets such a read asks for this.
        """


class ChangeTail(Protocol):
    """The change log as it grows."""

    def follow(self) -> AsyncIterator[Sequence[Change]]:
        """Batches of changes in the order of recording, each change once, for ever.

        The first batch may be empty: it says that everything recorded from then on will come. It
        survives the loss of the database, and then goes on where it was.
        """
