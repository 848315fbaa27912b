"""Rule: what an answer tells of a team held at one moment while its request was under way.

What it tells of a user is judged with the user's other operations, by `one_team`.
"""

from collections.abc import Iterable, Iterator

from tests.lab.checker.evidence import Evidence
from tests.lab.checker.history import Kind, Operation, Refused, TeamRead
from tests.lab.checker.sightings import Sighting, sightings_of
from tests.lab.checker.violations import Violation

RULE = "true answers"


def check_true_answers(evidence: Evidence) -> list[Violation]:
    """A violation for each answer that tells what can't have held."""
    return [
        Violation(RULE, sentence, (operation,))
        for operation in evidence.operations
        for sentence in _judge(evidence, operation)
    ]


def _judge(evidence: Evidence, operation: Operation) -> Iterator[str]:
    request = operation.request
    for sighting in sightings_of(operation):
        yield from _judge_sighting(evidence, sighting)
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


def _can_be_missing(evidence: Evidence, operation: Operation, team_id: str) -> bool:
    windows = evidence.windows.get(team_id)
    if windows is None:
        return True
    possible = windows.during(operation.started_at, operation.ended_at)
    return 0 in possible or (evidence.final.teams[team_id].deleted and windows.last in possible)


def _judge_full(evidence: Evidence, operation: Operation, capacity: int) -> Iterator[str]:
    """A team is full with as many members as it has room for, for an update with even more."""
    least = capacity + 1 if operation.request.kind is Kind.UPDATE_TEAM else capacity
    if all(len(members) < least for members in _members_during(evidence, operation)):
        yield f"Team {operation.request.team_id} had fewer than {least} members all the time."


def _judge_members(
    evidence: Evidence, operation: Operation, version: int, members: frozenset[str]
) -> Iterator[str]:
    """Members are read after the version, so they may be those of a later one."""
    if members not in _members_during(evidence, operation, from_version=version):
        told = ", ".join(sorted(members)) or "nobody"
        team_id = operation.request.team_id
        yield f"Team {team_id} never had these members then, from version {version} on: {told}."


def _members_during(
    evidence: Evidence, operation: Operation, from_version: int = 1
) -> Iterable[frozenset[str]]:
    """The sets of members that its team can have had while an operation was under way."""
    team_id = operation.request.team_id
    if team_id is None or team_id not in evidence.windows:
        return []
    states = evidence.states[team_id]
    possible = evidence.windows[team_id].during(operation.started_at, operation.ended_at)
    return [
        states[version].members
        for version in possible
        if version >= from_version and version in states
    ]
