"""GraphQL errors: every one carries a code, none carries what happened inside."""

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from cross_web import HTTPException
from graphql import GraphQLError, GraphQLSyntaxError
from starlette.responses import JSONResponse, Response
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from app.api.codes import STATUSES, Code
from app.api.media_types import JSON
from app.api.request_id import current_request_id
from app.domain.faults import (
    DatabaseUnavailable,
    MomentGone,
    PlaceLost,
    TeamDamaged,
    TooMuchContention,
)
from app.domain.problems import InvalidInput, NotAllowed

# What a stream answers with an error and plain HTTP with a status.
NOT_EXECUTABLE = (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError)

logger = logging.getLogger(__name__)

# The library quotes what it was sent: a document of 900 KB was answered with 89 MB.
MAX_MESSAGE_LENGTH: Final = 300


class CodedError(GraphQLError):
    """An error that is meant for the client as it stands.

    *Limits*: a message of `MAX_MESSAGE_LENGTH`, as everywhere here.
    """

    def __init__(self, code: Code, message: str, **extensions: object) -> None:
        super().__init__(shortened(message), extensions={"code": code, **extensions})
        self.code = code
        self.facts = extensions


def not_allowed(problem: NotAllowed, *, is_anonymous: bool) -> CodedError:
    """The form that `NotAllowed` takes in a query or a subscription."""
    return CodedError(Code.UNAUTHENTICATED if is_anonymous else Code.NOT_ALLOWED, problem.message)


def invalid_input(problem: InvalidInput) -> CodedError:
    """The form that `InvalidInput` takes in a query, where there is no union to put it in."""
    return CodedError(Code.INVALID_INPUT, problem.message, field=problem.field)


def misfit(field: str, reason: str) -> CodedError:
    """The refusal of a value that does not fit its type."""
    field = shortened(field)
    message = f"The value of `{field}` does not fit: {reason}"
    return CodedError(Code.BAD_USER_INPUT, message, field=field)


def database_unavailable() -> CodedError:
    """The answer while MongoDB can't be reached."""
    return CodedError(
        Code.DATABASE_UNAVAILABLE,
        "The database did not answer in time. A change may or may not have been made: "
        "send it again with the same requestId.",
    )


def database_unsafe() -> CodedError:
    """The answer to mutations while an index or the validator is missing."""
    return CodedError(
        Code.DATABASE_UNSAFE,
        "Nothing can be changed until the operator has repaired the database. Nothing was done, "
        "and reading goes on: send it again later.",
    )


def present_all(errors: Iterable[GraphQLError]) -> list[GraphQLError]:
    """The errors of one answer as the client may see them.

    Of faults of one type only the first is logged: one cause may fail a field on every node.
    """
    presented, logged = [], set[type[Exception] | None]()
    for error in errors:
        fault = type(error.original_error) if error.original_error else None
        presented.append(present(error, is_logged=fault not in logged))
        logged.add(fault)
    return presented


def present(error: GraphQLError, *, is_logged: bool = True) -> GraphQLError:
    """The error as the client may see it: coded, and masked unless it is the client's own.

    Presenting twice changes nothing. What is masked is logged, under an id that the client is given
    too.
    """
    if error.extensions and "code" in error.extensions:
        return error
    cause = error.original_error
    if _is_the_clients(error):
        return _with_code(error, _code_of_uncoded(error), error.message)
    if isinstance(cause, NOT_EXECUTABLE):
        return _with_code(error, Code.BAD_REQUEST, error.message)
    if isinstance(cause, DatabaseUnavailable):
        if is_logged:
            logger.warning("A request failed because the database is unavailable: %s", cause)
        shown = database_unavailable()
        return _with_code(error, Code.DATABASE_UNAVAILABLE, shown.message)
    if isinstance(cause, MomentGone):
        return _with_code(
            error, Code.CURSOR_EXPIRED, "What was so then can't be read any more. Read afresh."
        )
    if isinstance(cause, TooMuchContention):
        if is_logged:
            logger.warning("A request gave up after too many conflicts: %s", cause)
        return _with_code(
            error,
            Code.CONTENTION,
            "Too many changes happened at once. Nothing was done; try again.",
        )
    if isinstance(cause, TeamDamaged):
        if is_logged:
            logger.warning("Damaged data; the doctor shows and repairs them: %s", cause)
        return _with_code(
            error,
            Code.TEAM_DAMAGED,
            "Another program has changed this team's data in a way that they can't be used. "
            "Nothing was done. The operator has to repair them.",
        )
    if isinstance(cause, PlaceLost):
        return _with_code(
            error,
            Code.CURSOR_EXPIRED,
            "The team that the cursor stood for is gone. Read the list from its beginning.",
        )
    masked = mask(cause or error, is_logged=is_logged)
    return _with_code(error, masked.code, masked.message, **masked.facts)


