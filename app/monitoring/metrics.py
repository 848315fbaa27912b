"""What the operator's monitoring learns of operations, subscribers and feeds.

Clients choose the names of their operations, so only some become labels: those in registered
documents, and the first `MAX_OTHER_NAMES` others that a process meets.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from graphql import GraphQLError, OperationDefinitionNode, parse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from app.api.observation import EndedOperation
from app.domain.changes import Change
from app.domain.ids import CommitTime
from app.service.hub import EVERYTHING, Topic

MAX_OTHER_NAMES: Final = 100
ANONYMOUS: Final = "anonymous"
OTHER: Final = "other"

OPERATION_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
LAG_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class OperationNames:
    """The names that may be labels. *Limits*: `MAX_OTHER_NAMES` beside the registered ones."""

    def __init__(self, registered_documents: Iterable[str] = ()) -> None:
        self._registered = frozenset(
            name for text in registered_documents for name in _operations_in(text)
        )
        self._others: set[str] = set()

    def label(self, name: str | None) -> str:
        """The name if it may be a label, or else what stands for it."""
        if name is None:
            return ANONYMOUS
        if name in self._registered or name in self._others:
            return name
        if len(self._others) >= MAX_OTHER_NAMES:
            return OTHER
        self._others.add(name)
        return name


class ApiMetrics:
    """The API's metrics in a registry; an `OperationObserver` and a `HubObserver`."""

    def __init__(
        self,
        registry: CollectorRegistry,
        names: OperationNames,
        lag: Callable[[CommitTime], float | None] = lambda _: None,
    ) -> None:
        self._names = names
        self._lag = lag
        self._operations = Counter(
            "team_joiner_operations",
            "Operations that ended, by outcome: success, a problem's type, or an error's code.",
            ["name", "kind", "outcome"],
            registry=registry,
        )
        # Without labels, so that it stands at 0 from the start: of a series that first appears at
        # 1 a monitoring sees no increase.
        self._internal_errors = Counter(
            "team_joiner_internal_errors",
            "Operations that met a bug: an INTERNAL_SERVER_ERROR among their errors.",
            registry=registry,
        )
        self._seconds = Histogram(
            "team_joiner_operation_seconds",
            "How long queries and mutations took.",
            ["name", "kind"],
            buckets=OPERATION_SECONDS,
            registry=registry,
        )
        self._problems = Counter(
            "team_joiner_problems",
            "Refusals that mutations answered, by type; VersionConflict is a lost race.",
            ["type"],
            registry=registry,
        )
        self._subscribers = Gauge(
            "team_joiner_subscribers",
            "Subscribers that receive changes, by subscription.",
            ["field"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._cut_off = Counter(
            "team_joiner_subscribers_cut_off",
            "Subscribers that were too slow, by subscription.",
            ["field"],
            registry=registry,
        )
        self._stalled = Counter(
            "team_joiner_stalled_connections",
            "Connections that were cut because their peer took nothing.",
            registry=registry,
        )
        self._feed_lag = Histogram(
            "team_joiner_feed_lag_seconds",
            "From a change's commit until this server has it for subscribers, in whole seconds.",
            buckets=LAG_SECONDS,
            registry=registry,
        )

    def ended(self, operation: EndedOperation) -> None:
        """See `OperationObserver`."""
        name, kind = self._names.label(operation.name), operation.kind
        self._operations.labels(name, kind, operation.outcome).inc()
        if operation.has_met_bug:
            self._internal_errors.inc()
        if kind in {"query", "mutation"}:
            self._seconds.labels(name, kind).observe(operation.duration_seconds)
        for problem in operation.problems:
            self._problems.labels(problem).inc()

    def subscribed(self, topic: Topic) -> None:
        """See `HubObserver`."""
        self._subscribers.labels(_field_of(topic)).inc()

    def unsubscribed(self, topic: Topic) -> None:
        """See `HubObserver`."""
        self._subscribers.labels(_field_of(topic)).dec()

    def cut_off(self, topic: Topic) -> None:
        """See `HubObserver`."""
        self._cut_off.labels(_field_of(topic)).inc()

    def stalled(self) -> None:
        """See `ConnectionEvents`."""
        self._stalled.inc()

    def delivered(self, change: Change) -> None:
        """See `HubObserver`. Changes without a commit time say nothing about lag."""
        if change.commit_time is not None and (lag := self._lag(change.commit_time)) is not None:
            self._feed_lag.observe(lag)


def _operations_in(text: str) -> Iterator[str]:
    try:
        document = parse(text)
    except GraphQLError:  # whoever asks for it is told
        return
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode) and node.name:
            yield node.name.value


def _field_of(topic: Topic) -> str:
    if topic == EVERYTHING:
        return "allTeamChanges"
    return "teamChanges" if topic.user_id is None else "userTeam"
