"""Pages of ordered lists, cut by position (keyset), never by counting from the start."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Generic, NamedTuple, TypeVar

from app.domain.ids import CommitTime, TeamId, UserId, Version

ItemT = TypeVar("ItemT")
PositionT = TypeVar("PositionT")

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100


class TeamOrder(Enum):
    """The orders in which teams can be listed; ties are settled by id."""

    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    CREATED_AT_ASC = "CREATED_AT_ASC"
    CREATED_AT_DESC = "CREATED_AT_DESC"

    @property
    def by_name(self) -> bool:
        """True for an order by name, False for one by the time of creation."""
        return self in (TeamOrder.NAME_ASC, TeamOrder.NAME_DESC)

    @property
    def descending(self) -> bool:
        """True if the greatest comes first."""
        return self in (TeamOrder.NAME_DESC, TeamOrder.CREATED_AT_DESC)


@dataclass(frozen=True, slots=True)
class TeamPosition:
    """The position of a team in a list: its sort key and its id.

    `stored_id` replaces both if an external writer stored an unreadable key or id.
    """

    key: str | datetime | None
    id: TeamId
    stored_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class MemberPosition:
    """The position of a member in a team's array when it was read.

    `version` and `member_count` bound how far the array can have shifted since, if the member has
    left: see `storage/teams/member_slices.py`.
    """

    index: int
    user_id: UserId
    version: Version
    member_count: int


@dataclass(frozen=True, slots=True)
class PageRequest(Generic[PositionT]):
    """At most `size` items strictly between two positions, from the front or from the back."""

    size: int = DEFAULT_PAGE_SIZE
    after: PositionT | None = None
    before: PositionT | None = None
    from_back: bool = False

    def cut(self, begin: int, end: int) -> tuple[int, int]:
        """The part of the indexes from `begin` up to `end` that the page shows."""
        if self.from_back:
            begin = max(begin, end - self.size)
        return begin, max(begin, min(end, begin + self.size))


class TeamOptions(NamedTuple):
    """The options for reading teams: with member counts or not, and the moment; None is now."""

    with_member_count: bool = False
    at: CommitTime | None = None


@dataclass(frozen=True, slots=True)
class TeamListing:
    """A page of the live teams whose name contains the text, ignoring case."""

    page: PageRequest[TeamPosition]
    order: TeamOrder
    options: TeamOptions
    name_contains: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryPage(PageRequest[int]):
    """A page of changes by their positions in the log, in descending order if `newest_first`."""

    newest_first: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[ItemT, PositionT]):
    """Items in list order, each with its position; `has_next` and `has_previous` of the list."""

    items: tuple[tuple[ItemT, PositionT], ...]
    has_next: bool
    has_previous: bool
