"""The schema breaks no client of the last release: deprecate first, remove a release later."""

from pathlib import Path

from graphql import (
    DangerousChangeType,
    build_schema,
    find_breaking_changes,
    find_dangerous_changes,
)

RELEASED = Path(__file__).with_name("released.graphql").read_text(encoding="utf-8")
CURRENT = (Path(__file__).parents[2] / "schema.graphql").read_text(encoding="utf-8")


# Other dangerous changes only add something, which clients are told to expect: a `Problem`, a kind
# of change, an optional argument.
CHANGED_DEFAULTS = {
    DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE,
    DangerousChangeType.INPUT_FIELD_DEFAULT_VALUE_CHANGE,
}


def breaks(current: str) -> list[str]:
    """Changes that break a client of the last release, or give it other answers."""
    released, now = build_schema(RELEASED), build_schema(current)
    breaking = [each.description for each in find_breaking_changes(released, now)]
    dangerous = find_dangerous_changes(released, now)
    return breaking + [each.description for each in dangerous if each.type in CHANGED_DEFAULTS]


def test_no_client_of_the_last_release_breaks() -> None:
    assert breaks(CURRENT) == []


def test_a_removed_field_is_found() -> None:
    assert breaks(CURRENT.replace("memberCount: Int!", "members_count: Int!")) != []


def test_a_changed_default_is_found() -> None:
    assert breaks(CURRENT.replace("newestFirst: Boolean! = true", "newestFirst: Boolean! = false"))
