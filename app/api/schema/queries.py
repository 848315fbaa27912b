"""The `Query` type, and the list of teams with its page."""

from dataclasses import replace
from enum import Enum
from functools import partial
from typing import Annotated

import strawberry

from app.api.errors import invalid_input
from app.api.schema.arguments import (
    After,
    Before,
    First,
    Last,
    TeamIdArgument,
    UserIdArgument,
    checked_team_id,
    page_request,
)
from app.api.schema.as_of import AsOfTime, AsOfVersion, read_as_of
from app.api.schema.connections import Connection, LoadedPage, Node
from app.api.schema.context import Info
from app.api.schema.cursors import (
    moment_cursor,
    read_feed_cursor,
    read_moment_cursor,
    read_team_cursor,
    team_cursor,
)
from app.api.schema.histories import page_of_changes
from app.api.schema.node_ids import NodeId, may_be_team, read_change_id
from app.api.schema.types import Team, TeamChangeConnection, TeamSnapshot, User, present_change
from app.domain import pages
from app.domain.changes import Moment
from app.domain.faults import TeamDamaged
from app.domain.ids import CommitTime, UserId, Version, is_well_formed_id
from app.domain.teams import FoundTeam
from app.domain.validation import check_id, check_name_part


@strawberry.enum(
    description="The order of a list of teams. Names are compared by Unicode code point."
)
class TeamOrder(Enum):
    NAME_ASC = strawberry.enum_value("NAME_ASC", description="By name, ascending.")
    NAME_DESC = strawberry.enum_value("NAME_DESC", description="By name, descending.")
    CREATED_AT_ASC = strawberry.enum_value("CREATED_AT_ASC", description="Oldest first.")
    CREATED_AT_DESC = strawberry.enum_value("CREATED_AT_DESC", description="Newest first.")


OrderBy = Annotated[
    TeamOrder, strawberry.argument(description="The default lists the oldest first.")
]


@strawberry.type(description="A team in a list, and its cursor.")
class TeamEdge:
    cursor: str = strawberry.field(description="The item's opaque cursor, to page on from it.")
    found: strawberry.Private[FoundTeam]
    at: strawberry.Private[CommitTime | None]

    @strawberry.field(
        description="The team. Null, with the error `TEAM_DAMAGED`, if another program has made "
        "its data unusable."
    )
    def node(self) -> Team | None:
        if isinstance(self.found, TeamDamaged):
            raise self.found
        return Team.of(self.found, at=self.at)


@strawberry.type(description="A page of teams.")
class TeamConnection(Connection[TeamEdge]):
    listing: strawberry.Private[pages.TeamListing]
    moment: strawberry.Private[Moment | None]

    @strawberry.field(
        description="An opaque cursor of the moment at which this page was read. "
        "`allTeamChanges(after:)` continues with every change that the page does not show; "
        "`teams(asOf:)` reads the other pages at the same moment."
    )
    async def cursor(self, info: Info) -> str:
        return moment_cursor(self.moment or await info.context.loaders.moment())

    @strawberry.field(description="The number of teams on all pages. Counted only if selected.")
    async def total_count(self, info: Info) -> int:
        return await info.context.services.directory.count_teams(
            name_contains=self.listing.name_contains, at=self.listing.options.at
        )


