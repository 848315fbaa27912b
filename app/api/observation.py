"""Outcomes of operations for metrics, the operation log and traces.

Notes are kept in a context variable of the operation's task, so that the schema's code can add to
them without knowing the observers. They hold types, codes and the operation's name, and nothing
else that a client sent.
"""

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final, Protocol

from strawberry.extensions import SchemaExtension

from app.api.codes import Code
from app.api.errors import code_of

SUCCESS: Final = "success"
CANCELLED: Final = "cancelled"
"""The client has left, or has ended its subscription."""
UNKNOWN: Final = "unknown"

MAX_NAME_LENGTH: Final = 100
"""Longer names, which clients choose, are cut."""


@dataclass
class Notes:
    """Problems and bugs of one operation so far."""

    problems: list[str] = field(default_factory=list)
    has_met_bug: bool = False
    ended: "EndedOperation | None" = None


@dataclass(frozen=True, slots=True)
class EndedOperation:
    """A completed operation; `outcome` is `success`, a problem's type, or an error code.

    Of several problems or errors it is the first. `kind` is query, mutation or subscription, and
    unknown if the request was not valid GraphQL.
    """

    name: str | None
    kind: str
    outcome: str
    problems: Sequence[str]
    duration_seconds: float
    has_met_bug: bool = False
    """True if any of its errors was an `INTERNAL_SERVER_ERROR`."""


class OperationObserver(Protocol):
    """Called for each completed operation; it must not block or raise."""

    def ended(self, operation: EndedOperation) -> None:
        """Called when an operation has completed."""


class Observers:
    """Calls all observers."""

    def __init__(self, *observers: OperationObserver) -> None:
        self._observers = observers

    def ended(self, operation: EndedOperation) -> None:
        """Notifies the observers of a completed operation."""
        for observer in self._observers:
            observer.ended(operation)

    def refused(self, code: str) -> None:
        """Notifies the observers of a request that was rejected before it was executed."""
        self.ended(
            EndedOperation(
                None, UNKNOWN, code, (), 0.0, has_met_bug=code == Code.INTERNAL_SERVER_ERROR
            )
        )


@dataclass(frozen=True, slots=True)
class ConnectionEvents:
    """Callbacks for the server's connections, which reach requests before the application does.

    Connections find it as `CONNECTION_EVENTS` in the lifespan's state, the only object of the
    application that the server passes to them.
    """

    refused: Callable[[str], None]
    """A request was rejected with this code."""
    stalled: Callable[[], None]
    """A connection was aborted because its peer read nothing."""


CONNECTION_EVENTS: Final = "connection_events"


_current: ContextVar[Notes] = ContextVar("notes")


def note_problem(name: str) -> None:
    """Records a problem in the answer of the current operation."""
    if notes := _current.get(None):
        notes.problems.append(name)


def note_bug() -> None:
    """Records an `INTERNAL_SERVER_ERROR` in the current operation."""
    if notes := _current.get(None):
        notes.has_met_bug = True


def ended_operation() -> EndedOperation | None:
    """The operation that this task has just completed."""
    notes = _current.get(None)
    return notes.ended if notes else None


class ObservedExecution(SchemaExtension):
    """Times each operation and notifies the observers of its outcome.

    It must come before the extensions whose errors it reports.
    """

    def on_operation(self) -> Iterator[None]:
        """Covers an operation from parsing to its answer, or to the end of its subscription."""
        began_at = perf_counter()
        notes = Notes()
        _current.set(notes)
        error: BaseException | None = None
        try:
            yield
        except BaseException as raised:
            error = raised
            raise
        finally:
            kind, name = self._kind_and_name()
            outcome = self._outcome(notes, error)
            notes.ended = EndedOperation(
                name=name,
                kind=kind,
                outcome=outcome,
                problems=notes.problems,
                duration_seconds=perf_counter() - began_at,
                has_met_bug=notes.has_met_bug or outcome == Code.INTERNAL_SERVER_ERROR,
            )
            self.execution_context.context.services.observers.ended(notes.ended)

    def _kind_and_name(self) -> tuple[str, str | None]:
        context = self.execution_context
        try:
            name = context.operation_name
            return context.operation_type.value, name and name[:MAX_NAME_LENGTH]
        except RuntimeError:  # no document, or none of its operations has the name asked for
            return UNKNOWN, None

    def _outcome(self, notes: Notes, error: BaseException | None) -> str:
        if error is not None:
            return code_of(error) if isinstance(error, Exception) else CANCELLED
        context = self.execution_context
        if context.pre_execution_errors:
            return code_of(context.pre_execution_errors[0])
        return notes.problems[0] if notes.problems else SUCCESS
