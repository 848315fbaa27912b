"""Descriptions in the schema, which front-end developers read first."""

import re
from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    is_introspection_type,
    is_specified_scalar_type,
)

from tests.harness.schema import SCHEMA

SENTENCES = re.compile(r"(?!.*  )[A-Z0-9`].*\.", re.DOTALL)


def described_elements() -> Iterator[tuple[str, str | None]]:
    """The types, fields, arguments and enum values, each with its description."""
    for type_ in SCHEMA._schema.type_map.values():
        if is_introspection_type(type_) or is_specified_scalar_type(type_):
            continue
        yield type_.name, type_.description
        if isinstance(type_, GraphQLEnumType):
            for name, value in type_.values.items():
                yield f"{type_.name}.{name}", value.description
        if isinstance(type_, GraphQLInputObjectType):
            for name, input_field in type_.fields.items():
                yield f"{type_.name}.{name}", input_field.description
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in type_.fields.items():
                yield f"{type_.name}.{name}", field.description
                for argument, details in field.args.items():
                    yield f"{type_.name}.{name}({argument}:)", details.description


def test_every_element_of_the_schema_is_described_by_sentences() -> None:
    elements = dict(described_elements())

    assert len(elements) > 250
    assert [name for name, text in elements.items() if not SENTENCES.fullmatch(text or "")] == []
