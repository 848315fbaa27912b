"""Arguments that several fields share, and the check of a page's."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import strawberry

from app.api.errors import invalid_input
from app.api.schema.node_ids import NodeId, read_team_id
from app.domain.ids import TeamId, UserId
from app.domain.pages import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, PageRequest
from app.domain.problems import InvalidInput
from app.domain.validation import check_id

PositionT = TypeVar("PositionT")

First = Annotated[
    int | None,
    strawberry.argument(
        description=f"The maximum number of items from the start, 1 to {MAX_PAGE_SIZE}. "
        f"The default is {DEFAULT_PAGE_SIZE}."
    ),
]
Last = Annotated[
    int | None,
    strawberry.argument(
        description=f"The maximum number of items from the end, 1 to {MAX_PAGE_SIZE}. "
        "Cannot be combined with `first`."
    ),
]
After = Annotated[str | None, strawberry.argument(description="Only items after this cursor.")]
Before = Annotated[str | None, strawberry.argument(description="Only items before this cursor.")]
NewestFirst = Annotated[
    bool,
    strawberry.argument(
        description="Whether to list the latest change first. `first`, `after`, `last` and "
        "`before` refer to this order."
    ),
]
TeamIdArgument = Annotated[NodeId, strawberry.argument(description="The team's id.")]
UserIdArgument = Annotated[UserId, strawberry.argument(description="The user's id.")]


def checked_team_id(given: NodeId) -> TeamId:
    """The team's id in the domain. *Raises*: `CodedError` naming `id` if it is malformed."""
    team_id = read_team_id(given)
    if problem := check_id("id", team_id):
        raise invalid_input(problem)
    return team_id


def page_request(
    read_cursor: Callable[[str, str], PositionT],
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    *,
    default_size: int = DEFAULT_PAGE_SIZE,
) -> PageRequest[PositionT]:
    """The requested page. *Raises*: `CodedError` naming the invalid argument."""
    if first is not None and last is not None:
        raise invalid_input(InvalidInput("last", "must not be given together with first"))
    for field, size in (("first", first), ("last", last)):
        if size is not None and not 1 <= size <= MAX_PAGE_SIZE:
            raise invalid_input(InvalidInput(field, f"must be 1 to {MAX_PAGE_SIZE}"))
    return PageRequest(
        size=first or last or default_size,
        after=None if after is None else read_cursor("after", after),
        before=None if before is None else read_cursor("before", before),
        from_back=last is not None,
    )
