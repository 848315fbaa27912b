"""The arguments and errors of `Team.asOf`, and its pages of members."""

from bisect import bisect_left, bisect_right
from datetime import datetime
from typing import Annotated, TypeVar

import strawberry

from app.api.codes import Code
from app.api.errors import CodedError, invalid_input
from app.api.schema.context import Info
from app.domain.ids import TeamId, UserId, Version
from app.domain.pages import MemberPosition, Page, PageRequest
from app.domain.problems import InvalidInput
from app.domain.snapshots import UNKNOWN, TeamSnapshot, Unknown, VersionUnknown
from app.service.team_as_of import team_as_of

KnownT = TypeVar("KnownT")

AsOfVersion = Annotated[
    Version | None, strawberry.argument(description="1 to the team's present version.")
]
AsOfTime = Annotated[
    datetime | None, strawberry.argument(description="In the future: the team as it is now.")
]


def known(value: KnownT | Unknown) -> KnownT:
    """The value. *Raises*: `CodedError` if it is unknown."""
    if isinstance(value, Unknown):
        raise CodedError(
            Code.HISTORY_UNKNOWN,
            "The change log does not tell this: changes are missing, or another program has "
            "changed the team, or too many changes lie between.",
        )
    return value


async def read_as_of(
    info: Info, team_id: TeamId, version: Version | None, at: datetime | None
) -> TeamSnapshot | None:
    """The team then; None if it did not exist. *Raises*: `CodedError`."""
    if version is None and at is None:
        raise invalid_input(InvalidInput("version", "must be given, or else at"))
    if version is not None and at is not None:
        raise invalid_input(InvalidInput("at", "must not be given together with version"))
    services = info.context.services
    found = await team_as_of(
        services.log, services.directory, team_id=team_id, version=version, at=at
    )
    if isinstance(found, InvalidInput):
        raise invalid_input(found)
    return known(UNKNOWN if isinstance(found, VersionUnknown) else found)


def page_of_members(
    snapshot: TeamSnapshot, page: PageRequest[MemberPosition]
) -> Page[UserId, MemberPosition]:
    """A page of the members by id. *Raises*: `CodedError` if they are unknown."""
    user_ids = sorted(known(snapshot.state.user_ids))
    begin = bisect_right(user_ids, page.after.user_id) if page.after else 0
    end = bisect_left(user_ids, page.before.user_id) if page.before else len(user_ids)
    begin, end = page.cut(begin, end)
    items = tuple(
        (user_id, MemberPosition(index, user_id, snapshot.version, len(user_ids)))
        for index, user_id in enumerate(user_ids[begin:end], begin)
    )
    return Page(items, has_next=end < len(user_ids), has_previous=begin > 0)
