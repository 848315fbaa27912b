"""Times, null defaults and the types of changes in the schema."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.api.schema.schema import DATE_TIME, print_schema
from app.api.schema.types import present_change
from app.domain.changes import Change, ChangeKind
from app.domain.ids import TeamId, Version


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2026, 11, 26, 9, tzinfo=UTC), "2026-11-26T09:00:00.000Z"),
        (datetime(2026, 11, 26, 9, 0, 0, 10_000, UTC), "2026-11-26T09:00:00.010Z"),
        (
            datetime(2026, 11, 26, 9, tzinfo=timezone(timedelta(hours=1))),
            "2026-11-26T08:00:00.000Z",
        ),
    ],
)
def test_milliseconds_have_three_digits(moment: datetime, shown: str) -> None:
    assert DATE_TIME.serialize is not None
    assert DATE_TIME.serialize(moment) == shown


def test_the_schema_specifies_date_time_and_prints_no_null_defaults() -> None:
    text = print_schema()

    assert "scalar DateTime @specifiedBy(url:" in text
    assert "= null" not in text


@pytest.mark.parametrize("kind", [kind for kind in ChangeKind if kind != "Unreadable"])
def test_every_kind_of_change_has_a_type_of_its_name(kind: ChangeKind) -> None:
    change = Change(1, TeamId("red"), Version(1), kind, datetime(2026, 11, 26, tzinfo=UTC))

    assert type(present_change(change)).__name__ == kind.value
