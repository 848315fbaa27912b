"""Sorts the driver's errors into faults, by type and code, never by their text."""

from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
    WaitQueueTimeoutError,
)

from app.domain.faults import (
    DatabaseUnavailable,
    DatabaseUnsuitable,
    Fault,
    MomentGone,
    TeamDamaged,
)
from app.domain.ids import CommitTime

NAMESPACE_EXISTS = 48
UNAUTHORIZED = 13
AUTHENTICATION_FAILED = 18
BACKGROUND_OPERATION_IN_PROGRESS = 12587
CONFLICTING_OPERATION_IN_PROGRESS = 117
INDEX_CONFLICTS = frozenset({85, 86})  # IndexOptionsConflict, IndexKeySpecsConflict

# NamespaceExists at a start; DuplicateKey for a user who is on a team; WriteConflict, and then
# NoSuchTransaction for the end of what it has ended already, where transactions meet.
EXPECTED_CODES = frozenset({NAMESPACE_EXISTS, 11000, 112, 251})

# ChangeStreamHistoryLost, ChangeStreamFatalError, InvalidResumeToken, CappedPositionLost, and
# BSONObjectTooLarge for an event of a team whose `_id` has megabytes: a change stream can't go on
# from where it was, nor from anywhere before now.
_HISTORY_LOST_CODES = frozenset({286, 280, 260, 136, 10334})

# SnapshotTooOld, SnapshotUnavailable, InvalidOptions: a moment lies too far back, before a change
# of indexes, or in the future, as after a restore.
_MOMENT_GONE_CODES = frozenset({239, 246, 72})

# CursorNotFound, CursorKilled, FailedToSatisfyReadPreference, RetryChangeStream: it can go on when
# it is opened anew after its last token.
_REOPEN_CODES = frozenset({43, 237, 133, 234})

# Server codes that mean "not now": MaxTimeMSExpired, WriteConcernFailed, ShutdownInProgress,
# PrimarySteppedDown, NoSuchTransaction (a new primary knows none of the old one's),
# ExceededTimeLimit, IndexBuildAborted (by an election), NotWritablePrimary, the two Interrupted…,
# NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary. The driver has already retried once.
_UNAVAILABLE_CODES = frozenset(
    {50, 64, 91, 100, 189, 202, 251, 262, 276, 10058, 10107, 11600, 11602, 13435, 13436}
)

# BadValue, TypeMismatch, DocumentValidationFailure, $size of no array: how a write fails on a
# document that another program has damaged. Nothing is written then.
_DAMAGE_CODES = frozenset({2, 14, 121, 17124})

# What an operator can do about them.
_REFUSALS = {
    AUTHENTICATION_FAILED: (
        "MongoDB does not accept the user and password in MONGODB_URI. Correct them, or name the "
        "database that the user was made in: authSource=NAME."
    ),
    UNAUTHORIZED: (
        "MongoDB allows less than Team Joiner needs. Name a user with a password in MONGODB_URI, "
        "and give that user the role that the README has under MongoDB."
    ),
}


class HistoryLost(Fault):
    """A change stream's position is gone; never leaves `storage/`."""


@contextmanager
def driver_faults(*, at: CommitTime | None = None) -> Iterator[None]:
    """Raises `DatabaseUnavailable` in place of a driver error that says so.

    What reads at a moment gets `MomentGone` where that is why it failed.

    Any other driver error passes: it is a bug, or a broken set-up, and is masked at the edge.
    """
    try:
        yield
    except PyMongoError as error:
        if isinstance(error, OperationFailure) and error.code in _HISTORY_LOST_CODES:
            raise HistoryLost(str(error)) from error
        if at and isinstance(error, OperationFailure) and error.code in _MOMENT_GONE_CODES:
            raise MomentGone(str(error)) from error
        if is_unavailable(error):
            raise DatabaseUnavailable(str(error)) from error
        raise


@contextmanager
def set_up_faults() -> Iterator[None]:
    """Raises `DatabaseUnsuitable` in place of a driver error that an operator has to see to.

    For what is done at the start: that a request meets such an error is a fault like others.
    """
    try:
        yield
    except ConfigurationError as error:  # found late: a host name without the records of a cluster
        raise DatabaseUnsuitable(f"MONGODB_URI can't be used: {error}") from error
    except OperationFailure as error:
        if error.code not in _REFUSALS:
            raise
        raise DatabaseUnsuitable(_REFUSALS[error.code]) from error


@contextmanager
def damage_faults() -> Iterator[None]:
    """Raises `TeamDamaged` where the database refuses a team's change for what the team holds."""
    try:
        yield
    except OperationFailure as error:
        if error.code in _DAMAGE_CODES:
            # Not its text, which may quote all of the team.
            raise TeamDamaged(f"A team's data allow no change (code {error.code}).") from error
        raise
    except BSONError as error:  # the refusal quotes the team
        raise TeamDamaged(f"A team holds what can't be decoded: {error}") from error


def is_unavailable(error: PyMongoError) -> bool:
    """Whether the database could not be reached, or did not answer in time."""
    if isinstance(error, ConnectionFailure | WaitQueueTimeoutError) or error.timeout:
        return True
    if isinstance(error, InvalidOperation):  # the client is closed: we are shutting down
        return True
    if error.has_error_label("TransientTransactionError"):  # its transaction may be run again
        return True
    return isinstance(error, OperationFailure) and error.code in _UNAVAILABLE_CODES | _REOPEN_CODES


def refused_by(error: DuplicateKeyError) -> tuple[str, ...]:
    """The fields of the unique index that refused a write."""
    details = error.details or {}
    return tuple(details.get("keyPattern", ()))
