"""Rule: an answer's facts about a team held at one moment during its request.

What it tells of a user is judged with the user's other operations, by `one_team`.
"""

from collections.abc import Iterable, Iterator

from tests.lab.checker.evidence import Evidence
from tests.lab.checker.history import (
    Accepted,
    Kind,
    Operation,
    Refused,
    TeamRead,
    TeamVersion,
    UserRead,
)
from tests.lab.checker.replay import State
from tests.lab.checker.sightings import Sighting, sightings_of
from tests.lab.checker.violations import Violation

RULE = "true answers"


def check_true_answers(evidence: Evidence) -> list[Violation]:
    """A violation for each answer whose facts can't have held."""
    return [
        Violation(RULE, sentence, (operation,))
        for operation in evidence.operations
        for sentence in _judge(evidence, operation)
    ]


def _judge(evidence: Evidence, operation: Operation) -> Iterator[str]:
    request = operation.request
    for sighting in sightings_of(operation):
        yield from _judge_sighting(evidence, sighting)
    for team in _shown_teams(operation):
        yield from _judge_shown(evidence, team)
    match operation.outcome:
        case Refused("VersionConflict", actual_version=int(version)):
            if request.kind is not Kind.MOVE_USER and version == request.expected_version:
                yield f"Team {request.team_id} was at the very version that was expected."
        case Refused("TeamFull", capacity=int(capacity)):
            yield from _judge_full(evidence, operation, capacity)
        case Refused("TeamNotFound") | TeamRead(version=None):
            named = [team_id for team_id in (request.team_id, request.from_team_id) if team_id]
            if not any(_can_be_missing(evidence, operation, team_id) for team_id in named):
                yield f"Not found was what was there all the time: {' and '.join(named)}."
        case TeamRead(version=int(version), members=frozenset() as members):
            yield from _judge_members(evidence, operation, version, members)


def _judge_sighting(evidence: Evidence, sighting: Sighting) -> Iterator[str]:
    team_id, version, operation = sighting.team_id, sighting.version, sighting.operation
    windows = evidence.windows.get(team_id)
    if windows is None or version > windows.last:
        yield f"Version {version} of team {team_id} was seen, and is not there in the end."
        return
    if windows.begins(version) > operation.ended_at:
        yield f"Version {version} of team {team_id} was seen before anybody asked for it."
    if windows.ends(version) < operation.started_at:
        yield f"Stale: version {version} of team {team_id} was over before it was seen."
    state = evidence.states[team_id].get(version)
    if sighting.member is not None and state and sighting.member not in state.members:
        yield f"{sighting.member} was not on team {team_id} at version {version}."


def _shown_teams(operation: Operation) -> tuple[TeamVersion, ...]:
    match operation.outcome:
        case Accepted(teams):
            return teams
        case Refused(user_team=TeamVersion() as team) | UserRead(TeamVersion() as team):
            return (team,)
    return ()


def _judge_shown(evidence: Evidence, team: TeamVersion) -> Iterator[str]:
    state = evidence.states.get(team.team_id, {}).get(team.version)
    if state is None:
        return
    members = len(state.members)
    if team.member_count not in (None, members):
        yield f"Team {team.team_id} had {members} members at version {team.version}."
    if team.name not in (None, state.name):
        yield f"Team {team.team_id} was named {state.name} at version {team.version}."


def _can_be_missing(evidence: Evidence, operation: Operation, team_id: str) -> bool:
    windows = evidence.windows.get(team_id)
    if windows is None:
        return True
    possible = windows.during(operation.started_at, operation.ended_at)
    return 0 in possible or (evidence.final.teams[team_id].deleted and windows.last in possible)


def _judge_full(evidence: Evidence, operation: Operation, capacity: int) -> Iterator[str]:
    """A team is full with as many members as it has room for, for an update with even more."""
    is_update = operation.request.kind is Kind.UPDATE_TEAM
    least = capacity + 1 if is_update else capacity
    states = list(_states_during(evidence, operation))
    if all(len(state.members) < least for state in states):
        yield f"Team {operation.request.team_id} had fewer than {least} members all the time."
    if not is_update and all(state.capacity not in (None, capacity) for state in states):
        yield f"Team {operation.request.team_id} never had the capacity {capacity} then."


def _judge_members(
    evidence: Evidence, operation: Operation, version: int, members: frozenset[str]
) -> Iterator[str]:
    """Members are read after the version, so they may be those of a later one."""
    if all(members != each.members for each in _states_during(evidence, operation, version)):
        told = ", ".join(sorted(members)) or "nobody"
        team_id = operation.request.team_id
        yield f"Team {team_id} never had these members then, from version {version} on: {told}."


def _states_during(
    evidence: Evidence, operation: Operation, from_version: int = 1
) -> Iterable[State]:
    """The states that its team can have been in while an operation was under way."""
    team_id = operation.request.team_id
    if team_id is None or team_id not in evidence.windows:
        return []
    states = evidence.states[team_id]
    possible = evidence.windows[team_id].during(operation.started_at, operation.ended_at)
    return [
        states[version] for version in possible if version >= from_version and version in states
    ]
