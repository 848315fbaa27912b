"""The root of all questions: `team`, `teams`, `user`, `viewer`."""

from functools import partial
from typing import Annotated

import strawberry

from app.api.errors import invalid_input
from app.api.schema.connections import After, Before, First, Last, page_request
from app.api.schema.context import Info
from app.api.schema.cursors import moment_cursor, read_moment_cursor, read_team_cursor
from app.api.schema.loaders import TeamListing
from app.api.schema.nodes import Team, TeamConnection, TeamIdArgument, User, UserIdArgument
from app.domain.ids import TeamId
from app.domain.pages import TeamOrder
from app.domain.validation import check_id, check_name_part

strawberry.enum(
    TeamOrder,
    name="TeamOrder",
    description="The order of a list of teams: by name (code point by code point) or by creation.",
)


@strawberry.type(description="Questions. They read what a majority of the database has confirmed.")
class Query:
    """Questions."""

    @strawberry.field(description="The team with this id; null when there is none, or no longer.")
    async def team(self, info: Info, id: TeamIdArgument) -> Team | None:
        """A team by id."""
        info.context.require("team")
        if problem := check_id("id", id):
            raise invalid_input(problem)
        wish = await info.team_wish()
        team = await info.context.loaders.teams.load((TeamId(id), wish))
        return Team.of(team, at=wish[1]) if team else None

    @strawberry.field(description="All teams that are not deleted.")
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
                description="Only teams with this text in their name, in any case."
            ),
        ] = None,
        order_by: Annotated[
            TeamOrder, strawberry.argument(description="By default, oldest first.")
        ] = TeamOrder.CREATED_AT_ASC,
        as_of: Annotated[
            str | None,
            strawberry.argument(
                description="The `cursor` of another page: teams and members as they were when "
                "that was read, within the last 5 minutes."
            ),
        ] = None,
    ) -> TeamConnection:
        """A page of teams; read only if a part of the page is selected."""
        info.context.require("teams")
        if problem := check_name_part("nameContains", name_contains):
            raise invalid_input(problem)
        page = page_request(
            first=first,
            after=after,
            last=last,
            before=before,
            read_cursor=partial(read_team_cursor, order=order_by),
        )
        counted, at = await info.team_wish()
        moment = None if as_of is None else read_moment_cursor("asOf", as_of)
        if moment is None and (at is not None or info.selects("cursor", directly=True)):
            moment = await info.context.loaders.moment()
        listing = TeamListing(page, order_by, name_contains, counted, moment.at if moment else None)
        return TeamConnection(listing=listing, moment=moment)

    @strawberry.field(
        description="Opaque; the present moment. `allTeamChanges(after:)` goes on from it. To show "
        "teams and follow them, take the `cursor` of `teams` instead."
    )
    async def changes_cursor(self, info: Info) -> str:
        """The present moment."""
        info.context.require("changesCursor")
        return moment_cursor(await info.context.loaders.moment())

    @strawberry.field(description="The user with this id; one that nobody knows is on no team.")
    def user(self, info: Info, id: UserIdArgument) -> User:
        """A user by id; asks the database nothing by itself."""
        info.context.require("user")
        if problem := check_id("id", id):
            raise invalid_input(problem)
        return User(id=id)

    @strawberry.field(description="The user who sends this request; null when anonymous.")
    def viewer(self, info: Info) -> User | None:
        """The user who sends this request."""
        viewer_id = info.context.viewer_id
        return User(id=strawberry.ID(viewer_id)) if viewer_id else None
