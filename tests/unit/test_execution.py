"""That every transport passes the same guards: here without one, by the schema alone."""

import asyncio
from collections.abc import Awaitable, Callable
from unittest.mock import Mock

import pytest
from graphql import validate
from strawberry.types import ExecutionResult

from app.api.context import Context, Services
from app.api.operations import documents
from app.api.operations.limits import Limits
from app.api.schema import build_schema
from app.api.shared_answers import ChangeViews
from app.domain.ids import UserId
from app.domain.viewers import Viewer
from app.service.hub import Hub
from app.service.permissions import Permissions

SOON = Limits(request_timeout_seconds=0.05)
QUERY = "{ teams { totalCount } }"


class SilentDirectory:
    """A directory that never answers."""

    async def count_teams(self, **_: object) -> int:
        await asyncio.Event().wait()
        return 0


def context(*, is_prepared: Callable[[], bool]) -> Context:
    services = Services(
        None,  # type: ignore[arg-type]  # nothing is written
        SilentDirectory(),  # type: ignore[arg-type]  # only what is asked here
        None,  # type: ignore[arg-type]  # nothing is read from the log
        Hub(),
        ChangeViews(),
        Permissions(None, everyone_may_create_teams=False),  # type: ignore[arg-type]  # as above
        default_capacity=3,
        is_prepared=is_prepared,
    )
    return Context(services, Viewer(UserId("sue")))


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


async def test_a_document_that_does_not_fit_is_validated_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    validating = Mock(wraps=validate)
    monkeypatch.setattr(documents, "validate", validating)
    schema = build_schema(SOON)
    text = "query subscription { nothingOfThisName }"

    assert not schema.is_subscription(text, None)
    result = await schema.execute(text, context_value=context(is_prepared=lambda: True))

    assert code_of(result) == "GRAPHQL_VALIDATION_FAILED"
    assert validating.call_count == 1
