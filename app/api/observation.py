"""Outcomes of operations for metrics, the operation log and traces.

Notes are kept in a context variable of the operation's task, so that the schema's code can add to
them without knowing the observers. They hold types, codes and the operation's name, and nothing
else that a client sent.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final, Protocol

from graphql import GraphQLError, OperationType

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


class Tracer(Protocol):
    """Opens spans for operations and their root fields."""

    def begin(self) -> Callable[[EndedOperation], None]:
        """Open the span of an operation; returns the function that ends it."""

    def root_field(self, name: str, run: Callable[[], Any]) -> Awaitable[Any]:
        """The value of a root field that is executed by `run`, in a span of its own."""


class ObservedOperation(Protocol):
    """An operation under way."""

    name: str | None
    kind: OperationType | None
    """None until the operation is found in a document."""
    errors: Sequence[GraphQLError]


class Observers:
    """Calls all observers."""

    def __init__(self, *observers: OperationObserver, tracer: Tracer | None = None) -> None:
        self._observers = observers
        self.tracer = tracer

    def observing(self, operation: ObservedOperation) -> AbstractContextManager[None]:
        """Times an operation until its end and notifies the observers of its outcome."""
        is_observed = self._observers or self.tracer
        return self._observing(operation) if is_observed else _UNOBSERVED

    @contextmanager
    def _observing(self, operation: ObservedOperation) -> Iterator[None]:
        began_at = perf_counter()
        notes = Notes()
        _current.set(notes)
        end_span = self.tracer.begin() if self.tracer else None
        is_cancelled = True
        try:
            yield
            is_cancelled = False
        finally:
            outcome = CANCELLED if is_cancelled else _outcome(operation, notes)
            kind, name = operation.kind, operation.name
            ended = EndedOperation(
                name=name[:MAX_NAME_LENGTH] if kind and name else None,
                kind=kind.value if kind else UNKNOWN,
                outcome=outcome,
                problems=notes.problems,
                duration_seconds=perf_counter() - began_at,
                has_met_bug=notes.has_met_bug or outcome == Code.INTERNAL_SERVER_ERROR,
            )
            self.ended(ended)
            if end_span:
                end_span(ended)

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


def _outcome(operation: ObservedOperation, notes: Notes) -> str:
    if operation.errors:
        return code_of(operation.errors[0])
    return notes.problems[0] if notes.problems else SUCCESS


_UNOBSERVED: Final = nullcontext()


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
