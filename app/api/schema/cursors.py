"""Cursors: positions encoded as opaque strings, encoded and decoded only here."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import NewType

import orjson

from app.api.errors import invalid_input
from app.domain.changes import Moment
from app.domain.ids import CommitTime, TeamId, UserId, Version
from app.domain.pages import MemberPosition, TeamOrder, TeamPosition
from app.domain.problems import InvalidInput
from app.domain.teams import MAX_USERS_ADDED

Cursor = NewType("Cursor", str)

MAX_CURSOR_LENGTH = 5_000
_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)
# MongoDB rejects smaller timestamps.
_EARLIEST = 1 << 32 | 1


def team_cursor(position: TeamPosition, order: TeamOrder) -> Cursor:
    """The cursor of a team in a list, valid for both directions of the same order."""
    kind, key = "name" if order.by_name else "time", position.key
    if position.stored_id is not None:
        return _encode(["odd", kind, urlsafe_b64encode(position.stored_id).decode()])
    stored = (key - _EPOCH) // _MILLISECOND if isinstance(key, datetime) else key
    return _encode([kind, stored, position.id])


def read_team_cursor(field: str, cursor: str, order: TeamOrder) -> TeamPosition:
    """The position behind a cursor. *Raises*: `CodedError` naming the argument."""
    match _decode(field, cursor):
        case ["odd", kind, str(stored_id)] if kind == ("name" if order.by_name else "time"):
            try:
                return TeamPosition(None, TeamId(""), urlsafe_b64decode(stored_id))
            except ValueError:
                raise _not_a_cursor(field) from None
        case ["name", str(key), str(id_)] if order.by_name:
            return TeamPosition(key, TeamId(id_))
        case ["time", None, str(id_)] if not order.by_name:
            return TeamPosition(None, TeamId(id_))
        case ["time", int(key), str(id_)] if not order.by_name:
            try:
                return TeamPosition(_EPOCH + key * _MILLISECOND, TeamId(id_))
            except OverflowError:
                raise _not_a_cursor(field) from None
    raise _not_a_cursor(field)


def member_cursor(position: MemberPosition) -> Cursor:
    """The cursor of a member of a team."""
    return _encode(
        ["member", position.index, position.user_id, position.version, position.member_count]
    )


def read_member_cursor(field: str, cursor: str) -> MemberPosition:
    """The position behind a cursor. *Raises*: `CodedError` naming the argument."""
    match _decode(field, cursor):
        case ["member", int(index), str(user_id), int(version), int(count)] if (
            min(index, version, count) >= 0 and max(index, version, count) < 2**31
        ):
            return MemberPosition(index, UserId(user_id), Version(version), count)
    raise _not_a_cursor(field)


def outcome_cursor(index: int) -> Cursor:
    """The cursor of an outcome of `addUsersToTeam`."""
    return _encode(["outcome", index])


def read_outcome_cursor(field: str, cursor: str) -> int:
    """The index behind a cursor. *Raises*: `CodedError` naming the argument."""
    match _decode(field, cursor):
        case ["outcome", int(index)] if 0 <= index < MAX_USERS_ADDED:
            return index
    raise _not_a_cursor(field)


def change_cursor(position: int) -> Cursor:
    """The cursor of a change in the feed of all teams."""
    return _encode(["change", position])


def read_change_cursor(field: str, cursor: str) -> int:
    """The position behind a cursor. *Raises*: `CodedError` naming the argument."""
    match _decode(field, cursor):
        case ["change", int(position)] if 0 <= position < 2**63:
            return position
    raise _not_a_cursor(field)


def moment_cursor(moment: Moment) -> Cursor:
    """The cursor of a moment, to resume the feed of all teams and to read lists."""
    return _encode(["moment", moment.position, moment.at])


def read_moment_cursor(field: str, cursor: str) -> Moment:
    """The moment behind a cursor. *Raises*: `CodedError` naming the argument."""
    match _decode(field, cursor):
        case ["moment", int(position), int(at)] if (
            0 <= position < 2**63 and _EARLIEST <= at < 2**63
        ):
            return Moment(position, CommitTime(at))
    raise _not_a_cursor(field)


def read_feed_cursor(field: str, cursor: str) -> Moment:
    """The position to resume the feed of all teams: a change's, or a moment's.

    *Raises*: `CodedError` naming the argument.
    """
    match _decode(field, cursor):
        case ["change", *_]:
            return Moment(read_change_cursor(field, cursor), CommitTime(0))
    return read_moment_cursor(field, cursor)


def _encode(parts: list[str | int | None]) -> Cursor:
    return Cursor(urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("="))


def _decode(field: str, cursor: str) -> object:
    if len(cursor) > MAX_CURSOR_LENGTH:
        raise _not_a_cursor(field)
    try:
        parts = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        raise _not_a_cursor(field) from None
    # A bool is an int in Python, but not in MongoDB.
    if not isinstance(parts, list) or any(isinstance(part, bool) for part in parts):
        raise _not_a_cursor(field)
    return parts


def _not_a_cursor(field: str) -> Exception:
    return invalid_input(
        InvalidInput(field, "must be a cursor that the service has given for this argument")
    )
