"""The checker must be able to say no, and to say why."""

from dataclasses import replace

from tests.lab.checker.history import Accepted, Kind, TeamRead, UserRead
from tests.unit.checker_histories import (
    accepted,
    added,
    complains,
    complaints,
    ending,
    feed,
    joined,
    left,
    on,
    operation,
    removed,
    team,
    unanswered,
)

BLUE_WITH_SUE = team("sue", log=(joined(2, "sue"),))


def test_a_double_join_is_rejected() -> None:
    found = complaints(added("sue", "blue", 2, at=2), final=ending(blue=BLUE_WITH_SUE))

    assert complains(found, "one team", "explains", "accepted as blue@2", "only have been on team")
    assert complains(found, "memberships", "In the end, sue is on the teams blue, red.")


def test_a_double_join_is_rejected_though_it_was_undone_before_the_end() -> None:
    found = complaints(
        added("sue", "blue", 2, at=2),
        removed("sue", "blue", 3, at=3),
        final=ending(blue=team(log=(joined(2, "sue"), left(3, "sue")))),
    )

    assert complains(found, "one team", "accepted as blue@2", "can only have been on team red")


def test_a_user_twice_in_a_team_is_rejected() -> None:
    found = complaints(
        added("sue", "red", 3, at=2),
        final=ending(red=team("sue", "sue", log=(joined(2, "sue"), joined(3, "sue")))),
    )

    assert complains(found, "memberships", "sue is 2 times in team red")
    assert complains(found, "change log", "sue joins at version 3 and was there already")


def test_a_lost_update_is_rejected() -> None:
    found = complaints(
        added("joe", "red", 3, at=2, expected_version=1),
        final=ending(red=team("sue", "joe", log=(joined(2, "sue"), joined(3, "joe")))),
    )

    assert complains(found, "versions", "Lost update", "expected version 1", "applied to version 2")


def test_a_stale_read_of_a_user_is_rejected() -> None:
    read = operation(Kind.READ_USER, UserRead(None), at=2, user_id="sue")

    assert complains(complaints(read), "one team", "on no team", "only have been on team red")


def test_a_stale_read_of_a_team_is_rejected() -> None:
    read = operation(Kind.READ_TEAM, TeamRead(1), at=2, team_id="red", client="another")

    assert complains(complaints(read), "true answers", "Stale", "version 1 of team red")


def test_a_read_of_members_that_the_team_never_had_is_rejected() -> None:
    members = TeamRead(2, frozenset({"sue", "joe"}))
    read = operation(Kind.READ_TEAM, members, at=2, team_id="red")

    assert complains(complaints(read), "true answers", "never had these members", "joe, sue")


def test_a_client_that_sees_a_team_go_back_is_reported() -> None:
    overlapping = replace(added("sue", "red", 2, at=1), ended_at=9)
    reads = [
        operation(Kind.READ_TEAM, TeamRead(version), at=at, team_id="red", client="tom")
        for version, at in ((2, 2.0), (1, 3.0))
    ]

    # While the change is under way both answers are possible, but not in this order.
    found = complaints(overlapping, *reads)

    assert complains(found, "never back", "tom saw team red at version 2, and later at version 1")


def test_a_version_used_again_is_rejected() -> None:
    found = complaints(
        added("joe", "red", 2, at=2),
        final=ending(red=team("sue", "joe", log=(joined(2, "sue"), joined(3, "joe")))),
    )

    assert complains(found, "versions", "Version 2 of team red was given to 2 changes")
    assert complains(found, "unacknowledged", "No answer gave version 3 of team red")


def test_versions_given_out_of_order_are_rejected() -> None:
    log = (joined(2, "sue"), joined(3, "joe"), joined(4, "ann"))

    found = complaints(
        added("ann", "red", 4, at=2),
        added("joe", "red", 3, at=3),
        final=ending(red=team("sue", "joe", "ann", log=log)),
    )

    assert complains(found, "versions", "Version 4", "acknowledged before", "version 3 was sent")


def test_a_lost_acknowledged_write_is_rejected() -> None:
    found = complaints(added("joe", "blue", 2, at=2))

    assert complains(found, "acknowledged", "Lost change: version 2 of team blue")
    assert complains(found, "versions", "acknowledged", "the team ends at version 1")
    assert complains(found, "one team", "explains the end", "joe can only have been on team blue")


