"""The schema's own guards, which every transport passes, tested without a transport."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Any, cast
from unittest.mock import Mock

import pytest
from graphql import validate
from prometheus_client import CollectorRegistry
from strawberry.types import ExecutionResult

from app.api.observation import Observers
from app.api.operations import documents
from app.api.operations.documents import Documents, PreparedDocument
from app.api.schema.context import Context, Services
from app.api.schema.schema import build_schema
from app.domain.ids import UserId
from app.domain.viewers import Viewer
from app.monitoring.metrics import ApiMetrics, OperationNames
from app.service.hub import Hub
from app.service.permissions import Permissions
from tests.harness.schema import LIMITS

SOON = replace(LIMITS, request_timeout_seconds=0.05)
LATE = replace(LIMITS, request_timeout_seconds=500, max_operations_under_way_per_client=2)
QUERY = "{ teams { totalCount } }"


class SilentDirectory:
    async def count_teams(self, **_: object) -> int:
        await asyncio.Event().wait()
        return 0


class FailingDirectory:
    async def count_teams(self, **_: object) -> int:
        raise RuntimeError


def context(
    *,
    is_prepared: Callable[[], bool] = lambda: True,
    user: str = "sue",
    directory: object = SilentDirectory(),
    observers: Observers | None = None,
) -> Context:
    services = Services(
        None,  # type: ignore[arg-type]  # nothing is written
        directory,  # type: ignore[arg-type]  # only what is asked here
        None,  # type: ignore[arg-type]  # nothing is read from the log
        Hub(),
        Permissions(None, everyone_may_create_teams=False),  # type: ignore[arg-type]  # as above
        default_capacity=3,
        is_prepared=is_prepared,
        observers=observers or Observers(),
    )
    return Context(services, Viewer(UserId(user)))


async def executed(query: str, *, is_prepared: bool) -> ExecutionResult:
    return await build_schema(SOON).execute(
        query, context_value=context(is_prepared=lambda: is_prepared)
    )


async def streamed(query: str, *, is_prepared: bool) -> ExecutionResult:
    results = await build_schema(SOON).stream(
        query, context_value=context(is_prepared=lambda: is_prepared)
    )
    (result,) = [result async for result in results]
    assert isinstance(result, ExecutionResult)
    return result


def code_of(result: ExecutionResult) -> object:
    assert result.errors
    assert result.errors[0].extensions
    return result.errors[0].extensions["code"]


@pytest.mark.parametrize("execute", [executed, streamed])
async def test_an_operation_that_takes_too_long_is_ended(
    execute: Callable[..., Awaitable[ExecutionResult]],
) -> None:
    async with asyncio.timeout(5):
        result = await execute(QUERY, is_prepared=True)

    assert code_of(result) == "DATABASE_UNAVAILABLE"


@pytest.mark.parametrize("execute", [executed, streamed])
async def test_nothing_reaches_a_database_that_is_not_prepared(
    execute: Callable[..., Awaitable[ExecutionResult]],
) -> None:
    result = await execute("{ viewer { id } }", is_prepared=False)

    assert code_of(result) == "DATABASE_UNAVAILABLE"


async def test_no_subscription_begins_on_a_database_that_is_not_prepared() -> None:
    async with asyncio.timeout(5):
        result = await streamed("subscription { allTeamChanges { version } }", is_prepared=False)

    assert code_of(result) == "DATABASE_UNAVAILABLE"


async def test_a_subscription_needs_a_stream() -> None:
    once = context()
    once.answers_once = True

    result = await build_schema(SOON).execute(
        "subscription { allTeamChanges { version } }", context_value=once
    )

    assert code_of(result) == "BAD_REQUEST"


async def test_an_operation_that_is_not_in_its_document_is_an_answer() -> None:
    result = await build_schema(SOON).execute(
        "query Known { viewer { id } }", context_value=context(), operation_name="Unknown"
    )

    assert code_of(result) == "BAD_REQUEST"


async def test_a_document_that_does_not_fit_is_validated_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    validating = Mock(wraps=validate)
    monkeypatch.setattr(documents, "validate", validating)
    schema = build_schema(SOON)
    text = "query subscription { nothingOfThisName }"

    assert not await schema.is_subscription(text, None, client="sue")
    result = await schema.execute(text, context_value=context(is_prepared=lambda: True))

    assert code_of(result) == "GRAPHQL_VALIDATION_FAILED"
    assert validating.call_count == 1


async def test_a_bug_is_counted_and_a_refusal_is_none() -> None:
    registry = CollectorRegistry()
    observers = Observers(ApiMetrics(registry, OperationNames()))
    failing = context(is_prepared=lambda: True, directory=FailingDirectory(), observers=observers)
    schema, counts = build_schema(SOON), []

    for query in ("{ teams(first: 0) { totalCount } }", QUERY, QUERY):
        assert (await schema.execute(query, context_value=failing)).errors
        counts.append(registry.get_sample_value("team_joiner_internal_errors_total"))

    assert counts == [0, 1, 2]


async def begun(operations: int, query: str, *, user: str = "sue") -> list[asyncio.Task[object]]:
    """So many operations under way, of which half are queries as HTTP asks them."""
    schema, tasks = build_schema(LATE), list[asyncio.Task[object]]()
    for number in range(operations):
        if number % 2 and query == QUERY:
            asking = schema.execute(query, context_value=context(user=user))
        else:
            results = await schema.stream(query, context_value=context(user=user))
            asking = cast("Coroutine[Any, Any, ExecutionResult]", anext(results))
        tasks.append(asyncio.create_task(asking))
        await turns()
    return tasks


async def turns() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


async def ended(tasks: Iterable[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_client_has_so_many_operations_under_way_and_no_more() -> None:
    sues = await begun(4, QUERY)
    johns = await begun(2, QUERY, user="john")

    assert [task.done() for task in sues] == [False, False, True, True]
    assert {code_of(cast("ExecutionResult", task.result())) for task in sues[2:]} == {
        "TOO_MANY_OPERATIONS"
    }
    assert [task.done() for task in johns] == [False, False]

    await ended(sues)
    again = await begun(2, QUERY)

    assert [task.done() for task in again] == [False, False]
    await ended([*johns, *again])


async def test_subscriptions_count_until_they_have_begun() -> None:
    feeds = await begun(5, "subscription { allTeamChanges { version } }")
    (answered,) = await begun(1, "{ viewer { id } }")

    assert not any(feed.done() for feed in feeds)
    assert answered.done()
    assert cast("ExecutionResult", answered.result()).data == {"viewer": {"id": "sue"}}
    await ended(feeds)


async def test_the_time_to_parse_and_validate_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    clock, late = loop.time, 0
    monkeypatch.setattr(loop, "time", lambda: clock() + late)
    (asking,) = await begun(1, QUERY)

    late = 499  # the database takes its time
    await turns()
    was_done = asking.done()
    await ended([asking])

    def find_slowly(self: Documents, text: str) -> PreparedDocument | None:
        nonlocal late
        late += 501
        return find(self, text)

    find = Documents.find
    monkeypatch.setattr(Documents, "find", find_slowly)
    (slow,) = await begun(1, QUERY)

    assert not was_done
    assert slow.done()
    assert code_of(cast("ExecutionResult", slow.result())) == "DATABASE_UNAVAILABLE"
