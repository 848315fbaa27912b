"""GraphQL errors: every one carries a code, none carries what happened inside.

BAD_REQUEST, PAYLOAD_TOO_LARGE   the HTTP request is not one that can be answered (status 4xx)
GRAPHQL_PARSE_FAILED             the document is not GraphQL
GRAPHQL_VALIDATION_FAILED        the document does not fit the schema or its limits
BAD_USER_INPUT                   a variable or an argument has the wrong type
INVALID_INPUT                    an argument of a query is out of range; `field` names it
DATABASE_UNAVAILABLE             MongoDB did not answer in time; send the request again
CONTENTION                       every attempt lost to another change; send it again
INTERNAL_SERVER_ERROR            a bug; `requestId` finds it in the server's log
"""

import logging
from uuid import uuid4

from graphql import GraphQLError, GraphQLSyntaxError
from starlette.responses import JSONResponse, Response
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from app.domain.faults import DatabaseUnavailable, TooMuchContention
from app.domain.problems import InvalidInput

# What a stream answers with an error and plain HTTP with a status.
_NOT_EXECUTABLE = (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError)

logger = logging.getLogger(__name__)

METHOD_NOT_ALLOWED = 405
PAYLOAD_TOO_LARGE = 413


class CodedError(GraphQLError):
    """An error that is meant for the client as it stands."""

    def __init__(self, code: str, message: str, **extensions: object) -> None:
        super().__init__(message, extensions={"code": code, **extensions})


def invalid_input(problem: InvalidInput) -> CodedError:
    """The form that `InvalidInput` takes in a query, where there is no union to put it in."""
    return CodedError("INVALID_INPUT", problem.message, field=problem.field)


def database_unavailable() -> CodedError:
    """The answer while MongoDB can't be reached."""
    return CodedError(
        "DATABASE_UNAVAILABLE",
        "The database did not answer in time. A change may or may not have been made: "
        "send it again with the same requestId.",
    )


def present(error: GraphQLError) -> GraphQLError:
    """The error as the client may see it: coded, and masked unless it is the client's own.

    Presenting twice changes nothing. What is masked is logged once, under an id that the client is
    given too.
    """
    if error.extensions and "code" in error.extensions:
        return error
    cause = error.original_error
    # What points into the document but to no place in the answer was found before executing: it is
    # the client's, even where the library raised it (an integer of 5,000 digits).
    if cause is None or isinstance(cause, GraphQLError) or (error.nodes and not error.path):
        return _with_code(error, _code_of(error), error.message)
    if isinstance(cause, _NOT_EXECUTABLE):
        return _with_code(error, "BAD_REQUEST", error.message)
    if isinstance(cause, DatabaseUnavailable):
        logger.warning("A request failed because the database is unavailable: %s", cause)
        shown = database_unavailable()
        return _with_code(error, "DATABASE_UNAVAILABLE", shown.message)
    if isinstance(cause, TooMuchContention):
        logger.warning("A request gave up after too many conflicts: %s", cause)
        return _with_code(
            error, "CONTENTION", "Too many changes happened at once. Nothing was done; try again."
        )
    request_id = uuid4().hex
    logger.error("Unexpected error, request id %s", request_id, exc_info=cause)
    return _with_code(
        error, "INTERNAL_SERVER_ERROR", "Something went wrong on our side.", requestId=request_id
    )


def _code_of(error: GraphQLError) -> str:
    """What is left when validation has coded its own: a document's syntax, or a value's type."""
    is_syntax = isinstance(error, GraphQLSyntaxError)
    return "GRAPHQL_PARSE_FAILED" if is_syntax else "BAD_USER_INPUT"


def _with_code(error: GraphQLError, code: str, message: str, **extensions: object) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={**(error.extensions or {}), "code": code, **extensions},
    )


def coded_as_invalid(error: GraphQLError) -> GraphQLError:
    """An error that validation found."""
    return _with_code(error, "GRAPHQL_VALIDATION_FAILED", error.message)


def refuse(status_code: int, message: str) -> Response:
    """The answer to an HTTP request that is not executed: a GraphQL error with a 4xx status."""
    code = "PAYLOAD_TOO_LARGE" if status_code == PAYLOAD_TOO_LARGE else "BAD_REQUEST"
    body = {"errors": [{"message": message, "extensions": {"code": code}}]}
    headers = {"Allow": "GET, POST"} if status_code == METHOD_NOT_ALLOWED else None
    return JSONResponse(body, status_code=status_code, headers=headers)
