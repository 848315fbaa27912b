"""Pages of the change log."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from app.api.schema.connections import Edge, LoadedPage
from app.api.schema.cursors import change_cursor
from app.domain.changes import Change
from app.domain.pages import PageRequest

NodeT = TypeVar("NodeT")
PositionT = TypeVar("PositionT")


def page_of_changes(
    page: PageRequest[PositionT],
    read: Callable[[int], Awaitable[Sequence[Change] | None]],
    present: Callable[[Change], NodeT],
) -> Callable[[], Awaitable[LoadedPage[Edge[NodeT]]]]:
    """The `load` of a connection; `read` returns that many changes of the page, in its order."""

    async def load() -> LoadedPage[Edge[NodeT]]:
        # One more than requested shows whether there is another page.
        found = await read(page.size + 1) or ()
        more = len(found) > page.size
        shown = found[-page.size :] if page.from_back else found[: page.size]
        edges = [Edge(cursor=change_cursor(each.position), node=present(each)) for each in shown]
        if page.from_back:
            return LoadedPage(edges, has_next=page.before is not None, has_previous=more)
        return LoadedPage(edges, has_next=more, has_previous=page.after is not None)

    return load
