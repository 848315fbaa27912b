"""One execution of a subscription per change for all subscribers of a process that send the same.

A thousand subscribers of one team mostly send the same document, and get equal answers: an answer
depends on the change, the operation and the variables used below its root field, and not on the
viewer. The root field's own arguments, such as the version to resume after, only select the change.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable
from functools import cached_property
from inspect import isawaitable
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import orjson
from graphql import (
    DirectiveNode,
    Executor,
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

# Long enough to serve all subscribers, short enough that `team`, the current one, stays fresh.
KEPT_SECONDS = 1.0
KEPT_ANSWERS = 1_000
KEPT_OPERATIONS = 100


class SharedResult(ExecutionResult):
    """A result without errors, encoded once for all subscribers that it is sent to."""

    @cached_property
    def encoded_data(self) -> orjson.Fragment:
        """The data as JSON, for `orjson.dumps` of a message around it."""
        return orjson.Fragment(orjson.dumps(self.data))


class Selection:
    """An operation and the variables below its root field, as many subscribers may send them.

    It keeps the executor of the first of them, with neither its viewer nor its connection.
    """

    def __init__(self, shared: "SharedAnswers", executor: Executor[Any]) -> None:
        executor.context_value = executor.context_value.without_viewer()
        self._executor = executor
        self._shared = shared

    def answer(self, event: object) -> Any:  # noqa: ANN401 - a result or an awaitable of one
        """The result for an event. That of a change is shared, that of a user is not."""
        change = getattr(event, "change", None)
        if change is None:
            return self._execute(event)
        key = (self, change.position)
        answer = self._shared.find(key)
        if answer is None:
            answer = self._execute(event)
            if isawaitable(answer):
                answer = asyncio.ensure_future(_result(answer))
            else:
                answer = _sharable(answer)
            self._shared.keep(key, answer)
        if not isinstance(answer, asyncio.Future):
            return answer
        # A subscriber that unsubscribes must not cancel the task that others await.
        return answer.result() if answer.done() else asyncio.shield(answer)

    def _execute(self, event: object) -> Any:  # noqa: ANN401 - as above
        executor = self._executor.build_per_event_executor(event)
        executor.context_value = executor.context_value.without_viewer()  # with loaders of its own
        return executor.execute_operation(serially=False)


async def _result(executing: Awaitable[Any]) -> Any:  # noqa: ANN401 - either kind of result
    return _sharable(await executing)


def _sharable(result: Any) -> Any:  # noqa: ANN401 - as above
    """The result to share. Errors are coded, masked and observed for each subscriber."""
    return result if result.errors else SharedResult(data=result.data, errors=None)


class Kept(NamedTuple):
    """A result, or the task that computes it."""

    since: float
    answer: Any


Key = tuple[Selection, int]


class SharedAnswers:
    """The selections of a process's subscribers, and the latest answers by selection and change."""

    def __init__(self) -> None:
        self.answers: OrderedDict[Key, Kept] = OrderedDict()
        self._selections: WeakValueDictionary[tuple[object, ...], Selection] = WeakValueDictionary()
        self._variables: BoundedCache[int, tuple[OperationDefinitionNode, frozenset[str]]] = (
            BoundedCache(max_entries=KEPT_OPERATIONS, max_weight=KEPT_OPERATIONS)
        )
        self._forgetting: asyncio.TimerHandle | None = None

    def selection(self, executor: Executor[Any]) -> Selection:
        """The selection of a subscription, which lasts as long as a subscriber holds it."""
        given = executor.variable_values.coerced
        names = self.variables_below(executor.operation, executor.fragment_definitions)
        values = tuple(repr(given[name]) if name in given else None for name in sorted(names))
        # The selection holds the operation, so its `id` is not reused.
        key = (id(executor.operation), values)
        selection = self._selections.get(key)
        if selection is None:
            selection = self._selections[key] = Selection(self, executor)
        return selection

    def find(self, key: Key) -> Any:  # noqa: ANN401 - a result or a task
        """The answer under a key, unless older than `KEPT_SECONDS`."""
        kept = self.answers.get(key)
        return kept.answer if kept and time.monotonic() - kept.since < KEPT_SECONDS else None

    def keep(self, key: Key, answer: object) -> None:
        """Keep an answer for `KEPT_SECONDS`, or until `KEPT_ANSWERS` newer ones displace it."""
        self.answers[key] = Kept(time.monotonic(), answer)
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
