"""Batches what many items of one answer ask for into one query each, within one request."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from strawberry.dataloader import DataLoader

from app.domain.changes import Change, Moment
from app.domain.faults import TeamDamaged
from app.domain.ids import CommitTime, TeamId, UserId
from app.domain.pages import HistoryPage, MemberPosition, Page, PageRequest, TeamOrder, TeamPosition
from app.domain.teams import FoundTeam, Team
from app.service.ports import ChangeLog, TeamDirectory

MemberPage = Page[UserId, MemberPosition]
TeamPage = Page[FoundTeam, TeamPosition]

# Each with the moment at which it is to be read, None for now.
TeamWish = tuple[bool, CommitTime | None]
MembersWish = tuple[PageRequest[MemberPosition], CommitTime | None]

IdT = TypeVar("IdT", bound=Hashable)
WishT = TypeVar("WishT", bound=Hashable)
FoundT = TypeVar("FoundT")


@dataclass(frozen=True, slots=True)
class TeamListing:
    """A page of teams, described so that its parts share one query."""

    page: PageRequest[TeamPosition]
    order: TeamOrder
    name_contains: str | None
    with_member_count: bool
    at: CommitTime | None


class Loaders:
    """The loaders of one request. A key is an id together with what is wished to know of it."""

    def __init__(self, directory: TeamDirectory, log: ChangeLog) -> None:
        self._directory = directory
        self._log = log
        self._moments = DataLoader(self._load_moments)
        self.teams = DataLoader(self._load_teams)
        self.teams_of_users = DataLoader(self._load_teams_of_users)
        self.member_pages = DataLoader(self._load_member_pages)
        self.team_pages = DataLoader(self._load_team_pages)
        self.histories_of_teams = DataLoader(self._load_histories_of_teams)
        self.histories_of_users = DataLoader(self._load_histories_of_users)

    async def moment(self) -> Moment:
        """The moment at which everything is read that has to fit together in this answer."""
        return await self._moments.load("now")

    async def _load_moments(self, keys: list[str]) -> list[Moment]:
        return [await self._log.moment()] * len(keys)

    async def _load_teams(self, keys: list[tuple[TeamId, TeamWish]]) -> list[Team | None]:
        async def find(ids: list[TeamId], wish: TeamWish) -> Mapping[TeamId, FoundTeam]:
            counted, at = wish
            return await self._directory.find_teams(ids, with_member_count=counted, at=at)

        return await _load_by_wish(keys, find)

    async def _load_teams_of_users(self, keys: list[tuple[UserId, TeamWish]]) -> list[Team | None]:
        async def find(ids: list[UserId], wish: TeamWish) -> Mapping[UserId, FoundTeam]:
            counted, at = wish
            return await self._directory.find_teams_of(ids, with_member_count=counted, at=at)

        return await _load_by_wish(keys, find)

    async def _load_member_pages(
        self, keys: list[tuple[TeamId, MembersWish]]
    ) -> list[MemberPage | None]:
        async def find(
            ids: list[TeamId], wish: MembersWish
        ) -> Mapping[TeamId, MemberPage | TeamDamaged]:
            page, at = wish
            return await self._directory.list_members(ids, page, at=at)

        return await _load_by_wish(keys, find)

    async def _load_histories_of_teams(
        self, keys: list[tuple[TeamId, HistoryPage]]
    ) -> list[Sequence[Change] | None]:
        return await _load_by_wish(keys, self._log.histories_of_teams)

    async def _load_histories_of_users(
        self, keys: list[tuple[UserId, HistoryPage]]
    ) -> list[Sequence[Change] | None]:
        return await _load_by_wish(keys, self._log.histories_of_users)

    async def _load_team_pages(self, keys: list[TeamListing]) -> list[TeamPage]:
        return [
            await self._directory.list_teams(
                listing.page,
                order=listing.order,
                name_contains=listing.name_contains,
                with_member_count=listing.with_member_count,
                at=listing.at,
            )
            for listing in keys
        ]


async def _load_by_wish(
    keys: Iterable[tuple[IdT, WishT]],
    find: Callable[[list[IdT], WishT], Awaitable[Mapping[IdT, FoundT | TeamDamaged]]],
) -> list[FoundT | None]:
    """One query for all the ids that share a wish."""
    ids_by_wish: dict[WishT, list[IdT]] = defaultdict(list)
    keys = list(keys)
    for id_, wish in keys:
        ids_by_wish[wish].append(id_)
    found = {wish: await find(ids, wish) for wish, ids in ids_by_wish.items()}
    # The `DataLoader` raises what is a fault.
    return cast("list[FoundT | None]", [found[wish].get(id_) for id_, wish in keys])
