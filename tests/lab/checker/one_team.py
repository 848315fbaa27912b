"""Rule: all operations on a user's team can have happened one by one, in some order.

Each user is judged alone, as a register of its own. The deletion of a team frees whoever is on it:
it is a step of every user who, by any operation, may ever have been there.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.lab.checker.effects import Effect
from tests.lab.checker.evidence import Evidence
from tests.lab.checker.history import Kind, Operation
from tests.lab.checker.linearizability import IMPOSSIBLE, Contradiction, Step, find_contradiction
from tests.lab.checker.register import (
    Team,
    Transition,
    look,
    look_of,
    teams_named,
    transition_of,
)
from tests.lab.checker.violations import Violation, describe, team_or_none

RULE = "one team"

# How many of the changes before a contradiction are shown with it.
SHOWN_CHANGES = 3


@dataclass(frozen=True, slots=True)
class _Said:
    """A transition with its moments; without an operation it is the final state."""

    transition: Transition
    started_at: float
    ended_at: float
    operation: Operation | None
    optional: bool = False


def check_one_team(evidence: Evidence) -> list[Violation]:
    """A violation for each user whose history is impossible."""
    said, teams = _say_of_users(evidence)
    final_teams = _final_teams(evidence)
    violations = []
    for user, things in said.items():
        if len(final_teams[user]) <= 1:  # being on two is another rule's to say
            last = next(iter(final_teams[user]), None)
            things.append(_final_look(evidence, last))
        known = [None, *sorted(teams[user] | final_teams[user])]
        steps = [_step(thing, known) for thing in things]
        contradiction = find_contradiction(steps)
        if contradiction is not None:
            violations.append(_explain(user, things, known, contradiction))
    return violations


def _say_of_users(evidence: Evidence) -> tuple[dict[str, list[_Said]], dict[str, set[str]]]:
    """For each user, everything said of the register, and the teams that occur in it."""
    said: dict[str, list[_Said]] = defaultdict(list)
    teams: dict[str, set[str]] = defaultdict(set)
    deletions: list[Effect] = []
    for operation in evidence.operations:
        user = operation.request.user_id
        if user is None:
            continue
        teams[user].update(teams_named(operation))
        if seen := look_of(operation):
            said[user].append(_Said(seen, operation.started_at, operation.ended_at, operation))
    for effect in evidence.effects:
        if effect.request.kind is Kind.DELETE_TEAM:
            deletions.append(effect)
        elif effect.request.user_id is not None:
            said[effect.request.user_id] += _said_by(effect)
    for user, named in teams.items():
        for deletion in deletions:
            if deletion.request.team_id in named:
                said[user] += _said_by(deletion)
    return said, teams


def _said_by(effect: Effect) -> Iterator[_Said]:
    if transition := transition_of(effect):
        yield _Said(
            transition,
            effect.started_at,
            effect.ended_at,
            effect.operation,
            optional=not effect.certain,
        )


def _final_teams(evidence: Evidence) -> dict[str, set[str]]:
    teams: dict[str, set[str]] = defaultdict(set)
    for team_id, team in evidence.final.teams.items():
        for user in team.members:
            teams[user].add(team_id)
    return teams


def _final_look(evidence: Evidence, last: Team) -> _Said:
    final = evidence.final
    return _Said(look(lambda team: team == last), final.started_at, final.ended_at, None)


def _step(said: _Said, known: Sequence[Team]) -> Step:
    numbers = {team: number for number, team in enumerate(known)}
    transition = said.transition
    to = tuple(
        numbers[transition.after(team)] if transition.holds(team) else IMPOSSIBLE for team in known
    )
    return Step(said.started_at, said.ended_at, to, said.optional)


def _explain(
    user: str, things: Sequence[_Said], known: Sequence[Team], contradiction: Contradiction
) -> Violation:
    failed = things[contradiction.step]
    what = f"what was answered to {describe(failed.operation)}" if failed.operation else "the end"
    if contradiction.undecided:
        sentence = f"Too many orders of what was done to {user} are possible to judge {what}."
        return Violation(RULE, sentence)
    places = " or ".join(team_or_none(known[state]) for state in sorted(contradiction.states))
    sentence = (
        f"No order of what was done to {user} explains {what}: "
        f"by then, {user} can only have been on {places}."
    )
    return Violation(RULE, sentence, tuple(_concerned(things, failed)))


def _concerned(things: Sequence[_Said], failed: _Said) -> Iterator[Operation]:
    """The last certain changes before the one that failed, what overlapped with it, and itself.

    Deletions are shown when they overlap; of earlier ones it is not known whom they freed.
    """
    changes = sorted(
        (
            said
            for said in things
            if said is not failed
            and said.operation is not None
            and not said.optional
            and look_of(said.operation) is None
            and said.started_at <= failed.ended_at
        ),
        key=lambda said: said.ended_at,
    )
    before = [
        said
        for said in changes
        if said.ended_at < failed.started_at
        and said.operation is not None
        and said.operation.request.kind is not Kind.DELETE_TEAM
    ]
    during = [said for said in changes if said.ended_at >= failed.started_at]
    for said in (*before[-SHOWN_CHANGES:], *during, failed):
        if said.operation is not None:
            yield said.operation
