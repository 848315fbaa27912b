"""One execution of a subscription per change for all subscribers of a process that send the same.

A thousand subscribers of one team mostly send the same document. Executing it for each took half of
the time of a delivery and gave equal answers: an answer depends on the change, the operation and
the variables used below its root field, and not on the viewer. The root field's own arguments, such
as the version to resume after, only select the change.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Protocol, runtime_checkable

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

from app.api.bounded_cache import BoundedCache
from app.api.execution.executor import CompilingExecutor
from app.domain.changes import Change

# Long enough to serve all subscribers, short enough that `team`, the current one, stays fresh.
KEPT_SECONDS = 1.0
KEPT_ANSWERS = 1_000
KEPT_OPERATIONS = 100


@runtime_checkable
class PresentedChange(Protocol):
    """An event whose answers are shared: `TeamChange` in `types.py`."""

    change: Change


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


class SharingExecutor(CompilingExecutor):
    """Executes an operation for an event, or reuses the answer to another subscriber."""

    def execute_operation(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the base's signature
        """The result, or an awaitable of it."""
        event = self.root_value
        if not isinstance(event, PresentedChange):
            return super().execute_operation(*args, **kwargs)
        shared: SharedAnswers = self.context_value.services.shared_answers
        given = self.variable_values.coerced
        names = shared.variables_below(self.operation, self.fragment_definitions)
        values = tuple(repr(given[name]) if name in given else None for name in sorted(names))
        key = (event.change.position, id(self.operation), values)
        kept = shared.find(key)
        if kept is None:
            answer = super().execute_operation(*args, **kwargs)
            if isawaitable(answer):
                answer = asyncio.ensure_future(answer)
            shared.keep(key, self.operation, answer)
        else:
            answer = kept.answer
        # A subscriber that unsubscribes must not cancel the task that others await.
        return asyncio.shield(answer) if isinstance(answer, asyncio.Future) else answer
