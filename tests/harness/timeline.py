"""Decides from the outside whether the answers of a run can all be true, and agree with the end.

A client notes for each mutation when it was sent and when its answer came. The change that an
accepted one made was committed somewhere in between, and its version says where it stands in the
team's history. From the accepted answers alone the whole history of every team is rebuilt; it must
be gapless, it must lead to what the database holds in the end, and every refusal must name
something that can have held while its request was under way.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest

from tests.harness.client import Answer

UNLIMITED = 1_000

JOINS = ("addUserToTeam", "joinTeam")
LEAVES = ("removeUserFromTeam", "leaveTeam")


@dataclass(frozen=True)
class Operation:
    """One mutation: what was asked for, what was answered, and between which two moments."""

    mutation: str
    given: Answer
    outcome: Answer
    sent_at: float
    answered_at: float

    @property
    def accepted(self) -> bool:
        """Whether it changed something."""
        return str(self.outcome["__typename"]).endswith("Success")


@dataclass(frozen=True)
class State:
    """A team at one version, and the operation that brought it there."""

    version: int
    name: str
    members: frozenset[str]
    limit: int
    deleted: bool
    made_by: Operation


@dataclass
class Timeline:
    """All states of all teams, rebuilt from accepted operations. `faults` says what can't be."""

    states: dict[str, list[State]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, operations: Sequence[Operation]) -> "Timeline":
        """The timeline that the answers tell of, with everything that is wrong with them."""
        timeline = cls()
        changes: dict[str, list[tuple[int, Answer, Operation]]] = defaultdict(list)
        for operation in operations:
            for team in _changed_teams(operation):
                changes[team["id"]].append((team["version"], team, operation))
        for team_id, changed in changes.items():
            timeline.states[team_id] = list(timeline._rebuild(team_id, changed))
        timeline.faults += timeline._find_double_memberships()
        for operation in operations:
            if not operation.accepted and not timeline._can_be_true(operation):
                timeline.faults.append(f"untrue refusal: {operation}")
        return timeline

    def compare(self, documents: Iterable[Mapping[str, object]]) -> list[str]:
        """What the database holds other than the accepted changes lead to."""
        stored = {str(document["_id"]): document for document in documents}
        faults = []
        for team_id, states in self.states.items():
            last, document = states[-1], stored.pop(team_id)
            user_ids = document["userIds"]
            assert isinstance(user_ids, list)
            held = (document["version"], document["name"], sorted(user_ids))
            if held != (last.version, last.name, sorted(last.members)):
                faults.append(f"team {team_id} ends as {held}, not as {last}")
            if ("deletedAt" in document) != last.deleted:
                faults.append(
                    f"team {team_id} is deleted and should not be, or the other way round"
                )
        return faults + [f"team {team_id} was never acknowledged" for team_id in stored]

    def _rebuild(
        self, team_id: str, changed: list[tuple[int, Answer, Operation]]
    ) -> Iterator[State]:
        changed.sort(key=lambda change: change[0])
        versions = [version for version, _, _ in changed]
        if versions != list(range(1, len(versions) + 1)):
            self.faults.append(f"team {team_id} has the versions {versions}")
        before: State | None = None
        for version, answer, operation in changed:
            state = _apply(before, version, team_id, operation)
            if (answer["name"], answer["memberCount"]) != (state.name, len(state.members)):
                self.faults.append(f"untrue answer: {operation}")
            expected = operation.given.get("expectedVersion")
            if expected is not None and version != expected + 1:
                self.faults.append(f"lost update: {operation}")
            if before is not None and before.made_by.sent_at > operation.answered_at:
                self.faults.append(f"version {version} of {team_id} came before the one it follows")
            yield state
            before = state

    def _find_double_memberships(self) -> Iterator[str]:
        """Users who, by the answers, were on two teams at once for certain."""
        stays: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
        for team_id, states in self.states.items():
            for user, came_by, went_at in _stays(states):
                if came_by < went_at:
                    stays[user].append((came_by, went_at, team_id))
        for user, periods in stays.items():
            for (_, went_at, one), (came_by, _, other) in pairwise(sorted(periods)):
                if came_by < went_at:
                    yield f"{user} was on {one} and on {other} at once"

    def _can_be_true(self, refused: Operation) -> bool:
        outcome, given = refused.outcome, refused.given
        team_id = given.get("teamId") or given.get("toTeamId") or ""
        during = list(self._states_during(team_id, refused))
        match outcome["__typename"]:
            case "TeamNotFound":
                return not during or any(state.deleted for state in during)
            case "VersionConflict":
                expected, actual = outcome["expectedVersion"], outcome["actualVersion"]
                return expected != actual and any(state.version == actual for state in during)
            case "TeamFull":
                limit = outcome["capacity"]
                return any(len(s.members) >= limit and limit == s.limit for s in during)
            case "AlreadyOnTeam":
                return self._is_member(given["userId"], outcome["currentTeam"], refused)
            case "NotOnTeam" if outcome["otherTeam"] is not None:
                return outcome["otherTeam"]["id"] != given.get("teamId") and self._is_member(
                    given["userId"], outcome["otherTeam"], refused
                )
            case "NotOnTeam":
                return not any(
                    user == given["userId"]
                    and came_by <= refused.sent_at
                    and went_at >= refused.answered_at
                    for states in self.states.values()
                    for user, came_by, went_at in _stays(states)
                )
        return False

    def _is_member(self, user: str, team: Answer, refused: Operation) -> bool:
        return any(
            state.version == team["version"] and user in state.members
            for state in self._states_during(team["id"], refused)
        )

    def _states_during(self, team_id: str, operation: Operation) -> Iterator[State]:
        """The states that the team can have been in while an operation was under way."""
        states = self.states.get(team_id, [])
        for state, following in zip_longest(states, states[1:]):
            began_in_time = state.made_by.sent_at <= operation.answered_at
            lasted = following is None or following.made_by.answered_at >= operation.sent_at
            if began_in_time and lasted:
                yield state


def _changed_teams(operation: Operation) -> list[Answer]:
    """The teams that an accepted operation changed, as it answered them."""
    if not operation.accepted:
        return []
    outcome = operation.outcome
    return [outcome[name] for name in ("team", "fromTeam", "toTeam") if name in outcome]


def _apply(before: State | None, version: int, team_id: str, operation: Operation) -> State:
    """The state after an operation, as its input asks for it."""
    given = operation.given
    name, members, limit = (
        (before.name, before.members, before.limit) if before else ("", frozenset(), UNLIMITED)
    )
    user = {given.get("userId", "")}
    arrives = (
        operation.mutation in JOINS or operation.outcome.get("toTeam", {}).get("id") == team_id
    )
    leaves = (
        operation.mutation in LEAVES or operation.outcome.get("fromTeam", {}).get("id") == team_id
    )
    deleted = operation.mutation == "deleteTeam"
    if arrives:
        members |= user
    elif leaves:
        members -= user
    elif deleted:
        members = frozenset()
    return State(
        version=version,
        name=given.get("name", name),
        members=members,
        limit=given.get("capacity", limit),
        deleted=deleted,
        made_by=operation,
    )


def _stays(states: Sequence[State]) -> Iterator[tuple[str, float, float]]:
    """Each member's stays: by when the user was there for certain, and until when."""
    came: dict[str, float] = {}
    for state in states:
        for user in state.members - came.keys():
            came[user] = state.made_by.answered_at
        for user in came.keys() - state.members:
            yield user, came.pop(user), state.made_by.sent_at
    for user, came_by in came.items():
        yield user, came_by, float("inf")
