"""`Team` and `User`, which lead to each other, and their connections."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.api.schema.connections import After, Before, First, Last, PageInfo, page_request
from app.api.schema.context import Info
from app.api.schema.cursors import member_cursor, moment_cursor, read_member_cursor, team_cursor
from app.api.schema.loaders import MemberPage, TeamListing
from app.domain import teams as domain
from app.domain.changes import Change, Moment
from app.domain.faults import TeamDamaged
from app.domain.ids import CommitTime, TeamId, UserId
from app.domain.pages import HistoryPage, MemberPosition, Page, PageRequest

if TYPE_CHECKING:
    from app.api.schema.changes import TeamChangeConnection

HistoryConnection = Annotated["TeamChangeConnection", strawberry.lazy("app.api.schema.changes")]
NewestFirst = Annotated[
    bool, strawberry.argument(description="Whether the latest change comes first.")
]


@dataclass(frozen=True, slots=True)
class TeamAtEvent:
    """The user's team at this event. Do not reload: the current team may be newer."""

    team_id: TeamId | None


@strawberry.type(description="A user, known by the id that the identity provider gave.")
class User:
    """A user, known by id alone."""

    id: strawberry.ID = strawberry.field(description="The identity provider's id.")
    at_event: strawberry.Private[TeamAtEvent | None] = None

    @strawberry.field(description="The one team that the user is on; null when on none.")
    async def team(self, info: Info) -> "Team | None":
        """The user's team, loaded together with those of all users in the answer."""
        wish = await info.team_wish()
        loaders = info.context.loaders
        if self.at_event is None:
            team = await loaders.teams_of_users.load((UserId(self.id), wish))
        elif self.at_event.team_id is None:
            team = None
        else:
            team = await loaders.teams.load((self.at_event.team_id, wish))
        return Team.of(team, at=wish[1]) if team else None

    @strawberry.field(
        description="Every time the user joined or left a team, who had asked for it, and when. "
        "A team's deletion, which frees its members, is a change of the team and has no entry here."
    )
    async def history(
        self, info: Info, first: First = None, after: After = None, newest_first: NewestFirst = True
    ) -> HistoryConnection:
        """The changes that moved the user."""
        from app.api.schema.changes import read_history  # noqa: PLC0415 - the two modules need each other

        def read(page: HistoryPage) -> Awaitable[Sequence[Change] | None]:
            return info.context.loaders.histories_of_users.load((UserId(self.id), page))

        return await read_history(read, first=first, after=after, newest_first=newest_first)


@strawberry.type(description="A member of a team, at its place in the list of members.")
class UserEdge:
    """A member, at its place."""

    cursor: str = strawberry.field(description="Opaque; for `after` and `before`.")
    node: User = strawberry.field(description="The member.")


@strawberry.type(description="A page of a team's members, in the order of joining.")
class UserConnection:
    """A page of members. Its parts share one query, made when the first of them is resolved."""

    team_id: strawberry.Private[TeamId]
    member_count: strawberry.Private[int | None]
    page: strawberry.Private[PageRequest[MemberPosition]]
    at: strawberry.Private[CommitTime | None]

    @strawberry.field(description="The members on this page.")
    async def edges(self, info: Info) -> list[UserEdge]:
        """The members on this page."""
        return [
            UserEdge(cursor=member_cursor(position), node=User(id=strawberry.ID(user_id)))
            for user_id, position in (await self._load(info)).items
        ]

    @strawberry.field(description="Where this page stands.")
    async def page_info(self, info: Info) -> PageInfo:
        """Where this page stands."""
        page = await self._load(info)
        return PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=member_cursor(page.items[0][1]) if page.items else None,
            end_cursor=member_cursor(page.items[-1][1]) if page.items else None,
        )

    @strawberry.field(description="How many members the team has, on all pages.")
    def total_count(self) -> int:
        """How many members the team has."""
        return self.member_count or 0

    async def _load(self, info: Info) -> MemberPage:
        found = await info.context.loaders.member_pages.load((self.team_id, (self.page, self.at)))
        return found or Page((), has_next=False, has_previous=False)


