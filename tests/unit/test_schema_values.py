"""Moments and absent values as the schema presents them."""

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


def test_the_schema_says_what_a_moment_is_and_no_needless_null() -> None:
    text = print_schema()

    assert "scalar DateTime @specifiedBy(url:" in text
    assert "= null" not in text
