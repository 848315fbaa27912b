"""`Team.asOf`: a team at an earlier version or time, reconstructed from the change log."""

from collections.abc import Sequence
from datetime import datetime

from app.domain.changes import Change, ChangeKind
from app.domain.ids import FIRST_VERSION, MAX_VERSION, TeamId, Version
from app.domain.problems import InvalidInput
from app.domain.snapshots import UNKNOWN, TeamSnapshot, TeamState, Unknown, VersionUnknown
from app.domain.teams import Team
from app.service.ports import ChangeLog, TeamDirectory

# Changes per read: other requests run between two reads.
READ_SIZE = 1_000

# The longest walk, from the present state or from the creation. 5,000 changes took 78 to 94 ms.
MAX_CHANGES = 10_000


async def team_as_of(
    log: ChangeLog,
    directory: TeamDirectory,
    *,
    team_id: TeamId,
    version: Version | None = None,
    at: datetime | None = None,
) -> TeamSnapshot | InvalidInput | VersionUnknown | None:
    """The team at the version, or else at the time; None before its creation or since its deletion.

    Anything that a `HISTORY_GAP` or a `FOREIGN_CHANGE` hides is `UNKNOWN`. The log lags behind the
    team: the version that was made last is known from the team alone.
    *Outcomes*: `InvalidInput` for a version that the team has not reached; `VersionUnknown`.
    *Limits*: `MAX_CHANGES`; further from both ends, the members are `UNKNOWN`.
    """
    if (found := await directory.find_roster(team_id)) is None:
        return None
    team, user_ids = found
    newest = await log.changes_of_team(team_id, after=None, limit=1, newest_first=True)
    recorded = newest[0].version if newest else Version(0)
    if at is not None:
        version_at = await _version_at(log, team, recorded, at)
        if not isinstance(version_at, int):
            return version_at
        version = version_at
    present = (
        TeamState() if user_ids is None else TeamState(team.name, team.capacity, set(user_ids))
    )
    latest = team.version
    if not recorded <= team.version <= MAX_VERSION:
        # An external writer has set the version back or above the maximum, or the team has changed
        # between the two reads.
        present, latest = TeamState(), recorded
    if version is None or not FIRST_VERSION <= version <= latest:
        return InvalidInput("version", f"must be 1 to {latest}, the team's present version")
    if user_ids is None and version == latest:
        return None

    state = TeamState()
    for begin, start in sorted(
        [(0, TeamState()), (latest, present)], key=lambda end: abs(version - end[0])
    ):
        if state.user_ids is UNKNOWN and abs(version - begin) <= MAX_CHANGES:
            state = state.completed_by(await _walk(log, team_id, start, begin, version))
    around = await log.changes_of_team(team_id, after=Version(version - 1), limit=2)
    if around and around[0].version == version:
        await _look_up(log, team_id, state, version)
    since = _made_at(version, around, team)
    until = _made_at(Version(version + 1), around, team) if version < latest else None
    return TeamSnapshot(version, state, since, until)


async def _version_at(
    log: ChangeLog, team: Team, recorded: Version, at: datetime
) -> Version | VersionUnknown | None:
    """The last version that was made up to the time, by the clocks of the servers.

    The time of a gap is that of its recording, which is later than the changes that it hides.
    """
    made = await log.last_change_by(team.id, at)
    version = min(made.version, max(recorded, team.version)) if made else Version(0)
    recorded = max(recorded, version)  # It may have been recorded after `recorded` was read.
    if version == recorded < team.version:
        if team.updated_at is not None and team.updated_at <= at:
            return team.version
        is_known = team.version == recorded + 1
    else:
        following = await log.changes_of_team(team.id, after=version, limit=1)
        is_known = version == recorded or _makes(following[0], version + 1)
    if not is_known:
        return VersionUnknown()
    return version or None


async def _walk(
    log: ChangeLog, team_id: TeamId, state: TeamState, begin: int, end: int
) -> TeamState:
    """The state taken from a version to a later or an earlier one; missing changes are a gap."""
    reached, is_back = begin, end < begin
    while reached != end:
        changes = await log.changes_of_team(
            team_id,
            after=Version(min(reached, end)),
            up_to=Version(max(reached, end)),
            limit=READ_SIZE,
            newest_first=is_back,
        )
        if not changes:
            return TeamState()
        for change in changes:
            before = (change.from_version or change.version) - 1
            if reached != (change.version if is_back else before):
                state.forget()
            if is_back:
                state.undo(change)
                reached = max(before, end)
            else:
                state.apply(change)
                reached = change.version
    return state


async def _look_up(log: ChangeLog, team_id: TeamId, state: TeamState, version: Version) -> None:
    """Complete the fields that are unknown after a walk back: a change has the new value only."""
    if state.name is UNKNOWN and (named := await log.last_change_of_name(team_id, up_to=version)):
        state.name = named.name or UNKNOWN
    if state.capacity is UNKNOWN and (
        sized := await log.last_change_of_capacity(team_id, up_to=version)
    ):
        state.capacity = sized.capacity


def _made_at(version: Version, around: Sequence[Change], team: Team) -> datetime | Unknown:
    """The time of the change that made the version."""
    for change in around:
        if change.version >= version:
            return change.at if _makes(change, version) else UNKNOWN
    return (team.updated_at or UNKNOWN) if version == team.version else UNKNOWN


def _makes(change: Change, version: int) -> bool:
    return change.version == version and change.kind is not ChangeKind.HISTORY_GAP
