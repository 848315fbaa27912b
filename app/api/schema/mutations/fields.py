"""The input and answer fields that several mutations share, each with its description."""

import strawberry

from app.domain.ids import ID_CHARACTERS, MAX_ID_LENGTH, RequestId, Version
from app.domain.teams import MAX_CAPACITY, MAX_NAME_LENGTH

ID_LIMITS = f"1 to {MAX_ID_LENGTH} characters: {ID_CHARACTERS}."

TEAM_ID = "The team's id."
USER_ID = f"The user's id, {ID_LIMITS}"
NAME = f"Trimmed; then 1 to {MAX_NAME_LENGTH} characters, no control characters."
CAPACITY = f"The most members it may have, 1 to {MAX_CAPACITY}."
EXPECTED_VERSION = (
    "Only change the team if it is at this version, else answer VersionConflict. "
    "Without it the change applies to whatever version there is."
)
REQUEST_ID = (
    f"Your own id for this request, {ID_LIMITS} "
    "Sent again with the same id and input, the request changes nothing more and is answered as "
    "accepted again, with `replayed` true. It is remembered for 24 hours, unless the operator has "
    "set another time; the one that created a team for ever. A refusal is not remembered."
)
REPLAYED = (
    "Whether an earlier sending of this request had made the change. "
    "The team is then shown as it is now."
)


def request_id_field() -> strawberry.ID | None:
    """The optional `requestId` of every mutation's input."""
    field: strawberry.ID | None = strawberry.field(default=None, description=REQUEST_ID)
    return field


def expected_version_field() -> int | None:
    """The optional `expectedVersion` of a membership change."""
    field: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)
    return field


def replayed_field() -> bool:
    """The `replayed` of every success."""
    field: bool = strawberry.field(description=REPLAYED)
    return field


def read_request_id(given: strawberry.ID | None) -> RequestId | None:
    """The request id of an input, if it has one."""
    return None if given is None else RequestId(given)


def read_version(given: int | None) -> Version | None:
    """The expected version of an input, if it has one."""
    return None if given is None else Version(given)
