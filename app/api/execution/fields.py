"""Execution of the compiled fields of an object, all at once or one after the other.

Tasks are made where graphql-core's `Executor` makes them, so that resolvers run in the same order.
"""

from collections.abc import Callable, Sequence
from typing import Any

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLID,
    GraphQLInt,
    GraphQLString,
)
from graphql.pyutils import Path, gather_with_cancel
from strawberry.execution import optimized_is_awaitable as is_awaitable

from app.api.execution.resolvers import AnyExecutor

Run = Callable[[AnyExecutor, Any, Path | None], Any]
"""Executes a field of a source: its value, None after an error, or an awaitable of either."""
Fields = Sequence[tuple[str, Run]]
# Most values are of these classes, which are never awaitable.
PLAIN = frozenset({str, int, bool, type(None), dict, list, float})


_EXACT = ((GraphQLString, str), (GraphQLID, str), (GraphQLBoolean, bool), (GraphQLInt, int))


def exact_class(scalar: object) -> type | None:
    """The class whose instances a scalar serializes unchanged, if `fits`; None if unknown."""
    return next((class_ for each, class_ in _EXACT if each is scalar), None)


def fits(value: Any, class_: type | None) -> bool:
    """True if a scalar of this `exact_class` serializes the value unchanged."""
    if class_ is int:
        return type(value) is int and GRAPHQL_MIN_INT <= value <= GRAPHQL_MAX_INT
    return type(value) is class_


def execute_fields(executor: AnyExecutor, source: Any, path: Path | None, fields: Fields) -> Any:
    """`Executor.execute_fields`: all at once."""
    results: dict[str, Any] = {}
    pending: list[str] = []
    try:
        for key, run in fields:
            results[key] = value = run(executor, source, path)
            if type(value) not in PLAIN and is_awaitable(value):
                pending.append(key)
    except Exception:
        if pending:
            executor.settle_in_background([results[key] for key in pending])
        raise
    return gather(results, pending) if pending else results


def execute_fields_serially(executor: AnyExecutor, source: Any, fields: Fields) -> Any:
    """`Executor.execute_fields_serially`: each field when the one before has its value."""
    results: dict[str, Any] = {}
    remaining = iter(fields)
    for key, run in remaining:
        results[key] = value = run(executor, source, None)
        if type(value) not in PLAIN and is_awaitable(value):
            return _go_on_serially(executor, source, results, key, remaining)
    return results


async def _go_on_serially(
    executor: AnyExecutor,
    source: Any,
    results: dict[str, Any],
    awaited: str,
    remaining: Any,
) -> dict[str, Any]:
    results[awaited] = await results[awaited]
    for key, run in remaining:
        value = run(executor, source, None)
        if type(value) not in PLAIN and is_awaitable(value):
            value = await value
        results[key] = value
    return results


async def gather(results: Any, pending: Sequence[Any]) -> Any:
    """Awaits the pending values of a list or a dict."""
    if len(pending) == 1:  # no task of its own, as in graphql-core
        results[pending[0]] = await results[pending[0]]
    else:
        values = await gather_with_cancel(*(results[key] for key in pending))
        for key, value in zip(pending, values, strict=True):
            results[key] = value
    return results
