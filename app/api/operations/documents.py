"""A cache of documents: each is parsed, measured and validated once.

Parsing and validation cost several times as much as execution, and clients send the same few
documents with changing variables.
"""

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    Lexer,
    Location,
    Source,
    Token,
    TokenKind,
    ValuesOfCorrectTypeRule,
    specified_rules,
    validate,
)
from graphql.language.parser import MAX_NESTING_DEPTH, Parser
from graphql.validation import MaxIntrospectionDepthRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app.api.bounded_cache import BoundedCache
from app.api.codes import Code
from app.api.errors import CodedError, coded_as_invalid
from app.api.execution.documents import attach
from app.api.operations.dearest import too_costly
from app.api.operations.limits import Limits, beyond
from app.api.operations.measures import MeasuredOperation, Measures, measure
from app.api.operations.values import ValuesOfCorrectType, misfits

# Bounds the memory of cached documents, and the garbage collector's pauses: a parsed token is 2.4
# objects. The usual document has 20 to 200 tokens. The text itself is kept too, twice, at up to 4
# bytes a character.
MAX_CACHED_DOCUMENTS = 500
MAX_CACHED_TOKENS = 30_000
CHARACTERS_PER_TOKEN = 75

# The same for invalid documents, some of which are expensive to validate.
MAX_INVALID_DOCUMENTS = 100
MAX_INVALID_TOKENS = 10_000

# Documents of all clients that wait for the thread.
MAX_WAITING = 200

# Each quotes a part of the document, which takes time.
MAX_VALIDATION_ERRORS = 10

# Shorter documents are prepared on the event loop, which takes less time than another thread.
MAX_CHARACTERS_ON_LOOP = 300

