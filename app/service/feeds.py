"""The feeds behind the subscriptions: a replay of the change log, then live changes, gapless."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.domain.changes import Change, ChangeKind
from app.domain.faults import DatabaseUnavailable, HistoryIncomplete
from app.domain.ids import MAX_VERSION, CommitTime, TeamId, UserId, Version
from app.domain.pages import HistoryPage
from app.domain.problems import InvalidInput, TeamNotFound
from app.domain.validation import check_id
from app.service.hub import EVERYTHING, Hub, Subscriber, Topic
from app.service.ports import ChangeLog, TeamDirectory


@dataclass(frozen=True, slots=True)
class CursorExpired:
    """The cursor is older than the log. Read the teams again, then subscribe without a cursor."""

    @property
    def message(self) -> str:
        """The advice to the client."""
        return "The cursor is older than the change log. Read the teams afresh, then subscribe."


# Changes per read of a replay.
REPLAY_SIZE = 500

# Of a user's team. The second, after `catch_up`, is late enough unless the database was set back.
MAX_READS = 3


async def open_team_feed(
    log: ChangeLog,
    directory: TeamDirectory,
    hub: Hub,
    *,
    team_id: TeamId,
    after_version: Version | None,
) -> AsyncIterator[Change] | InvalidInput | TeamNotFound | CursorExpired:
    """A team's changes after a version, then live changes; without a version, live changes only.

    Ends with the team's deletion, at once if `after_version` is the deletion. *Held by*: G6.
    *Outcomes*: `InvalidInput` for a version that the team has not reached; `CursorExpired` for one
    from before the log begins; `TeamNotFound` for a team that never existed.
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
    # Live means after the version just read: changes made before we subscribe are replayed.
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

    The recorder may lag behind the team. An external writer may have removed the team, or set its
    version back or above the maximum, until the recorder restores the version from the log.
    """
    present = await directory.find_version(team_id)
    page = HistoryPage(size=1, newest_first=True)
    newest = (await log.histories_of_teams([team_id], page))[team_id]
    last = newest[0] if newest else None
    known = [] if present is None or present > MAX_VERSION else [present]
    return max([*known, *(change.version for change in newest)], default=None), last


async def open_feed_of_all_teams(
    log: ChangeLog, hub: Hub, *, after_position: int | None, after: CommitTime | None = None
) -> AsyncIterator[Change] | InvalidInput | CursorExpired:
    """All teams' changes after a position, then live changes; without one, live changes only.

    The order is that of recording, so each team's versions come in order. The log lags behind the
    teams: a caller who has read the teams at one moment passes it as `after`, to skip changes that
    are recorded after the position but were committed up to that moment. *Outcomes*: `InvalidInput`
    for a position that the log has not reached; `CursorExpired` for one from before it begins.
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
"""The first and last version, or position, that a change covers in its feed."""


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
    """The replay from `read`, then the hub's live changes, without gap or duplicate.

    Most of the history is replayed before the subscriber is added, so that a long replay can't fill
    its buffer. Then it is added, the rest is replayed, and duplicates from the hub are dropped.
    """
    await hub.until_following()
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
                # The hub has delivered change 5, then the primary is lost. Sue subscribes, the new
                # primary shows her the log up to 4, and the next change from the hub is 6.
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
    """The changes after `shown`. *Raises*: `HistoryIncomplete` if the next one is missing."""
    changes = await read(shown)
    if changes and span(changes[0])[0] > shown + 1:
        raise HistoryIncomplete
    return changes


async def _committed_after(
    moment: CommitTime, changes: AsyncIterator[Change]
) -> AsyncIterator[Change]:
    """The changes committed after the moment, and those without a commit time."""
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

    The subscriber is added first and the current team is read after. By the database's commit
    times, changes that the read already contains are dropped, so that nothing older is shown after
    it. A move is one event: never no team in between. *Outcomes*: `InvalidInput`.
    *Raises*: `SubscriberTooSlow` and `DatabaseUnavailable` while iterating.
    """
    if problem := check_id("userId", user_id):
        return problem
    return _user_team(log, directory, hub, user_id, hub.subscriber(Topic(user_id=user_id)))


async def _user_team(
    log: ChangeLog, directory: TeamDirectory, hub: Hub, user_id: UserId, subscriber: Subscriber
) -> AsyncIterator[TeamId | None]:
    await hub.until_following()
    with subscriber:
        team_id, seen_at = await _current_team(log, directory, hub, user_id)
        yield team_id
        async for change in subscriber:
            before = team_id
            if change.commit_time is None or change.kind in _NEEDS_READ:
                team_id, seen_at = await _current_team(log, directory, hub, user_id)
            elif change.commit_time > seen_at:
                team_id = _team_after(change, team_id)
            if team_id != before:
                yield team_id


async def _current_team(
    log: ChangeLog, directory: TeamDirectory, hub: Hub, user_id: UserId
) -> tuple[TeamId | None, CommitTime]:
    """The user's team, at a moment not before the last change that the hub had delivered.

    Changes that are delivered meanwhile are in the subscriber's buffer.
    *Raises*: `DatabaseUnavailable` if `MAX_READS` reads show earlier ones, as after a restore.
    """
    delivered_at = hub.delivered_at
    for _ in range(MAX_READS):
        team_id, seen_at = await directory.find_team_id_of(user_id)
        if seen_at >= delivered_at:
            return team_id, seen_at
        # A newly elected primary may show a moment before a change that the hub has delivered.
        await log.catch_up()
    raise DatabaseUnavailable("Reads show moments before a change that has been delivered.")


# Kinds that do not name the user's team: it has to be read.
_NEEDS_READ = (ChangeKind.FOREIGN_CHANGE, ChangeKind.HISTORY_GAP)


def _team_after(change: Change, team_id: TeamId | None) -> TeamId | None:
    match change.kind:
        case ChangeKind.USER_JOINED_TEAM:
            return change.team_id
        case ChangeKind.USER_LEFT_TEAM if change.other_team_id is None:
            return None
        case ChangeKind.TEAM_DELETED if change.team_id == team_id:
            return None
    return team_id
