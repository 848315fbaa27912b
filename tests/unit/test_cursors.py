from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from app.api.errors import CodedError
from app.api.schema.cursors import member_cursor, read_member_cursor, read_team_cursor, team_cursor
from app.domain.ids import TeamId, UserId, Version
from app.domain.pages import MemberPosition, TeamOrder, TeamPosition
from tests.unit.domain_values import RED, SOME_TIME, SUE

BY_NAME = (TeamOrder.NAME_ASC, TeamOrder.NAME_DESC)
BY_TIME = (TeamOrder.CREATED_AT_ASC, TeamOrder.CREATED_AT_DESC)
MEMBER = MemberPosition(3, SUE, Version(9), 5)


def encode(parts: object) -> str:
    return urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


@pytest.mark.parametrize("order", BY_NAME)
@pytest.mark.parametrize("name", ["", "Red", "\N{BALLOON}" * 100, '"\\/', "\N{ZERO WIDTH JOINER}"])
def test_a_position_by_name_survives_the_round_trip(name: str, order: TeamOrder) -> None:
    position = TeamPosition(name, RED)

    assert read_team_cursor("after", team_cursor(position, order), order) == position


@pytest.mark.parametrize("order", BY_TIME)
@pytest.mark.parametrize(
    "created_at",
    [
        SOME_TIME,
        None,
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    ],
)
def test_a_position_by_time_survives_the_round_trip(
    created_at: datetime | None, order: TeamOrder
) -> None:
    position = TeamPosition(created_at, TeamId("x" * 128))

    assert read_team_cursor("after", team_cursor(position, order), order) == position


def test_a_cursor_is_valid_for_both_directions_of_its_order() -> None:
    position = TeamPosition(SOME_TIME + timedelta(milliseconds=1), RED)

    cursor = team_cursor(position, TeamOrder.CREATED_AT_ASC)

    assert read_team_cursor("after", cursor, TeamOrder.CREATED_AT_DESC) == position


def test_a_members_position_survives_the_round_trip() -> None:
    assert read_member_cursor("after", member_cursor(MEMBER)) == MEMBER


GARBAGE = [
    "",
    "nonsense",
    "=",
    "ünïcode",
    "\ud800",
    "x" * 1_001,
    "null",
    "😀",
    encode(None),
    encode([]),
    encode({}),
    encode("name"),
    encode(["name"]),
    encode(["name", "Red", "red", "more"]),
    encode(["name", {"$ne": None}, "red"]),
    encode(["name", None, "red"]),
    encode(["time", "Red", "red"]),
    encode(["time", 1.5, "red"]),
    encode(["time", 2**63 - 1, "red"]),
    encode(["time", -(2**63), "red"]),
    encode(["time", 253_402_300_800_000, "red"]),
    encode(["time", 0, 5]),
    encode(["member", -1, "sue", 1, 1]),
    encode(["member", 2**31, "sue", 1, 1]),
    encode(["member", 0, "sue", 1]),
    encode(["member", "0", "sue", 1, 1]),
    encode(["member", 0, {"$gt": ""}, 1, 1]),
    encode(["member", 0, "sue", -1, 1]),
    encode(["member", 0, "sue", 1, 1.5]),
]


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("order", TeamOrder)
def test_a_malformed_team_cursor_is_refused(garbage: str, order: TeamOrder) -> None:
    with pytest.raises(CodedError) as refusal:
        read_team_cursor("before", garbage, order)

    assert refusal.value.extensions == {"code": "INVALID_INPUT", "field": "before"}


@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_malformed_member_cursor_is_refused(garbage: str) -> None:
    with pytest.raises(CodedError) as refusal:
        read_member_cursor("before", garbage)

    assert refusal.value.extensions == {"code": "INVALID_INPUT", "field": "before"}


def test_a_cursor_of_another_kind_is_refused() -> None:
    by_name = team_cursor(TeamPosition("Red", RED), TeamOrder.NAME_ASC)
    by_time = team_cursor(TeamPosition(SOME_TIME, RED), TeamOrder.CREATED_AT_ASC)
    of_a_member = member_cursor(MemberPosition(0, UserId("sue"), Version(1), 1))

    for cursor, order in (
        (by_name, TeamOrder.CREATED_AT_DESC),
        (by_time, TeamOrder.NAME_DESC),
        (of_a_member, TeamOrder.NAME_ASC),
    ):
        with pytest.raises(CodedError):
            read_team_cursor("after", cursor, order)
    for cursor in (by_name, by_time):
        with pytest.raises(CodedError):
            read_member_cursor("after", cursor)
