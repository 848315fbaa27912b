"""Parses and validates each document once: what comes again by its text is taken from a cache.

Parsing and validating cost several times what executing does, and clients send the same few
documents with changing variables.
"""

from collections.abc import Iterator
from functools import lru_cache

from graphql import DocumentNode, GraphQLError, parse, specified_rules
from strawberry import Schema
from strawberry.extensions import SchemaExtension
from strawberry.extensions.query_depth_limiter import create_validator
from strawberry.schema.schema import validate_document
from strawberry.types.graphql import OperationType

from app.api.errors import CodedError, coded_as_invalid

MAX_TOKENS = 2_000
MAX_DEPTH = 15

# Bounds the memory that strangers' documents can take: 500 of 10,000 characters at the most.
MAX_CACHED_DOCUMENTS = 500
MAX_CACHED_LENGTH = 10_000

_DEPTH_RULE = create_validator(MAX_DEPTH, None)

NEEDS_A_STREAM = CodedError(
    "BAD_REQUEST",
    "Subscribe over WebSocket (graphql-transport-ws), or ask for `Accept: text/event-stream`.",
)

Prepared = tuple[DocumentNode, tuple[GraphQLError, ...]]


def _prepare(schema: Schema, query: str) -> Prepared:
    """The document and its validation errors. *Raises*: `GraphQLSyntaxError`."""
    try:
        document = parse(query, max_tokens=MAX_TOKENS)
        # The depth is measured in a valid document only: an undefined fragment has none.
        errors = validate_document(schema._schema, document, specified_rules)
        errors = errors or validate_document(schema._schema, document, (_DEPTH_RULE,))
        return document, tuple(coded_as_invalid(error) for error in errors)
    except RecursionError:
        raise GraphQLError(
            "The document is nested too deeply.",
            extensions={"code": "GRAPHQL_VALIDATION_FAILED"},
        ) from None


_prepare_cached = lru_cache(MAX_CACHED_DOCUMENTS)(_prepare)


class PreparedDocuments(SchemaExtension):
    """Gives Strawberry the parsed document and the outcome of its validation."""

    def on_parse(self) -> Iterator[None]:
        """Parses and validates, or finds the document in the cache."""
        context = self.execution_context
        context.context.begin_answer()
        query = context.query or ""
        prepare = _prepare_cached if len(query) <= MAX_CACHED_LENGTH else _prepare
        context.graphql_document, errors = prepare(context.schema, query)
        self._errors = errors
        yield

    def on_validate(self) -> Iterator[None]:
        """Hands over the errors found; a list of its own, since Strawberry edits it."""
        context = self.execution_context
        errors = list(self._errors)
        if context.operation_type is OperationType.SUBSCRIPTION and context.context.answers_once:
            errors.append(NEEDS_A_STREAM)
        context.pre_execution_errors = errors
        yield
