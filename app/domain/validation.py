"""Input limits. Each check returns the problem, or None if the value is valid.

`field` is the value's name in the schema, so that a client can highlight it.
"""

from collections.abc import Sequence

from app.domain.changes import UNCHANGED, Unchanged
from app.domain.ids import FIRST_VERSION, ID_CHARACTERS, MAX_ID_LENGTH, is_well_formed_id
from app.domain.problems import InvalidInput
from app.domain.teams import MAX_CAPACITY, MAX_NAME_LENGTH, MAX_USERS_ADDED, is_valid_name


def check_id(field: str, value: str | None) -> InvalidInput | None:
    """Validate an optional id; None is valid."""
    if value is None or is_well_formed_id(value):
        return None
    return InvalidInput(
        field, f"must be 1 to {MAX_ID_LENGTH} characters, each one of {ID_CHARACTERS}"
    )


def check_ids(field: str, values: Sequence[str]) -> InvalidInput | None:
    """Validate a list of ids; the first invalid one is named by its index."""
    if not 1 <= len(values) <= MAX_USERS_ADDED:
        return InvalidInput(field, f"must list 1 to {MAX_USERS_ADDED} ids")
    first_index: dict[str, int] = {}
    for index, value in enumerate(values):
        if invalid := check_id(f"{field}[{index}]", value):
            return invalid
        if (first := first_index.setdefault(value, index)) != index:
            return InvalidInput(f"{field}[{index}]", f"is the same id as {field}[{first}]")
    return None


def check_name(name: str | Unchanged) -> InvalidInput | None:
    """Validate a team's name, already trimmed."""
    if name is UNCHANGED or is_valid_name(name):
        return None
    return InvalidInput(
        "name",
        f"must be 1 to {MAX_NAME_LENGTH} characters after trimming, without control characters",
    )


def check_capacity(capacity: int | Unchanged | None) -> InvalidInput | None:
    """Validate a team's own capacity; None means the service's default."""
    if capacity is None or capacity is UNCHANGED or 1 <= capacity <= MAX_CAPACITY:
        return None
    return InvalidInput("capacity", f"must be a number from 1 to {MAX_CAPACITY}")


def check_version(field: str, version: int | None) -> InvalidInput | None:
    """Validate an optional expected version; None is valid."""
    if version is None or version >= FIRST_VERSION:
        return None
    return InvalidInput(field, f"must be {FIRST_VERSION} or more")


def check_name_part(field: str, text: str | None) -> InvalidInput | None:
    """Validate a text to search names for; the empty text is valid."""
    if not text or is_valid_name(text):
        return None
    return InvalidInput(
        field, f"must be at most {MAX_NAME_LENGTH} characters, without control characters"
    )
