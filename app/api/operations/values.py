"""Errors for values that do not match their types, in variables and in the document."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphql import (
    SKIP,
    ArgumentNode,
    DocumentNode,
    GraphQLError,
    GraphQLInputType,
    GraphQLSchema,
    Node,
    ObjectFieldNode,
    ValueNode,
    ValuesOfCorrectTypeRule,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    is_non_null_type,
    visit,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.language.visitor import VisitorAction
from graphql.pyutils import Undefined
from graphql.utilities import coerce_input_value, validate_input_literal, validate_input_value

from app.api.errors import CodedError, misfit
from app.api.operations.limits import MAX_EXACT_INTEGER

MAX_ERRORS = 10


class ValuesOfCorrectType(ValuesOfCorrectTypeRule):
    """Graphql-core's rule of this name, with the field's name in its errors."""

    _place = ""

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        """Note the argument of the values that follow."""
        self._place = node.name.value

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: object) -> None:
        """Note the variable of the default value that follows."""
        self._place = f"${node.variable.name.value}"

    def is_valid_value_node(
        self, node: ValueNode, input_type: GraphQLInputType | None
    ) -> VisitorAction:
        """Report a value that does not match, with its place."""
        if input_type:
            validate_input_literal(
                node,
                input_type,
                lambda error, path: self.report_error(_refusal([self._place, *path], error, node)),
                hide_suggestions=self.context.hide_suggestions,
            )
        return SKIP


def misfits(
    schema: GraphQLSchema,
    document: DocumentNode,
    definitions: Iterable[VariableDefinitionNode],
    variables: Mapping[str, Any],
) -> list[GraphQLError]:
    """At most `MAX_ERRORS` errors for the first variable whose value does not match."""
    for definition in definitions:
        name = definition.variable.name.value
        signature = get_variable_signature(schema, definition)
        value = variables.get(name, Undefined)
        if isinstance(signature, GraphQLError) or (value is Undefined and definition.default_value):
            continue
        try:
            if coerce_input_value(value, signature.type) is not Undefined:
                continue
            if value is Undefined and not is_non_null_type(signature.type):
                continue
            return _misfits_of(definition, value, signature.type, document)
        except RecursionError:  # reported by the library
            continue
    return []


def _misfits_of(
    definition: VariableDefinitionNode,
    value: object,
    type_: GraphQLInputType,
    document: DocumentNode,
) -> list[GraphQLError]:
    found: list[GraphQLError] = []
    place = place_of(document, definition.variable.name.value)

    def note(error: GraphQLError, path: list[str | int]) -> None:
        if len(found) < MAX_ERRORS:
            found.append(_refusal([*place, *path], error, definition))

    validate_input_value(value, type_, note)
    return found


def rounded(document: DocumentNode, variables: Mapping[str, Any]) -> CodedError | None:
    """The error for a number that may have been rounded; no field of the schema takes such numbers.

    Iterative, since values may be nested beyond the recursion limit.
    """
    pending: list[tuple[_Way, Any]] = [((None, name), each) for name, each in variables.items()]
    while pending:
        way, value = pending.pop()
        if type(value) is str:
            continue
        match value:
            case float(number) if abs(number) > MAX_EXACT_INTEGER:
                (name, *path) = _steps(way)
                return misfit(
                    ".".join([*place_of(document, name), *path]),
                    "the number is too large to be read exactly. Send ids as strings.",
                )
            case dict(members):
                pending += (((way, key), each) for key, each in members.items())
            case list(items):
                pending += (((way, str(index)), each) for index, each in enumerate(items))
    return None


# A linked list of steps; a full path per value would take far more memory.
_Way = tuple[Any, str]


def _steps(way: _Way | None) -> list[str]:
    steps = []
    while way:
        way, step = way
        steps.append(step)
    return steps[::-1]


def place_of(document: DocumentNode, variable: str) -> list[str]:
    """The argument and input fields that a variable is used for; itself if it is not used."""
    finder = _Finder(variable)
    visit(document, finder)
    return finder.place or [f"${variable}"]


class _Finder(Visitor):
    """Finds the first use of a variable in an argument."""

    def __init__(self, variable: str) -> None:
        super().__init__()
        self._variable = variable
        self.place: list[str] = []

    def enter_variable(
        self, node: VariableNode, _key: object, parent: object, _path: object, ancestors: list[Any]
    ) -> None:
        """Check one use of a variable."""
        if node.name.value == self._variable and not self.place:
            self.place = [
                each.name.value
                for each in (*ancestors, parent)
                if isinstance(each, (ArgumentNode, ObjectFieldNode))
            ]


def _refusal(place: Sequence[str | int], error: GraphQLError, node: Node) -> GraphQLError:
    refusal = misfit(".".join(map(str, place)), error.message)
    return GraphQLError(refusal.message, node, extensions=refusal.extensions)
