"""Calls of resolvers: Strawberry's own wrappers are left out where they add nothing.

Strawberry wraps each resolver in functions that convert arguments, make an `Info` and run field
extensions. A field without extensions is called directly, with the same arguments; every other
resolver is called as graphql-core calls it.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import MISSING
from inspect import iscoroutinefunction
from operator import attrgetter
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    TypeNameMetaFieldDef,
    Undefined,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution import Executor
from graphql.execution.values import coerce_argument, get_argument_values
from strawberry import Schema
from strawberry.relay.types import GlobalID
from strawberry.scalars import is_scalar
from strawberry.types.arguments import convert_argument
from strawberry.types.base import StrawberryMaybe, StrawberryOptional, has_object_definition
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.field import StrawberryField

AnyExecutor = Executor[Any]
Convert = Callable[[Any], Any] | None
"""From graphql-core's value of an argument to Strawberry's; None where they are the same."""

DEFINITION = "strawberry-definition"
_WRAPPERS = "GraphQLCoreConverter.from_resolver.<locals>."


class Resolver(NamedTuple):
    """A field's resolver: `get` if the source is all that it needs, or else `call`."""

    get: Callable[[Any], Any] | None = None
    call: Callable[[AnyExecutor, Any, Any], Any] | None = None
    needs_info: bool = False


def is_strawberrys(function: Any, *names: str) -> bool:
    """True if a function is one that Strawberry's schema converter makes under these names."""
    module = getattr(function, "__module__", None) or ""
    return module.startswith("strawberry.") and function.__qualname__ in names


def compile_resolver(
    definition: GraphQLField, node: FieldNode, parent: GraphQLObjectType, schema: Schema
) -> Resolver:
    """The resolver of a field as this node of a document calls it."""
    if definition is TypeNameMetaFieldDef:
        return Resolver(get=lambda _: parent.name)
    resolve, field = definition.resolve, definition.extensions.get(DEFINITION)
    if isinstance(field, StrawberryField) and not (field.extensions or schema.exception_handlers):
        if is_strawberrys(resolve, f"{_WRAPPERS}_get_basic_result"):
            if field.default_resolver is getattr:
                return Resolver(get=attrgetter(field.python_name))
        elif is_strawberrys(resolve, f"{_WRAPPERS}_resolver", f"{_WRAPPERS}_async_resolver"):
            with suppress(NotImplementedError):
                return _compile_direct_call(definition, field, node, schema)

    def call(executor: AnyExecutor, source: Any, info: Any) -> Any:
        given = get_argument_values(
            definition, node, executor.variable_values, None, executor.hide_suggestions
        )
        return (resolve or executor.field_resolver)(source, info, **given)

    return Resolver(call=call, needs_info=True)


def _compile_direct_call(
    definition: GraphQLField, field: StrawberryField, node: FieldNode, schema: Schema
) -> Resolver:
    """*Raises*: `NotImplementedError` for what is left to Strawberry's wrappers."""
    resolver: Any = field.base_resolver
    function = resolver.wrapped_func
    if not callable(function) or field.is_async is not iscoroutinefunction(function):
        raise NotImplementedError
    arguments = _compile_arguments(definition, field, node, schema)
    parents = [each.name for each in (resolver.parent_parameter, resolver.root_parameter) if each]
    takes_self = resolver.self_parameter is not None
    info_name = resolver.info_parameter.name if resolver.info_parameter else None
    if takes_self and not (definition.args or parents or info_name):
        return Resolver(get=function)
    info_class = schema.config.info_class

    def call(executor: AnyExecutor, source: Any, info: Any) -> Any:
        given = {
            name: value for name, get in arguments if (value := get(executor)) is not Undefined
        }
        for name in parents:
            given[name] = source
        if info_name is not None:
            given[info_name] = info_class(_raw_info=info, _field=field)
        return function(source, **given) if takes_self else function(**given)

    return Resolver(call=call, needs_info=info_name is not None)


