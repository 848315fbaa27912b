"""The parts of Relay's specification: `Node`, `PageInfo`, the generic `Edge` and `Connection`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import strawberry

from app.api.schema.node_ids import NodeId

NodeT = TypeVar("NodeT")
EdgeT = TypeVar("EdgeT", bound="_HasCursor")


class _HasCursor(Protocol):
    cursor: str


@strawberry.interface(description="An object with an id that no other object has, of any type.")
class Node:
    @strawberry.field(description="An id that is unique over all types.")
    def id(self) -> NodeId:
        raise NotImplementedError


@strawberry.type(description="The position of a page in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether items follow this page.")
    has_previous_page: bool = strawberry.field(description="Whether items precede this page.")
    start_cursor: str | None = strawberry.field(
        description="The cursor of the page's first edge. Null if the page is empty."
    )
    end_cursor: str | None = strawberry.field(
        description="The cursor of the page's last edge. Null if the page is empty."
    )


@strawberry.type(description="An item of a list and its cursor.")
class Edge(Generic[NodeT]):
    cursor: str = strawberry.field(description="The item's opaque cursor, to page on from it.")
    node: NodeT = strawberry.field(description="The item.")


@dataclass(frozen=True, slots=True)
class LoadedPage(Generic[EdgeT]):
    """The edges of a page, and whether the list has more before and after them."""

    edges: list[EdgeT]
    has_next: bool
    has_previous: bool


@strawberry.type
class Connection(Generic[EdgeT]):
    """A page, loaded only if one of its parts is selected; `load` caches."""

    load: strawberry.Private[Callable[[], Awaitable[LoadedPage[EdgeT]]]]

    @strawberry.field(description="The edges of this page.")
    async def edges(self) -> list[EdgeT]:
        return (await self.load()).edges

    @strawberry.field(description="The position of this page in the list.")
    async def page_info(self) -> PageInfo:
        page = await self.load()
        return PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=page.edges[0].cursor if page.edges else None,
            end_cursor=page.edges[-1].cursor if page.edges else None,
        )
