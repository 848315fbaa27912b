"""Single falsifications of a good run, each such that it can be seen; None where there is no place.

Each picks its place at random and names the rule that it must break, by its function's name in
`MUTATIONS`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import TypeVar

from tests.lab.checker.evidence import Evidence
from tests.lab.checker.history import (
    Accepted,
    FinalState,
    FinalTeam,
    Kind,
    LoggedChange,
    Operation,
    Outcome,
    Refused,
    Request,
    SeenChange,
    TeamRead,
    TeamVersion,
    UserRead,
)
from tests.lab.checker.simulation import Run

ItemT = TypeVar("ItemT")
Mutation = Callable[[Run, Random], Run | None]


def lose_the_last_change(run: Run, chance: Random) -> Run | None:
    """A team ends one version earlier than was acknowledged."""
    makers = Evidence(run.operations, run.final).makers
    team_id = _pick((t for t, team in run.final.teams.items() if team.version in makers[t]), chance)
    if team_id is None:
        return None
    team = run.final.teams[team_id]
    return _with_team(run, team_id, replace(team, version=team.version - 1, log=team.log[:-1]))


def use_a_version_again(run: Run, chance: Random) -> Run | None:
    """An accepted change is given the version of the one before."""
    makers = Evidence(run.operations, run.final).makers

    def repeats(operation: Operation) -> bool:
        match operation.outcome:
            case Accepted((TeamVersion(team_id, version),), replayed=False):
                return version - 1 in makers[team_id]
        return False

    def earlier(outcome: Outcome) -> Outcome:
        assert isinstance(outcome, Accepted)
        return Accepted((replace(outcome.teams[0], version=outcome.teams[0].version - 1),))

    return _with_outcome(run, chance, repeats, earlier)


def lose_an_update(run: Run, chance: Random) -> Run | None:
    """An accepted change expected another version than it was applied to."""
    operation = _pick(
        (
            operation
            for operation in run.operations
            if isinstance(operation.outcome, Accepted)
            and operation.request.expected_version is not None
            and not operation.outcome.replayed
        ),
        chance,
    )
    if operation is None:
        return None
    expected = operation.request.expected_version or 0
    request = replace(operation.request, expected_version=expected - 1)
    return _with_operation(run, operation, replace(operation, request=request))


def make_a_read_of_a_team_stale(run: Run, chance: Random) -> Run | None:
    """A read shows version 1 after a later version was acknowledged."""
    windows = Evidence(run.operations, run.final).windows

    def is_late(operation: Operation) -> bool:
        team_id = operation.request.team_id
        return (
            isinstance(operation.outcome, TeamRead)
            and team_id is not None
            and windows[team_id].ends(1) < operation.started_at
        )

    return _with_outcome(run, chance, is_late, lambda _: TeamRead(1))


def make_a_read_of_a_user_untrue(run: Run, chance: Random) -> Run | None:
    """A read shows a user on no team who is on one, with nothing else going on about the user."""
    quiet = _quiet(run)

    def is_on_a_team(operation: Operation) -> bool:
        match operation.outcome:
            case UserRead(TeamVersion()):
                return quiet(operation)
        return False

    return _with_outcome(run, chance, is_on_a_team, lambda _: UserRead(None))


def make_a_refusal_untrue(run: Run, chance: Random) -> Run | None:
    """AlreadyOnTeam names another team, with nothing else going on about the user."""
    quiet = _quiet(run)

    def names_a_team(operation: Operation) -> bool:
        return (
            isinstance(operation.outcome, Refused)
            and operation.outcome.problem == "AlreadyOnTeam"
            and quiet(operation)
        )

    def another(outcome: Outcome) -> Outcome:
        assert isinstance(outcome, Refused)
        assert outcome.user_team is not None
        other = min(set(run.final.teams) - {outcome.user_team.team_id})
        return replace(outcome, user_team=TeamVersion(other, 1))

    return _with_outcome(run, chance, names_a_team, another)


def put_a_member_on_a_second_team(run: Run, chance: Random) -> Run | None:
    """A member of one team joins another, in the log, in the end, and by what was answered."""
    live = [team_id for team_id, team in run.final.teams.items() if not team.deleted]
    source = _pick((team_id for team_id in live if run.final.teams[team_id].members), chance)
    target = _pick((team_id for team_id in live if team_id != source), chance)
    if source is None or target is None:
        return None
    user, team = run.final.teams[source].members[0], run.final.teams[target]
    version = team.version + 1
    joined = LoggedChange(version, "UserJoinedTeam", user_id=user)
    after = replace(team, version=version, members=(*team.members, user), log=(*team.log, joined))
    now = run.final.started_at
    request = Request("john", Kind.ADD_USER, team_id=target, user_id=user)
    operation = Operation(request, now, now, Accepted((TeamVersion(target, version),)))
    return _with_team(Run([*run.operations, operation], run.final), target, after)


def forget_who_did_it(run: Run, chance: Random) -> Run | None:
    """An accepted change is not recorded, and nothing without an answer could have made it."""
    lost = {e.request.kind for e in Evidence(run.operations, run.final).effects if not e.versions}
    operation = _pick(
        (
            operation
            for operation in run.operations
            if isinstance(operation.outcome, Accepted)
            and operation.request.kind not in lost
            and operation.request.request_id is None
        ),
        chance,
    )
    if operation is None:
        return None
    return Run([other for other in run.operations if other is not operation], run.final)


def log_another_user(run: Run, chance: Random) -> Run | None:
    """The log tells of somebody else than the acknowledged request."""
    effects = Evidence(run.operations, run.final).effects
    effect = _pick((e for e in effects if e.versions and e.request.user_id is not None), chance)
    if effect is None:
        return None
    team_id, version = next(iter(effect.versions.items()))
    team = run.final.teams[team_id]
    log = list(team.log)
    log[version - 1] = replace(log[version - 1], user_id="nobody-at-all")
    return _with_team(run, team_id, replace(team, log=tuple(log)))


def drop_a_member(run: Run, chance: Random) -> Run | None:
    """A team lacks somebody in the end, of whom the log does not say that they left."""
    team_id = _pick((t for t, team in run.final.teams.items() if team.members), chance)
    if team_id is None:
        return None
    team = run.final.teams[team_id]
    return _with_team(run, team_id, replace(team, members=team.members[1:]))


def skip_a_change_in_a_feed(run: Run, chance: Random) -> Run | None:
    """A subscriber was not told of a change, but of the next."""
    return _with_feed(run, chance, lambda changes, place: (*changes[:place], *changes[place + 1 :]))


def repeat_a_change_in_a_feed(run: Run, chance: Random) -> Run | None:
    """A subscriber was told of a change twice."""
    return _with_feed(run, chance, lambda changes, place: (*changes[: place + 1], *changes[place:]))


def reorder_a_feed(run: Run, chance: Random) -> Run | None:
    """A subscriber was told of two changes in the wrong order."""

    def swap(changes: Sequence[SeenChange], place: int) -> tuple[SeenChange, ...]:
        one, other = changes[place : place + 2]
        return (*changes[:place], other, one, *changes[place + 2 :])

    return _with_feed(run, chance, swap)


def show_a_client_the_past(run: Run, chance: Random) -> Run | None:
    """A client reads a team at a version below one that it had read before."""
    seen: dict[tuple[str, str | None], list[Operation]] = {}
    for operation in run.operations:
        match operation.outcome:
            case TeamRead(int(version)) if version > 1:
                key = operation.request.client, operation.request.team_id
                seen.setdefault(key, []).append(operation)
    late = _pick((reads[-1] for reads in seen.values() if len(reads) > 1), chance)
    return None if late is None else _with_operation(run, late, replace(late, outcome=TeamRead(1)))


# With the rule that must see it; other rules may see it too.
MUTATIONS: dict[Mutation, str] = {
    lose_the_last_change: "acknowledged",
    use_a_version_again: "versions",
    lose_an_update: "versions",
    make_a_read_of_a_team_stale: "true answers",
    make_a_read_of_a_user_untrue: "one team",
    make_a_refusal_untrue: "one team",
    put_a_member_on_a_second_team: "memberships",
    forget_who_did_it: "unacknowledged",
    log_another_user: "acknowledged",
    drop_a_member: "change log",
    skip_a_change_in_a_feed: "feeds",
    repeat_a_change_in_a_feed: "feeds",
    reorder_a_feed: "feeds",
    show_a_client_the_past: "never back",
}


def _pick(items: Iterable[ItemT], chance: Random) -> ItemT | None:
    found = list(items)
    return chance.choice(found) if found else None


def _quiet(run: Run) -> Callable[[Operation], bool]:
    """Whether nothing can have moved an operation's user while it was under way."""
    effects = Evidence(run.operations, run.final).effects

    def is_quiet(operation: Operation) -> bool:
        return not any(
            effect.started_at <= operation.ended_at and effect.ended_at >= operation.started_at
            for effect in effects
            if effect.request.user_id == operation.request.user_id
            or effect.request.kind is Kind.DELETE_TEAM
        )

    return is_quiet


