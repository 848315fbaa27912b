"""Times and null defaults in the schema."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.api.schema.schema import DATE_TIME, print_schema


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
