"""Protocols of the service's storage, implemented in `app/storage` and by fakes in tests."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from app.domain.changes import Attribution, Change, Moment, Unchanged
from app.domain.diagnosis import Replay, TeamState
from app.domain.faults import TeamDamaged
from app.domain.ids import CommitTime, TeamId, UserId, Version
from app.domain.outcomes import AcceptedMove
from app.domain.pages import (
    HistoryPage,
    MemberPosition,
    Page,
    PageRequest,
    TeamListing,
    TeamOptions,
    TeamPosition,
)
from app.domain.teams import FoundTeam, Team


class TeamStore(Protocol):
    """The writes. Each is atomic and contains its whole check; it returns None if refused.

    A refused write leaves nothing behind; `read_state` afterwards shows why it was refused.
    *Raises*: `DatabaseUnavailable`; the write may then have happened or not.
    """

    async def insert_team(self, *, name: str, capacity: int | None, by: Attribution) -> Team | None:
        """A new team at version 1, unless the request has already created one."""

    async def update_team(
        self,
        *,
        team_id: TeamId,
        expected_version: Version,
        name: str | Unchanged,
        capacity: int | Unchanged | None,
        by: Attribution,
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
    ) -> Team | None:
        """The team with the user on it, if it has room and the user is on no team."""

    async def add_members(
        self,
        *,
        team_id: TeamId,
        user_ids: Sequence[UserId],
        must_be_full: bool,
        expected_version: Version | None,
        by: Attribution,
    ) -> Sequence[Team] | None:
        """The team after each of the users, if it has room for all and every user is on no team.

        With `must_be_full`, only if the last of them takes the last place.
        """

    async def remove_member(
        self,
        *,
        team_id: TeamId,
        user_id: UserId,
        expected_version: Version | None,
        by: Attribution,
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
    ) -> AcceptedMove | None:
        """Both teams, changed in one transaction. *Raises*: `TooMuchContention`."""

    async def read_state(
        self, *, team_ids: Collection[TeamId], user_ids: Collection[UserId], by: Attribution
    ) -> TeamState:
        """The live teams among those ids, the users' teams, and an earlier sending of the request.

        All of one read, so that it held together.
        """

    async def find_created(self, by: Attribution) -> Replay | None:
        """The team that the request has created."""


class TeamDirectory(Protocol):
    """The reads, with read concern majority. *Raises*: `DatabaseUnavailable`.

    Those with `at` read a snapshot of that time, for some minutes after. *Raises*: `MomentGone`.
    """

    async def find_teams(
        self, team_ids: Collection[TeamId], options: TeamOptions
    ) -> Mapping[TeamId, FoundTeam]:
        """The live teams among those ids; for a damaged one, its fault."""

    async def find_creator(self, team_id: TeamId) -> UserId | None:
        """The creator of a live team, which never changes; None if unknown."""

    async def find_roster(self, team_id: TeamId) -> tuple[Team, Sequence[UserId] | None] | None:
        """A team and all its members, None if it is deleted. *Raises*: `TeamDamaged`."""

    async def find_version(self, team_id: TeamId) -> Version | None:
        """The version of a team, deleted or not; None if it never existed."""

    async def find_team_id_of(self, user_id: UserId) -> tuple[TeamId | None, CommitTime]:
        """The user's team, and the time of the snapshot it was read from."""

    async def find_teams_of(
        self, user_ids: Collection[UserId], options: TeamOptions
    ) -> Mapping[UserId, FoundTeam]:
        """The teams of those users who are on one."""

    async def list_teams(self, listing: TeamListing) -> Page[FoundTeam, TeamPosition]:
        """*Raises*: `PlaceLost` for the cursor of a damaged team that is gone."""

    async def find_positions(
        self, team_id: TeamId, user_ids: Sequence[UserId]
    ) -> Mapping[UserId, MemberPosition]:
        """The positions of those users who are members of a live team."""

    async def count_teams(self, *, name_contains: str | None, at: CommitTime | None = None) -> int:
        """The number of live teams whose name contains the text."""

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
        self,
        team_id: TeamId,
        *,
        after: Version | None,
        limit: int,
        up_to: Version | None = None,
        newest_first: bool = False,
    ) -> Sequence[Change]:
        """A team's changes after a version, in version order or reversed."""

    async def last_change_by(self, team_id: TeamId, at: datetime) -> Change | None:
        """The change of the highest version that was made up to the time."""

    async def last_change_of_name(self, team_id: TeamId, *, up_to: Version) -> Change | None:
        """The change that set the team's name at a version; None if hidden or not recorded."""

    async def last_change_of_capacity(self, team_id: TeamId, *, up_to: Version) -> Change | None:
        """The same for its capacity."""

    async def changes_after(self, position: int, *, limit: int) -> Sequence[Change]:
        """All teams' changes after a position, in the order of recording."""

    async def changes_on(self, page: PageRequest[Moment]) -> Sequence[Change]:
        """All teams' changes on the page, in the order of recording.

        Before and after a moment divide the changes as the feed of all teams does: after it are
        those committed later. One without a time stands for the change at its position.
        """

    async def histories_of_teams(
        self, team_ids: Collection[TeamId], page: HistoryPage
    ) -> Mapping[TeamId, Sequence[Change]]:
        """Each team's changes on the page, in version order or reversed."""

    async def histories_of_users(
        self, user_ids: Collection[UserId], page: HistoryPage
    ) -> Mapping[UserId, Sequence[Change]]:
        """Each user's joins and leaves on the page, in their order or reversed."""

    async def first_position(self) -> int:
        """The position of the oldest change in the log; 0 if there is none."""

    async def last_position(self) -> int:
        """The position of the last change; 0 if there is none."""

    async def moment(self) -> Moment:
        """The current time and position: teams read at this time continue with the log after it."""

    async def catch_up(self) -> None:
        """Wait until reads, of teams too, include everything shown to anyone before the call.

        They may lack it after an election only: the new primary has every majority-committed write,
        but does not know at once that it is majority-committed. A feed that detects such a read
        calls this.
        """


class ChangeTail(Protocol):
    """A tail of the change log."""

    def follow(self) -> AsyncIterator[Sequence[Change]]:
        """Batches of changes in the order of recording, each change once, without end.

        The first batch may be empty: everything recorded from then on will follow. The tail
        survives the loss of the database and resumes where it stopped.
        """
