"""The schema's changes: one interface, one type per kind, all of them views of a `Change`."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import strawberry

from app.api.schema.connections import PageInfo, page_request
from app.api.schema.context import Info
from app.api.schema.cursors import change_cursor, read_change_cursor
from app.api.schema.nodes import Team, User
from app.domain.changes import Change, ChangeKind
from app.domain.ids import TeamId
from app.domain.pages import HistoryPage


def _id(text: str | None) -> strawberry.ID | None:
    return strawberry.ID(text) if text is not None else None


@strawberry.interface(
    description="One accepted change of one team, identified by team id and version."
)
class TeamChange:
    """One accepted change."""

    change: strawberry.Private[Change]
    # Where answers of it are shared, if they are: `ChangeViews` of `shared_answers.py`.
    views: strawberry.Private[Any] = None

    @strawberry.field(description="The team that changed.")
    def team_id(self) -> strawberry.ID:
        """The team that changed."""
        return strawberry.ID(self.change.team_id)

    @strawberry.field(description="The version that the change made.")
    def version(self) -> int:
        """The version that the change made."""
        return self.change.version

    @strawberry.field(description="When it was made, to the millisecond.")
    def at(self) -> datetime:
        """When it was made."""
        return self.change.at

    @strawberry.field(description="The user who asked for it; null when anonymous or not known.")
    def actor_id(self) -> strawberry.ID | None:
        """Who asked for it."""
        return _id(self.change.actor_id)

    @strawberry.field(description="Opaque; `allTeamChanges` goes on after it.")
    def cursor(self) -> str:
        """Its place among the changes of all teams."""
        return change_cursor(self.change.position)

    @strawberry.field(
        description="The team as it is when this is read, so perhaps later; null once deleted."
    )
    async def team(self, info: Info) -> Team | None:
        """The team as it is now."""
        wish = await info.team_wish()
        team = await info.context.loaders.teams.load((TeamId(self.change.team_id), wish))
        return Team.of(team, at=wish[1]) if team else None


@strawberry.type(description="The team was created.")
class TeamCreated(TeamChange):
    """The team was created."""

    @strawberry.field(description="Its first name.")
    def name(self) -> str:
        """Its first name."""
        return self.change.name or ""

    @strawberry.field(description="Its own capacity, if it was given one.")
    def capacity(self) -> int | None:
        """Its own capacity."""
        return self.change.capacity


@strawberry.type(description="The team got another name; at the same time perhaps a capacity.")
class TeamRenamed(TeamChange):
    """The team got another name."""

    @strawberry.field(description="The new name.")
    def name(self) -> str:
        """The new name."""
        return self.change.name or ""


@strawberry.type(description="The team got another capacity.")
class CapacityChanged(TeamChange):
    """The team got another capacity."""

    @strawberry.field(description="The new one; null: the service's default limit applies.")
    def capacity(self) -> int | None:
        """The new one."""
        return self.change.capacity


@strawberry.type(description="A user came onto the team.")
class UserJoinedTeam(TeamChange):
    """A user came onto the team."""

    @strawberry.field(description="Who.")
    def user(self) -> User:
        """Who."""
        return User(id=strawberry.ID(self.change.user_id or ""))

    @strawberry.field(description="The team the user was moved from; null when not moved.")
    def from_team_id(self) -> strawberry.ID | None:
        """The team the user was moved from."""
        return _id(self.change.other_team_id)


@strawberry.type(description="A user went off the team.")
class UserLeftTeam(TeamChange):
    """A user went off the team."""

    @strawberry.field(description="Who.")
    def user(self) -> User:
        """Who."""
        return User(id=strawberry.ID(self.change.user_id or ""))

    @strawberry.field(description="The team the user was moved to; null when not moved.")
    def to_team_id(self) -> strawberry.ID | None:
        """The team the user was moved to."""
        return _id(self.change.other_team_id)


@strawberry.type(description="The team is gone and its members are free; the last of its changes.")
class TeamDeleted(TeamChange):
    """The team is gone."""


@strawberry.type(description="Another program changed the team and did not say how. Read afresh.")
class ForeignChange(TeamChange):
    """Another program changed the team."""


@strawberry.type(
    description="Nothing is known of the versions from `fromVersion` to `version`. Read afresh."
)
class HistoryGap(TeamChange):
    """Nothing is known of some versions."""

    @strawberry.field(description="The first version that is missing.")
    def from_version(self) -> int:
        """The first version that is missing."""
        return self.change.from_version or self.change.version


_TYPES: dict[ChangeKind, type[TeamChange]] = {
    ChangeKind.TEAM_CREATED: TeamCreated,
    ChangeKind.TEAM_RENAMED: TeamRenamed,
    ChangeKind.CAPACITY_CHANGED: CapacityChanged,
    ChangeKind.USER_JOINED_TEAM: UserJoinedTeam,
    ChangeKind.USER_LEFT_TEAM: UserLeftTeam,
    ChangeKind.TEAM_DELETED: TeamDeleted,
    ChangeKind.FOREIGN_CHANGE: ForeignChange,
    ChangeKind.HISTORY_GAP: HistoryGap,
}

CHANGE_TYPES = tuple(_TYPES.values())


@strawberry.type(description="A change, at its place in a history.")
class TeamChangeEdge:
    """A change, at its place."""

    cursor: str = strawberry.field(description="Opaque; for `after`.")
    node: TeamChange = strawberry.field(description="The change.")


@strawberry.type(description="A page of a history.")
class TeamChangeConnection:
    """A page of a history."""

    edges: list[TeamChangeEdge] = strawberry.field(description="The changes on this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")


ReadHistory = Callable[[HistoryPage], Awaitable[Sequence[Change] | None]]


async def read_history(
    read: ReadHistory, *, first: int | None, after: str | None, newest_first: bool
) -> TeamChangeConnection:
    """A page of a history, in either direction. *Raises*: `CodedError` naming the argument."""
    page = page_request(
        first=first, after=after, last=None, before=None, read_cursor=read_change_cursor
    )
    # One more than asked for tells whether there are more.
    found = await read(HistoryPage(page.after, newest_first, page.size + 1)) or ()
    edges = [
        TeamChangeEdge(cursor=change_cursor(change.position), node=present_change(change))
        for change in found[: page.size]
    ]
    return TeamChangeConnection(
        edges=edges,
        page_info=PageInfo(
            has_next_page=len(found) > page.size,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )


def present_change(change: Change) -> TeamChange:
    """The schema's form of a change."""
    return _TYPES[change.kind](change=change)
