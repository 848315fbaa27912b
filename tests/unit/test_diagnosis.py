import pytest

from app.domain.changes import UNCHANGED, Unchanged, attribute
from app.domain.diagnosis import (
    Replay,
    already_on_team,
    already_on_that_team,
    members_do_not_fit,
    not_on_team,
    repeated,
    repeated_move,
    team_full,
    team_not_found,
    version_conflict,
)
from app.domain.ids import RequestId, TeamId, Version
from app.domain.outcomes import Accepted, AcceptedMove
from app.domain.problems import (
    AlreadyOnTeam,
    InvalidInput,
    NotOnTeam,
    TeamFull,
    TeamNotFound,
    VersionConflict,
)
from app.domain.teams import Team
from tests.unit.domain_values import BLUE, RED, SUE, state, team


def test_a_request_id_that_comes_with_other_input_was_reused() -> None:
    request_id = RequestId("r1")
    first = attribute("addUserToTeam", RED, SUE, actor_id=None, request_id=request_id)
    again = attribute("addUserToTeam", RED, SUE, actor_id=None, request_id=request_id)
    other_input = attribute("addUserToTeam", BLUE, SUE, actor_id=None, request_id=request_id)
    other_mutation = attribute("joinTeam", RED, SUE, actor_id=None, request_id=request_id)
    replay = Replay(team(), first.input_digest)

    assert repeated(None, again) is None
    assert repeated(replay, again) == Accepted(team(), replayed=True)
    for other in (other_input, other_mutation):
        problem = repeated(replay, other)
        assert isinstance(problem, InvalidInput)
        assert problem.field == "requestId"


@pytest.mark.parametrize("teams", [(team(RED), team(BLUE)), (team(BLUE), team(RED))])
def test_a_repeated_move_is_accepted_whichever_team_remembers_it(teams: tuple[Team, Team]) -> None:
    by = attribute("moveUserToTeam", SUE, actor_id=None, request_id=RequestId("r1"))
    other_input = attribute("moveUserToTeam", BLUE, actor_id=None, request_id=RequestId("r1"))
    replay = Replay(teams[0], by.input_digest, teams[1])

    assert repeated_move(None, by, BLUE) is None
    assert repeated_move(replay, by, BLUE) == AcceptedMove(team(RED), team(BLUE), replayed=True)
    assert isinstance(repeated_move(replay, other_input, BLUE), InvalidInput)


def test_a_team_is_missing_when_it_was_named_and_is_not_there() -> None:
    here = state(team(RED))

    assert team_not_found(here, RED) is None
    assert team_not_found(here, None) is None
    assert team_not_found(here, BLUE) == TeamNotFound(BLUE)


def test_a_user_is_on_a_team_when_a_current_team_was_found() -> None:
    red = team(RED)

    assert already_on_team(state(), SUE) is None
    assert already_on_team(state(current_team=red), SUE) == AlreadyOnTeam(SUE, red)


def test_a_user_is_on_that_team_when_it_is_the_current_team() -> None:
    red = team(RED)
    on_red = state(current_team=red)

    assert already_on_that_team(state(), SUE, RED) is None
    assert already_on_that_team(on_red, SUE, BLUE) is None
    assert already_on_that_team(on_red, SUE, RED) == AlreadyOnTeam(SUE, red)


@pytest.mark.parametrize("named", [None, RED])
def test_a_user_who_is_on_the_team_meant_is_not_missing_from_it(named: TeamId | None) -> None:
    assert not_on_team(state(current_team=team(RED)), SUE, named) is None


def test_a_user_is_missing_from_a_team_when_elsewhere_or_nowhere() -> None:
    red = team(RED)

    assert not_on_team(state(current_team=red), SUE, BLUE) == NotOnTeam(SUE, red)
    assert not_on_team(state(), SUE, RED) == NotOnTeam(SUE, None)
    assert not_on_team(state(), SUE, None) == NotOnTeam(SUE, None)


@pytest.mark.parametrize("expected", [None, Version(7)])
def test_the_expected_version_or_none_is_no_conflict(expected: Version | None) -> None:
    assert version_conflict(state(team(RED)), RED, expected) is None


def test_a_conflict_shows_the_team_named_or_else_the_current_one() -> None:
    red, blue = team(RED), team(BLUE)
    here = state(red, current_team=blue)

    assert version_conflict(here, RED, Version(6)) == VersionConflict(Version(6), red)
    assert version_conflict(here, None, Version(8)) == VersionConflict(Version(8), blue)
    assert version_conflict(here, TeamId("green"), Version(8)) is None
    assert version_conflict(state(), None, Version(8)) is None


@pytest.mark.parametrize(("member_count", "full"), [(0, False), (2, False), (3, True), (4, True)])
def test_a_team_is_full_from_its_limit_on(member_count: int, *, full: bool) -> None:
    here = state(team(RED, member_count=member_count))

    assert team_full(here, RED) == (TeamFull(3) if full else None)
    assert team_full(here, BLUE) is None


@pytest.mark.parametrize(("limit", "fits"), [(UNCHANGED, True), (3, True), (2, True), (1, False)])
def test_members_fit_into_a_limit_of_their_number_or_more(
    limit: int | Unchanged, *, fits: bool
) -> None:
    here = state(team(RED, member_count=2))

    problem = members_do_not_fit(here, RED, limit)

    assert problem == (None if fits else TeamFull(1))
    assert members_do_not_fit(here, BLUE, 1) is None