def test_a_write_that_was_lost_and_its_version_made_anew_is_rejected() -> None:
    found = complaints(
        added("joe", "blue", 2, at=2), final=ending(blue=team("ann", log=(joined(2, "ann"),)))
    )

    assert complains(found, "acknowledged", "version 2 of team blue otherwise", "user ann")


def test_a_member_whom_the_log_does_not_know_is_rejected() -> None:
    found = complaints(final=ending(blue=team("joe")))

    assert complains(found, "change log", "blue has the members joe", "its log leads to nobody")


def test_a_repetition_of_what_was_never_made_is_rejected() -> None:
    repeated = Accepted((on("blue", 1),), replayed=True)
    asked = {"user_id": "joe", "team_id": "blue", "request_id": "r1"}

    found = complaints(
        unanswered(Kind.ADD_USER, at=2, **asked), operation(Kind.ADD_USER, repeated, at=3, **asked)
    )

    assert complains(found, "unacknowledged", "Lost change", "acknowledged as made by an earlier")


def test_a_request_that_was_carried_out_twice_is_rejected() -> None:
    log = (joined(2, "joe"), left(3, "joe"), joined(4, "joe"))
    twice = tuple(
        replace(entry, request_id="r1" if entry.version % 2 == 0 else None) for entry in log
    )

    found = complaints(
        added("joe", "blue", 2, at=2, request_id="r1"),
        removed("joe", "blue", 3, at=3),
        added("joe", "blue", 4, at=4, request_id="r1"),
        final=ending(blue=team("joe", log=twice)),
    )

    assert complains(found, "change log", "Request r1 was carried out more than once")


def test_a_change_without_a_request_is_rejected() -> None:
    found = complaints(
        unanswered(Kind.ADD_USER, at=2, user_id="ann", team_id="blue"),
        final=ending(blue=team("joe", log=(joined(2, "joe"),))),
    )

    assert complains(found, "unacknowledged", "version 2 of team blue", "no operation without")


def test_two_changes_for_one_lost_answer_are_rejected() -> None:
    log = (joined(2, "joe"), left(3, "joe"), joined(4, "joe"))

    found = complaints(
        unanswered(Kind.ADD_USER, at=2, user_id="joe", team_id="blue"),
        removed("joe", "blue", 3, at=3),
        final=ending(blue=team("joe", log=log)),
    )

    assert complains(found, "unacknowledged", "must have made others")
    assert complains(found, "one team", "explains the end", "joe can only have been on no team")


def test_a_move_that_only_arrived_is_rejected() -> None:
    moved = replace(joined(2, "sue"), other_team_id="red")

    found = complaints(
        unanswered(Kind.MOVE_USER, at=2, user_id="sue", team_id="blue"),
        final=ending(blue=team("sue", log=(moved,))),
    )

    assert complains(found, "change log", "move of sue from team red to team blue", "missing")


def test_a_member_who_outlives_the_team_is_rejected() -> None:
    gone = replace(left(3, "sue"), kind="TeamDeleted", user_id=None)
    read = operation(Kind.READ_USER, UserRead(on("red", 2)), at=3, user_id="sue")

    found = complaints(
        accepted(Kind.DELETE_TEAM, "red", 3, at=2, expected_version=2),
        read,
        final=ending(red=team(log=(joined(2, "sue"), gone), deleted=True)),
    )

    assert complains(found, "one team", "on red@2", "can only have been on no team")


def test_a_subscriber_is_held_to_the_log() -> None:
    def told(*versions: int, after: int = 0) -> list[str]:
        return complaints(final=ending(feed(*versions, after=after)))

    assert complains(told(2), "feeds", "told of version 2 where version 1 was due")
    assert complains(told(1, 1, 2), "feeds", "told of version 1 after version 1")
    assert complains(told(2, 1), "feeds", "told of version 2 where version 1 was due")
    assert complains(told(1, 2, after=1), "feeds", "told of version 1 after version 1")
    assert complains(told(1), "feeds", "no further than version 1", "at 2")


def test_a_subscriber_that_received_another_kind_is_reported() -> None:
    seen = feed(1, 2)
    wrong = replace(seen, changes=(seen.changes[0], replace(seen.changes[1], kind="UserLeftTeam")))

    found = complaints(final=ending(wrong))

    assert complains(found, "feeds", "version 2 as UserLeftTeam, not as UserJoinedTeam")
