"""Resolvers that fail, return what they must not, and answer in any order: the same in each run."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from inspect import isasyncgenfunction
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
)
from strawberry.types.info import Info

DEFINITION = "strawberry-definition"


class Odd:
    """A value that no type has."""

    def __repr__(self) -> str:
        return "odd"


class Text(str):
    """A string of another class."""

    __slots__ = ()


class Later:
    """An awaitable that is no coroutine."""

    def __init__(self, world: "World", key: str, ticks: int, outcome: Any) -> None:
        self._world, self._key, self._ticks, self._outcome = world, key, ticks, outcome

    def __await__(self) -> Generator[Any, Any, Any]:
        for _ in range(self._ticks):
            yield
        self._world.log.append(f"later {self._key}")
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    def __repr__(self) -> str:
        return "later"


class World:
    """The resolvers' behaviour in one run, which depends on a seed alone, and their log."""

    def __init__(self, schema: GraphQLSchema, seed: int, trouble: float) -> None:
        self._schema = schema
        self._seed = seed
        self._trouble = trouble
        self.log: list[str] = []

    def random(self, key: str) -> Random:
        return Random(f"{self._seed} {key}")

    def value(self, type_: Any, random: Random, key: str) -> Any:
        if random.random() < self._trouble:
            return self._trouble_with(type_, random, key)
        if isinstance(type_, GraphQLNonNull):
            type_ = type_.of_type
        elif random.random() < 0.1:
            return None
        match type_:
            case GraphQLList():
                items = [
                    self.value(type_.of_type, random, f"{key}.{index}")
                    for index in range(random.randrange(4))
                ]
                return self._listed(items, random)
            case GraphQLScalarType() | GraphQLEnumType():
                return self._leaf(type_, random, key)
            case GraphQLObjectType():
                return self.instance(type_, random, key)
            case _:
                possible = self._schema.get_possible_types(type_)
                return self.instance(random.choice(possible), random, key)

    def _trouble_with(self, type_: Any, random: Random, key: str) -> Any:
        match random.randrange(6):
            case 0:
                return self.error(random, key)
            case 1:
                return None
            case 2:
                return random.choice((Odd(), 2.5, 2**40, "text", True, {}, [None], Text("text")))
            case 3:
                types = [t for t in self._schema.type_map.values() if DEFINITION in t.extensions]
                objects = [t for t in types if isinstance(t, GraphQLObjectType)]
                return self.instance(random.choice(objects), random, key)
            case 4:
                return Later(self, key, random.randrange(3), self.error(random, key))
            case _:
                value = self.value(type_, random, f"{key}~")
                return Later(self, key, random.randrange(4), value)

    def error(self, random: Random, key: str) -> Exception:
        return random.choice(
            (
                RuntimeError(f"failed at {key}"),
                ValueError(),
                GraphQLError("refused", extensions={"code": key}),
                GraphQLError("elsewhere", path=["else", "where"]),
            )
        )

    def _listed(self, items: list[Any], random: Random) -> Any:
        async def one_by_one() -> AsyncIterator[Any]:
            for item in items:
                await asyncio.sleep(0)
                yield item

        match random.randrange(14):
            case 0:
                return tuple(items)
            case 1:
                return iter(items)
            case 2:
                return one_by_one()
            case _:
                return items

    def _leaf(self, type_: Any, random: Random, key: str) -> Any:
        match type_.name:
            case "Int":
                return random.randrange(-5, 5)
            case "Boolean":
                return random.random() < 0.5
            case "DateTime":
                return datetime.fromtimestamp(random.randrange(10**9), UTC)
            case _:
                return f"{type_.name} {key}" if random.random() < 0.95 else 7

    def instance(self, type_: GraphQLObjectType, random: Random, key: str) -> Any:
        definition = type_.extensions[DEFINITION]
        made = object.__new__(definition.origin)
        made._seed = key
        for name, field in type_.fields.items():
            strawberry_field = field.extensions[DEFINITION]
            if strawberry_field.base_resolver is None and random.random() < 1 - self._trouble / 4:
                value = self.value(field.type, random, f"{key}.{name}")
                setattr(made, strawberry_field.python_name, value)
        return made

    def asked(self, name: str, source: Any, given: dict[str, Any]) -> str:
        """Notes that a resolver was called; the key of its outcome."""
        shown = {}
        for each, value in sorted(given.items()):
            shown[each] = value
            if isinstance(value, Info):
                raw = value._raw_info
                shown[each] = (
                    *(raw.field_name, raw.path.as_list(), raw.return_type, raw.parent_type),
                    *(raw.variable_values, [str(node.loc) for node in raw.field_nodes]),
                    *(raw.operation.name, value._field.python_name, value.selected_fields),
                )
        self.log.append(f"{name} {shown}")
        return f"{getattr(source, '_seed', '')} {name}"


Current = list[World]
"""The world of the run at hand."""


@contextmanager
def troubled_resolvers(schema: GraphQLSchema, current: Current) -> Iterator[None]:
    """Every resolver of the schema does what the current world says."""
    replaced: dict[int, tuple[Any, Any]] = {}
    for type_ in schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType) or DEFINITION not in type_.extensions:
            continue
        for name, field in type_.fields.items():
            resolver = field.extensions[DEFINITION].base_resolver
            if resolver is not None and id(resolver) not in replaced:
                replaced[id(resolver)] = resolver, resolver.wrapped_func
                is_stream = isasyncgenfunction(resolver.wrapped_func)
                make = _feed if is_stream else _resolver if resolver.is_async else _function
                resolver.wrapped_func = make(name, field.type, current)
    try:
        yield
    finally:
        for resolver, function in replaced.values():
            resolver.wrapped_func = function


def _function(name: str, type_: Any, current: Current) -> Callable[..., Any]:
    def resolve(*source: Any, **given: Any) -> Any:
        world = current[0]
        key = world.asked(name, source and source[0], given)
        value = world.value(type_, world.random(key), key)
        if isinstance(value, Exception) and len(key) % 2:
            raise value
        return value

    return resolve


def _resolver(name: str, type_: Any, current: Current) -> Callable[..., Any]:
    async def resolve(*source: Any, **given: Any) -> Any:
        world = current[0]
        key = world.asked(name, source and source[0], given)
        random = world.random(key)
        for _ in range(random.randrange(4)):
            await asyncio.sleep(0)
        value = world.value(type_, random, key)
        world.log.append(f"resolved {key}")
        if isinstance(value, Exception) and len(key) % 2:
            raise value
        return value

    return resolve


def _feed(name: str, type_: Any, current: Current) -> Callable[..., Any]:
    async def resolve(*source: Any, **given: Any) -> AsyncIterator[Any]:
        world = current[0]
        key = world.asked(name, source and source[0], given)
        for number in range(3):
            await asyncio.sleep(0)
            yield world.value(type_, world.random(f"{key} {number}"), f"{key} {number}")

    return resolve
