"""GraphQL documents and variables, drawn from the schema's own text."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNonNull,
    NameNode,
    ObjectFieldNode,
    ObjectValueNode,
    build_schema,
    get_named_type,
    is_composite_type,
    is_required_input_field,
)
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from hypothesis_graphql import Mode, from_schema, nodes, queries

from tests.lab.fuzz.edits import edited
from tests.lab.fuzz.values import JSON_VALUES, TEXTS, Known, mostly

TIMES: Final = st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)

# Text that makes a document invalid.
_FRAGMENTS: Final = (
    *(
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ":",
        "=",
        "!",
        "$",
        "@",
        "|",
        "&",
        "...",
        '"',
        '"""',
        "#",
        "\0",
    ),
    *(" @skip(if: true)", " @include(if: $v)", " @deprecated", " ...F", "extend type"),
    *(" fragment F on Team { id }", " ... on Query { viewer { id } }"),
    *("query A ", "mutation B ", "subscription C "),
    *(" a:id", " __typename", " __schema { types { name } }", " null", " 1e999", " -0", "\ufeff"),
)


@dataclass(frozen=True, slots=True)
class Operation:
    document: str
    variables: Any


def operations(schema_text: str, known: Known) -> SearchStrategy[Operation]:
    """Operations of all three kinds, valid and nearly valid."""
    return st.one_of(
        documents(schema_text, known).map(lambda document: Operation(document, None)),
        operations_with_variables(schema_text, known),
    )


def documents(schema_text: str, known: Known) -> SearchStrategy[str]:
    """Documents with all values in their text.

    The library draws values of built-in scalars by itself, ids that nobody has and pages of random
    sizes; so it is shown a schema whose scalars are not built in.
    """
    own = schema_text + "\nscalar Key\nscalar Number\nscalar Text\n"
    for built_in, other in (("ID", "Key"), ("Int", "Number"), ("String", "Text")):
        own = re.sub(rf"\b{built_in}\b", other, own)
    scalars = {
        "Key": known.ids().map(nodes.String),
        "Number": known.numbers.map(nodes.Int),
        "Text": TEXTS.map(nodes.String),
        "DateTime": mostly(TIMES, TEXTS).map(nodes.String),
        "_Any": known.references.map(_node_of),
    }

    def drawn_from(schema: str, draw_from: Callable[..., SearchStrategy[Any]]) -> Any:
        valid = draw_from(schema, custom_scalars=scalars)
        return mostly(valid, draw_from(schema, custom_scalars=scalars, mode=Mode.NEGATIVE))

    # It does not support subscriptions, so they are passed as queries.
    told = own.replace("type Query {", "type Asking {").replace(
        "type Subscription {", "type Query {"
    )
    subscriptions = drawn_from(told, queries).map(lambda text: "subscription " + text.lstrip())
    drawn = mostly(drawn_from(own, from_schema), subscriptions)
    return mostly(drawn, edited(drawn, st.sampled_from(_FRAGMENTS)))


def _node_of(reference: Mapping[str, Any]) -> ObjectValueNode:
    return nodes.Object(
        [
            ObjectFieldNode(name=NameNode(value=name), value=nodes.String(value))
            for name, value in reference.items()
        ]
    )


def operations_with_variables(schema_text: str, known: Known) -> SearchStrategy[Operation]:
    """Each field of a root type, with variables for all of its arguments."""
    schema = build_schema(schema_text)
    asked = [
        (kind, name, field)
        for kind, root in (
            ("query", schema.query_type),
            ("mutation", schema.mutation_type),
            ("subscription", schema.subscription_type),
        )
        if root is not None
        for name, field in root.fields.items()
    ]

    return st.sampled_from(asked).flatmap(lambda field: _with_variables(field, known))


def _with_variables(
    asked: tuple[str, str, GraphQLField], known: Known
) -> SearchStrategy[Operation]:
    kind, name, field = asked
    document = _document(kind, name, field)
    variables = mostly(_object_of(field.args, known), JSON_VALUES)
    return variables.map(lambda drawn: Operation(document, drawn))


def _document(kind: str, name: str, field: GraphQLField) -> str:
    declared = ", ".join(f"${each}: {argument.type}" for each, argument in field.args.items())
    given = ", ".join(f"{each}: ${each}" for each in field.args)
    below = " { __typename }" if is_composite_type(get_named_type(field.type)) else ""
    declared, given = (f"({text})" if text else "" for text in (declared, given))
    return f"{kind} {name.capitalize()}{declared} {{ {name}{given}{below} }}"


def _object_of(fields: Mapping[str, Any], known: Known) -> SearchStrategy[dict[str, Any]]:
    """Arguments or an input's fields; the optional ones may be left out."""
    drawn = {name: _fitting(name, field.type, known) for name, field in fields.items()}
    required = {name for name, field in fields.items() if is_required_input_field(field)}
    return st.fixed_dictionaries(
        {name: values for name, values in drawn.items() if name in required},
        optional={name: values for name, values in drawn.items() if name not in required},
    )


def _fitting(name: str, type_: GraphQLInputType, known: Known) -> SearchStrategy[Any]:
    """Values that fit a type and name, and sometimes any value."""
    if not isinstance(type_, GraphQLNonNull):
        return st.none() | _fitting(name, GraphQLNonNull(type_), known)
    match type_.of_type:
        case GraphQLEnumType() as enum:
            fitting: SearchStrategy[Any] = st.sampled_from(list(enum.values))
        case GraphQLInputObjectType() as given:
            fitting = _object_of(given.fields, known)
        case scalar:
            by_name = {
                "ID": known.ids(of=name),
                "Int": known.numbers,
                "String": TEXTS,
                "[_Any!]": st.lists(mostly(known.references, JSON_VALUES), max_size=8),
            }
            fitting = by_name.get(str(scalar), st.booleans())
    return mostly(fitting, JSON_VALUES)