@strawberry.type(description="Read operations. They return majority-committed data.")
class Query:
    @strawberry.field(
        description="The team, the change, or else the user with this id. Null if the team or the "
        "change does not exist."
    )
    async def node(
        self,
        info: Info,
        id: Annotated[NodeId, strawberry.argument(description="The `id` of any object.")],
    ) -> Node | None:
        info.context.require("node")
        services = info.context.services
        if named := read_change_id(id):
            changed_id, version = named
            found = await services.log.changes_of_team(
                changed_id, after=Version(version - 1), up_to=version, limit=1
            )
            return present_change(found[0]) if found else None
        team_id = checked_team_id(id)
        if may_be_team(id):
            if team := await Team.load(info, team_id):
                return team
            # The 24 digits of a deleted team do not become a user.
            deleted = await services.directory.find_version(team_id) is not None
            if deleted or not is_well_formed_id(id):
                return None
        return User(id=UserId(id))

    @strawberry.field(description="The team with this id. Null if it does not exist.")
    async def team(self, info: Info, id: TeamIdArgument) -> Team | None:
        info.context.require("team")
        return await Team.load(info, checked_team_id(id))

    @strawberry.field(
        description="As `Team.asOf`, also for a team that has been deleted. Null if the team did "
        "not exist then."
    )
    async def team_as_of(
        self,
        info: Info,
        id: TeamIdArgument,
        version: AsOfVersion = None,
        at: AsOfTime = None,
    ) -> TeamSnapshot | None:
        info.context.require("teamAsOf")
        snapshot = await read_as_of(info, checked_team_id(id), version, at)
        return TeamSnapshot(snapshot=snapshot) if snapshot else None

    @strawberry.field(description="All teams, page by page.")
    async def teams(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        name_contains: Annotated[
            str | None,
            strawberry.argument(
                description="Only teams whose name contains this text, ignoring case."
            ),
        ] = None,
        order_by: OrderBy = TeamOrder.CREATED_AT_ASC,
        as_of: Annotated[
            str | None,
            strawberry.argument(
                description="The `cursor` of another page, to read teams and members as of the "
                "same moment. Valid for 5 minutes."
            ),
        ] = None,
    ) -> TeamConnection:
        info.context.require("teams")
        order = pages.TeamOrder[order_by.name]
        if problem := check_name_part("nameContains", name_contains):
            raise invalid_input(problem)
        page = page_request(partial(read_team_cursor, order=order), first, after, last, before)
        options = await info.team_options()
        moment = None if as_of is None else read_moment_cursor("asOf", as_of)
        if moment is None and (options.at is not None or info.selects("cursor", directly=True)):
            moment = await info.context.loaders.moment()
        options = options._replace(at=moment.at if moment else None)
        listing = pages.TeamListing(page, order, options, name_contains)

        async def load() -> LoadedPage[TeamEdge]:
            page = await info.context.loaders.team_pages.load(listing)
            edges = [
                TeamEdge(cursor=team_cursor(position, order), found=team, at=options.at)
                for team, position in page.items
            ]
            return LoadedPage(edges, page.has_next, page.has_previous)

        return TeamConnection(load=load, listing=listing, moment=moment)

    @strawberry.field(
        description="The changes of all teams in the order of the change log, which is that of "
        "`allTeamChanges`. `after` and `before` also take the `cursor` of `teams` and "
        "`changesCursor`: before it are the changes that the teams read there show, if recorded "
        "by now."
    )
    async def changes(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> TeamChangeConnection:
        info.context.require("changes")
        page = page_request(read_feed_cursor, first, after, last, before)
        load = info.context.loaders.changes.load
        return TeamChangeConnection(
            load=page_of_changes(page, lambda size: load(replace(page, size=size)), present_change)
        )

    @strawberry.field(
        description="An opaque cursor of the current moment, from which `allTeamChanges(after:)` "
        "continues. To follow a list of teams, use the `cursor` of `teams` instead."
    )
    async def changes_cursor(self, info: Info) -> str:
        info.context.require("changesCursor")
        return moment_cursor(await info.context.loaders.moment())

    @strawberry.field(description="The user with this id. An unknown user is on no team.")
    def user(self, info: Info, id: UserIdArgument) -> User:
        info.context.require("user")
        if problem := check_id("id", id):
            raise invalid_input(problem)
        return User(id=id)

    @strawberry.field(description="The user who sends the request. Null if anonymous.")
    def viewer(self, info: Info) -> User | None:
        viewer_id = info.context.viewer_id
        return User(id=viewer_id) if viewer_id else None
