"""The compiled form of a document, which is kept beside the document and filled as it is used."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    VariableNode,
    Visitor,
    coerce_input_value,
    is_non_null_type,
    visit,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetails,
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource

from app.api.execution.compiler import Field, compile_field
from app.api.execution.fields import Fields, Run
from app.api.execution.resolvers import DEFINITION, AnyExecutor, compile_resolver

# Bounds memory, beside one field for two tokens: each runtime type of an interface has fields of
# its own, and so has each combination of values that `@skip` and `@include` depend on. Where a
# document exceeds it, graphql-core executes the rest of the operation.
MIN_COMPILED_FIELDS = 20

_ATTRIBUTE = "compiled"


def attach(document: DocumentNode, schema: GraphQLSchema, max_fields: int | None = None) -> None:
    """Let executors find the compiled form of a valid document."""
    if max_fields is None:
        max_fields = MIN_COMPILED_FIELDS + document.token_count // 2
    # The parser sets its own attribute of documents, which are frozen, in the same way.
    object.__setattr__(document, _ATTRIBUTE, CompiledDocument(document, schema, max_fields))


def compiled_form(document: DocumentNode) -> "CompiledDocument | None":
    """The compiled form of a document, if one is attached."""
    return getattr(document, _ATTRIBUTE, None)


class CompiledOperation:
    """An operation, and how its variables are coerced."""

    def __init__(self, node: OperationDefinitionNode, schema: GraphQLSchema) -> None:
        self.node = node
        definitions = node.variable_definitions or ()
        self._signatures = [get_variable_signature(schema, each) for each in definitions]

    def coerce(self, given: Mapping[str, Any]) -> VariableValues | None:
        """The values of variables: `get_variable_values` of graphql-core.

        None for values that are invalid, or not given in spite of a default: they are left to it.
        """
        sources, coerced = {}, {}
        for signature in self._signatures:
            if isinstance(signature, GraphQLError):
                return None
            name, type_, default, _ = signature
            value = given.get(name, Undefined)
            if value is not Undefined:
                with suppress(RecursionError):
                    coerced[name] = coerce_input_value(value, type_)
                if coerced.get(name, Undefined) is Undefined:
                    return None
            elif default or is_non_null_type(type_):
                return None
            sources[name] = VariableValueSource(signature, value)
        return VariableValues(sources, coerced)


class CompiledDocument:
    """The compiled parts of a document."""

    def __init__(self, document: DocumentNode, schema: GraphQLSchema, max_fields: int) -> None:
        definitions = document.definitions
        nodes = [each for each in definitions if isinstance(each, OperationDefinitionNode)]
        fragments = [each for each in definitions if isinstance(each, FragmentDefinitionNode)]
        compiled = [CompiledOperation(each, schema) for each in nodes]
        self.operations = {each.node.name and each.node.name.value: each for each in compiled}
        if len(compiled) == 1:  # it needs no name in a request
            self.operations[None] = compiled[0]
        self.fragment_definitions = {each.name.value: each for each in fragments}
        self.fragments = {each.name.value: FragmentDetails(each, None) for each in fragments}
        self._document = document
        self._schema = schema
        self._remaining_fields = max_fields
        self._survey: _Survey | None = None
        self._root_fields: dict[tuple[object, ...], Fields] = {}
        self.root_names: dict[Run, str] = {}

    def fields(self, executor: AnyExecutor) -> Fields | None:
        """The fields of the executor's operation; None if graphql-core has to execute it.

        What an operation selects depends on the variables of `@skip` and `@include` alone.
        """
        survey = self._survey
        if survey is None:
            survey = self._survey = _Survey()
            visit(self._document, survey)
        operation, values = executor.operation, executor.variable_values.coerced
        root_type = self._schema.get_root_type(operation.operation)
        flags = {name: values.get(name) for name in survey.flags}
        if survey.is_unusual or root_type is None or None in flags.values():
            return None
        key = (operation.name and operation.name.value, *flags.values())
        fields = self._root_fields.get(key)
        if fields is None:
            given = self._schema, executor.fragments, VariableValues({}, flags)

            def collect(type_: GraphQLObjectType, details: list[FieldDetails]) -> CollectedFields:
                return collect_subfields(*given, operation, type_, details)

            with suppress(RecursionError):  # graphql-core reports it
                found = collect_fields(*given, root_type, operation)
                fields = self.compile(root_type, found, collect)
            if fields is not None:
                self._root_fields[key] = fields
                grouped = found.grouped_field_set
                self.root_names |= {run: grouped[name][0].node.name.value for name, run in fields}
        return fields

    def compile(
        self, type_: GraphQLObjectType, collected: CollectedFields, collect: "Collect"
    ) -> Fields | None:
        """The fields that are selected of an object; None if they exceed the bound."""
        grouped = collected.grouped_field_set
        self._remaining_fields -= max(len(grouped), 1)
        if self._remaining_fields < 0:
            return None
        compiled = []
        for key, details in grouped.items():
            node = details[0].node
            definition = self._schema.get_field(type_, node.name.value)
            if definition is not None:
                field = Field(key, type_, definition, details, Selection(self, details, collect))
                schema = self._schema.extensions[DEFINITION]
                resolver = compile_resolver(definition, node, type_, schema)
                compiled.append((key, compile_field(field, resolver)))
        return tuple(compiled)


Collect = Callable[[GraphQLObjectType, list[FieldDetails]], CollectedFields]


class Selection:
    """The selections below a field, compiled for each type of object when it first occurs."""

    __slots__ = ("_by_type", "_collect", "_details", "_document")

    def __init__(
        self, document: CompiledDocument, details: list[FieldDetails], collect: Collect
    ) -> None:
        self._document = document
        self._details = details
        self._collect = collect
        self._by_type: dict[str, Fields] = {}

    def fields(self, type_: GraphQLObjectType) -> Fields | None:
        """The fields that are selected of an object of this type; None beyond the bound."""
        fields = self._by_type.get(type_.name)
        if fields is None:
            collected = self._collect(type_, self._details)
            fields = self._document.compile(type_, collected, self._collect)
            if fields is not None:
                self._by_type[type_.name] = fields
        return fields


class _Survey(Visitor):
    """Finds the variables of `@skip` and `@include`, and what is left to graphql-core."""

    def __init__(self) -> None:
        super().__init__()
        self.flags: dict[str, None] = {}
        self.is_unusual = False

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        self.is_unusual |= node.name.value not in {"skip", "include"}
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.flags[argument.value.name.value] = None

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.is_unusual |= node.name.value in {"__schema", "__type"}

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_: object) -> None:
        self.is_unusual |= bool(node.variable_definitions)
