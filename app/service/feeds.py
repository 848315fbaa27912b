"""The feeds behind the subscriptions: what the log holds, then what it grows by, without a seam."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.domain.changes import Change, ChangeKind
from app.domain.ids import TeamId, UserId, Version
from app.domain.problems import InvalidInput, TeamNotFound
from app.domain.validation import check_id
from app.service.hub import EVERYTHING, Hub, Subscriber, Topic
from app.service.ports import ChangeLog, TeamDirectory


@dataclass(frozen=True, slots=True)
class CursorExpired:
    """The log does not reach back that far: read afresh, then subscribe without a cursor."""

    @property
    def message(self) -> str:
        """What to do."""
        return "The cursor is older than the change log. Read the teams afresh, then subscribe."


# How many changes a replay reads of the log at a time.
REPLAY_SIZE = 500


async def open_team_feed(
    log: ChangeLog,
    directory: TeamDirectory,
    hub: Hub,
    *,
    team_id: TeamId,
    after_version: Version | None,
) -> AsyncIterator[Change] | InvalidInput | TeamNotFound:
    """A team's changes after a version, then as they come; without one, from now on.

    It ends with the team's deletion, at once if that has been shown. *Held by*: G6. *Outcomes*:
    `InvalidInput` for a version that the team has not reached; `TeamNotFound` for a team that
    never was.
    *Raises*: `SubscriberTooSlow` while iterating.
    """
    if problem := check_id("teamId", team_id):
        return problem
    version = await directory.find_version(team_id)
    if version is None:
        return TeamNotFound(team_id)
    if after_version is not None and not 0 <= after_version <= version:
        return InvalidInput("afterVersion", f"must be 0 to {version}, the team's present version")
    # "From now on" is after the version just read: what is made before we listen is replayed.
    after = version if after_version is None else after_version
    if after == version and await _is_deletion(log, team_id, version):
        return _nothing()

    async def read(shown: int) -> Sequence[Change]:
        return await log.changes_of_team(team_id, after=Version(shown), limit=REPLAY_SIZE)

    subscriber = hub.subscriber(Topic(team_id=team_id))
    return _until_deletion(
        _replay_then_live(hub, subscriber, after, read, lambda change: change.version)
    )


async def open_feed_of_all_teams(
    log: ChangeLog, hub: Hub, *, after_position: int | None
) -> AsyncIterator[Change] | InvalidInput | CursorExpired:
    """Every team's changes after a position, then as they come; without one, from now on.

    The order is that of recording, so each team's versions come in order. *Outcomes*:
    `InvalidInput` for a position that the log has not reached, `CursorExpired` for one from before
    it begins.
    *Raises*: `SubscriberTooSlow` while iterating.
    """
    if after_position is not None:
        first, last = await log.first_position(), await log.last_position()
        if after_position > last:
            return InvalidInput("after", "must be the cursor of a change that has been shown")
        if first and after_position < first - 1:
            return CursorExpired()

    async def read(shown: int) -> Sequence[Change]:
        return await log.changes_after(shown, limit=REPLAY_SIZE)

    subscriber = hub.subscriber(EVERYTHING)
    return _replay_then_live(hub, subscriber, after_position, read, lambda change: change.position)


async def _replay_then_live(
    hub: Hub,
    subscriber: Subscriber,
    after: int | None,
    read: Callable[[int], Awaitable[Sequence[Change]]],
    place: Callable[[Change], int],
) -> AsyncIterator[Change]:
    """What `read` finds after a place, then what the hub brings after that.

    The long part is replayed before the subscriber enters, so that a long history can't fill its
    buffer; then it enters, the rest is replayed, and what the hub brings again is dropped.
    """
    await hub.is_following()
    shown = after or 0
    if after is not None:
        while len(changes := await read(shown)) == REPLAY_SIZE:
            for change in changes:
                yield change
            shown = place(changes[-1])
    with subscriber:
        while after is not None and (changes := await read(shown)):
            for change in changes:
                yield change
            shown = place(changes[-1])
        async for change in subscriber:
            if place(change) > shown:
                shown = place(change)
                yield change


async def _until_deletion(changes: AsyncIterator[Change]) -> AsyncIterator[Change]:
    async for change in changes:
        yield change
        if change.kind is ChangeKind.TEAM_DELETED:
            return


async def _is_deletion(log: ChangeLog, team_id: TeamId, version: Version) -> bool:
    """Whether that version is recorded, and the team's last."""
    found = await log.changes_of_team(team_id, after=Version(version - 1), limit=1)
    return any(change.kind is ChangeKind.TEAM_DELETED for change in found)


async def _nothing() -> AsyncIterator[Change]:
    shown: tuple[Change, ...] = ()
    for change in shown:
        yield change


async def open_user_team_feed(
    directory: TeamDirectory, hub: Hub, *, user_id: UserId
) -> AsyncIterator[TeamId | None] | InvalidInput:
    """The user's team, now and after each change of it; None while on no team.

    The subscriber enters first and the present is read after; the database's commit times tell
    which of the changes that arrive the present has in it already, so that nothing older is shown
    after it. A move shows no moment between the two teams. *Outcomes*: `InvalidInput`.
    *Raises*: `SubscriberTooSlow` while iterating.
    """
    if problem := check_id("userId", user_id):
        return problem
    return _user_team(directory, hub, user_id, hub.subscriber(Topic(user_id=user_id)))


async def _user_team(
    directory: TeamDirectory, hub: Hub, user_id: UserId, subscriber: Subscriber
) -> AsyncIterator[TeamId | None]:
    await hub.is_following()
    with subscriber:
        team_id, seen_at = await directory.find_team_id_of(user_id)
        yield team_id
        async for change in subscriber:
            before = team_id
            if change.commit_time is None or change.kind in _UNTOLD:
                team_id, seen_at = await directory.find_team_id_of(user_id)
            elif change.commit_time > seen_at:
                team_id = _team_after(change, team_id)
            if team_id != before:
                yield team_id


_UNTOLD = (ChangeKind.FOREIGN_CHANGE, ChangeKind.HISTORY_GAP)


def _team_after(change: Change, team_id: TeamId | None) -> TeamId | None:
    match change.kind:
        case ChangeKind.USER_JOINED_TEAM:
            return change.team_id
        case ChangeKind.USER_LEFT_TEAM if change.other_team_id is None:
            return None
        case ChangeKind.TEAM_DELETED if change.team_id == team_id:
            return None
    return team_id
