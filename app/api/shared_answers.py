"""Answers a change once for all subscribers of one process that ask the same of it.

A thousand subscribers of one team mostly send the same document. Executing it for each took half of
the time that a delivery took, and gave the same answer each time: what a change shows depends on
the change, the document and its variables, and on nothing of the viewer.
"""

import asyncio
import time
from collections import OrderedDict
from inspect import isawaitable
from typing import Any

from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.api.changes import TeamChange, present_change
from app.domain.changes import Change

# How long a change's answers are kept: as long as it takes to go through all subscribers, and not
# so long that `team`, which is read when it is asked for, gets old.
KEPT_SECONDS = 1.0
KEPT_CHANGES = 1_000


class ChangeViews:
    """The changes that are on their way to subscribers, each presented once."""

    def __init__(self) -> None:
        self._views: OrderedDict[int, tuple[float, TeamChange]] = OrderedDict()

    def of(self, change: Change) -> TeamChange:
        """The schema's form of a change; the same object for all who ask within a moment."""
        now = time.monotonic()
        kept = self._views.get(change.position)
        if kept is not None and now - kept[0] < KEPT_SECONDS:
            return kept[1]
        view = present_change(change)
        self._views[change.position] = (now, view)
        self._views.move_to_end(change.position)
        while len(self._views) > KEPT_CHANGES:
            self._views.popitem(last=False)
        return view


class SharingExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes an operation for an event, unless that has been done for another subscriber."""

    def execute_operation(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the base's signature
        """The result, or an awaitable of it."""
        event = self.root_value
        if not isinstance(event, TeamChange):
            return super().execute_operation(*args, **kwargs)
        key = (id(self.operation), repr(self.variable_values.coerced))
        if key not in event.answers:
            result = super().execute_operation(*args, **kwargs)
            if isawaitable(result):
                result = asyncio.ensure_future(result)
            # The operation is kept with its answer, so that its id is nobody else's meanwhile.
            event.answers[key] = (self.operation, result)
        _, answer = event.answers[key]
        # One subscriber that leaves must not cancel what the others wait for.
        return asyncio.shield(answer) if isinstance(answer, asyncio.Future) else answer
