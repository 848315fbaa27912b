"""What all connections share: the arguments of a page, checked, and `PageInfo`."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import strawberry

from app.api.errors import invalid_input
from app.domain.pages import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, PageRequest
from app.domain.problems import InvalidInput

PositionT = TypeVar("PositionT")

_SIZE = f"1 to {MAX_PAGE_SIZE}; {DEFAULT_PAGE_SIZE} when neither first nor last is given."
First = Annotated[
    int | None, strawberry.argument(description=f"At most so many from the front, {_SIZE}")
]
Last = Annotated[
    int | None, strawberry.argument(description=f"At most so many from the back, {_SIZE}")
]
After = Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")]
Before = Annotated[
    str | None, strawberry.argument(description="Only what comes before this cursor.")
]


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Where a page stands in its list."""

    has_next_page: bool = strawberry.field(description="Whether more comes after this page.")
    has_previous_page: bool = strawberry.field(description="Whether more comes before this page.")
    start_cursor: str | None = strawberry.field(description="The first edge's cursor, if any.")
    end_cursor: str | None = strawberry.field(description="The last edge's cursor, if any.")


def page_request(
    *,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    read_cursor: Callable[[str, str], PositionT],
) -> PageRequest[PositionT]:
    """The page that the arguments describe. *Raises*: `CodedError` naming the argument."""
    if first is not None and last is not None:
        raise invalid_input(InvalidInput("last", "must not be given together with first"))
    for field, size in (("first", first), ("last", last)):
        if size is not None and not 1 <= size <= MAX_PAGE_SIZE:
            raise invalid_input(InvalidInput(field, f"must be 1 to {MAX_PAGE_SIZE}"))
    return PageRequest(
        size=first or last or DEFAULT_PAGE_SIZE,
        after=None if after is None else read_cursor("after", after),
        before=None if before is None else read_cursor("before", before),
        from_back=last is not None,
    )
