"""Data loaders: the reads of many items of an answer, batched into one query each."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import TypeVar, cast

from strawberry.dataloader import DataLoader

from app.domain.changes import Change, Moment
from app.domain.faults import TeamDamaged
from app.domain.ids import CommitTime, TeamId, UserId
from app.domain.pages import MemberPosition, Page, PageRequest, TeamListing, TeamPosition
from app.domain.teams import FoundTeam
from app.service.ports import ChangeLog, TeamDirectory

MemberPage = Page[UserId, MemberPosition]
TeamPage = Page[FoundTeam, TeamPosition]

# Which page, and at which moment, None for now.
MembersOptions = tuple[PageRequest[MemberPosition], CommitTime | None]

IdT = TypeVar("IdT", bound=Hashable)
OptionsT = TypeVar("OptionsT", bound=Hashable)
FoundT = TypeVar("FoundT")


class Loaders:
    """The loaders of one answer. A key is an id with the options of reading it."""

    def __init__(self, directory: TeamDirectory, log: ChangeLog) -> None:
        async def load_moments(keys: list[str]) -> list[Moment]:
            return [await log.moment()] * len(keys)

        async def load_team_pages(keys: list[TeamListing]) -> list[TeamPage]:
            return [await directory.list_teams(listing) for listing in keys]

        async def load_changes(keys: list[PageRequest[Moment]]) -> list[Sequence[Change]]:
            return [await log.changes_on(page) for page in keys]

        self._moments = DataLoader(load_moments)
        self.changes = DataLoader(load_changes)
        self.team_pages = DataLoader(load_team_pages)
        self.teams = _batched(directory.find_teams)
        self.teams_of_users = _batched(directory.find_teams_of)
        self.member_pages: DataLoader[tuple[TeamId, MembersOptions], MemberPage | None] = _batched(
            lambda ids, options: directory.list_members(ids, options[0], at=options[1])
        )
        self.histories_of_teams = _batched(log.histories_of_teams)
        self.histories_of_users = _batched(log.histories_of_users)

    async def moment(self) -> Moment:
        """The moment at which the consistent parts of this answer are read."""
        return await self._moments.load("now")


def _batched(
    find: Callable[[list[IdT], OptionsT], Awaitable[Mapping[IdT, FoundT | TeamDamaged]]],
) -> DataLoader[tuple[IdT, OptionsT], FoundT | None]:
    """A loader that sends one query for all the ids with the same options."""

    async def load(keys: list[tuple[IdT, OptionsT]]) -> list[FoundT | None]:
        ids_by_options: dict[OptionsT, list[IdT]] = defaultdict(list)
        for id_, options in keys:
            ids_by_options[options].append(id_)
        found = {options: await find(ids, options) for options, ids in ids_by_options.items()}
        # A `DataLoader` raises the values that are exceptions.
        return cast("list[FoundT | None]", [found[options].get(id_) for id_, options in keys])

    return DataLoader(load)
