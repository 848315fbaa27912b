"""Rule: the versions that answers acknowledged are each made once, in order, and up to the last.

Versions that nobody acknowledged are the business of `unacknowledged`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from tests.lab.checker.effects import Effect
from tests.lab.checker.evidence import Evidence
from tests.lab.checker.history import Kind
from tests.lab.checker.violations import Violation

RULE = "versions"


def check_versions(evidence: Evidence) -> list[Violation]:
    """A violation for each version that was given twice, too early, too high or in vain."""
    violations: list[Violation] = []
    for team_id, makers in evidence.makers.items():
        violations += _made_once(team_id, makers)
        violations += _made_in_order(team_id, makers)
        violations += _made_of_the_expected(team_id, makers)
        team = evidence.final.teams.get(team_id)
        violations += _not_beyond_the_last(team_id, makers, team.version if team else 0)
    return violations


def _made_once(team_id: str, makers: Mapping[int, Sequence[Effect]]) -> Iterator[Violation]:
    for version, effects in makers.items():
        if len(effects) > 1:
            sentence = f"Version {version} of team {team_id} was given to {len(effects)} changes."
            yield _violation(sentence, *effects)


def _made_in_order(team_id: str, makers: Mapping[int, Sequence[Effect]]) -> Iterator[Violation]:
    """A version can't be there before a lower one was so much as asked for."""
    latest: Effect | None = None
    latest_version = 0
    for version in sorted(makers):
        effect = makers[version][0]
        if latest is not None and effect.ended_at < latest.started_at:
            sentence = (
                f"Version {version} of team {team_id} was acknowledged before the request that "
                f"made version {latest_version} was sent."
            )
            yield _violation(sentence, effect, latest)
        if latest is None or effect.started_at > latest.started_at:
            latest, latest_version = effect, version


def _made_of_the_expected(
    team_id: str, makers: Mapping[int, Sequence[Effect]]
) -> Iterator[Violation]:
    for version, effects in makers.items():
        for effect in effects:
            before = version - 1
            expected = expected_version(effect, team_id)
            if expected not in (None, before):
                sentence = (
                    f"Lost update: a change that expected version {expected} of team {team_id} "
                    f"was applied to version {before}."
                )
                yield _violation(sentence, effect)
            if (version == 1) != (effect.request.kind is Kind.CREATE_TEAM):
                sentence = f"Version 1 of a team is its creation: version {version} of {team_id}."
                yield _violation(sentence, effect)


def _not_beyond_the_last(
    team_id: str, makers: Mapping[int, Sequence[Effect]], last: int
) -> Iterator[Violation]:
    beyond = min((version for version in makers if version > last), default=math.inf)
    if beyond != math.inf:
        sentence = f"Version {beyond} of team {team_id} was acknowledged, but the team " + (
            f"ends at version {last}." if last else "is not there in the end."
        )
        yield _violation(sentence, *makers[int(beyond)])


def expected_version(effect: Effect, team_id: str) -> int | None:
    """The version of the team at which the change was to be made, if the request named one."""
    request = effect.request
    is_source = request.kind is Kind.MOVE_USER and team_id != request.team_id
    return request.expected_from_version if is_source else request.expected_version


def _violation(sentence: str, *effects: Effect) -> Violation:
    return Violation(RULE, sentence, tuple(effect.operation for effect in effects))
