"""What is noted of an operation while it runs, and told to the observers when it has ended.

Notes travel with the task that serves the operation, so that those who write them need not know who
reads them. They name types and codes and never what a client sent, but for the operation's name.
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
"""Nobody waits for the answer any more: how subscriptions usually end."""
UNKNOWN: Final = "unknown"

MAX_NAME_LENGTH: Final = 100
"""What is noted of an operation's name, which its client has chosen."""


@dataclass
class Notes:
    """What has been noted of an operation so far."""

    problems: list[str] = field(default_factory=list)
    has_met_bug: bool = False
    ended: "EndedOperation | None" = None


@dataclass(frozen=True, slots=True)
class EndedOperation:
    """An operation that has ended: its outcome is `success`, a problem's type, or an error's code.

    Of several problems or errors it is the first one's. `name` is the client's; `kind` is query,
    mutation or subscription, and unknown for what is no GraphQL.
    """

    name: str | None
    kind: str
    outcome: str
    problems: Sequence[str]
    duration_seconds: float
    has_met_bug: bool = False
    """Whether any of its errors was a bug of ours, be it the outcome or not."""


class OperationObserver(Protocol):
    """Told of each operation that has ended; it must neither wait nor fail."""

    def ended(self, operation: EndedOperation) -> None:
        """An operation has ended."""


class Observers:
    """All that are told."""

    def __init__(self, *observers: OperationObserver) -> None:
        self._observers = observers

    def ended(self, operation: EndedOperation) -> None:
        """An operation has ended."""
        for observer in self._observers:
            observer.ended(operation)

    def refused(self, code: str) -> None:
        """A request was refused with this code before it became an operation."""
        self.ended(
            EndedOperation(
                None, UNKNOWN, code, (), 0.0, has_met_bug=code == Code.INTERNAL_SERVER_ERROR
            )
        )


@dataclass(frozen=True, slots=True)
class ConnectionEvents:
    """Told, outside of any request that the application sees, by the server's connections.

    They find it in the lifespan's state, as `CONNECTION_EVENTS`: the server makes them, and gives
    them nothing else of the application.
    """

    refused: Callable[[str], None]
    """What came was refused with this code."""
    stalled: Callable[[], None]
    """The peer took nothing for so long that the connection has been cut."""


CONNECTION_EVENTS: Final = "connection_events"


_current: ContextVar[Notes] = ContextVar("notes")


def note_problem(name: str) -> None:
    """The operation at hand is answered with a problem of this type."""
    if notes := _current.get(None):
        notes.problems.append(name)


def note_bug() -> None:
    """The operation at hand has met a bug, of which its client is told."""
    if notes := _current.get(None):
        notes.has_met_bug = True


def ended_operation() -> EndedOperation | None:
    """The operation that this task has just ended."""
    notes = _current.get(None)
    return notes.ended if notes else None


class ObservedExecution(SchemaExtension):
    """Times an operation and tells the observers how it ended.

    It stands before the extensions whose refusals it is to see.
    """

    def on_operation(self) -> Iterator[None]:
        """Watches one operation, from its text to its answer; a subscription to its end."""
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
