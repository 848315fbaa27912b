"""A hand-made run for tests of the checker: teams red and blue, with sue on red.

Each operation is over within a tenth of a second of its `at`.
"""

from dataclasses import replace
from typing import Any

from tests.lab.checker.check import check
from tests.lab.checker.history import (
    Accepted,
    Feed,
    FinalState,
    FinalTeam,
    Kind,
    LoggedChange,
    Operation,
    Outcome,
    Refused,
    Request,
    SeenChange,
    TeamVersion,
    Unknown,
)

END = 100.0

CREATED = LoggedChange(1, "TeamCreated", name="Team")


def operation(
    kind: Kind, outcome: Outcome, *, at: float, client: str = "john", **asked: Any
) -> Operation:
    """Any operation, with the fields of `Request` as they are asked for."""
    request = replace(Request(client, kind), **asked)
    return Operation(request, at, at + 0.1, outcome)


def accepted(kind: Kind, team_id: str, version: int, *, at: float, **asked: Any) -> Operation:
    outcome = Accepted((TeamVersion(team_id, version),))
    named = None if kind is Kind.CREATE_TEAM else team_id
    return operation(kind, outcome, at=at, team_id=named, **asked)


def added(user: str, team_id: str, version: int, *, at: float, **asked: Any) -> Operation:
    return accepted(Kind.ADD_USER, team_id, version, at=at, user_id=user, **asked)


def removed(user: str, team_id: str, version: int, *, at: float) -> Operation:
    return accepted(Kind.REMOVE_USER, team_id, version, at=at, user_id=user)


def not_added(user: str, team_id: str, outcome: Outcome, *, at: float) -> Operation:
    return operation(Kind.ADD_USER, outcome, at=at, user_id=user, team_id=team_id)


def unanswered(kind: Kind, *, at: float, **asked: Any) -> Operation:
    return operation(kind, Unknown("timed out"), at=at, **asked)


def on(team_id: str, version: int) -> TeamVersion:
    return TeamVersion(team_id, version)


def already_on(team_id: str, version: int) -> Refused:
    """The refusal that names the user's team."""
    return Refused("AlreadyOnTeam", user_team=on(team_id, version))


def joined(version: int, user: str) -> LoggedChange:
    """The log's entry of a join."""
    return LoggedChange(version, "UserJoinedTeam", user_id=user)


def left(version: int, user: str) -> LoggedChange:
    """The log's entry of a leave."""
    return LoggedChange(version, "UserLeftTeam", user_id=user)


def team(*members: str, log: tuple[LoggedChange, ...] = (), deleted: bool = False) -> FinalTeam:
    """A team in the end; `log` goes on after its creation."""
    return FinalTeam(1 + len(log), members, (CREATED, *log), deleted)


def ending(*feeds: Feed, **teams: FinalTeam) -> FinalState:
    """The final state, with red and blue as they are at the start where not given."""
    everything = {"red": team("sue", log=(joined(2, "sue"),)), "blue": team(), **teams}
    return FinalState(everything, END, END + 1, feeds)


def feed(*versions: int, after: int = 0, caught_up: bool = True) -> Feed:
    """A subscriber's events of the first two versions of team red."""
    kinds = {1: "TeamCreated", 2: "UserJoinedTeam"}
    changes = tuple(SeenChange(version, kinds[version]) for version in versions)
    return Feed("tom", "red", after, changes, caught_up)


START = (
    accepted(Kind.CREATE_TEAM, "red", 1, at=0, name="Team"),
    accepted(Kind.CREATE_TEAM, "blue", 1, at=0, name="Team"),
    added("sue", "red", 2, at=1),
)


def complaints(*operations: Operation, final: FinalState | None = None) -> list[str]:
    """The checker's violations for the start followed by these operations, a line each."""
    violations = check([*START, *operations], final or ending())
    return [f"{violation.rule}: {violation.sentence}" for violation in violations]


def complains(found: list[str], rule: str, *words: str) -> bool:
    """True if a violation of that rule has all these words in its sentence."""
    return any(
        complaint.startswith(f"{rule}: ") and all(word in complaint for word in words)
        for complaint in found
    )
