"""The checker accepts every possible history, also with lost answers."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.lab.checker.files import load, save
from tests.lab.checker.history import (
    Accepted,
    History,
    Kind,
    NotDone,
    Refused,
    Request,
    TeamRead,
    UserRead,
)
from tests.unit.checker_histories import (
    accepted,
    added,
    already_on,
    complaints,
    ending,
    feed,
    joined,
    left,
    not_added,
    on,
    operation,
    removed,
    team,
    unanswered,
)

BLUE_WITH_JOE = team("joe", log=(joined(2, "joe"),))


def test_a_history_with_true_refusals_is_accepted() -> None:
    found = complaints(
        not_added("sue", "blue", already_on("red", 2), at=2),
        not_added("joe", "green", Refused("TeamNotFound"), at=2),
        not_added("joe", "red", Refused("TeamFull", capacity=1), at=2),
        operation(Kind.READ_USER, UserRead(on("red", 2)), at=3, user_id="sue"),
        final=ending(feed(1, 2), feed(2, after=1), feed(1, caught_up=False)),
    )

    assert found == []


def test_a_read_that_overlaps_with_a_change_may_show_either_side() -> None:
    slow = replace(removed("sue", "red", 3, at=2), ended_at=9)
    reads = [
        operation(Kind.READ_USER, UserRead(seen), at=at, user_id="sue", client=client)
        for seen, at, client in ((on("red", 2), 4.0, "tom"), (None, 6.0, "ann"))
    ]

    final = ending(red=team(log=(joined(2, "sue"), left(3, "sue"))))

    assert complaints(slow, *reads, final=final) == []
    swapped = [replace(reads[0], started_at=7.0, ended_at=7.1), reads[1]]
    assert complaints(slow, *swapped, final=final) != []


@pytest.mark.parametrize("has_happened", [True, False])
def test_an_operation_without_an_answer_may_have_happened_or_not(*, has_happened: bool) -> None:
    lost = unanswered(Kind.ADD_USER, at=2, user_id="joe", team_id="blue")

    assert complaints(lost, final=ending(blue=BLUE_WITH_JOE) if has_happened else None) == []


def test_an_operation_without_an_answer_may_still_happen_later() -> None:
    found = complaints(
        unanswered(Kind.ADD_USER, at=2, user_id="joe", team_id="blue"),
        operation(Kind.READ_USER, UserRead(None), at=50, user_id="joe"),
        operation(Kind.READ_USER, UserRead(on("blue", 2)), at=60, user_id="joe"),
        final=ending(blue=BLUE_WITH_JOE),
    )

    assert found == []


def test_an_operation_without_an_answer_may_happen_after_the_end() -> None:
    found = complaints(
        unanswered(Kind.REMOVE_USER, at=2, user_id="sue", team_id="red"),
        operation(Kind.READ_USER, UserRead(on("red", 2)), at=99, user_id="sue"),
    )

    assert found == []


def test_an_operation_without_an_answer_does_not_happen_before_it_was_sent() -> None:
    found = complaints(
        operation(Kind.READ_USER, UserRead(on("blue", 2)), at=1, user_id="joe"),
        unanswered(Kind.ADD_USER, at=2, user_id="joe", team_id="blue"),
        final=ending(blue=BLUE_WITH_JOE),
    )

    assert any("joe can only have been on no team" in complaint for complaint in found)


def test_an_operation_that_was_never_sent_does_not_happen() -> None:
    never = operation(Kind.ADD_USER, NotDone(), at=2, user_id="joe", team_id="blue")

    assert complaints(never) == []
    assert complaints(never, final=ending(blue=BLUE_WITH_JOE)) != []


def test_a_request_sent_again_happens_once_and_shows_the_current_team() -> None:
    asked = {"user_id": "joe", "team_id": "blue", "request_id": "r1"}
    log = (replace(joined(2, "joe"), request_id="r1"), joined(3, "ann"))

    found = complaints(
        unanswered(Kind.ADD_USER, at=2, **asked),
        added("ann", "blue", 3, at=3),
        operation(Kind.ADD_USER, Accepted((on("blue", 3),), replayed=True), at=4, **asked),
        final=ending(blue=team("joe", "ann", log=log)),
    )

    assert found == []


def test_the_deletion_of_a_team_frees_its_members() -> None:
    gone = replace(left(3, "sue"), kind="TeamDeleted", user_id=None)

    found = complaints(
        accepted(Kind.DELETE_TEAM, "red", 3, at=2, expected_version=2),
        added("sue", "blue", 2, at=3),
        final=ending(
            red=team(log=(joined(2, "sue"), gone), deleted=True),
            blue=team("sue", log=(joined(2, "sue"),)),
        ),
    )

    assert found == []


def test_a_history_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    operations = [
        added("joe", "blue", 2, at=2, request_id="r1"),
        not_added("sue", "blue", already_on("red", 2), at=2),
        operation(Kind.READ_USER, UserRead(None), at=3, user_id="joe"),
        operation(Kind.READ_TEAM, TeamRead(2, frozenset({"sue"})), at=3, team_id="red"),
        operation(Kind.READ_TEAM, TeamRead(None), at=3, team_id="green"),
        operation(Kind.LEAVE, NotDone("no server"), at=4, team_id="red"),
        unanswered(Kind.MOVE_USER, at=5, user_id="sue", team_id="blue"),
    ]
    final = ending(feed(1, 2), blue=BLUE_WITH_JOE)

    save(tmp_path / "history.jsonl", operations, final)

    assert load(tmp_path / "history.jsonl") == (operations, final)


def test_an_operation_that_never_ended_is_unknown() -> None:
    history = History()

    history.start(Request("john", Kind.JOIN, team_id="blue", user_id="john"))

    [recorded] = history.operations
    assert recorded.ended_at == float("inf")
    assert complaints(replace(recorded, started_at=5)) == []
