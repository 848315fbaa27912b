"""The codes of errors and of closed WebSockets: a part of the contract, clients branch on them."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from http import HTTPStatus
from typing import Final


class Code(StrEnum):
    """`extensions.code`. Beyond a limit `limit` names it, and `found` says what there was."""

    # The request is not one that can be answered.
    BAD_REQUEST = "BAD_REQUEST"
    # `Accept` allows none of the media types that there are.
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    # The request did not arrive in time.
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    # Its body is too large.
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    # Too many operations: wait `retryAfterSeconds`.
    RATE_LIMITED = "RATE_LIMITED"

    # Sign in: there is no token, or it is not valid here.
    UNAUTHENTICATED = "UNAUTHENTICATED"
    # Sign in again: the token's time is over.
    TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105 - a code
    # Tokens can't be verified at the moment; send it again.
    AUTHENTICATION_UNAVAILABLE = "AUTHENTICATION_UNAVAILABLE"
    # The viewer may not ask this.
    NOT_ALLOWED = "NOT_ALLOWED"

    # The document is not GraphQL, or does not fit the schema.
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    # A variable or an argument has the wrong type, or a number that readers of JSON would round.
    BAD_USER_INPUT = "BAD_USER_INPUT"
    # An argument of a query is out of range; `field` names it.
    INVALID_INPUT = "INVALID_INPUT"

    # Beyond a limit.
    DOCUMENT_TOO_LONG = "DOCUMENT_TOO_LONG"
    TOO_MANY_TOKENS = "TOO_MANY_TOKENS"
    QUERY_TOO_DEEP = "QUERY_TOO_DEEP"
    TOO_MANY_ALIASES = "TOO_MANY_ALIASES"
    TOO_MANY_DIRECTIVES = "TOO_MANY_DIRECTIVES"
    TOO_MANY_ROOT_FIELDS = "TOO_MANY_ROOT_FIELDS"
    QUERY_TOO_COSTLY = "QUERY_TOO_COSTLY"
    BATCH_TOO_LARGE = "BATCH_TOO_LARGE"
    TOO_MANY_SUBSCRIPTIONS = "TOO_MANY_SUBSCRIPTIONS"
    TOO_MANY_CONNECTIONS = "TOO_MANY_CONNECTIONS"
    # At the moment: send it again when others have been answered.
    TOO_MANY_OPERATIONS = "TOO_MANY_OPERATIONS"

    # Switched off here.
    BATCHING_DISABLED = "BATCHING_DISABLED"
    INTROSPECTION_DISABLED = "INTROSPECTION_DISABLED"
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"

    # Documents by their hash: send the text once; none is registered; only those are answered.
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    DOCUMENT_NOT_FOUND = "DOCUMENT_NOT_FOUND"
    DOCUMENT_NOT_TRUSTED = "DOCUMENT_NOT_TRUSTED"

    # Feeds: of a team that never was; from before the log begins; read too slowly.
    TEAM_NOT_FOUND = "TEAM_NOT_FOUND"
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    SUBSCRIBER_TOO_SLOW = "SUBSCRIBER_TOO_SLOW"

    # Another program has changed the team's data so that it can't be shown or changed. Nothing was
    # done; it stays so until the operator repairs it.
    TEAM_DAMAGED = "TEAM_DAMAGED"
    # The database has lost an index or its validator, without which changes are not safe. Nothing
    # was done; it stays so until the operator restores them.
    DATABASE_UNSAFE = "DATABASE_UNSAFE"
    # MongoDB did not answer in time; send the request again.
    DATABASE_UNAVAILABLE = "DATABASE_UNAVAILABLE"
    # The server had no time left to answer; send the request again.
    SERVER_ENDED = "SERVER_ENDED"
    # Every attempt lost to another change; send it again.
    CONTENTION = "CONTENTION"
    # A bug; `requestId` finds it in the server's log.
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"


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
"""The HTTP status of an answer that is nothing but an error of this code; 400 with all others."""


class CloseCode(IntEnum):
    """What a WebSocket is closed with: of `graphql-transport-ws` unless it is said to be ours."""

    # Of RFC 6455's registry: the keys that tokens are verified with can't be had.
    TRY_AGAIN_LATER = 1013
    BAD_REQUEST = 4400
    FORBIDDEN = 4403
    INITIALISATION_TIMEOUT = 4408
    # The protocol's code for "too many"; clients don't reconnect after it.
    TOO_MANY = 4429
    # Ours: clients of `graphql-ws` reconnect, with a new token.
    TOKEN_EXPIRED = 4440
    INTERNAL_SERVER_ERROR = 4500
