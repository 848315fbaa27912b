"""Compiles selections: fields, types and resolvers are looked up once, not for each value.

The functions here replace those of graphql-core's `Executor` with the same names, for the usual
values. Any other value is passed to the executor's own method, together with the selections below
it, so one operation can use both. Tasks are created at the same places, so that resolvers run in
the same order.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    Undefined,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetails
from graphql.execution.executor import collect_iterator_awaitables
from graphql.pyutils import Path
from strawberry.execution import optimized_is_awaitable as is_awaitable
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.cast import get_strawberry_type_cast

from app.api.execution.fields import PLAIN, Fields, Run, exact_class, execute_fields, fits, gather
from app.api.execution.resolvers import AnyExecutor, Resolver, is_strawberrys

Complete = Callable[[AnyExecutor, Any, Path, Any], Any]
"""Completes a value, given the executor, graphql-core's info or None, and the path."""

_IS_TYPE_OF = "GraphQLCoreConverter.from_object.<locals>._get_is_type_of.<locals>.is_type_of"
_RESOLVE_TYPE = (
    "GraphQLCoreConverter.from_interface.<locals>._get_resolve_type.<locals>.resolve_type",
    "StrawberryUnion.get_type_resolver.<locals>._resolve_union_type",
)


class Below(Protocol):
    """The selections below a field."""

    def fields(self, type_: GraphQLObjectType) -> Fields | None:
        """The fields that are selected of an object of this type; None beyond the bound."""


class Field:
    """A field of a selection, with the nodes of the document that select it."""

    __slots__ = ("complete", "definition", "details", "key", "nodes", "parent", "type")

    def __init__(
        self,
        key: str,
        parent: GraphQLObjectType,
        definition: GraphQLField,
        details: list[FieldDetails],
        below: Below,
    ) -> None:
        self.key = key
        self.parent = parent
        self.definition = definition
        self.details = details
        self.nodes: list[FieldNode] = [each.node for each in details]
        self.type = definition.type
        self.complete = _compile_completion(self, self.type, below)

    def info(self, executor: AnyExecutor, path: Path) -> Any:
        """Graphql-core's info, for the path of the field or of an item in its value."""
        while isinstance(path.key, int) and path.prev:
            path = path.prev
        return executor.build_resolve_info(self.definition, self.nodes, self.parent, path)

    def complete_by_library(
        self, type_: GraphQLOutputType, executor: AnyExecutor, info: Any, path: Path, value: Any
    ) -> Any:
        """Completes a value, and all that is selected below it, by graphql-core."""
        info = info or self.info(executor, path)
        return executor.complete_value(type_, self.details, info, path, value, None)


def compile_field(field: Field, resolver: Resolver) -> Run:
    """The execution of a field: `Executor.execute_field`."""
    key, typename = field.key, field.parent.name
    get, call, needs_info = resolver
    nullable = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    exact = exact_class(nullable)

    def run_getter(executor: AnyExecutor, source: Any, path: Path | None) -> Any:
        assert get is not None  # noqa: S101 - else `run_call` is taken
        try:
            value = get(source)
        except Exception as error:
            field_path = Path(path, key, typename)
            executor.handle_field_error(error, field.type, field.details, field_path)
            return None
        if fits(value, exact):
            return value
        return _finish(executor, field, None, Path(path, key, typename), value)

    def run_call(executor: AnyExecutor, source: Any, path: Path | None) -> Any:
        assert call is not None  # noqa: S101 - else `run_getter` is taken
        path = Path(path, key, typename)
        info = field.info(executor, path) if needs_info else None
        try:
            value = call(executor, source, info)
        except Exception as error:
            executor.handle_field_error(error, field.type, field.details, path)
            return None
        return _finish(executor, field, info, path, value)

    return run_call if get is None else run_getter


def _finish(executor: AnyExecutor, field: Field, info: Any, path: Path, value: Any) -> Any:
    """The second half of `Executor.execute_field`, after the resolver."""
    try:
        if type(value) not in PLAIN and is_awaitable(value):
            return _complete_awaitable(executor, field, info, path, value)
        completed = field.complete(executor, info, path, value)
        if type(completed) not in PLAIN and is_awaitable(completed):
            return _await_completed(executor, field, field.type, path, completed)
    except Exception as error:
        executor.handle_field_error(error, field.type, field.details, path)
        return None
    return completed


async def _complete_awaitable(
    executor: AnyExecutor, field: Field, info: Any, path: Path, value: Awaitable[Any]
) -> Any:
    try:
        completed = field.complete(executor, info, path, await value)
        if type(completed) not in PLAIN and is_awaitable(completed):
            completed = await completed
    except Exception as error:
        executor.handle_field_error(error, field.type, field.details, path)
        return None
    return completed


