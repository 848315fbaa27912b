"""The feeds behind the subscriptions: what the log holds, then what it grows by, without a seam."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.domain.changes import Change, ChangeKind
from app.domain.faults import HistoryIncomplete
from app.domain.ids import MAX_VERSION, CommitTime, TeamId, UserId, Version
from app.domain.pages import HistoryPage
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
) -> AsyncIterator[Change] | InvalidInput | TeamNotFound | CursorExpired:
    """A team's changes after a version, then as they come; without one, from now on.

    It ends with the team's deletion, at once if that has been shown. *Held by*: G6. *Outcomes*:
    `InvalidInput` for a version that the team has not reached; `CursorExpired` for one from before
    the log begins; `TeamNotFound` for a team that never was.
    *Raises*: `SubscriberTooSlow` and `HistoryIncomplete` while iterating.
    """
    if problem := check_id("teamId", team_id):
        return problem
    version, last = await _reached(log, directory, team_id)
    if version is None or (after_version or 0) > version:
        await log.catch_up()
        version, last = await _reached(log, directory, team_id)
    if version is None:
        return TeamNotFound(team_id)
    if after_version is not None and not 0 <= after_version <= version:
        return InvalidInput("afterVersion", f"must be 0 to {version}, the team's present version")
    # "From now on" is after the version just read: what is made before we listen is replayed.
    after = version if after_version is None else after_version

    async def read(shown: int, limit: int = REPLAY_SIZE) -> Sequence[Change]:
        return await log.changes_of_team(team_id, after=Version(shown), limit=limit)

    if after == version:
        if last is not None and last.kind is ChangeKind.TEAM_DELETED and last.version == version:
            return _nothing()
    elif any(_versions(change)[0] > after + 1 for change in await read(after, 1)):
        return CursorExpired()

    subscriber = hub.subscriber(Topic(team_id=team_id))
    return _until_deletion(_replay_then_live(log, hub, subscriber, after, read, _versions))


async def _reached(
    log: ChangeLog, directory: TeamDirectory, team_id: TeamId
) -> tuple[Version | None, Change | None]:
    """The version that a team has reached, and its last recorded change.

    The recorder may be behind the team. Another program may have removed the team, or set its
    version back, or beyond all measure, until the recorder brings it back to where the log is.
    """
    present = await directory.find_version(team_id)
    page = HistoryPage(after=None, newest_first=True, limit=1)
    newest = (await log.histories_of_teams([team_id], page))[team_id]
    last = newest[0] if newest else None
    known = [] if present is None or present > MAX_VERSION else [present]
    return max([*known, *(change.version for change in newest)], default=None), last


async def open_feed_of_all_teams(
    log: ChangeLog, hub: Hub, *, after_position: int | None, after: CommitTime | None = None
) -> AsyncIterator[Change] | InvalidInput | CursorExpired:
    """Every team's changes after a position, then as they come; without one, from now on.

    The order is that of recording, so each team's versions come in order. The log lags behind the
    teams: of what it records after the position, a caller who has read the teams at a moment leaves
    out what was committed up to then, by `after`. *Outcomes*: `InvalidInput` for a position that
    the log has not reached, `CursorExpired` for one from before it begins.
    *Raises*: `SubscriberTooSlow` and `HistoryIncomplete` while iterating.
    """
    if after_position is not None:
        first, last = await log.first_position(), await log.last_position()
        if after_position > last:
            await log.catch_up()
            last = await log.last_position()
        if after_position > last:
            return InvalidInput("after", "must be the cursor of a change that has been shown")
        if first and after_position < first - 1:
            return CursorExpired()

    async def read(shown: int) -> Sequence[Change]:
        return await log.changes_after(shown, limit=REPLAY_SIZE)

    subscriber = hub.subscriber(EVERYTHING)
    changes = _readable(_replay_then_live(log, hub, subscriber, after_position, read, _positions))
    return changes if after is None else _committed_after(after, changes)


Reading = Callable[[int], Awaitable[Sequence[Change]]]

Span = Callable[[Change], tuple[int, int]]
"""The first and the last place that a change takes in the line that its feed tells."""


def _versions(change: Change) -> tuple[int, int]:
    return change.from_version or change.version, change.version


def _positions(change: Change) -> tuple[int, int]:
    return change.position, change.position


async def _replay_then_live(
    log: ChangeLog,
    hub: Hub,
    subscriber: Subscriber,
    after: int | None,
    read: Reading,
    span: Span,
) -> AsyncIterator[Change]:
    """What `read` finds after a place, then what the hub brings after that.

    The long part is replayed before the subscriber enters, so that a long history can't fill its
    buffer; then it enters, the rest is replayed, and what the hub brings again is dropped.
    """
    await hub.is_following()
    shown = after
    while shown is not None and len(changes := await _read_on(read, span, shown)) == REPLAY_SIZE:
        for change in changes:
            yield change
        shown = span(changes[-1])[1]
    with subscriber:
        while shown is not None and (changes := await _read_on(read, span, shown)):
            for change in changes:
                yield change
            shown = span(changes[-1])[1]
        async for change in subscriber:
            first, last = span(change)
            while shown is not None and first > shown + 1:
                # The hub has told change 5, then the primary is lost. Sue enters, the new primary
                # shows her the log up to 4, and the next change that the hub brings is 6.
                await log.catch_up()
                if not (changes := await _read_on(read, span, shown)):
                    raise HistoryIncomplete
                for missed in changes:
                    yield missed
                shown = span(changes[-1])[1]
            if shown is None or last > shown:
                shown = last
                yield change


async def _read_on(read: Reading, span: Span, shown: int) -> Sequence[Change]:
    """What is recorded after a place. *Raises*: `HistoryIncomplete` if the next is not there."""
    changes = await read(shown)
    if changes and span(changes[0])[0] > shown + 1:
        raise HistoryIncomplete
    return changes


async def _committed_after(
    moment: CommitTime, changes: AsyncIterator[Change]
) -> AsyncIterator[Change]:
    """Those committed later, and those of which nobody knows when."""
    async for change in changes:
        if change.commit_time is None or change.commit_time > moment:
            yield change


async def _until_deletion(changes: AsyncIterator[Change]) -> AsyncIterator[Change]:
    async for change in changes:
        yield change
        if change.kind is ChangeKind.TEAM_DELETED:
            return


async def _readable(changes: AsyncIterator[Change]) -> AsyncIterator[Change]:
    async for change in changes:
        if change.kind is not ChangeKind.UNREADABLE:
            yield change


async def _nothing() -> AsyncIterator[Change]:
    shown: tuple[Change, ...] = ()
    for change in shown:
        yield change


async def open_user_team_feed(
    log: ChangeLog, directory: TeamDirectory, hub: Hub, *, user_id: UserId
) -> AsyncIterator[TeamId | None] | InvalidInput:
    """The user's team, now and after each change of it; None while on no team.

    The subscriber enters first and the present is read after; the database's commit times tell
    which of the changes that arrive the present has in it already, so that nothing older is shown
    after it. A move shows no moment between the two teams. *Outcomes*: `InvalidInput`.
    *Raises*: `SubscriberTooSlow` while iterating.
    """
    if problem := check_id("userId", user_id):
        return problem
    return _user_team(log, directory, hub, user_id, hub.subscriber(Topic(user_id=user_id)))


async def _user_team(
    log: ChangeLog, directory: TeamDirectory, hub: Hub, user_id: UserId, subscriber: Subscriber
) -> AsyncIterator[TeamId | None]:
    await hub.is_following()
    with subscriber:
        team_id, seen_at = await _present_team(log, directory, hub, user_id)
        yield team_id
        async for change in subscriber:
            before = team_id
            if change.commit_time is None or change.kind in _UNTOLD:
                team_id, seen_at = await _present_team(log, directory, hub, user_id)
            elif change.commit_time > seen_at:
                team_id = _team_after(change, team_id)
            if team_id != before:
                yield team_id


async def _present_team(
    log: ChangeLog, directory: TeamDirectory, hub: Hub, user_id: UserId
) -> tuple[TeamId | None, CommitTime]:
    """The user's team, at a moment after whatever the hub has told."""
    team_id, seen_at = await directory.find_team_id_of(user_id)
    while seen_at < hub.told_at:
        # A primary just elected shows a moment before a change that the hub has told already.
        await log.catch_up()
        team_id, seen_at = await directory.find_team_id_of(user_id)
    return team_id, seen_at


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
