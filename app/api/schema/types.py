"""The types `User`, `Team` and `TeamChange`, which refer to one another."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import strawberry

from app.api.schema.arguments import After, Before, First, Last, NewestFirst, page_request
from app.api.schema.as_of import AsOfTime, AsOfVersion, known, page_of_members, read_as_of
from app.api.schema.connections import Connection, Edge, LoadedPage, Node
from app.api.schema.context import Info
from app.api.schema.cursors import (
    change_cursor,
    member_cursor,
    read_change_cursor,
    read_member_cursor,
)
from app.api.schema.histories import page_of_changes
from app.api.schema.node_ids import NodeId, change_id, team_node_id
from app.domain import snapshots
from app.domain import teams as domain
from app.domain.changes import Change
from app.domain.ids import CommitTime, TeamId, UserId, Version
from app.domain.pages import HistoryPage, MemberPosition, Page, PageRequest, TeamOptions


@dataclass(frozen=True, slots=True)
class TeamAtEvent:
    """The user's team at this event. Do not reload: the current team may be newer."""

    team_id: TeamId | None


@strawberry.type(description="A user, known only by the id that the identity provider assigned.")
class User(Node):
    id: UserId = strawberry.field(description="The id from the identity provider.")
    at_event: strawberry.Private[TeamAtEvent | None] = None

    @strawberry.field(description="The only team that the user is on. Null if on no team.")
    async def team(self, info: Info) -> "Team | None":
        options = await info.team_options()
        loaders = info.context.loaders
        if self.at_event is None:
            team = await loaders.teams_of_users.load((self.id, options))
        elif self.at_event.team_id is None:
            team = None
        else:
            team = await loaders.teams.load((self.at_event.team_id, options))
        return Team.of(team, at=options.at) if team else None

    @strawberry.field(
        description="Every time the user joined or left a team, when, and at whose request. "
        "A `TeamDeleted`, which removes all members, is listed in `Team.history` only."
    )
    async def history(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        newest_first: NewestFirst = True,
    ) -> "TeamChangeConnection":
        request = page_request(read_change_cursor, first, after, last, before)
        loader = info.context.loaders.histories_of_users
        return _history(request, lambda page: loader.load((self.id, page)), newest_first)


@strawberry.type(description="A page of a team's members.")
class UserConnection(Connection[Edge[User]]):
    count: strawberry.Private[int]

    @strawberry.field(description="The number of members on all pages.")
    def total_count(self) -> int:
        return self.count


def _members(page: Page[UserId, MemberPosition]) -> LoadedPage[Edge[User]]:
    edges = [
        Edge(cursor=member_cursor(position), node=User(id=user_id))
        for user_id, position in page.items
    ]
    return LoadedPage(edges, page.has_next, page.has_previous)