_RULES = (
    *(rule for rule in specified_rules if rule is not ValuesOfCorrectTypeRule),
    ValuesOfCorrectType,
    MaxIntrospectionDepthRule,
    OneOfInputValidationRule,
)


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document, its errors that do not depend on variables, and its operations."""

    document: DocumentNode
    errors: tuple[GraphQLError, ...]
    operations: Mapping[str | None, MeasuredOperation]


class Documents:
    """Prepares documents for a schema and its limits.

    *Limits*: uncached documents of more than `MAX_CHARACTERS_ON_LOOP` are prepared by one thread,
    in order. One document per client waits for the thread, `MAX_WAITING` in all, and each for at
    most half of the request timeout.
    """

    def __init__(self, schema: GraphQLSchema, limits: Limits) -> None:
        self._schema = schema
        self._limits = limits
        self._prepared: BoundedCache[str, PreparedDocument] = BoundedCache(
            max_entries=MAX_CACHED_DOCUMENTS, max_weight=MAX_CACHED_TOKENS
        )
        self._invalid: BoundedCache[str, PreparedDocument] = BoundedCache(
            max_entries=MAX_INVALID_DOCUMENTS, max_weight=MAX_INVALID_TOKENS
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="documents")
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._waiting = 0

    async def prepare(self, text: str, client: str) -> PreparedDocument:
        """The document. *Raises*: `GraphQLError` if it can't be parsed, or not in time.

        *Cancellation*: a document that waits for the thread is not prepared.
        """
        if prepared := self.find(text):
            return prepared
        if len(text) <= MAX_CHARACTERS_ON_LOOP:
            return self._keep(text, self._prepare(text), client)
        if self._waiting >= MAX_WAITING:
            raise _too_busy()
        turn = self._turns.setdefault(client, asyncio.Lock())
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limits.request_timeout_seconds / 2), turn:
                if prepared := self.find(text):
                    return prepared
                loop = asyncio.get_running_loop()
                prepared = await loop.run_in_executor(self._thread, self._prepare, text)
        except TimeoutError:
            raise _too_busy() from None
        finally:
            self._waiting -= 1
        return self._keep(text, prepared, client)

    def find(self, text: str) -> PreparedDocument | None:
        """The document, if it is in the cache."""
        return self._prepared.get(text) or self._invalid.get(text)

    def _keep(self, text: str, prepared: PreparedDocument, client: str) -> PreparedDocument:
        """Cache the document, even if invalid: clients repeat those too."""
        weight = prepared.document.token_count + len(text) // CHARACTERS_PER_TOKEN
        kept = self._invalid if prepared.errors else self._prepared
        kept.put(text, prepared, weight=weight, owner=client)
        return prepared

    def misfits(
        self, prepared: PreparedDocument, operation: MeasuredOperation, variables: Mapping[str, Any]
    ) -> list[GraphQLError]:
        """Errors for values of variables that do not match their types."""
        return misfits(self._schema, prepared.document, operation.variables.values(), variables)

    def _prepare(self, text: str) -> PreparedDocument:
        limits = self._limits
        if len(text) > limits.max_document_length:
            raise beyond(
                Code.DOCUMENT_TOO_LONG, "characters", limits.max_document_length, len(text)
            )
        try:
            document = _parse(text, max_tokens=limits.max_tokens)
            operations = measure(document)
        except GraphQLSyntaxError as error:
            raise _beyond_parsing(text, error, limits) or error from None
        except RecursionError:
            raise beyond(Code.QUERY_TOO_DEEP, "levels", limits.max_depth) from None
        # Validating a document that exceeds a limit might take long.
        errors = [*self._beyond_limits(document, operations)] or [*self._validate(document)]
        if not errors and limits.compiled_execution:
            attach(document, self._schema)
        return PreparedDocument(document, tuple(errors), operations)

    def _validate(self, document: DocumentNode) -> Iterator[GraphQLError]:
        errors = validate(self._schema, document, _RULES, max_errors=MAX_VALIDATION_ERRORS)
        return map(coded_as_invalid, errors)

    def _beyond_limits(
        self, document: DocumentNode, operations: Mapping[str | None, MeasuredOperation]
    ) -> Iterator[GraphQLError]:
        for name, operation in operations.items():
            yield from beyond_limits(operation.measures, self._limits)
            least, limit = operation.measures.cost.least, self._limits.max_cost
            if least > limit:
                yield too_costly(document, name, None, limit=limit, found=least)


_NO_TOKEN = Token(TokenKind.SOF, 0, 0, 0, 0)


class _Parser(Parser):
    """A parser whose nodes have locations without tokens."""

    def loc(self, start_token: Token) -> Location | None:
        location = super().loc(start_token)
        if location is not None:
            location.start_token = location.end_token = _NO_TOKEN
        return location


def _parse(text: str, *, max_tokens: int) -> DocumentNode:
    parser = _Parser(Source(text), max_lexical_tokens=max_tokens, max_comments=max_tokens)
    document = parser.parse_document()
    # Tokens link to their neighbours, so only the garbage collector would free them.
    token: Token | None = parser._lexer.token
    while token:
        before = token.prev
        token.prev = token.next = None
        token = before
    return document


def _too_busy() -> CodedError:
    return CodedError(
        Code.TOO_MANY_OPERATIONS,
        "Too many new documents are waiting to be validated. Try again later.",
    )


def beyond_limits(measures: Measures, limits: Limits) -> Iterator[CodedError]:
    """The limits that an operation exceeds whatever its variables are."""
    if measures.introspections and not limits.introspection:
        yield CodedError(Code.INTROSPECTION_DISABLED, "Introspection is disabled on this server.")
    for code, what, limit, found in (
        (Code.QUERY_TOO_DEEP, "levels", limits.max_depth, measures.depth),
        (Code.TOO_MANY_ALIASES, "aliases", limits.max_aliases, measures.aliases),
        (Code.TOO_MANY_DIRECTIVES, "directives", limits.max_directives, measures.directives),
        (Code.TOO_MANY_ROOT_FIELDS, "root fields", limits.max_root_fields, measures.fields),
    ):
        if found > limit:
            yield beyond(code, what, limit, found)


def _beyond_parsing(text: str, error: GraphQLSyntaxError, limits: Limits) -> CodedError | None:
    """The limit at which the parser stopped; None for a plain syntax error."""
    (position,) = error.positions or (0,)
    lexer = Lexer(Source(text[:position]))
    token: Token | None = lexer.token
    try:
        while lexer.advance().kind is not TokenKind.EOF:
            pass
    except GraphQLSyntaxError:
        return None
    tokens = comments = nesting = deepest = 0
    while token := token and token.next:
        tokens += token.kind not in {TokenKind.COMMENT, TokenKind.EOF}
        comments += token.kind is TokenKind.COMMENT
        nesting += token.kind in {TokenKind.BRACE_L, TokenKind.BRACKET_L}
        nesting -= token.kind in {TokenKind.BRACE_R, TokenKind.BRACKET_R}
        deepest = max(deepest, nesting)
    if deepest >= MAX_NESTING_DEPTH:
        return beyond(Code.QUERY_TOO_DEEP, "levels", limits.max_depth)
    if max(tokens, comments) >= limits.max_tokens:
        return beyond(Code.TOO_MANY_TOKENS, "tokens", limits.max_tokens)
    return None