async def _await_completed(
    executor: AnyExecutor,
    field: Field,
    type_: GraphQLOutputType,
    path: Path,
    completed: Awaitable[Any],
) -> Any:
    try:
        return await completed
    except Exception as error:
        executor.handle_field_error(error, type_, field.details, path)
        return None


def _compile_completion(field: Field, type_: GraphQLOutputType, below: Below) -> Complete:
    """The completion of values: `Executor.complete_value`."""
    nullable = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if isinstance(nullable, GraphQLList):
        return _compile_list(field, type_, nullable.of_type, below)
    if is_leaf_type(nullable):
        return _compile_leaf(field, type_, nullable)
    if isinstance(nullable, GraphQLObjectType) and nullable.is_type_of is None:
        return _compile_object(field, type_, nullable, below)
    return _compile_abstract(field, type_, nullable, below)


def _compile_leaf(field: Field, type_: GraphQLOutputType, leaf: Any) -> Complete:
    exact = exact_class(leaf)

    def complete(executor: AnyExecutor, info: Any, path: Path, value: Any) -> Any:
        if fits(value, exact):
            return value
        if value is None and leaf is type_:
            return None
        return field.complete_by_library(type_, executor, info, path, value)

    return complete


def _compile_list(
    field: Field, type_: GraphQLOutputType, item_type: GraphQLOutputType, below: Below
) -> Complete:
    complete_item = _compile_completion(field, item_type, below)

    def complete(executor: AnyExecutor, info: Any, path: Path, value: Any) -> Any:
        if type(value) is not list and type(value) is not tuple:
            return field.complete_by_library(type_, executor, info, path, value)
        results: list[Any] = []
        pending: list[int] = []
        items = iter(value)
        try:
            for index, item in enumerate(items):
                item_path = Path(path, index, None)
                if type(item) not in PLAIN and is_awaitable(item):
                    completed: Any = executor.complete_awaitable_list_item_value(
                        item,
                        item_type,
                        field.details,
                        info or field.info(executor, path),
                        item_path,
                        None,
                    )
                    pending.append(index)
                else:
                    try:
                        completed = complete_item(executor, info, item_path, item)
                        if type(completed) not in PLAIN and is_awaitable(completed):
                            completed = _await_completed(
                                executor, field, item_type, item_path, completed
                            )
                            pending.append(index)
                    except Exception as error:
                        executor.handle_field_error(error, item_type, field.details, item_path)
                        completed = None
                results.append(completed)
        except Exception:
            left = [results[index] for index in pending]
            left += collect_iterator_awaitables(items, is_awaitable)
            if left:
                executor.settle_in_background(left)
            raise
        return gather(results, pending) if pending else results

    return complete


def _compile_object(
    field: Field, type_: GraphQLOutputType, object_type: GraphQLObjectType, below: Below
) -> Complete:
    def complete(executor: AnyExecutor, info: Any, path: Path, value: Any) -> Any:
        fields = None
        if value is not None and value is not Undefined and not isinstance(value, Exception):
            fields = below.fields(object_type)
        if fields is None:
            return field.complete_by_library(type_, executor, info, path, value)
        return execute_fields(executor, value, path, fields)

    return complete


def _compile_abstract(field: Field, type_: GraphQLOutputType, named: Any, below: Below) -> Complete:
    """The completion of unions, interfaces, and objects that might be of another type.

    Strawberry derives the type of a value from its class, so it is resolved once for each class.
    """
    types: dict[type, GraphQLObjectType] = {}
    is_concrete = isinstance(named, GraphQLObjectType)
    tells = named.is_type_of if is_concrete else named.resolve_type
    is_known = is_strawberrys(tells, _IS_TYPE_OF, *_RESOLVE_TYPE)

    def find_type(executor: AnyExecutor, info: Any, path: Path, value: Any) -> Any:
        """The type of a value; None if graphql-core has to resolve it."""
        definition = getattr(type(value), "__strawberry_definition__", None)
        if (
            not is_known
            or not isinstance(definition, StrawberryObjectDefinition)
            or definition.is_graphql_generic
            or definition.concrete_of
            or isinstance(value, Exception)
        ):
            return None
        info = info or field.info(executor, path)
        found = named
        if not is_concrete:
            name = named.resolve_type(value, info, named)
            if not isinstance(name, str):
                return None
            found = executor.ensure_valid_runtime_type(name, named, field.details, info, value)
        is_type_of = found.is_type_of
        if is_type_of is not None and not (
            is_strawberrys(is_type_of, _IS_TYPE_OF) and is_type_of(value, info)
        ):
            return None
        types[type(value)] = found
        return found

    def complete(executor: AnyExecutor, info: Any, path: Path, value: Any) -> Any:
        fields = None
        if value is not None and get_strawberry_type_cast(value) is None:
            found = types.get(type(value)) or find_type(executor, info, path, value)
            fields = below.fields(found) if found else None
        if fields is None:
            return field.complete_by_library(type_, executor, info, path, value)
        return execute_fields(executor, value, path, fields)

    return complete
