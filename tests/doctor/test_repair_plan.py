"""Findings and repair plans of single documents."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.doctor.rules.findings import Finding
from app.doctor.rules.repair_plan import RepairPlan, plan_repair
from app.doctor.rules.stored_team import ABSENT, Foreign, StoredTeam, StoredValue, TeamKey
from app.domain.ids import TeamId, UserId

OBJECT_ID = Foreign("ObjectId", "a" * 24, "a" * 24)
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def stored_team(**given: Any) -> StoredTeam:
    """A valid document, except for the given fields."""
    fields = {"id": OBJECT_ID, "name": "Red", "user_ids": ("sue",), "version": 3, **given}
    return StoredTeam(TeamKey(b"key"), b"stored", **fields)


def planned(team: StoredTeam, **departures: str) -> RepairPlan:
    return plan_repair(
        team,
        default_capacity=3,
        departures={UserId(user): TeamId(kept) for user, kept in departures.items()},
    )


def as_stored(team: RepairPlan) -> StoredTeam:
    """The document that a repair makes."""
    return stored_team(
        id=OBJECT_ID if team.id_is_kept else team.id,
        name=team.name,
        user_ids=team.user_ids,
        version=team.version or 1,
        capacity=ABSENT if team.capacity is None else team.capacity,
        created_at=team.created_at or ABSENT,
        deleted_at=team.deleted_at or NOW,
    )


def test_a_valid_document_has_no_findings() -> None:
    assert planned(stored_team()).notes == {}
    assert planned(stored_team(capacity=5, created_at=NOW, deleted_at=ABSENT)).notes == {}
    assert planned(stored_team(deleted_at=NOW, user_ids=())).notes == {}


@pytest.mark.parametrize("stored", [ABSENT, None, "2", 0, -1, 1.0, True, 2**31])
def test_an_invalid_version_is_a_finding(stored: StoredValue) -> None:
    found = planned(stored_team(version=stored))

    assert found.notes.keys() == {Finding.NO_VERSION}
    assert found.version is None


@pytest.mark.parametrize(
    ("stored", "becomes"),
    [
        (5, "5"),
        (5.0, "5"),
        (" joe ", "joe"),
        (Foreign("ObjectId", "x", "6b03e3af20d1de4ff7e32eef"), "6b03e3af20d1de4ff7e32eef"),
        (
            Foreign("UUID", "x", "00000000-0000-0000-0000-00000000004d"),
            "00000000-0000-0000-0000-00000000004d",
        ),
    ],
)
def test_an_unambiguous_user_id_becomes_a_string(stored: StoredValue, becomes: str) -> None:
    found = planned(stored_team(user_ids=("sue", stored)))

    assert found.user_ids == ("sue", becomes)
    assert found.notes.keys() == {Finding.CONVERTED_USER_ID}


@pytest.mark.parametrize(
    "stored",
    [
        None,
        True,
        1.5,
        float("nan"),
        1e300,
        "",
        " ",
        "a b",
        "Jörg",
        "x" * 129,
        NOW,
        Foreign("array", "x"),
    ],
)
def test_a_malformed_user_id_leaves_the_team(stored: StoredValue) -> None:
    found = planned(stored_team(user_ids=("sue", stored, "zoe")))

    assert found.user_ids == ("sue", "zoe")
    assert found.notes.keys() == {Finding.UNUSABLE_USER_ID}


def test_a_repeated_user_keeps_the_first_position() -> None:
    found = planned(stored_team(user_ids=(5, "sue", "5", 5.0, "sue")))

    assert found.user_ids == ("5", "sue")
    assert Finding.REPEATED_USER in found.notes


@pytest.mark.parametrize(
    ("stored", "becomes"),
    [(ABSENT, ()), (None, ()), ("zoe", ("zoe",)), (7, ("7",)), (Foreign("document", "x"), ())],
)
def test_a_value_that_is_no_array_becomes_one(
    stored: StoredValue, becomes: tuple[str, ...]
) -> None:
    found = planned(stored_team(user_ids=stored))

    assert found.user_ids == becomes
    assert Finding.NO_MEMBERS_ARRAY in found.notes


@pytest.mark.parametrize(
    ("stored", "becomes"),
    [
        (" Red\n Pandas ", "Red Pandas"),
        ("x" * 101, "x" * 100),
        (7, "7"),
        (ABSENT, f"Team {'a' * 24}"),
        (None, f"Team {'a' * 24}"),
        (" \t ", f"Team {'a' * 24}"),
        (Foreign("array", "x"), f"Team {'a' * 24}"),
    ],
)
def test_a_name_is_normalized_or_derived_from_the_id(stored: StoredValue, becomes: str) -> None:
    found = planned(stored_team(name=stored))

    assert found.name == becomes
    assert found.notes.keys() == {Finding.NAME}


@pytest.mark.parametrize(
    ("stored", "becomes"),
    [(5.0, 5), (0, None), (None, None), ("5", None), (True, None), (2**31, 10_000)],
)
def test_a_capacity_becomes_an_integer_or_the_default(
    stored: StoredValue, becomes: int | None
) -> None:
    found = planned(stored_team(capacity=stored))

    assert found.capacity == becomes
    assert found.notes.keys() == {Finding.CAPACITY}


def test_a_team_over_capacity_keeps_its_members() -> None:
    four = ("a", "b", "c", "d")

    assert planned(stored_team(user_ids=four, capacity=2)).capacity == 4
    assert planned(stored_team(user_ids=four, version=ABSENT)).capacity == 4
    assert planned(stored_team(user_ids=four, version=ABSENT)).user_ids == four


def test_a_valid_team_may_be_over_a_lowered_default_capacity() -> None:
    assert planned(stored_team(user_ids=("a", "b", "c", "d"))).notes == {}


def test_the_members_of_a_deleted_team_are_removed() -> None:
    found = planned(stored_team(deleted_at=NOW))

    assert found.user_ids == ()
    assert found.notes.keys() == {Finding.DELETED_WITH_MEMBERS}


@pytest.mark.parametrize("stored", [None, False, 0])
def test_a_false_deletion_time_means_a_live_team(stored: StoredValue) -> None:
    found = planned(stored_team(deleted_at=stored))

    assert found.deleted_at is ABSENT
    assert found.user_ids == ("sue",)


def test_a_time_in_a_string_is_parsed() -> None:
    found = planned(stored_team(created_at="2020-01-02T03:04:05Z"))

    assert found.created_at == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert found.notes.keys() == {Finding.TIMES}


@pytest.mark.parametrize("stored", ["soon", 12, Foreign("date", "x"), None])
def test_an_invalid_time_is_replaced_by_that_of_the_object_id(stored: StoredValue) -> None:
    assert planned(stored_team(created_at=stored, made_at=NOW)).created_at == NOW
    assert planned(stored_team(created_at=stored)).created_at is None


@pytest.mark.parametrize(
    ("stored", "becomes"), [(5, "5"), (Foreign("UUID", "x", "0-1"), "0-1"), (5.0, "5")]
)
def test_an_unambiguous_team_id_becomes_a_string(stored: StoredValue, becomes: str) -> None:
    found = planned(stored_team(id=stored))

    assert (found.id, found.id_is_kept) == (becomes, False)
    assert found.notes.keys() == {Finding.TEAM_ID}


@pytest.mark.parametrize(
    "stored", ["a b", "", "x" * 129, "a" * 24, True, NOW, Foreign("document", "x")]
)
def test_an_unsupported_team_id_becomes_a_digest(stored: StoredValue) -> None:
    found = planned(stored_team(id=stored))

    assert found.id.startswith("team-")
    assert not found.id_is_kept


def test_a_team_id_that_is_taken_becomes_a_digest() -> None:
    found = plan_repair(stored_team(id=5), default_capacity=3, id_is_taken=True)

    assert found.id.startswith("team-")


@pytest.mark.parametrize("stored", ["red", "A" * 24, "a" * 23])
def test_a_valid_string_id_is_kept(stored: str) -> None:
    assert planned(stored_team(id=stored)).notes == {}


def test_a_departing_user_is_removed() -> None:
    found = planned(stored_team(user_ids=("sue", "zoe")), sue="blue", ann="blue")

    assert found.user_ids == ("zoe",)
    assert found.notes == {Finding.USER_ON_SEVERAL_TEAMS: ("'sue' stays on blue",)}


def test_invalid_metadata_is_a_finding() -> None:
    assert planned(stored_team(has_sound_marks=False)).notes.keys() == {Finding.MARKS}


def test_a_document_over_the_size_limit_is_not_repaired() -> None:
    team = StoredTeam(TeamKey(b"key"), b"", OBJECT_ID, is_too_large=True)

    assert planned(team).notes.keys() == {Finding.TOO_LARGE}


def test_notes_beyond_the_first_are_counted() -> None:
    found = planned(stored_team(user_ids=(None,) * 1_000))

    assert found.notes[Finding.UNUSABLE_USER_ID][-1] == "997 more"


@pytest.mark.parametrize(
    "team",
    [
        stored_team(name=" x\n", user_ids=(5, "5", " sue ", None), version=ABSENT),
        stored_team(user_ids=("a", "b", "c", "d"), version=ABSENT),
        stored_team(user_ids=tuple(f"u{n}" for n in range(10_001)), version=ABSENT, capacity=2.0),
        stored_team(deleted_at=True, created_at="2020-01-02", id=5),
        stored_team(id="a" * 24, name=ABSENT),
        stored_team(name=f"{'x' * 99}  y"),
    ],
)
def test_a_repaired_document_needs_no_repair(team: StoredTeam) -> None:
    assert planned(as_stored(planned(team))).notes == {}
