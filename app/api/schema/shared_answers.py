"""One execution of a subscription per change for all subscribers of a process that send the same.

A thousand subscribers of one team mostly send the same document. Executing it for each took half of
the time of a delivery and gave equal answers: an answer depends on the change, the operation and
the variables used below its root field, and not on the viewer. The root field's own arguments, such
as the version to resume after, only select the change.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import cached_property
from inspect import isawaitable
from typing import Any

import orjson
from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    Node,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    VisitorAction,
    visit,
)
from strawberry.types import ExecutionResult

from app.api.bounded_cache import BoundedCache
from app.api.execution.executor import CompilingExecutor
from app.domain.changes import Change

# Long enough to serve all subscribers, short enough that `team`, the current one, stays fresh.
KEPT_SECONDS = 1.0
KEPT_ANSWERS = 1_000
KEPT_OPERATIONS = 100


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, or the task that computes it. Holding the operation keeps its `id` from reuse."""

    since: float
    operation: OperationDefinitionNode
    answer: Any


class SharedAnswers:
    """The latest answers of a process, by change, operation and variables."""

    def __init__(self) -> None:
        self.answers: OrderedDict[tuple[object, ...], Kept] = OrderedDict()
        self._variables: BoundedCache[int, tuple[OperationDefinitionNode, frozenset[str]]] = (
            BoundedCache(max_entries=KEPT_OPERATIONS, max_weight=KEPT_OPERATIONS)
        )
        self._forgetting: asyncio.TimerHandle | None = None

    def find(self, key: tuple[object, ...]) -> Kept | None:
        """The answer under a key, unless older than `KEPT_SECONDS`."""
        kept = self.answers.get(key)
        return kept if kept and time.monotonic() - kept.since < KEPT_SECONDS else None

    def keep(
        self, key: tuple[object, ...], operation: OperationDefinitionNode, answer: object
    ) -> None:
        """Keep an answer for `KEPT_SECONDS`, or until `KEPT_ANSWERS` newer ones displace it."""
        self.answers[key] = Kept(time.monotonic(), operation, answer)
        self.answers.move_to_end(key)
        while len(self.answers) > KEPT_ANSWERS:
            self.answers.popitem(last=False)
        if self._forgetting is None:
            self._forget_later()

    def variables_below(
        self, operation: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]
    ) -> frozenset[str]:
        """The variables used below the root field: those on which the answer depends.

        *Limits*: one traversal per operation, of a validated document within the limits.
        """
        found = self._variables.get(id(operation))
        if found is None or found[0] is not operation:
            variables = _VariablesBelowRoot()
            for part in (operation, *fragments.values()):
                visit(part, variables)
            found = operation, frozenset(variables.names)
            self._variables.put(id(operation), found, weight=1)
        return found[1]

    def _forget_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._forgetting = loop.call_later(KEPT_SECONDS, self._forget)

    def _forget(self) -> None:
        """Drop expired answers, so that memory is freed even if no more events come."""
        oldest = time.monotonic() - KEPT_SECONDS
        while self.answers and next(iter(self.answers.values())).since <= oldest:
            self.answers.popitem(last=False)
        self._forgetting = None
        if self.answers:
            self._forget_later()


class _VariablesBelowRoot(Visitor):
    """Collects the names of variables, except those in the arguments of root fields."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable_definition(self, *_: object) -> VisitorAction:
        return self.SKIP

    def enter_argument(
        self, _node: Node, _key: object, _parent: object, _path: object, ancestors: list[Node]
    ) -> VisitorAction:
        definition, *above = ancestors
        # Fragments on the root type are used at the root only, and all others below it.
        at_root = (
            not isinstance(definition, FragmentDefinitionNode)
            or definition.type_condition.name.value == "Subscription"
        )
        kinds = [type(node) for node in above]
        if at_root and kinds.count(FieldNode) == 1 and DirectiveNode not in kinds:
            return self.SKIP
        return None

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.names.add(node.name.value)


class SharedResult(ExecutionResult):
    """A result without errors, encoded once for all subscribers that it is sent to."""

    @cached_property
    def encoded_data(self) -> orjson.Fragment:
        """The data as JSON, for `orjson.dumps` of a message around it."""
        return orjson.Fragment(orjson.dumps(self.data))


class SharingExecutor(CompilingExecutor):
    """Executes an operation for an event, or reuses the answer to another subscriber."""

    _selection: tuple[object, ...] | None = None
    """The operation and the variables below its root field: the key of its answers."""

    def build_per_event_executor(self, payload: Any) -> Any:  # noqa: ANN401 - the base's signature
        """An executor of the operation for one event."""
        change: Change | None = getattr(payload, "change", None)
        return (
            _Event(self, payload, change) if change else super().build_per_event_executor(payload)
        )

    def answer(self, event: object, change: Change) -> Any:  # noqa: ANN401 - a result or an awaitable
        """The result of the operation for an event, or an awaitable of it."""
        shared: SharedAnswers = self.context_value.services.shared_answers
        if self._selection is None:
            given = self.variable_values.coerced
            names = shared.variables_below(self.operation, self.fragment_definitions)
            values = tuple(repr(given[name]) if name in given else None for name in sorted(names))
            self._selection = id(self.operation), values
        key = (change.position, self._selection)
        kept = shared.find(key)
        if kept is None:
            self.context_value.begin_answer()
            answer = super().build_per_event_executor(event).execute_operation(serially=False)
            if isawaitable(answer):
                answer = asyncio.ensure_future(_result(answer))
            else:
                answer = _sharable(answer)
            shared.keep(key, self.operation, answer)
        else:
            answer = kept.answer
        if not isinstance(answer, asyncio.Future):
            return answer
        # A subscriber that unsubscribes must not cancel the task that others await.
        return answer.result() if answer.done() else asyncio.shield(answer)


@dataclass(frozen=True, slots=True)
class _Event:
    """Executes an operation for one event, as `map_source_to_response_event` expects it."""

    executor: SharingExecutor
    event: object
    change: Change

    def execute_operation(self, serially: bool) -> Any:  # noqa: ANN401, ARG002 - as above
        return self.executor.answer(self.event, self.change)


async def _result(executing: Awaitable[Any]) -> Any:  # noqa: ANN401 - either kind of result
    return _sharable(await executing)


def _sharable(result: Any) -> Any:  # noqa: ANN401 - as above
    """The result to share. Errors are coded, masked and observed for each subscriber."""
    return result if result.errors else SharedResult(data=result.data, errors=None)
