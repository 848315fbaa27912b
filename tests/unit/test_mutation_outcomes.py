"""The mapping of problems to types of the schema, and of faults to coded errors.

The store here is a fake that returns given answers: it shows the mapping and the attempts, and is
no evidence for any guarantee.
"""

from collections.abc import Collection
from typing import Any

import pytest
from strawberry.types import ExecutionResult

from app.api.schema.context import Context, Services
from app.domain.changes import Attribution
from app.domain.diagnosis import Replay, TeamState
from app.domain.faults import DatabaseUnavailable, TooMuchContention
from app.domain.ids import TeamId, UserId
from app.domain.outcomes import AcceptedMove
from app.domain.teams import Team
from app.domain.viewers import Viewer
from app.service.attempts import MAX_ATTEMPTS
from app.service.hub import Hub
from app.service.permissions import Permissions
from tests.harness.schema import SCHEMA
from tests.unit.domain_values import BLUE, RED, state, team


class FakeStore:
    """A `TeamStore` whose writes return the given answers one after the other, then None."""

    def __init__(self, now: TeamState, *answers: Team | Exception | None) -> None:
        self.now = now
        self.writes = 0
        self._answers = list(answers)

    async def _write(self, **_: Any) -> Any:
        self.writes += 1
        answer = self._answers.pop(0) if self._answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    insert_team = update_team = delete_team = add_member = remove_member = _write

    async def add_members(self, **given: Any) -> list[Team] | None:
        """The given team, after the last user."""
        added = await self._write(**given)
        return [added] if added else None

    async def move_member(self, **given: Any) -> AcceptedMove | None:
        """A move from another team to the given one."""
        to_team = await self._write(**given)
        return AcceptedMove(from_team=team(BLUE), to_team=to_team) if to_team else None

    async def read_state(
        self,
        *,
        team_ids: Collection[TeamId],  # noqa: ARG002 - ignored by the fake
        user_ids: Collection[UserId],  # noqa: ARG002
        by: Attribution,  # noqa: ARG002
    ) -> TeamState:
        return self.now

    async def find_created(self, by: Attribution) -> Replay | None:  # noqa: ARG002
        return self.now.replay


INPUTS: dict[str, dict[str, Any]] = {
    "createTeam": {"name": "Red"},
    "updateTeam": {"teamId": RED, "expectedVersion": 7, "capacity": 3},
    "deleteTeam": {"teamId": RED, "expectedVersion": 7},
    "addUserToTeam": {"teamId": RED, "userId": "sue"},
    "addUsersToTeam": {"teamId": RED, "userIds": ["sue"]},
    "removeUserFromTeam": {"teamId": RED, "userId": "sue"},
    "moveUserToTeam": {"userId": "sue", "toTeamId": RED},
    "joinTeam": {"teamId": RED},
    "leaveTeam": {"teamId": RED},
    "switchTeam": {"toTeamId": RED},
}


async def run(
    store: FakeStore, mutation: str, *, viewer: str | None = "sue", **given: Any
) -> ExecutionResult:
    title = mutation[0].upper() + mutation[1:]
    context = Context(
        Services(
            store,
            None,  # type: ignore[arg-type]  # mutations read nothing from a directory
            None,  # type: ignore[arg-type]  # nor from the log
            Hub(),
            Permissions(None, everyone_may_create_teams=False),  # type: ignore[arg-type]  # as above
            default_capacity=3,
            is_prepared=lambda: True,
        ),
        Viewer(UserId(viewer), is_admin=True) if viewer else None,
    )
    return await SCHEMA.execute(
        f"mutation ($input: {title}Input!) {{ outcome: {mutation}(input: $input) "
        "{ __typename ... on Problem { message } } }",
        variable_values={"input": INPUTS[mutation] | given},
        context_value=context,
    )


def type_of(result: ExecutionResult) -> object:
    assert result.errors is None
    assert result.data is not None
    return result.data["outcome"]["__typename"]


NOWHERE = state(team(RED))
ON_RED = state(team(RED), current_team=team(RED))
ON_BLUE = state(team(RED), current_team=team(BLUE))
FULL = team(RED, member_count=4)
OTHER_VERSION = {"expectedVersion": 6}
REUSED = state(team(RED), replay=Replay(team(RED), "another digest"))
REQUEST = {"requestId": "r1"}
ATOMIC = {"atomic": True}


