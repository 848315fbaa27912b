"""Parses, measures and validates each document once: what comes again is taken from a cache.

Parsing and validating cost several times what executing does, and clients send the same few
documents with changing variables.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    Lexer,
    Source,
    TokenKind,
    parse,
    specified_rules,
)
from graphql.language.parser import MAX_NESTING_DEPTH
from graphql.validation import MaxIntrospectionDepthRule
from strawberry.schema.schema import validate_document

from app.api.bounded_cache import BoundedCache
from app.api.errors import CodedError, coded_as_invalid
from app.api.limits import Limits, beyond
from app.api.measures import MeasuredOperation, Measures, measure

# Bounds the memory that strangers' documents can take. A token takes up to 600 bytes when it is
# parsed, so that 100,000 are 60 MB; the usual document has 20 to 200.
MAX_CACHED_DOCUMENTS = 500
MAX_CACHED_TOKENS = 100_000

_RULES = (*specified_rules, MaxIntrospectionDepthRule)


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document, what is wrong with it whatever the variables are, and its operations."""

    document: DocumentNode
    errors: tuple[GraphQLError, ...]
    operations: Mapping[str | None, MeasuredOperation]


class Documents:
    """The documents that fit a schema and the limits."""

    def __init__(self, schema: GraphQLSchema, limits: Limits) -> None:
        self._schema = schema
        self._limits = limits
        self._prepared: BoundedCache[str, PreparedDocument] = BoundedCache(
            max_entries=MAX_CACHED_DOCUMENTS, max_weight=MAX_CACHED_TOKENS
        )

    def prepare(self, text: str) -> PreparedDocument:
        """The document. *Raises*: `GraphQLError` for what can't be parsed."""
        prepared = self._prepared.get(text)
        if prepared is None:
            prepared = self._prepare(text)
            self._prepared.put(text, prepared, weight=prepared.document.token_count)
        return prepared

    def _prepare(self, text: str) -> PreparedDocument:
        try:
            document = parse(text, max_tokens=self._limits.max_tokens)
            operations = measure(document)
            errors: tuple[GraphQLError, ...] = tuple(self._beyond_limits(operations))
            # What is beyond the limits is not validated, which might take long.
            errors = errors or tuple(
                coded_as_invalid(error)
                for error in validate_document(self._schema, document, _RULES)
            )
        except GraphQLSyntaxError:
            if limit := _beyond_parsing(text, self._limits):
                raise limit from None
            raise
        except RecursionError:
            raise beyond("QUERY_TOO_DEEP", "levels", self._limits.max_depth) from None
        return PreparedDocument(document, errors, operations)

    def _beyond_limits(
        self, operations: Mapping[str | None, MeasuredOperation]
    ) -> Iterator[CodedError]:
        for operation in operations.values():
            yield from beyond_limits(operation.measures, self._limits)


def beyond_limits(measures: Measures, limits: Limits) -> Iterator[CodedError]:
    """The limits that an operation is beyond, whatever its variables are."""
    if measures.introspections and not limits.introspection:
        yield CodedError("INTROSPECTION_DISABLED", "Introspection is switched off here.")
    for code, what, limit, found in (
        ("QUERY_TOO_DEEP", "levels", limits.max_depth, measures.depth),
        ("TOO_MANY_ALIASES", "aliases", limits.max_aliases, measures.aliases),
        ("TOO_MANY_DIRECTIVES", "directives", limits.max_directives, measures.directives),
        ("TOO_MANY_ROOT_FIELDS", "root fields", limits.max_root_fields, measures.fields),
        ("QUERY_TOO_COSTLY", "values at the most", limits.max_cost, measures.cost.least),
    ):
        if found > limit:
            yield beyond(code, what, limit, found)


def _beyond_parsing(text: str, limits: Limits) -> CodedError | None:
    """The limit that kept a text from being parsed, looking at no more of it than that allows."""
    lexer = Lexer(Source(text))
    nesting = 0
    try:
        for _ in range(limits.max_tokens + 1):
            match lexer.advance().kind:
                case TokenKind.BRACE_L | TokenKind.BRACKET_L:
                    nesting += 1
                case TokenKind.BRACE_R | TokenKind.BRACKET_R:
                    nesting -= 1
                case TokenKind.EOF:
                    return None
            if nesting > MAX_NESTING_DEPTH:
                return beyond("QUERY_TOO_DEEP", "levels", limits.max_depth)
    except GraphQLSyntaxError:
        return None
    return beyond("TOO_MANY_TOKENS", "tokens", limits.max_tokens)
