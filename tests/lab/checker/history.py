"""The record of a run: each client's operations, and the final state.

Every operation that can change anything is to be recorded, from an empty database on, the creation
of the teams included: what was not recorded can't explain what was found. A request that is sent
again after a lost answer is an operation of its own, with the same `request_id`; request ids are
never shared by different requests, not even of different clients.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of requests; the values are the schema's names."""

    CREATE_TEAM = "createTeam"
    UPDATE_TEAM = "updateTeam"
    DELETE_TEAM = "deleteTeam"
    ADD_USER = "addUserToTeam"
    JOIN = "joinTeam"
    REMOVE_USER = "removeUserFromTeam"
    LEAVE = "leaveTeam"
    MOVE_USER = "moveUserToTeam"
    READ_USER = "user"
    READ_TEAM = "team"


READS = frozenset({Kind.READ_USER, Kind.READ_TEAM})


@dataclass(frozen=True, slots=True)
class Request:
    """A client's request. For `joinTeam` and `leaveTeam`, `user_id` is the viewer.

    In a move, `team_id` and `expected_version` are those of the team to go to. A `capacity` of None
    is one that was not given, or given as null.
    """

    client: str
    kind: Kind
    team_id: str | None = None
    user_id: str | None = None
    from_team_id: str | None = None
    expected_version: int | None = None
    expected_from_version: int | None = None
    name: str | None = None
    capacity: int | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class TeamVersion:
    """A team, as an answer showed it; name and count are None where they were not asked for."""

    team_id: str
    version: int
    name: str | None = field(default=None, compare=False)
    member_count: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The change was made: `teams` is the changed team; for a move, the one left, the one joined.

    If `replayed`, an earlier sending had made it, and the versions are those of now.
    """

    teams: tuple[TeamVersion, ...]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A problem, by its type, with the facts it named.

    `user_team` is the `currentTeam` of an `AlreadyOnTeam` and the `otherTeam` of a `NotOnTeam`.
    """

    problem: str
    user_team: TeamVersion | None = None
    actual_version: int | None = None
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class UserRead:
    """The user's team; None when on none."""

    team: TeamVersion | None


@dataclass(frozen=True, slots=True)
class TeamRead:
    """A team's version, None when there is no such team; its members, if all of them were read."""

    version: int | None
    members: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer, or an inconclusive one: the change may have been made, or may still be."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class NotDone:
    """Certainly nothing happened and nothing will: no connection came about."""

    reason: str = ""


Outcome = Accepted | Refused | UserRead | TeamRead | Unknown | NotDone


@dataclass(frozen=True, slots=True)
class Operation:
    """A request with its outcome, between two moments on the monotonic clock, in seconds.

    When the outcome is unknown, `ended_at` is when the client gave up, and bounds nothing.
    """

    request: Request
    started_at: float
    ended_at: float
    outcome: Outcome


class History:
    """The operations of a run, in the order of their beginning. For the tasks of one event loop."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def start(self, request: Request) -> Callable[[Outcome], None]:
        """Notes that the request is sent now; to be called again when it has an outcome."""
        place, started_at = len(self.operations), time.monotonic()
        self.operations.append(Operation(request, started_at, math.inf, Unknown("never ended")))

        def complete(outcome: Outcome) -> None:
            self.operations[place] = Operation(request, started_at, time.monotonic(), outcome)

        return complete


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """An entry of the change log; `kind` is the schema's name for it."""

    version: int
    kind: str
    user_id: str | None = None
    other_team_id: str | None = None
    name: str | None = None
    capacity: int | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class FinalTeam:
    """A team in the end, deleted or not; `members` and `log` in the order in which they lie there.

    Members and log are taken as found, with repeats and gaps.
    """

    version: int
    members: tuple[str, ...]
    log: tuple[LoggedChange, ...]
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class SeenChange:
    """A change as a subscriber received it; `kind` is the schema's name for it."""

    version: int
    kind: str


@dataclass(frozen=True, slots=True)
class Feed:
    """The events of a subscriber to one team, in order, over all its connections.

    `caught_up` is whether it was given the time to see everything.
    """

    subscriber: str
    team_id: str
    after_version: int
    changes: tuple[SeenChange, ...]
    caught_up: bool = True


@dataclass(frozen=True, slots=True)
class FinalState:
    """The final state, read between two times of the same clock after all operations had ended.

    An operation whose outcome is unknown may still change something while this is read, and after.
    """

    teams: Mapping[str, FinalTeam]
    started_at: float
    ended_at: float
    feeds: tuple[Feed, ...] = field(default=())
