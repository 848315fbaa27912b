"""Rule: no client sees a team go back in time."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence

from tests.lab.checker.evidence import Evidence
from tests.lab.checker.sightings import Sighting, sightings_of
from tests.lab.checker.violations import Violation

RULE = "never back"


def check_never_back(evidence: Evidence) -> list[Violation]:
    """A violation for each answer that showed a version below one its client had seen before."""
    seen: dict[tuple[str, str], list[Sighting]] = defaultdict(list)
    for operation in evidence.operations:
        for sighting in sightings_of(operation):
            seen[operation.request.client, sighting.team_id].append(sighting)
    return [violation for sightings in seen.values() for violation in _judge(sightings)]


def _judge(sightings: Sequence[Sighting]) -> Iterator[Violation]:
    """A client may have several requests under way: only what was answered before counts."""
    by_end = sorted(sightings, key=lambda sighting: sighting.operation.ended_at)
    ends = [sighting.operation.ended_at for sighting in by_end]
    highest: list[Sighting] = []
    for sighting in by_end:
        is_higher = not highest or sighting.version > highest[-1].version
        highest.append(sighting if is_higher else highest[-1])
    for sighting in by_end:
        count_before = bisect_left(ends, sighting.operation.started_at)
        if not count_before:
            continue
        before = highest[count_before - 1]
        if sighting.version < before.version:
            sentence = (
                f"Client {sighting.operation.request.client} saw team {sighting.team_id} at "
                f"version {before.version}, and later at version {sighting.version}."
            )
            yield Violation(RULE, sentence, (before.operation, sighting.operation))
