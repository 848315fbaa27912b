"""Maps driver errors to faults by type and code, never by their text."""

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
from app.storage.cancellation import cancellation_kept

NAMESPACE_EXISTS = 48
UNAUTHORIZED = 13
AUTHENTICATION_FAILED = 18
BACKGROUND_OPERATION_IN_PROGRESS = 12587
CONFLICTING_OPERATION_IN_PROGRESS = 117
INDEX_CONFLICTS = frozenset({85, 86})  # IndexOptionsConflict, IndexKeySpecsConflict

# NamespaceExists at startup; DuplicateKey for a user who is on a team; WriteConflict between
# transactions, and NoSuchTransaction for the abort that follows it.
EXPECTED_CODES = frozenset({NAMESPACE_EXISTS, 11000, 112, 251})

# ChangeStreamHistoryLost, ChangeStreamFatalError, InvalidResumeToken, CappedPositionLost, and
# BSONObjectTooLarge for an event of a team whose `_id` has megabytes: a change stream can't resume
# from its position, nor from any other before now.
_HISTORY_LOST_CODES = frozenset({286, 280, 260, 136, 10334})

# SnapshotTooOld, SnapshotUnavailable, InvalidOptions: the time is too long ago, before a change of
# indexes, or in the future, as after a restore.
_MOMENT_GONE_CODES = frozenset({239, 246, 72})

# CursorNotFound, CursorKilled, FailedToSatisfyReadPreference, RetryChangeStream: a change stream
# can resume after its last token.
_REOPEN_CODES = frozenset({43, 237, 133, 234})

# Codes that mean "not now": MaxTimeMSExpired, WriteConcernFailed, ShutdownInProgress,
# PrimarySteppedDown, NoSuchTransaction (a new primary knows none of the old one's),
# ExceededTimeLimit, IndexBuildAborted (by an election), NotWritablePrimary, the two Interrupted…,
# NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary; SnapshotUnavailable for a read of the
# present, since a new primary has no snapshot before its first majority commit. The driver has
# already retried once.
_UNAVAILABLE_CODES = frozenset(
    {50, 64, 91, 100, 189, 202, 246, 251, 262, 276, 10058, 10107, 11600, 11602, 13435, 13436}
)

# BadValue, TypeMismatch, DocumentValidationFailure, $size of no array: a write failed on a document
# that an external writer has damaged. Nothing was written.
_DAMAGE_CODES = frozenset({2, 14, 121, 17124})

# Messages for the operator.
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
    """Raise `DatabaseUnavailable` or `HistoryLost` in place of the driver's errors for them.

    A read of a snapshot `at` a time raises `MomentGone` if that is why it failed. Any other error
    passes: it is a bug or a broken set-up, and is masked for clients.

    *Cancellation*: as `cancellation_kept`.
    """
    try:
        with cancellation_kept():
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
    """Raise `DatabaseUnsuitable`, at startup, for an error that an operator must resolve."""
    try:
        yield
    except ConfigurationError as error:  # raised late: a host name without SRV records
        raise DatabaseUnsuitable(f"MONGODB_URI can't be used: {error}") from error
    except OperationFailure as error:
        if error.code not in _REFUSALS:
            raise
        raise DatabaseUnsuitable(_REFUSALS[error.code]) from error


@contextmanager
def damage_faults() -> Iterator[None]:
    """Raise `TeamDamaged` if the database rejects a change because of the team's stored values."""
    try:
        yield
    except OperationFailure as error:
        if error.code in _DAMAGE_CODES:
            # Without its text, which may quote the whole team.
            raise TeamDamaged(f"A team's data allow no change (code {error.code}).") from error
        raise
    except BSONError as error:  # the error quotes the team
        raise TeamDamaged(f"A team holds what can't be decoded: {error}") from error


def is_unavailable(error: PyMongoError) -> bool:
    """True if the database could not be reached, or did not answer in time."""
    if isinstance(error, ConnectionFailure | WaitQueueTimeoutError) or error.timeout:
        return True
    if isinstance(error, InvalidOperation):  # the client is closed: we are shutting down
        return True
    if error.has_error_label("TransientTransactionError"):  # can be retried as a whole
        return True
    return isinstance(error, OperationFailure) and error.code in _UNAVAILABLE_CODES | _REOPEN_CODES


def refused_by(error: DuplicateKeyError) -> tuple[str, ...]:
    """The fields of the unique index that refused a write."""
    details = error.details or {}
    return tuple(details.get("keyPattern", ()))