@strawberry.type(description="A team, as it was at `version`.")
class Team:
    """A team at one version."""

    id: strawberry.ID = strawberry.field(description="Opaque; never reused.")
    name: str = strawberry.field(
        description=f"1 to {domain.MAX_NAME_LENGTH} characters; need not be unique."
    )
    version: int = strawberry.field(
        description="1 when created, one more with every accepted change of the team."
    )
    capacity: int | None = strawberry.field(
        description="The most members it may have; null: the service's default limit applies."
    )
    created_at: datetime | None = strawberry.field(
        description="When it was created, to the millisecond; null where nobody knows."
    )
    updated_at: datetime | None = strawberry.field(
        description="When it last changed; null where nobody knows."
    )
    counted: strawberry.Private[int | None]
    at: strawberry.Private[CommitTime | None]

    @classmethod
    def of(cls, team: domain.Team, *, at: CommitTime | None = None) -> "Team":
        """The schema's form of a team, and the moment at which its members are to be read."""
        return cls(
            id=strawberry.ID(team.id),
            name=team.name,
            version=team.version,
            capacity=team.capacity,
            created_at=team.created_at,
            updated_at=team.updated_at,
            counted=team.member_count,
            at=at,
        )

    @strawberry.field(description="How many members it has.")
    def member_count(self) -> int:
        """How many members it has; counted by the query that read the team."""
        return self.counted or 0

    @strawberry.field(description="Its changes, as the change log holds them.")
    async def history(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        newest_first: NewestFirst = False,
    ) -> HistoryConnection:
        """Its changes."""
        from app.api.schema.changes import read_history  # noqa: PLC0415 - the two modules need each other

        def read(page: HistoryPage) -> Awaitable[Sequence[Change] | None]:
            return info.context.loaders.histories_of_teams.load((TeamId(self.id), page))

        return await read_history(read, first=first, after=after, newest_first=newest_first)

    @strawberry.field(
        description="Its members in the order of joining, as they were at `version`, so that "
        "`teamChanges(afterVersion:)` goes on from there. Below a mutation they are read after the "
        "change, so perhaps later."
    )
    def members(
        self,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> UserConnection:
        """Its members; read only if a part of the page is selected."""
        return UserConnection(
            team_id=TeamId(self.id),
            member_count=self.counted,
            page=page_request(
                first=first, after=after, last=last, before=before, read_cursor=read_member_cursor
            ),
            at=self.at,
        )


@strawberry.type(description="A team, at its place in a list of teams.")
class TeamEdge:
    """A team, at its place."""

    cursor: str = strawberry.field(description="Opaque; for `after` and `before`.")
    found: strawberry.Private[domain.FoundTeam]
    at: strawberry.Private[CommitTime | None]

    @strawberry.field(
        description="The team; null, with the error `TEAM_DAMAGED`, where another program wrote "
        "what no team can hold."
    )
    def node(self) -> Team | None:
        """The team."""
        if isinstance(self.found, TeamDamaged):
            raise self.found
        return Team.of(self.found, at=self.at)


@strawberry.type(description="A page of teams.")
class TeamConnection:
    """A page of teams. Its parts share one query, made when the first of them is resolved."""

    listing: strawberry.Private[TeamListing]
    moment: strawberry.Private[Moment | None]

    @strawberry.field(description="The teams on this page.")
    async def edges(self, info: Info) -> list[TeamEdge]:
        """The teams on this page."""
        page = await info.context.loaders.team_pages.load(self.listing)
        return [
            TeamEdge(
                cursor=team_cursor(position, self.listing.order),
                found=team,
                at=self.listing.at,
            )
            for team, position in page.items
        ]

    @strawberry.field(description="Where this page stands.")
    async def page_info(self, info: Info) -> PageInfo:
        """Where this page stands."""
        page = await info.context.loaders.team_pages.load(self.listing)
        cursors = [team_cursor(position, self.listing.order) for _, position in page.items]
        return PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        )

    @strawberry.field(
        description="Opaque; the moment at which this page was read. `allTeamChanges(after:)` goes "
        "on from it with every change that the page does not show. To read the other pages at the "
        "same moment, give it to them as `asOf`."
    )
    async def cursor(self, info: Info) -> str:
        """The moment at which this page was read."""
        return moment_cursor(self.moment or await info.context.loaders.moment())

    @strawberry.field(
        description="How many teams the list has on all pages; counted only when selected."
    )
    async def total_count(self, info: Info) -> int:
        """How many teams there are on all pages."""
        directory = info.context.services.directory
        listing = self.listing
        return await directory.count_teams(name_contains=listing.name_contains, at=listing.at)


TeamIdArgument = Annotated[strawberry.ID, strawberry.argument(description="The team's id.")]
UserIdArgument = Annotated[strawberry.ID, strawberry.argument(description="The user's id.")]