def _with_outcome(
    run: Run,
    chance: Random,
    suits: Callable[[Operation], bool],
    falsify: Callable[[Outcome], Outcome],
) -> Run | None:
    operation = _pick((operation for operation in run.operations if suits(operation)), chance)
    if operation is None:
        return None
    false = replace(operation, outcome=falsify(operation.outcome))
    return _with_operation(run, operation, false)


def _with_operation(run: Run, operation: Operation, instead: Operation) -> Run:
    operations = [instead if other is operation else other for other in run.operations]
    return Run(operations, run.final)


def _with_team(run: Run, team_id: str, team: FinalTeam) -> Run:
    final: FinalState = replace(run.final, teams={**run.final.teams, team_id: team})
    return Run(run.operations, final)


def _with_feed(
    run: Run,
    chance: Random,
    falsify: Callable[[Sequence[SeenChange], int], tuple[SeenChange, ...]],
) -> Run | None:
    feed = _pick((feed for feed in run.final.feeds if len(feed.changes) > 1), chance)
    if feed is None:
        return None
    place = chance.randrange(len(feed.changes) - 1)
    false = replace(feed, changes=falsify(feed.changes, place))
    feeds = tuple(false if other is feed else other for other in run.final.feeds)
    return Run(run.operations, replace(run.final, feeds=feeds))
