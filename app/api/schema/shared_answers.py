"""Answers a change once for all subscribers of one process that ask the same of it.

A thousand subscribers of one team mostly send the same document. Executing it for each took half of
the time that a delivery took, and gave the same answer each time: what a change shows depends on
the change, the operation and the variables used below its root field, and on nothing of the viewer.
The root field's own arguments, such as the version that a feed resumes after, chose the change.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    visit,
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.api.bounded_cache import BoundedCache
from app.api.schema.changes import TeamChange, present_change
from app.domain.changes import Change

# How long answers are kept: as long as it takes to go through all subscribers, and not so long that
# `team`, which is read when it is asked for, gets old.
KEPT_SECONDS = 1.0
KEPT_ANSWERS = 1_000
KEPT_OPERATIONS = 100


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer or the task that makes it, and its operation, whose id stays its own meanwhile."""

    since: float
    operation: OperationDefinitionNode
    answer: Any


class ChangeViews:
    """What has just been answered of changes that are on their way to subscribers."""

    def __init__(self) -> None:
        self.answers: OrderedDict[tuple[object, ...], Kept] = OrderedDict()
        self._variables: BoundedCache[int, tuple[OperationDefinitionNode, frozenset[str]]] = (
            BoundedCache(max_entries=KEPT_OPERATIONS, max_weight=KEPT_OPERATIONS)
        )
        self._forgetting: asyncio.TimerHandle | None = None

    def of(self, change: Change) -> TeamChange:
        """The schema's form of a change, whose answers are shared."""
        view = present_change(change)
        view.views = self
        return view

    def find(self, key: tuple[object, ...]) -> Kept | None:
        """What is kept under a key, and is not too old."""
        kept = self.answers.get(key)
        return kept if kept and time.monotonic() - kept.since < KEPT_SECONDS else None

    def keep(
        self, key: tuple[object, ...], operation: OperationDefinitionNode, answer: object
    ) -> None:
        """Keeps an answer for a moment, and no more than `KEPT_ANSWERS`."""
        self.answers[key] = Kept(time.monotonic(), operation, answer)
        self.answers.move_to_end(key)
        while len(self.answers) > KEPT_ANSWERS:
            self.answers.popitem(last=False)
        if self._forgetting is None:
            self._forget_later()

    def variables_below(
        self, operation: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]
    ) -> frozenset[str]:
        """The variables on which the answer to an event depends: those used below the root field.

        *Limits*: one walk of the document per operation; it has been measured and validated.
        """
        found = self._variables.get(id(operation))
        if found is None or found[0] is not operation:
            found = operation, _variables_below(operation.selection_set, fragments)
            self._variables.put(id(operation), found, weight=1)
        return found[1]

    def _forget_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._forgetting = loop.call_later(KEPT_SECONDS, self._forget)

    def _forget(self) -> None:
        """Drops what is too old, so that memory comes back though nothing happens any more."""
        oldest = time.monotonic() - KEPT_SECONDS
        while self.answers and next(iter(self.answers.values())).since <= oldest:
            self.answers.popitem(last=False)
        self._forgetting = None
        if self.answers:
            self._forget_later()


class _Variables(Visitor):
    """Gathers the names of variables and of fragments, leaving out the arguments of root fields."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.fragments: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.names.add(node.name.value)

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
        self.fragments.add(node.name.value)


def _variables_below(
    root: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]
) -> frozenset[str]:
    found = _Variables()
    pending: list[SelectionSetNode] = [root]
    for selections in pending:  # grows by root fragments: a subscription may select in one
        for node in selections.selections:
            for part in (*(node.directives or ()), *_below(node)):
                visit(part, found)
            if isinstance(node, FragmentSpreadNode):
                pending.append(fragments[node.name.value].selection_set)
            elif not isinstance(node, FieldNode):
                pending.append(node.selection_set)  # type: ignore[attr-defined]  # an inline fragment
    seen: set[str] = set()
    while new := found.fragments - seen:
        seen |= new
        for name in new:
            visit(fragments[name], found)
    return frozenset(found.names)


def _below(node: object) -> tuple[SelectionSetNode, ...]:
    if isinstance(node, FieldNode) and node.selection_set:
        return (node.selection_set,)
    return ()


class SharingExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes an operation for an event, unless that has been done for another subscriber."""

    def execute_operation(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the base's signature
        """The result, or an awaitable of it."""
        event = self.root_value
        views = event.views if isinstance(event, TeamChange) else None
        if views is None:
            return super().execute_operation(*args, **kwargs)
        given = self.variable_values.coerced
        names = views.variables_below(self.operation, self.fragment_definitions)
        values = tuple(repr(given[name]) if name in given else None for name in sorted(names))
        key = (event.change.position, id(self.operation), values)
        kept = views.find(key)
        if kept is None:
            answer = super().execute_operation(*args, **kwargs)
            if isawaitable(answer):
                answer = asyncio.ensure_future(answer)
            views.keep(key, self.operation, answer)
        else:
            answer = kept.answer
        # One subscriber that leaves must not cancel what the others wait for.
        return asyncio.shield(answer) if isinstance(answer, asyncio.Future) else answer
