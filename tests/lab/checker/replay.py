"""Replay of a team's log, version by version."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.lab.checker.history import LoggedChange


@dataclass(frozen=True, slots=True)
class State:
    """A team at one version. `fault` says why the change can't have been made to the one before.

    `capacity` is the last that was given; the log does not tell null from a capacity left out.
    """

    version: int
    name: str | None = None
    capacity: int | None = None
    members: frozenset[str] = field(default=frozenset())
    deleted: bool = False
    fault: str | None = None


def replay(log: Iterable[LoggedChange]) -> Iterator[State]:
    """The team after each entry, taken in the order of the log."""
    before: State | None = None
    for change in log:
        members = before.members if before else frozenset[str]()
        name = change.name or (before.name if before else None)
        capacity = change.capacity or (before.capacity if before else None)
        fault = _find_fault(before, change)
        match change.kind:
            case "UserJoinedTeam" if change.user_id is not None:
                members |= {change.user_id}
            case "UserLeftTeam" if change.user_id is not None:
                members -= {change.user_id}
            case "TeamDeleted":
                members = frozenset()
        deleted = change.kind == "TeamDeleted"
        before = State(change.version, name, capacity, members, deleted, fault)
        yield before


def _find_fault(before: State | None, change: LoggedChange) -> str | None:
    expected = before.version + 1 if before else 1
    if change.version != expected:
        return f"version {change.version} stands where version {expected} should"
    if before is not None and before.deleted:
        return f"version {change.version} comes after the deletion"
    if (before is None) != (change.kind == "TeamCreated"):
        return f"version {change.version} is {change.kind}"
    if change.kind in ("ForeignChange", "HistoryGap"):
        return f"what made version {change.version} is not told"
    members = before.members if before else frozenset[str]()
    if change.kind == "UserJoinedTeam" and change.user_id in members:
        return f"{change.user_id} joins at version {change.version} and was there already"
    if change.kind == "UserLeftTeam" and change.user_id not in members:
        return f"{change.user_id} leaves at version {change.version} and was not there"
    return None