@pytest.mark.parametrize(
    ("mutation", "now", "given", "problem"),
    [
        ("createTeam", NOWHERE, {"name": ""}, "InvalidInput"),
        ("createTeam", REUSED, REQUEST, "InvalidInput"),
        ("updateTeam", NOWHERE, {"capacity": 0}, "InvalidInput"),
        ("updateTeam", REUSED, REQUEST, "InvalidInput"),
        ("updateTeam", state(), {}, "TeamNotFound"),
        ("updateTeam", NOWHERE, OTHER_VERSION, "VersionConflict"),
        ("updateTeam", state(FULL), {}, "TeamFull"),
        ("deleteTeam", NOWHERE, {"teamId": "$"}, "InvalidInput"),
        ("deleteTeam", REUSED, REQUEST, "InvalidInput"),
        ("deleteTeam", state(), {}, "TeamNotFound"),
        ("deleteTeam", NOWHERE, OTHER_VERSION, "VersionConflict"),
        *(
            (mutation, now, given, problem)
            for mutation in ("addUserToTeam", "joinTeam")
            for now, given, problem in (
                (NOWHERE, {"teamId": "$"}, "InvalidInput"),
                (REUSED, REQUEST, "InvalidInput"),
                (state(current_team=team(BLUE)), OTHER_VERSION, "TeamNotFound"),
                (ON_RED, OTHER_VERSION, "AlreadyOnTeam"),
                (ON_BLUE, OTHER_VERSION, "AlreadyOnTeam"),
                (state(FULL), OTHER_VERSION, "VersionConflict"),
                (state(FULL), {}, "TeamFull"),
            )
        ),
        ("addUsersToTeam", NOWHERE, {"userIds": []}, "InvalidInput"),
        ("addUsersToTeam", REUSED, REQUEST, "InvalidInput"),
        ("addUsersToTeam", state(), OTHER_VERSION, "TeamNotFound"),
        ("addUsersToTeam", ON_BLUE, OTHER_VERSION | ATOMIC, "VersionConflict"),
        ("addUsersToTeam", ON_BLUE, ATOMIC, "UsersNotAdded"),
        ("addUsersToTeam", state(FULL), ATOMIC, "UsersNotAdded"),
        ("addUsersToTeam", state(FULL), {}, "AddUsersToTeamSuccess"),
        *(
            (mutation, now, given, problem)
            for mutation in ("removeUserFromTeam", "leaveTeam")
            for now, given, problem in (
                (ON_RED, {"teamId": "$"}, "InvalidInput"),
                (REUSED, REQUEST, "InvalidInput"),
                (state(), OTHER_VERSION, "TeamNotFound"),
                (NOWHERE, OTHER_VERSION, "NotOnTeam"),
                (ON_BLUE, OTHER_VERSION, "NotOnTeam"),
                (ON_RED, OTHER_VERSION, "VersionConflict"),
            )
        ),
        ("moveUserToTeam", ON_BLUE, {"userId": "$"}, "InvalidInput"),
        ("moveUserToTeam", REUSED, REQUEST, "InvalidInput"),
        ("moveUserToTeam", state(current_team=team(BLUE)), {}, "TeamNotFound"),
        ("moveUserToTeam", ON_BLUE, {"fromTeamId": "green"}, "TeamNotFound"),
        ("moveUserToTeam", ON_RED, {}, "AlreadyOnTeam"),
        ("moveUserToTeam", NOWHERE, {}, "NotOnTeam"),
        ("moveUserToTeam", ON_BLUE, {"expectedToVersion": 6}, "VersionConflict"),
        ("moveUserToTeam", ON_BLUE, {"expectedFromVersion": 6}, "VersionConflict"),
        ("moveUserToTeam", state(FULL, current_team=team(BLUE)), {}, "TeamFull"),
    ],
)
async def test_a_refusal_returns_the_problem_that_held(
    mutation: str, now: TeamState, given: dict[str, Any], problem: str
) -> None:
    result = await run(FakeStore(now), mutation, **given)

    assert type_of(result) == problem


@pytest.mark.parametrize("mutation", INPUTS)
async def test_an_accepted_write_returns_success(mutation: str) -> None:
    store = FakeStore(NOWHERE, team(RED))

    result = await run(store, mutation)

    assert type_of(result) == f"{mutation[0].upper()}{mutation[1:]}Success"
    assert store.writes == 1


async def test_a_refusal_without_a_remaining_reason_is_retried() -> None:
    store = FakeStore(NOWHERE, None, None, team(RED))

    result = await run(store, "addUserToTeam")

    assert type_of(result) == "AddUserToTeamSuccess"
    assert store.writes == 3


async def test_retries_end_after_the_maximum_number_of_attempts() -> None:
    store = FakeStore(NOWHERE)

    result = await run(store, "addUserToTeam")

    assert code_of(result) == "CONTENTION"
    assert store.writes == MAX_ATTEMPTS


@pytest.mark.parametrize("mutation", INPUTS)
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (DatabaseUnavailable("10.0.0.5:27017 refused"), "DATABASE_UNAVAILABLE"),
        (TooMuchContention("40 attempts on 10.0.0.5"), "CONTENTION"),
        (RuntimeError("E11000 on 10.0.0.5"), "INTERNAL_SERVER_ERROR"),
    ],
)
async def test_a_fault_of_a_write_is_a_coded_error_without_internals(
    mutation: str, fault: Exception, code: str
) -> None:
    store = FakeStore(NOWHERE, fault)

    result = await run(store, mutation)

    assert code_of(result) == code
    assert "10.0.0.5" not in str(result.errors)
    assert store.writes == 1


def code_of(result: ExecutionResult) -> object:
    assert result.errors is not None
    (error,) = result.errors
    assert error.extensions is not None
    return error.extensions["code"]
