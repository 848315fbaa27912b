import pytest

from app.domain.changes import UNCHANGED, Unchanged
from app.domain.validation import (
    check_capacity,
    check_id,
    check_name,
    check_name_part,
    check_version,
)


@pytest.mark.parametrize("value", [None, "sue"])
def test_an_id_that_is_absent_or_well_formed_passes(value: str | None) -> None:
    assert check_id("userId", value) is None


@pytest.mark.parametrize("value", ["", "a b", "x" * 129])
def test_another_id_is_refused_by_the_name_of_its_field(value: str) -> None:
    problem = check_id("fromTeamId", value)

    assert problem is not None
    assert problem.field == "fromTeamId"


@pytest.mark.parametrize("name", [UNCHANGED, "x", "x" * 100])
def test_a_name_that_is_unchanged_or_valid_passes(name: str | Unchanged) -> None:
    assert check_name(name) is None


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb"])
def test_another_name_is_refused(name: str) -> None:
    problem = check_name(name)

    assert problem is not None
    assert problem.field == "name"


@pytest.mark.parametrize("capacity", [UNCHANGED, None, 1, 10_000])
def test_a_capacity_that_is_unchanged_absent_or_within_its_limits_passes(
    capacity: int | Unchanged | None,
) -> None:
    assert check_capacity(capacity) is None


@pytest.mark.parametrize("capacity", [0, -1, 10_001])
def test_another_capacity_is_refused(capacity: int) -> None:
    problem = check_capacity(capacity)

    assert problem is not None
    assert problem.field == "capacity"


@pytest.mark.parametrize("version", [None, 1, 2**31 - 1])
def test_a_version_that_is_absent_or_positive_passes(version: int | None) -> None:
    assert check_version("expectedVersion", version) is None


@pytest.mark.parametrize("version", [0, -1])
def test_another_version_is_refused_by_the_name_of_its_field(version: int) -> None:
    problem = check_version("expectedToVersion", version)

    assert problem is not None
    assert problem.field == "expectedToVersion"


@pytest.mark.parametrize("text", [None, "", " ", "x" * 100, ".*"])
def test_a_part_of_a_name_may_be_anything_that_a_name_can_hold(text: str | None) -> None:
    assert check_name_part("nameContains", text) is None


@pytest.mark.parametrize("text", ["x" * 101, "\0", "a\nb", "\ud800"])
def test_a_part_that_no_name_can_hold_is_refused(text: str) -> None:
    problem = check_name_part("nameContains", text)

    assert problem is not None
    assert problem.field == "nameContains"
