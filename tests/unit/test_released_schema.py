"""The schema breaks no client of the last release: deprecate first, remove a release later."""

from pathlib import Path

from graphql import build_schema, find_breaking_changes

RELEASED = Path(__file__).with_name("released.graphql").read_text(encoding="utf-8")
CURRENT = (Path(__file__).parents[2] / "schema.graphql").read_text(encoding="utf-8")


def breaks(current: str) -> list[str]:
    """What would break a client of the last release."""
    found = find_breaking_changes(build_schema(RELEASED), build_schema(current))
    return [change.description for change in found]


def test_no_client_of_the_last_release_breaks() -> None:
    assert breaks(CURRENT) == []


def test_a_removed_field_is_found() -> None:
    assert breaks(CURRENT.replace("memberCount: Int!", "members_count: Int!")) != []