def _compile_arguments(
    definition: GraphQLField, field: StrawberryField, node: FieldNode, schema: Schema
) -> list[tuple[str, Callable[[AnyExecutor], Any]]]:
    """The arguments in the schema's order, under the names that Python has for them."""
    by_name = {schema.config.name_converter.from_argument(each): each for each in field.arguments}
    if by_name.keys() != definition.args.keys():
        raise NotImplementedError
    compiled = []
    for name in definition.args:
        python_name = by_name[name].python_name
        if python_name in {"info", "_source"}:  # names of the wrappers' own
            raise NotImplementedError
        convert = _compile_conversion(by_name[name].type, schema)
        compiled.append((python_name, _compile_argument(definition, name, node, convert)))
    return compiled


def _compile_argument(
    definition: GraphQLField, name: str, node: FieldNode, convert: Convert
) -> Callable[[AnyExecutor], Any]:
    """The value of an argument; `Undefined` if there is none."""
    argument = definition.args[name]
    given = next((each for each in node.arguments or () if each.name.value == name), None)
    out_name = argument.out_name or name

    def coerce(executor: AnyExecutor | None) -> Any:
        found: dict[str, Any] = {}
        values, hidden = None, False
        if executor is not None:
            values, hidden = executor.variable_values, executor.hide_suggestions
        coerce_argument(found, node, name, argument, given, values, None, hidden)
        return found.get(out_name, Undefined)

    def converted(value: Any) -> Any:
        unchanged = convert is None or value is None or value is Undefined
        return value if unchanged or convert is None else convert(value)

    if given is None or not _has_variables(given.value):
        try:
            constant = coerce(None)
        except GraphQLError:
            raise NotImplementedError from None
        return lambda _: converted(constant)  # an object of its own for each call
    if not isinstance(given.value, VariableNode):
        return lambda executor: converted(coerce(executor))
    variable = given.value.name.value

    def from_variable(executor: AnyExecutor) -> Any:
        value = executor.variable_values.coerced.get(variable)
        return converted(coerce(executor) if value is None else value)

    return from_variable


class _Variables(Visitor):
    found = False

    def enter_variable(self, *_: object) -> None:
        self.found = True


def _has_variables(node: Any) -> bool:
    variables = _Variables()
    visit(node, variables)
    return variables.found


def _compile_conversion(type_: Any, schema: Schema) -> Convert:
    """The equivalent of Strawberry's `convert_argument` for values other than null."""
    registry = schema.schema_converter.scalar_registry
    if isinstance(type_, StrawberryMaybe):
        raise NotImplementedError
    if isinstance(type_, StrawberryOptional):
        return _compile_conversion(type_.of_type, schema)
    is_leaf = isinstance(type_, StrawberryEnumDefinition) or has_enum_definition(type_)
    if type_ is not GlobalID and (is_leaf or is_scalar(type_, registry)):
        return None
    definition: Any = type_.__strawberry_definition__ if has_object_definition(type_) else None
    if definition is None or definition.from_input or not definition.is_input:
        return lambda value: convert_argument(value, type_, registry, schema.config)
    # What Strawberry gives to input fields without a default.
    implicit = {
        field.python_name: None
        for field in definition.fields
        if field.default_value is MISSING and field.default_factory is MISSING
    }
    fields = [
        (
            schema.config.name_converter.from_field(field),
            field.python_name,
            _compile_conversion(field.resolve_type(type_definition=definition), schema),
        )
        for field in definition.fields
    ]

    def convert(value: Any) -> Any:
        given: dict[str, Any] = implicit.copy()
        for name, python_name, convert_field in fields:
            if name in value:
                part = value[name]
                is_same = convert_field is None or part is None
                given[python_name] = (
                    part if is_same or convert_field is None else convert_field(part)
                )
        return type_(**given)

    return convert