@strawberry.type(
    description="A team as it was at one of its versions, reconstructed from the change log. "
    "A field that a `HistoryGap` or a `ForeignChange` hides is null, with the error "
    "`HISTORY_UNKNOWN`."
)
class TeamSnapshot:
    snapshot: strawberry.Private[snapshots.TeamSnapshot]

    @strawberry.field(description="The version that is shown.")
    def version(self) -> Version:
        return self.snapshot.version

    @strawberry.field(description="The name at that version.")
    def name(self) -> str | None:
        return known(self.snapshot.state.name)

    @strawberry.field(
        description="The maximum number of members. Null without an error if the service's "
        "default applied."
    )
    def capacity(self) -> int | None:
        return known(self.snapshot.state.capacity)

    @strawberry.field(description="The number of members.")
    def member_count(self) -> int | None:
        return len(known(self.snapshot.state.user_ids))

    @strawberry.field(description="When the version was made.")
    def since(self) -> datetime | None:
        return known(self.snapshot.since)

    @strawberry.field(
        description="When the next version was made. Null without an error if this is still the "
        "present one."
    )
    def until(self) -> datetime | None:
        return known(self.snapshot.until)

    @strawberry.field(description="The members at that version, by id in ascending order.")
    def members(
        self, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> UserConnection | None:
        page = page_request(read_member_cursor, first, after, last, before)
        found = page_of_members(self.snapshot, page)

        async def load() -> LoadedPage[Edge[User]]:
            return _members(found)

        return UserConnection(load=load, count=len(known(self.snapshot.state.user_ids)))


@strawberry.type(description="A team, as it was at `version`.")
class Team(Node):
    id: NodeId = strawberry.field(description="An opaque id, never reused.")
    name: str = strawberry.field(
        description=f"1 to {domain.MAX_NAME_LENGTH} characters. Not necessarily unique."
    )
    version: Version = strawberry.field(
        description="1 when created, incremented by every accepted change."
    )
    capacity: int | None = strawberry.field(
        description="The maximum number of members. Null if the service's default applies."
    )
    created_at: datetime | None = strawberry.field(description="Creation time. Null if unknown.")
    updated_at: datetime | None = strawberry.field(
        description="The time of the last change. Null if unknown."
    )
    team_id: strawberry.Private[TeamId]
    counted: strawberry.Private[int | None]
    at: strawberry.Private[CommitTime | None]

    @classmethod
    async def load(
        cls, info: Info, team_id: TeamId, options: TeamOptions | None = None
    ) -> "Team | None":
        """The team with the parts that are selected; None if it does not exist.

        A field that loads many teams passes the `options`, which are the same for all.
        """
        options = options or await info.team_options()
        team = await info.context.loaders.teams.load((team_id, options))
        return cls.of(team, at=options.at) if team else None

    @classmethod
    def of(cls, team: domain.Team, *, at: CommitTime | None = None) -> "Team":
        """The schema's form of a team; its members are read at the moment `at`."""
        return cls(
            id=team_node_id(team.id),
            team_id=team.id,
            name=team.name,
            version=team.version,
            capacity=team.capacity,
            created_at=team.created_at,
            updated_at=team.updated_at,
            counted=team.member_count,
            at=at,
        )

    @strawberry.field(description="The number of members.")
    def member_count(self) -> int:
        return self.counted or 0

    @strawberry.field(description="The team's changes, from the change log.")
    async def history(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        newest_first: NewestFirst = False,
    ) -> "TeamChangeConnection":
        request = page_request(read_change_cursor, first, after, last, before)
        loader = info.context.loaders.histories_of_teams
        return _history(request, lambda page: loader.load((self.team_id, page)), newest_first)

    @strawberry.field(
        description="The team at an earlier version, or at a time by the clocks of the servers; "
        "give exactly one. Null if the team did not exist then. The error `HISTORY_UNKNOWN` if the "
        "change log does not tell the version at that time."
    )
    async def as_of(
        self,
        info: Info,
        version: AsOfVersion = None,
        at: AsOfTime = None,
    ) -> TeamSnapshot | None:
        snapshot = await read_as_of(info, self.team_id, version, at)
        return TeamSnapshot(snapshot=snapshot) if snapshot else None

    @strawberry.field(
        description="The members in the order of joining, as of `version`: "
        "`teamChanges(afterVersion:)` continues from there. In the result of a mutation they are "
        "read after the change and may be newer."
    )
    def members(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> UserConnection:
        request = page_request(read_member_cursor, first, after, last, before)
        key = self.team_id, (request, self.at)

        async def load() -> LoadedPage[Edge[User]]:
            page = await info.context.loaders.member_pages.load(key)
            if page is None:  # deleted since the team was read
                return LoadedPage([], has_next=False, has_previous=False)
            return _members(page)

        return UserConnection(load=load, count=self.counted or 0)


@strawberry.interface(description="An accepted change of one team: the one that made `version`.")
class TeamChange(Node):
    change: strawberry.Private[Change]

    @strawberry.field(description="An opaque id, unique over all types.")
    def id(self) -> NodeId:
        return change_id(self.change)

    @strawberry.field(description="The id of the changed team.")
    def team_id(self) -> NodeId:
        return team_node_id(self.change.team_id)

    @strawberry.field(description="The team's version after the change.")
    def version(self) -> Version:
        return self.change.version

    @strawberry.field(description="When the change was made.")
    def at(self) -> datetime:
        return self.change.at

    @strawberry.field(description="The user who requested it. Null if anonymous or unknown.")
    def actor_id(self) -> UserId | None:
        return self.change.actor_id

    @strawberry.field(description="An opaque cursor, to resume `allTeamChanges` after this change.")
    def cursor(self) -> str:
        return change_cursor(self.change.position)

    @strawberry.field(description="The current team, possibly newer. Null once deleted.")
    async def team(self, info: Info) -> Team | None:
        return await Team.load(info, self.change.team_id)


def present_change(change: Change) -> TeamChange:
    """The schema's form of a change: the type that has the name of its kind."""
    return _change_types()[change.kind](change=change)


@cache
def _change_types() -> dict[str, type[TeamChange]]:
    return {each.__name__: each for each in TeamChange.__subclasses__()}


@strawberry.type(description="A page of changes.")
class TeamChangeConnection(Connection[Edge[TeamChange]]): ...


def _history(
    request: PageRequest[int],
    read: Callable[[HistoryPage], Awaitable[Sequence[Change] | None]],
    newest_first: bool,
) -> TeamChangeConnection:
    def read_page(size: int) -> Awaitable[Sequence[Change] | None]:
        return read(
            HistoryPage(size, request.after, request.before, request.from_back, newest_first)
        )

    return TeamChangeConnection(load=page_of_changes(request, read_page, present_change))
