"""The judge of the race tests must itself be able to say no."""

from typing import Any

from tests.harness.client import Answer
from tests.harness.timeline import Operation, Timeline


def team(id_: str, version: int, member_count: int, name: str = "Team") -> Answer:
    """A team as answered."""
    return {"id": id_, "name": name, "version": version, "memberCount": member_count}


def created(id_: str, at: float = 0) -> Operation:
    """The creation of a team, over within a moment."""
    outcome = {"__typename": "CreateTeamSuccess", "team": team(id_, 1, 0)}
    return Operation("createTeam", {"name": "Team"}, outcome, at, at + 0.1)


def added(
    user: str, id_: str, version: int, member_count: int, at: float, **given: Any
) -> Operation:
    """An accepted addUserToTeam, over within a moment."""
    outcome = {"__typename": "AddUserToTeamSuccess", "team": team(id_, version, member_count)}
    asked = {"userId": user, "teamId": id_, **given}
    return Operation("addUserToTeam", asked, outcome, at, at + 0.1)


def refused(user: str, id_: str, at: float, **outcome: Any) -> Operation:
    """A refused addUserToTeam, over within a moment."""
    return Operation("addUserToTeam", {"userId": user, "teamId": id_}, outcome, at, at + 0.1)


def document(id_: str, version: int, *user_ids: str) -> dict[str, Any]:
    """A team as stored."""
    return {"_id": id_, "name": "Team", "version": version, "userIds": list(user_ids)}


GOOD = [
    created("A"),
    created("B"),
    added("sue", "A", 2, 1, at=1),
    refused("sue", "B", 2, __typename="AlreadyOnTeam", currentTeam=team("A", 2, 1)),
    refused("joe", "X", 2, __typename="TeamNotFound"),
]


def test_a_good_history_with_true_refusals_is_accepted() -> None:
    timeline = Timeline.of(GOOD)

    assert timeline.faults == []
    assert timeline.compare([document("A", 2, "sue"), document("B", 1)]) == []


def test_a_user_on_two_teams_at_once_is_found() -> None:
    timeline = Timeline.of([*GOOD, added("sue", "B", 2, 1, at=3)])

    assert any("at once" in fault for fault in timeline.faults)


def test_a_version_that_was_given_twice_is_found() -> None:
    timeline = Timeline.of([*GOOD, added("joe", "A", 2, 1, at=3)])

    assert any("has the versions [1, 2, 2]" in fault for fault in timeline.faults)


def test_an_update_of_another_version_than_expected_is_found() -> None:
    timeline = Timeline.of([*GOOD, added("joe", "A", 3, 2, at=3, expectedVersion=1)])

    assert any("lost update" in fault for fault in timeline.faults)


def test_a_lost_acknowledged_change_is_found() -> None:
    timeline = Timeline.of(GOOD)

    assert timeline.compare([document("A", 1), document("B", 1)]) != []


def test_a_refusal_for_a_reason_that_was_over_is_found() -> None:
    left = Operation(
        "removeUserFromTeam",
        {"userId": "sue", "teamId": "A"},
        {"__typename": "RemoveUserFromTeamSuccess", "team": team("A", 3, 0)},
        3,
        3.1,
    )
    late = refused("sue", "B", 4, __typename="AlreadyOnTeam", currentTeam=team("A", 2, 1))

    timeline = Timeline.of([*GOOD, left, late])

    assert [fault for fault in timeline.faults if "untrue refusal" in fault] == timeline.faults
    assert len(timeline.faults) == 1


def test_a_conflict_with_a_version_that_the_team_never_had_is_found() -> None:
    untrue = refused(
        "joe", "A", 4, __typename="VersionConflict", expectedVersion=1, actualVersion=9
    )

    assert any("untrue refusal" in fault for fault in Timeline.of([*GOOD, untrue]).faults)
