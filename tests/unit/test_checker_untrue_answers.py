"""Answers that cannot have been true are rejected, with the reason."""

from dataclasses import replace

from tests.lab.checker.history import Accepted, Kind, Refused
from tests.unit.checker_histories import (
    CREATED,
    already_on,
    complains,
    complaints,
    ending,
    joined,
    left,
    not_added,
    on,
    operation,
    removed,
    team,
)

RED_WITHOUT_SUE = team(log=(joined(2, "sue"), left(3, "sue")))


def test_a_refusal_that_names_a_team_the_user_was_not_on_is_rejected() -> None:
    found = complaints(not_added("sue", "blue", already_on("blue", 1), at=2))

    assert complains(found, "one team", "AlreadyOnTeam", "can only have been on team red")
    assert complains(found, "true answers", "sue was not on team blue at version 1")


def test_a_refusal_whose_reason_was_over_is_rejected() -> None:
    found = complaints(
        removed("sue", "red", 3, at=2),
        not_added("sue", "blue", already_on("red", 2), at=3),
        final=ending(red=RED_WITHOUT_SUE),
    )

    assert complains(found, "one team", "AlreadyOnTeam", "can only have been on no team")
    assert complains(found, "true answers", "Stale", "version 2 of team red")


def test_a_refusal_that_says_not_on_team_of_a_member_is_rejected() -> None:
    refused = operation(
        Kind.LEAVE, Refused("NotOnTeam"), at=2, client="sue", user_id="sue", team_id="red"
    )

    assert complains(complaints(refused), "one team", "NotOnTeam", "only have been on team red")


def test_a_conflict_reported_before_the_membership_that_held_is_rejected() -> None:
    conflict = Refused("VersionConflict", actual_version=1)
    refused = replace(not_added("sue", "blue", conflict, at=2))

    assert complains(complaints(refused), "one team", "VersionConflict", "been on team red")


def test_a_conflict_with_the_version_that_was_expected_is_rejected() -> None:
    conflict = Refused("VersionConflict", actual_version=2)
    refused = operation(
        Kind.UPDATE_TEAM, conflict, at=2, team_id="red", name="Red", expected_version=2
    )

    assert complains(complaints(refused), "true answers", "the very version that was expected")


def test_a_full_team_that_had_room_is_rejected() -> None:
    found = complaints(not_added("joe", "red", Refused("TeamFull", capacity=2), at=2))

    assert complains(found, "true answers", "red had fewer than 2 members")


def test_a_full_team_of_another_capacity_is_rejected() -> None:
    created = replace(CREATED, capacity=5)
    full = not_added("joe", "red", Refused("TeamFull", capacity=1), at=2)

    found = complaints(
        full, final=ending(red=replace(team("sue"), version=2, log=(created, joined(2, "sue"))))
    )

    assert complains(found, "true answers", "never had the capacity 1")


def test_an_answer_that_shows_the_team_otherwise_than_it_was_is_rejected() -> None:
    shown = replace(on("red", 3), member_count=1, name="Red")
    joe = operation(Kind.ADD_USER, Accepted((shown,)), at=2, user_id="joe", team_id="red")
    log = (joined(2, "sue"), joined(3, "joe"))

    found = complaints(joe, final=ending(red=team("sue", "joe", log=log)))

    assert complains(found, "true answers", "had 2 members at version 3")
    assert complains(found, "true answers", "was named Team at version 3")


def test_a_team_not_found_that_was_there_is_rejected() -> None:
    found = complaints(not_added("joe", "blue", Refused("TeamNotFound"), at=2))

    assert complains(found, "true answers", "there all the time: blue")
