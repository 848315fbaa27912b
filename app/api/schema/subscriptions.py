"""The root of all subscriptions: `teamChanges`, `allTeamChanges`, `userTeam`."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated

import strawberry

from app.api.codes import Code
from app.api.errors import CodedError, invalid_input
from app.api.schema.changes import TeamChange
from app.api.schema.context import Info
from app.api.schema.cursors import read_feed_cursor
from app.api.schema.nodes import TeamAtEvent, TeamIdArgument, User, UserIdArgument
from app.domain.changes import Change
from app.domain.faults import HistoryIncomplete
from app.domain.ids import TeamId, UserId, Version
from app.domain.problems import InvalidInput, TeamNotFound
from app.service.feeds import (
    CursorExpired,
    open_feed_of_all_teams,
    open_team_feed,
    open_user_team_feed,
)
from app.service.hub import SubscriberTooSlow


@strawberry.type(
    description="Feeds of changes made through any server, each once and in order. "
    "Resume a feed with the last version or cursor you have seen."
)
class Subscription:
    """Feeds of changes."""

    @strawberry.subscription(
        description="One team's changes in version order, until the team is deleted."
    )
    async def team_changes(
        self,
        info: Info,
        team_id: TeamIdArgument,
        after_version: Annotated[
            int | None,
            strawberry.argument(
                description="Everything after this version, then live; without it, from now on."
            ),
        ] = None,
    ) -> AsyncGenerator[TeamChange, None]:
        """One team's changes."""
        info.context.require("teamChanges")
        services = info.context.services
        feed = await open_team_feed(
            services.log,
            services.directory,
            services.hub,
            team_id=TeamId(team_id),
            after_version=None if after_version is None else Version(after_version),
        )
        match feed:
            case InvalidInput():
                raise invalid_input(feed)
            case TeamNotFound():
                raise CodedError(Code.TEAM_NOT_FOUND, feed.message)
            case CursorExpired():
                raise CodedError(Code.CURSOR_EXPIRED, feed.message)
            case changes:
                async for change in _present(info, changes):
                    yield change

    @strawberry.subscription(
        description="All teams' changes; each team's in version order, all in the log's. A change "
        "of a team at or below the version that you have comes only where the service did not see "
        "it happen: drop it."
    )
    async def all_team_changes(
        self,
        info: Info,
        after: Annotated[
            str | None,
            strawberry.argument(
                description="The `cursor` of the last change seen, or of a page of `teams`: every "
                "change that the page does not show. Without it, from now on; `changesCursor` is "
                "a beginning that a client can come back to."
            ),
        ] = None,
    ) -> AsyncGenerator[TeamChange, None]:
        """All teams' changes."""
        info.context.require("allTeamChanges")
        services = info.context.services
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
                async for change in _present(info, changes):
                    yield change

    @strawberry.subscription(
        description="The user and the user's team: now, and after every change of it. Subscribed "
        "to again, it begins with what is so then; `User.history` tells what was in between."
    )
    async def user_team(self, info: Info, user_id: UserIdArgument) -> AsyncGenerator[User, None]:
        """A user's team."""
        info.context.require("userTeam")
        services = info.context.services
        feed = await open_user_team_feed(
            services.log, services.directory, services.hub, user_id=UserId(user_id)
        )
        if isinstance(feed, InvalidInput):
            raise invalid_input(feed)
        with _coded_end():
            async for team_id in feed:
                info.context.begin_answer()
                yield User(id=user_id, at_event=TeamAtEvent(team_id))


async def _present(info: Info, changes: AsyncIterator[Change]) -> AsyncGenerator[TeamChange, None]:
    with _coded_end():
        async for change in changes:
            info.context.begin_answer()
            yield info.context.services.views.of(change)


@contextmanager
def _coded_end() -> Iterator[None]:
    """Tells a subscriber that was cut off why, and what to do."""
    try:
        yield
    except SubscriberTooSlow:
        raise CodedError(
            Code.SUBSCRIBER_TOO_SLOW,
            "You read more slowly than changes came. Subscribe again after the last one you saw.",
        ) from None
    except HistoryIncomplete:
        raise CodedError(Code.CURSOR_EXPIRED, CursorExpired().message) from None
