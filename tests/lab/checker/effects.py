"""The effects of recorded requests, certain or possible; repeated sendings count as one.

A request with an id changes something at most once, however often it is sent. So an answer that
accepts it settles the sendings whose answers were lost; and an answer that only repeats the outcome
tells that the change was made since the first sending, but not as which version.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.lab.checker.history import READS, Accepted, NotDone, Operation, Refused, Request, Unknown


@dataclass(frozen=True, slots=True)
class Effect:
    """A change of one team, or of two by a move, made at one moment between the two given.

    If not `certain` it may never have been made, and then `ended_at` is infinite. `versions` holds
    the version it made of each team it changed, where an answer told.
    """

    operation: Operation
    started_at: float
    ended_at: float
    certain: bool
    versions: Mapping[str, int] = field(default_factory=dict)

    @property
    def request(self) -> Request:
        return self.operation.request


def find_effects(operations: Iterable[Operation]) -> list[Effect]:
    """The effects of all operations, reads and refusals having none."""
    sendings: dict[object, list[Operation]] = defaultdict(list)
    for number, operation in enumerate(operations):
        if operation.request.kind not in READS:
            sendings[operation.request.request_id or number].append(operation)
    return [effect for sent in sendings.values() for effect in _effects_of(sent)]


def _effects_of(sendings: Sequence[Operation]) -> list[Effect]:
    """The effect of one request: two only if the service has wrongly carried it out twice."""
    made: list[Effect] = []
    repeated: list[Operation] = []
    lost: list[Operation] = []
    for operation in sendings:
        match operation.outcome:
            case Accepted(teams, replayed=False):
                versions = {team.team_id: team.version for team in teams}
                moments = (operation.started_at, operation.ended_at)
                made.append(Effect(operation, *moments, certain=True, versions=versions))
            case Accepted():
                repeated.append(operation)
            case Unknown():
                lost.append(operation)
            case Refused() | NotDone():
                pass
    started_at = min(operation.started_at for operation in sendings)
    if made:
        return made
    if repeated:
        first = min(repeated, key=lambda operation: operation.ended_at)
        return [Effect(first, started_at, first.ended_at, certain=True)]
    if lost:
        first = min(lost, key=lambda operation: operation.started_at)
        return [Effect(first, first.started_at, math.inf, certain=False)]
    return []
