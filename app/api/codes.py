"""The codes of errors and of closed WebSockets: a part of the contract, clients branch on them."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from http import HTTPStatus
from typing import Final


class Code(StrEnum):
    """`extensions.code`. Beyond a limit, `limit` names it, and `found` is the count if known.

    Each member is followed by its row of the table in `app/api/README.md`.
    """

    BAD_REQUEST = "BAD_REQUEST"
    """The request is not a GraphQL request."""
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    """`Accept` allows none of the media types that the service sends."""
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    """The request did not arrive in time."""
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    """The request body is too large."""
    RATE_LIMITED = "RATE_LIMITED"
    """Too many operations: retry after `extensions.retryAfterSeconds` (and `Retry-After`)."""
    UNAUTHENTICATED = "UNAUTHENTICATED"
    """The token is missing or not valid: sign in."""
    TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105 - a code
    """The token has expired: sign in again."""
    AUTHENTICATION_UNAVAILABLE = "AUTHENTICATION_UNAVAILABLE"
    """Tokens cannot be verified at the moment: retry."""
    NOT_ALLOWED = "NOT_ALLOWED"
    """The viewer may not ask this. (A mutation answers the problem `NotAllowed`.)"""
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    """The document is not GraphQL."""
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    """The document does not fit the schema."""
    BAD_USER_INPUT = "BAD_USER_INPUT"
    """A value, in a variable or in the document, does not fit its type, or is a number that JSON
    readers would round; `extensions.field` names it (see below)."""
    INVALID_INPUT = "INVALID_INPUT"
    """An argument of a query is out of range; `extensions.field` names it."""
    DOCUMENT_TOO_LONG = "DOCUMENT_TOO_LONG"
    """The document has more characters than `extensions.limit`."""
    TOO_MANY_TOKENS = "TOO_MANY_TOKENS"
    """The document has more tokens than `extensions.limit`."""
    QUERY_TOO_DEEP = "QUERY_TOO_DEEP"
    """Fields are nested more deeply than `extensions.limit`."""
    TOO_MANY_ALIASES = "TOO_MANY_ALIASES"
    """The operation has more aliases than `extensions.limit`."""
    TOO_MANY_DIRECTIVES = "TOO_MANY_DIRECTIVES"
    """The operation has more directives than `extensions.limit`."""
    TOO_MANY_ROOT_FIELDS = "TOO_MANY_ROOT_FIELDS"
    """The operation has more root fields than `extensions.limit`."""
    QUERY_TOO_COSTLY = "QUERY_TOO_COSTLY"
    """The operation costs more than `extensions.limit`; `extensions.dearest` lists its most
    expensive paths, and `extensions.suggestion` says what to change."""
    BATCH_TOO_LARGE = "BATCH_TOO_LARGE"
    """The batch has more operations than `extensions.limit`."""
    TOO_MANY_SUBSCRIPTIONS = "TOO_MANY_SUBSCRIPTIONS"
    """The connection has as many operations as it may; a WebSocket is closed with 4429."""
    TOO_MANY_CONNECTIONS = "TOO_MANY_CONNECTIONS"
    """The client has as many connections as it may; a WebSocket is closed with 4429."""
    TOO_MANY_OPERATIONS = "TOO_MANY_OPERATIONS"
    """Too many operations of the client are executing, or too many new documents wait for
    validation. Nothing was done: retry once others are answered."""
    BATCHING_DISABLED = "BATCHING_DISABLED"
    """Batches are disabled here: send one operation at a time."""
    INTROSPECTION_DISABLED = "INTROSPECTION_DISABLED"
    """Introspection is disabled here."""
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    """Automatic persisted queries are disabled here: send documents as text."""
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    """No document is known under this hash: send its text with it."""
    DOCUMENT_NOT_FOUND = "DOCUMENT_NOT_FOUND"
    """No document is registered under this id."""
    DOCUMENT_NOT_TRUSTED = "DOCUMENT_NOT_TRUSTED"
    """Only registered documents are answered here."""
    TEAM_NOT_FOUND = "TEAM_NOT_FOUND"
    """A feed was requested of a team that never existed."""
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    """The cursor is older than the change log, or `asOf` is too long ago: read afresh."""
    HISTORY_UNKNOWN = "HISTORY_UNKNOWN"
    """The change log does not tell this value of `asOf`: another program has changed the team, or
    changes are missing, or more than 10,000 lie between it and both ends."""
    SUBSCRIBER_TOO_SLOW = "SUBSCRIBER_TOO_SLOW"
    """The subscriber fell 1,000 changes behind and was cut off: resume after the last change
    received. A client that reads nothing is disconnected after 30 seconds."""
    TEAM_DAMAGED = "TEAM_DAMAGED"
    """Another program has made this team's data unusable. Nothing was done; the operator repairs it
    with `doctor`. In a list, that edge's `node` is null."""
    DATABASE_UNSAFE = "DATABASE_UNSAFE"
    """The database has lost an index or validator that mutations rely on. They are refused and
    change nothing, while queries and subscriptions work. Retry later; the operator repairs it."""
    DATABASE_UNAVAILABLE = "DATABASE_UNAVAILABLE"
    """MongoDB did not answer in time. The change may have been made or not: retry with the same
    `requestId`."""
    SERVER_ENDED = "SERVER_ENDED"
    """The server had no time left to answer. The change may have been made or not: retry with the
    same `requestId`."""
    CONTENTION = "CONTENTION"
    """Every attempt lost to a concurrent change. Nothing was done: retry."""
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"
    """A bug; `extensions.requestId` finds it in the server's log."""


STATUSES: Final[Mapping[str, HTTPStatus]] = {
    Code.NOT_ACCEPTABLE: HTTPStatus.NOT_ACCEPTABLE,
    Code.REQUEST_TIMEOUT: HTTPStatus.REQUEST_TIMEOUT,
    Code.PAYLOAD_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    Code.TOO_MANY_CONNECTIONS: HTTPStatus.TOO_MANY_REQUESTS,
    Code.TOO_MANY_OPERATIONS: HTTPStatus.TOO_MANY_REQUESTS,
    Code.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    Code.TOKEN_EXPIRED: HTTPStatus.UNAUTHORIZED,
    Code.AUTHENTICATION_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.DATABASE_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.DATABASE_UNSAFE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.SERVER_ENDED: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.CONTENTION: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.INTERNAL_SERVER_ERROR: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""The HTTP status of a response that is nothing but an error of this code; otherwise 400."""


class CloseCode(IntEnum):
    """Close codes of WebSockets, of `graphql-transport-ws` unless noted."""

    # Of RFC 6455's registry: the keys that verify tokens can't be fetched.
    TRY_AGAIN_LATER = 1013
    BAD_REQUEST = 4400
    FORBIDDEN = 4403
    INITIALISATION_TIMEOUT = 4408
    # The protocol's code for "too many"; clients don't reconnect after it.
    TOO_MANY = 4429
    # Ours: clients of `graphql-ws` reconnect, with a new token.
    TOKEN_EXPIRED = 4440
    INTERNAL_SERVER_ERROR = 4500
