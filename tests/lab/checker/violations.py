"""Violations of rules, and operations described for people."""

from dataclasses import dataclass

from tests.lab.checker.history import (
    Accepted,
    Operation,
    Outcome,
    Refused,
    TeamRead,
    TeamVersion,
    UserRead,
)


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule, with the reason in a sentence and the operations that show it."""

    rule: str
    sentence: str
    operations: tuple[Operation, ...] = ()

    def __str__(self) -> str:
        told = "".join(f"\n    {describe(operation)}" for operation in self.operations)
        return f"{self.rule}: {self.sentence}{told}"


def describe(operation: Operation) -> str:
    """An operation in one line: when, by whom, what, and what came of it."""
    request = operation.request
    given = {
        "user": request.user_id,
        "from": request.from_team_id,
        "team": request.team_id,
        "name": request.name,
        "capacity": request.capacity,
        "expected": request.expected_version,
        "expected from": request.expected_from_version,
        "request": request.request_id,
    }
    asked = ", ".join(f"{name} {value}" for name, value in given.items() if value is not None)
    when = f"{operation.started_at:.4f} to {operation.ended_at:.4f}"
    return f"{when} {request.client}: {request.kind}({asked}) {_tell(operation.outcome)}"


def team_or_none(team_id: str | None) -> str:
    return f"team {team_id}" if team_id else "no team"


def _tell(outcome: Outcome) -> str:
    match outcome:
        case Accepted(teams, replayed):
            seen = " and ".join(_tell_version(team) for team in teams)
            return f"accepted {'as a repetition, now' if replayed else 'as'} {seen}"
        case Refused():
            facts = {
                "user on": outcome.user_team and _tell_version(outcome.user_team),
                "version": outcome.actual_version,
                "capacity": outcome.capacity,
            }
            told = ", ".join(f"{name} {fact}" for name, fact in facts.items() if fact is not None)
            return f"refused: {outcome.problem}({told})"
        case UserRead(team):
            return f"on {_tell_version(team) if team else 'no team'}"
        case TeamRead(version, members):
            known = "" if members is None else f" with {', '.join(sorted(members)) or 'nobody'}"
            return "no such team" if version is None else f"at version {version}{known}"
        case _:
            return f"{type(outcome).__name__.lower()} {outcome.reason}".rstrip()


def _tell_version(team: TeamVersion) -> str:
    return f"{team.team_id}@{team.version}"