def _is_the_clients(error: GraphQLError) -> bool:
    """Whether an error without a code tells of something that the client has sent."""
    cause = error.original_error
    if error.path:
        # Of what goes wrong at a place in the answer, an argument's value alone is the client's,
        # and its error points to it. That of a stored value that does not fit the schema does not.
        return isinstance(cause, GraphQLError) and bool(cause.nodes)
    # The rest was found before executing. What points into the document is the client's, even where
    # the library raised it (an integer of 5,000 digits).
    return cause is None or isinstance(cause, GraphQLError) or bool(error.nodes)


def mask(cause: BaseException, *, is_logged: bool = True) -> CodedError:
    """What a client may see of a bug; the log gets the rest, under the same request id."""
    request_id = current_request_id()
    if is_logged:
        logger.error("Unexpected error, request id %s", request_id, exc_info=cause)
    return CodedError(
        Code.INTERNAL_SERVER_ERROR, "Something went wrong on our side.", requestId=request_id
    )


def code_of(error: Exception) -> str:
    """The code that `present` gives, has given, or will give to what ended an operation."""
    if isinstance(error, NOT_EXECUTABLE):
        return Code.BAD_REQUEST
    if not isinstance(error, GraphQLError):
        return Code.INTERNAL_SERVER_ERROR
    return str((error.extensions or {}).get("code") or _code_of_uncoded(error))


def _code_of_uncoded(error: GraphQLError) -> Code:
    """What is left when validation has coded its own: a document's syntax, or a value's type."""
    is_syntax = isinstance(error, GraphQLSyntaxError)
    return Code.GRAPHQL_PARSE_FAILED if is_syntax else Code.BAD_USER_INPUT


def _with_code(error: GraphQLError, code: Code, message: str, **extensions: object) -> GraphQLError:
    return GraphQLError(
        shortened(message),
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={**(error.extensions or {}), "code": code, **extensions},
    )


def shortened(message: str) -> str:
    """A message within `MAX_MESSAGE_LENGTH`."""
    if len(message) <= MAX_MESSAGE_LENGTH:
        return message
    return message[: MAX_MESSAGE_LENGTH - 1] + "…"


def coded_as_invalid(error: GraphQLError) -> GraphQLError:
    """An error that validation found; a value that does not fit has its code already."""
    if error.extensions and "code" in error.extensions:
        return error
    return _with_code(error, Code.GRAPHQL_VALIDATION_FAILED, error.message)


class Refused(HTTPException):
    """Ends the handling of an HTTP request that can't be executed.

    The status is that of the code, unless it says more.
    """

    def __init__(
        self,
        code: Code,
        reason: str,
        *,
        status: HTTPStatus | None = None,
        headers: Mapping[str, str] | None = None,
        **facts: object,
    ) -> None:
        super().__init__(status or status_of(code), reason)
        self.code = code
        self.headers = headers or {}
        self.facts = facts


def as_refused(error: CodedError) -> Refused:
    """The same, of a whole request."""
    facts: dict[str, Any] = error.facts
    return Refused(error.code, error.message, **facts)


def refuse(
    code: Code,
    message: str,
    *,
    status: int | None = None,
    facts: Mapping[str, object] | None = None,
    media_type: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer to an HTTP request that is not executed: a GraphQL error, with its status."""
    body = {
        "errors": [{"message": shortened(message), "extensions": {"code": code, **(facts or {})}}]
    }
    headers = dict(headers or {})
    if facts and "retryAfterSeconds" in facts:
        headers["Retry-After"] = str(facts["retryAfterSeconds"])
    return JSONResponse(body, status or status_of(code), headers, media_type)


def status_of(code: str) -> HTTPStatus:
    """The HTTP status of an answer that is nothing but an error of this code."""
    return STATUSES.get(code, HTTPStatus.BAD_REQUEST)


def status_of_all(errors: Iterable[object] | None) -> HTTPStatus:
    """The HTTP status of an answer that is nothing but these errors, in their JSON form."""
    codes = [error["extensions"]["code"] for error in errors or () if isinstance(error, dict)]
    return max(map(status_of, codes), default=HTTPStatus.BAD_REQUEST)
