"""The `Subscription` type: `teamChanges`, `allTeamChanges`, `userTeam`."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Annotated

import strawberry

from app.api.codes import Code
from app.api.errors import CodedError, invalid_input
from app.api.schema.arguments import TeamIdArgument, UserIdArgument
from app.api.schema.context import Info
from app.api.schema.cursors import read_feed_cursor
from app.api.schema.node_ids import read_team_id
from app.api.schema.types import TeamAtEvent, TeamChange, User, present_change
from app.domain.faults import HistoryIncomplete
from app.domain.ids import Version
from app.domain.problems import InvalidInput, TeamNotFound
from app.service.feeds import (
    CursorExpired,
    open_feed_of_all_teams,
    open_team_feed,
    open_user_team_feed,
)
from app.service.hub import SubscriberTooSlow


@strawberry.type(
    description="Feeds of the changes made through any server, each delivered once and in order. "
    "Resume a feed with the last version or cursor received."
)
class Subscription:
    @strawberry.subscription(
        description="The changes of one team in version order. Completes when the team is deleted."
    )
    async def team_changes(
        self,
        info: Info,
        team_id: TeamIdArgument,
        after_version: Annotated[
            Version | None,
            strawberry.argument(
                description="Replay the changes after this version, then continue live. "
                "Without it the feed starts now."
            ),
        ] = None,
    ) -> AsyncGenerator[TeamChange, None]:
        info.context.require("teamChanges")
        services = info.context.services
        del info  # or the executor would stay in memory as long as the subscription
        feed = await open_team_feed(
            services.log,
            services.directory,
            services.hub,
            team_id=read_team_id(team_id),
            after_version=after_version,
        )
        match feed:
            case InvalidInput():
                raise invalid_input(feed)
            case TeamNotFound():
                raise CodedError(Code.TEAM_NOT_FOUND, feed.message)
            case CursorExpired():
                raise CodedError(Code.CURSOR_EXPIRED, feed.message)
            case changes:
                with _coded_end():
                    async for change in changes:
                        yield present_change(change)

    @strawberry.subscription(
        description="The changes of all teams in the order of the change log, each team's in "
        "version order. Ignore a change at or below the version that you hold of its team: one can "
        "arrive if the database has lost its history."
    )
    async def all_team_changes(
        self,
        info: Info,
        after: Annotated[
            str | None,
            strawberry.argument(
                description="Replay the changes after this cursor, then continue live: that of the "
                "last change received, of a page of `teams`, or `changesCursor`. "
                "Without it the feed starts now."
            ),
        ] = None,
    ) -> AsyncGenerator[TeamChange, None]:
        info.context.require("allTeamChanges")
        services = info.context.services
        del info
        start = None if after is None else read_feed_cursor("after", after)
        feed = await open_feed_of_all_teams(
            services.log,
            services.hub,
            after_position=start.position if start else None,
            after=start.at if start else None,
        )
        match feed:
            case InvalidInput():
                raise invalid_input(feed)
            case CursorExpired():
                raise CodedError(Code.CURSOR_EXPIRED, feed.message)
            case changes:
                with _coded_end():
                    async for change in changes:
                        yield present_change(change)

    @strawberry.subscription(
        description="The user with their team: on subscribing, then after every change of it. "
        "Changes missed between two subscriptions are in `User.history`."
    )
    async def user_team(self, info: Info, user_id: UserIdArgument) -> AsyncGenerator[User, None]:
        info.context.require("userTeam")
        services = info.context.services
        del info
        feed = await open_user_team_feed(
            services.log, services.directory, services.hub, user_id=user_id
        )
        if isinstance(feed, InvalidInput):
            raise invalid_input(feed)
        with _coded_end():
            async for team_id in feed:
                yield User(id=user_id, at_event=TeamAtEvent(team_id))


@contextmanager
def _coded_end() -> Iterator[None]:
    """Turn the faults that end a feed into coded errors."""
    try:
        yield
    except SubscriberTooSlow:
        raise CodedError(
            Code.SUBSCRIBER_TOO_SLOW,
            "You read more slowly than changes came. Subscribe again after the last one you saw.",
        ) from None
    except HistoryIncomplete:
        raise CodedError(Code.CURSOR_EXPIRED, CursorExpired().message) from None
