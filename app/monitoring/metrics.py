"""Prometheus metrics of operations, subscribers and feeds.

Clients choose operation names, so the values of that label are bounded: the names in registered
documents, and the first `MAX_OTHER_NAMES` others that a process receives.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from graphql import GraphQLError, OperationDefinitionNode, parse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from app.api.observation import EndedOperation
from app.domain.changes import Change
from app.domain.ids import CommitTime
from app.monitoring.database_metrics import LAG_SECONDS, NAMESPACE
from app.service.hub import EVERYTHING, Topic

MAX_OTHER_NAMES: Final = 100
ANONYMOUS: Final = "anonymous"
OTHER: Final = "other"

OPERATION_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class OperationNames:
    """Label values for operation names: registered ones and `MAX_OTHER_NAMES` others."""

    def __init__(self, registered_documents: Iterable[str] = ()) -> None:
        self._registered = frozenset(
            name for text in registered_documents for name in _operations_in(text)
        )
        self._others: set[str] = set()

    def label(self, name: str | None) -> str:
        """The name if it is one of these, else `other`; `anonymous` if there is none."""
        if name is None:
            return ANONYMOUS
        if name in self._registered or name in self._others:
            return name
        if len(self._others) >= MAX_OTHER_NAMES:
            return OTHER
        self._others.add(name)
        return name


class ApiMetrics:
    """An `OperationObserver` and a `HubObserver` that update metrics in a registry."""

    def __init__(
        self,
        registry: CollectorRegistry,
        names: OperationNames,
        lag: Callable[[CommitTime], float | None] = lambda _: None,
    ) -> None:
        self._names = names
        self._lag = lag
        counter = partial(Counter, namespace=NAMESPACE, registry=registry)
        histogram = partial(Histogram, namespace=NAMESPACE, registry=registry)
        gauge = partial(Gauge, namespace=NAMESPACE, registry=registry, multiprocess_mode="livesum")
        self._operations = counter(
            "operations",
            "Completed operations by outcome: success, a problem's type, or an error code.",
            ["name", "kind", "outcome"],
        )
        # Without labels, so that it is 0 from the start: Prometheus sees no increase in a series
        # whose first sample is 1.
        self._internal_errors = counter(
            "internal_errors", "Operations with an INTERNAL_SERVER_ERROR among their errors."
        )
        self._seconds = histogram(
            "operation_seconds",
            "Duration of queries and mutations.",
            ["name", "kind"],
            buckets=OPERATION_SECONDS,
        )
        self._problems = counter("problems", "Problems that mutations returned, by type.", ["type"])
        self._subscribers = gauge(
            "subscribers", "Current subscribers by subscription field.", ["field"]
        )
        self._cut_off = counter(
            "subscribers_cut_off",
            "Subscribers cut off with SUBSCRIBER_TOO_SLOW, by subscription field.",
            ["field"],
        )
        self._stalled = counter(
            "stalled_connections",
            "Connections aborted because their peer read nothing for 30 seconds.",
        )
        self._feed_lag = histogram(
            "feed_lag_seconds",
            "Time from a change's commit to its delivery to subscribers, in whole seconds.",
            buckets=LAG_SECONDS,
        )

    def ended(self, operation: EndedOperation) -> None:
        name, kind = self._names.label(operation.name), operation.kind
        self._operations.labels(name, kind, operation.outcome).inc()
        if operation.has_met_bug:
            self._internal_errors.inc()
        if kind in {"query", "mutation"}:
            self._seconds.labels(name, kind).observe(operation.duration_seconds)
        for problem in operation.problems:
            self._problems.labels(problem).inc()

    def subscribed(self, topic: Topic) -> None:
        self._subscribers.labels(_field_of(topic)).inc()

    def unsubscribed(self, topic: Topic) -> None:
        self._subscribers.labels(_field_of(topic)).dec()

    def cut_off(self, topic: Topic) -> None:
        self._cut_off.labels(_field_of(topic)).inc()

    def stalled(self) -> None:
        self._stalled.inc()

    def delivered(self, change: Change) -> None:
        if change.commit_time is not None and (lag := self._lag(change.commit_time)) is not None:
            self._feed_lag.observe(lag)


def _operations_in(text: str) -> Iterator[str]:
    try:
        document = parse(text)
    except GraphQLError:  # reported to clients that request it
        return
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode) and node.name:
            yield node.name.value


def _field_of(topic: Topic) -> str:
    if topic == EVERYTHING:
        return "allTeamChanges"
    return "teamChanges" if topic.user_id is None else "userTeam"
