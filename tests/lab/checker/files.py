"""A history as JSON lines, one operation a line, so that one that failed can be looked at."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.lab.checker.history import (
    Accepted,
    Feed,
    FinalState,
    FinalTeam,
    Kind,
    LoggedChange,
    NotDone,
    Operation,
    Outcome,
    Refused,
    Request,
    SeenChange,
    TeamRead,
    TeamVersion,
    Unknown,
    UserRead,
)

Json = dict[str, Any]


def save(path: Path, operations: Iterable[Operation], final: FinalState) -> None:
    """Writes the operations, then the teams and the feeds of the final state, one a line each."""
    with path.open("w", encoding="utf-8") as file:
        for operation in operations:
            _write(file.write, "operation", _operation_to_json(operation))
        _write(file.write, "read", {"started_at": final.started_at, "ended_at": final.ended_at})
        for team_id, team in final.teams.items():
            _write(file.write, "team", {"id": team_id, **_without_defaults(asdict(team))})
        for feed in final.feeds:
            _write(file.write, "feed", asdict(feed))


def load(path: Path) -> tuple[list[Operation], FinalState]:
    """What `save` has written."""
    operations: list[Operation] = []
    teams: dict[str, FinalTeam] = {}
    feeds: list[Feed] = []
    moments: Json = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        entry: Json = json.loads(line)
        match entry.pop("is"):
            case "operation":
                operations.append(_read_operation(entry))
            case "read":
                moments = entry
            case "team":
                team_id: str = entry.pop("id")
                teams[team_id] = _read_team(entry)
            case "feed":
                feeds.append(_read_feed(entry))
    return operations, FinalState(teams, feeds=tuple(feeds), **moments)


def _write(write: Any, what: str, entry: Json) -> None:
    write(json.dumps({"is": what, **entry}) + "\n")


def _operation_to_json(operation: Operation) -> Json:
    outcome: Json = asdict(operation.outcome)
    if isinstance(operation.outcome, TeamRead) and operation.outcome.members is not None:
        outcome["members"] = sorted(operation.outcome.members)
    return {
        "started_at": operation.started_at,
        "ended_at": operation.ended_at,
        "request": _without_defaults(asdict(operation.request)),
        "outcome": {"is": type(operation.outcome).__name__, **outcome},
    }


def _without_defaults(value: Any) -> Any:
    """The same with every None taken out, at any depth."""
    if isinstance(value, dict):
        return {k: _without_defaults(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [_without_defaults(item) for item in value]
    return value


def _read_operation(entry: Json) -> Operation:
    request: Json = entry["request"]
    kind = Kind(request.pop("kind"))
    return Operation(
        request=Request(kind=kind, **request),
        started_at=entry["started_at"],
        ended_at=entry["ended_at"],
        outcome=_read_outcome(entry["outcome"]),
    )


def _read_outcome(entry: Json) -> Outcome:
    match entry.pop("is"):
        case "Accepted":
            teams = tuple(TeamVersion(**team) for team in entry["teams"])
            return Accepted(teams, entry["replayed"])
        case "Refused":
            return Refused(**{**entry, "user_team": _read_team_version(entry["user_team"])})
        case "UserRead":
            return UserRead(_read_team_version(entry["team"]))
        case "TeamRead":
            members = entry["members"]
            return TeamRead(entry["version"], None if members is None else frozenset(members))
        case "NotDone":
            return NotDone(entry["reason"])
        case _:
            return Unknown(entry["reason"])


def _read_team_version(entry: Json | None) -> TeamVersion | None:
    return None if entry is None else TeamVersion(**entry)


def _read_team(entry: Json) -> FinalTeam:
    log = tuple(LoggedChange(**change) for change in entry.pop("log"))
    return FinalTeam(members=tuple(entry.pop("members")), log=log, **entry)


def _read_feed(entry: Json) -> Feed:
    changes = tuple(SeenChange(**change) for change in entry.pop("changes"))
    return Feed(changes=changes, **entry)
