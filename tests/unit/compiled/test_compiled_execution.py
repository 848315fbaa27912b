"""Compiled execution gives what graphql-core gives, and calls resolvers in the same order."""

import asyncio
import gc
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from dataclasses import replace
from inspect import isawaitable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    create_source_event_stream,
    parse,
    parse_value,
    print_schema,
    validate,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import from_schema, queries

from app.api.execution.documents import attach, compiled_form
from app.api.execution.executor import CompilingExecutor
from app.api.operations.documents import Documents
from tests.harness.schema import LIMITS, SCHEMA
from tests.unit.compiled.documents import Variation, vary
from tests.unit.compiled.resolvers import Current, World, troubled_resolvers

OPERATIONS = int(os.environ.get("COMPARED_OPERATIONS", "300"))
"""The number of operations to compare; a full run has 20,000."""

VARIATIONS = 14
WORLDS = 3

# Graphql-core leaves coroutines behind that were cancelled before they had begun.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
_ADDRESS = re.compile(r"0x[0-9a-f]+")

SCHEMA_TEXT = (Path(__file__).parents[3] / "schema.graphql").read_text(encoding="utf-8")
FEDERATED_TEXT = print_schema(SCHEMA._schema)
# The library does not support subscriptions, so they are passed as queries.
SUBSCRIPTIONS = SCHEMA_TEXT.replace("type Query {", "type Asking {").replace(
    "type Subscription {", "type Query {"
)
SCALARS = {"_Any": st.sampled_from(["5", '{__typename: "Team", id: "5"}']).map(parse_value)}
DOCUMENTS = st.one_of(
    from_schema(SCHEMA_TEXT, custom_scalars={}),
    from_schema(FEDERATED_TEXT, custom_scalars=SCALARS),
    queries(SUBSCRIPTIONS).map(lambda text: f"subscription {text.lstrip()}"),
)


class Comparison:
    """Executes operations in both ways."""

    def __init__(self, schema: GraphQLSchema, current: Current) -> None:
        self.schema = schema
        self._current = current
        self._loop = asyncio.new_event_loop()
        self.seen: Counter[str] = Counter()

    def close(self) -> None:
        self._loop.close()

    def run(self, document: DocumentNode, variables: dict[str, Any], world: World) -> Any:
        """The answer to an operation, and the resolvers' log."""
        self._current[:] = [world]
        results = self._loop.run_until_complete(self._execute(document, deepcopy(variables)))
        shown = [
            (
                repr(result.data),
                [
                    *(
                        (
                            _ADDRESS.sub("", error.message),
                            *(error.path, error.locations, error.extensions),
                            type(error.original_error),
                        )
                        for error in result.errors or ()
                    )
                ],
            )
            for result in results
        ]
        self.seen["errors"] += any(errors for _, errors in shown)
        self.seen["data"] += any(data != "None" for data, _ in shown)
        return shown, world.log

    async def _execute(self, document: DocumentNode, variables: dict[str, Any]) -> list[Any]:
        results = [result async for result in self._results(document, variables)]
        # What goes on in the background after an error.
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=10)
        return results

    async def _results(
        self, document: DocumentNode, variables: dict[str, Any]
    ) -> AsyncIterator[Any]:
        (operation, *_) = document.definitions
        assert isinstance(operation, OperationDefinitionNode)
        executor: Any = CompilingExecutor.build(self.schema, document, None, None, variables)
        if isinstance(executor, list):
            found: Any = ExecutionResult(None, executor)
        elif operation.operation is OperationType.SUBSCRIPTION:
            found = create_source_event_stream(executor)
        else:
            found = executor.execute_operation()
        found = await found if isawaitable(found) else found
        if not isinstance(found, AsyncIterator):
            yield found
            return
        async for event in found:
            result = executor.build_per_event_executor(event).execute_operation()
            yield await result if isawaitable(result) else result

    def compare(self, operation: Variation, seed: int) -> None:
        """Asserts that both ways give the same, several times with one compiled form."""
        document, compiled = parse(operation.text), parse(operation.text)
        if validate(self.schema, document):
            return
        attach(compiled, self.schema, *([seed % 12] if seed % 5 == 0 else []))
        for number in range(WORLDS):
            trouble = (0.0, 0.04, 0.15)[(seed + number) % 3]
            worlds = [World(self.schema, seed + number, trouble) for _ in range(2)]
            expected = self.run(document, operation.variables, worlds[0])
            found = self.run(compiled, operation.variables, worlds[1])
            self.seen["operations"] += 1
            form = compiled_form(compiled)
            self.seen["compiled"] += bool(form and form._root_fields)
            assert found == expected, f"{operation.text} {operation.variables}"


@pytest.fixture(scope="module")
def comparison() -> Iterator[Comparison]:
    schema, current = SCHEMA._schema, Current()
    with troubled_resolvers(schema, current):
        compared = Comparison(schema, current)
        yield compared
        compared.close()


@pytest.mark.parametrize("compiled", [True, False])
async def test_documents_are_compiled_if_the_setting_is_on(*, compiled: bool) -> None:
    documents = Documents(SCHEMA._schema, replace(LIMITS, compiled_execution=compiled))

    prepared = await documents.prepare("{ viewer { id } }", "sue")

    assert (compiled_form(prepared.document) is not None) is compiled


@pytest.mark.parametrize(
    "text",
    ["{ __schema { queryType { name } } }", '{ __type(name: "Team") { name } viewer { id } }'],
)
def test_introspection_is_left_to_graphql_core(text: str) -> None:
    schema, document = SCHEMA._schema, parse(text)
    attach(document, schema)
    executor, compiled = CompilingExecutor.build(schema, document), compiled_form(document)

    assert compiled
    assert not isinstance(executor, list)
    assert compiled.fields(executor) is None


def test_compiled_execution_equals_graphql_cores(comparison: Comparison) -> None:
    @settings(
        max_examples=OPERATIONS // 15,
        deadline=None,
        database=None,
        derandomize=OPERATIONS <= 300,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(DOCUMENTS, st.integers(0, 2**32))
    def compare(text: str, seed: int) -> None:
        for number in range(VARIATIONS):
            varied = vary(text, comparison.schema, Random(seed + number))
            comparison.compare(varied, seed + number)
        gc.collect()

    # Coroutines that graphql-core leaves are collected where Python can ignore their warnings:
    # inside the constructor of a named tuple it would not find `__import__`.
    gc.disable()
    gc.freeze()  # so that only what the comparison leaves is looked through each time
    try:
        compare()
    finally:
        gc.unfreeze()
        gc.enable()

    seen = comparison.seen
    assert seen["operations"] >= OPERATIONS
    assert seen["compiled"] > seen["operations"] * 0.6
    assert min(seen["errors"], seen["data"]) > seen["operations"] / 4
