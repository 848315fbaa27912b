"""Replay of a team's changes, and its comparison with the stored team."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.doctor.rules.fields import deleted_at_of, team_id_of, version_of
from app.doctor.rules.findings import LogFinding
from app.doctor.rules.stored_team import ABSENT, StoredTeam, StoredValue, show
from app.domain.changes import Change, ChangeKind
from app.domain.snapshots import OPAQUE_KINDS, UNKNOWN, TeamState

MAX_USERS = 3
"""Users named of each side of a difference."""


@dataclass(slots=True)
class Replay:
    """The state that a team's changes give up to the version `up_to`.

    `newest` is the last version in the log. `is_deleted` is None if it is unknown. `faults` are
    those of the log itself.
    """

    up_to: int
    state: TeamState = field(default_factory=TeamState)
    is_deleted: bool | None = False
    newest: int = 0
    faults: dict[LogFinding, str] = field(default_factory=dict)

    def add(self, change: Change) -> None:
        """Go on to the next change, in the order of versions."""
        begin, expected = change.from_version or change.version, self.newest + 1
        self.newest = change.version
        if begin > self.up_to:
            return
        if begin != expected:
            until = f" to {begin - 1}" if begin - 1 > expected else ""
            self._fault(LogFinding.MISSING_ENTRIES, f"version {expected}{until}")
        elif expected == 1 and change.kind not in OPAQUE_KINDS | {ChangeKind.TEAM_CREATED}:
            self._fault(LogFinding.CONTRADICTION, f"version 1 is a {change.kind}")
        if self.is_deleted:
            self.state.forget()
        self.is_deleted = None if change.kind in OPAQUE_KINDS else False
        if change.kind is ChangeKind.TEAM_DELETED:
            self.is_deleted, self.state.user_ids = True, set()
            return
        has_members = self.state.user_ids is not UNKNOWN
        self.state.apply(change)
        if has_members and self.state.user_ids is UNKNOWN and change.kind not in OPAQUE_KINDS:
            text = f"version {change.version} is a {change.kind} of {change.user_id!r}, who is"
            left = change.kind is ChangeKind.USER_LEFT_TEAM
            self._fault(LogFinding.CONTRADICTION, f"{text} {'not' if left else 'already'} a member")

    def _fault(self, finding: LogFinding, text: str) -> None:
        self.faults.setdefault(finding, text)
        self.state.forget()


def new_replay(team: StoredTeam) -> Replay | None:
    """A replay up to the stored version; None if the team's id, version or size is damaged."""
    version = version_of(team.version)
    if version is None or team.is_too_large or not team_id_of(team)[1]:
        return None
    return Replay(version)


def compare(team: StoredTeam, replay: Replay) -> dict[LogFinding, str]:
    """The findings, each with its text; a field that is unknown in the log is not compared."""
    found, state = dict(replay.faults), replay.state
    ends = f"the log ends with version {replay.newest}, the team has version {replay.up_to}"
    if replay.newest < replay.up_to:
        return {**found, LogFinding.UNRECORDED: f"{ends} of {show(team.updated_at)}"}
    if replay.newest > replay.up_to:
        found[LogFinding.VERSION] = ends
    is_deleted = deleted_at_of(team.deleted_at) is not ABSENT
    if replay.is_deleted not in (is_deleted, None):
        sides = ("deleted", "live") if replay.is_deleted else ("live", "deleted")
        found[LogFinding.DELETION] = "the log gives {}, the team is {}".format(*sides)
    stored = team.user_ids if isinstance(team.user_ids, tuple) else (team.user_ids,)
    if state.user_ids is not UNKNOWN and state.user_ids != set(stored):
        sides = _only(state.user_ids - set(stored)), _only(set(stored) - state.user_ids)
        found[LogFinding.MEMBERS] = "only in the log: {}; only in the team: {}".format(*sides)
    capacity = None if team.capacity is ABSENT else team.capacity
    for finding, in_log, in_team in (
        (LogFinding.NAME, state.name, team.name),
        (LogFinding.CAPACITY, state.capacity, capacity),
    ):
        if in_log is not UNKNOWN and in_log != in_team:
            found[finding] = f"the log gives {show(in_log)}, the team has {show(in_team)}"
    unknown = {
        "deletion": replay.is_deleted is None,
        "members": state.user_ids is UNKNOWN,
        "name": state.name is UNKNOWN,
        "capacity": state.capacity is UNKNOWN,
    }
    if any(unknown.values()) and not replay.faults:
        found[LogFinding.UNKNOWN] = ", ".join(name for name, is_it in unknown.items() if is_it)
    return found


def _only(user_ids: Iterable[StoredValue]) -> str:
    shown = sorted(map(show, user_ids))
    more = f" and {len(shown) - MAX_USERS} more" if len(shown) > MAX_USERS else ""
    return (", ".join(shown[:MAX_USERS]) or "nobody") + more
