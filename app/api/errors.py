"""GraphQL errors and refused requests: each has a code, none reveals internals."""

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from cross_web import HTTPException
from graphql import GraphQLError, GraphQLSyntaxError
from starlette.responses import JSONResponse, Response

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

logger = logging.getLogger(__name__)

# graphql-core quotes the document: one of 900 KB was answered with 89 MB.
MAX_MESSAGE_LENGTH: Final = 300


class CodedError(GraphQLError):
    """An error that is shown to the client unchanged. *Limits*: `MAX_MESSAGE_LENGTH`."""

    def __init__(self, code: Code, message: str, **extensions: object) -> None:
        super().__init__(shortened(message), extensions={"code": code, **extensions})
        self.code = code
        self.facts = extensions


class NotExecutable(CodedError):
    """An operation that its request may not run; a plain HTTP response has the status."""

    def __init__(
        self,
        message: str,
        *,
        status: HTTPStatus = HTTPStatus.BAD_REQUEST,
        headers: Mapping[str, str] | None = None,
        cause: Exception | None = None,
    ) -> None:
        super().__init__(Code.BAD_REQUEST, message)
        self.status = status
        self.headers = headers or {}
        self.original_error = cause


def not_allowed(problem: NotAllowed, *, is_anonymous: bool) -> CodedError:
    """`NotAllowed` in a query or a subscription."""
    return CodedError(Code.UNAUTHENTICATED if is_anonymous else Code.NOT_ALLOWED, problem.message)


def invalid_input(problem: InvalidInput) -> CodedError:
    """`InvalidInput` in a query, which has no union for problems."""
    return CodedError(Code.INVALID_INPUT, problem.message, field=problem.field)


def misfit(field: str, reason: str) -> CodedError:
    """The error for a value that does not match its type."""
    field = shortened(field)
    message = f"The value of `{field}` does not fit: {reason}"
    return CodedError(Code.BAD_USER_INPUT, message, field=field)


def database_unavailable() -> CodedError:
    """The error while MongoDB can't be reached."""
    return CodedError(
        Code.DATABASE_UNAVAILABLE,
        "The database did not answer in time. A change may or may not have been made: "
        "repeat it with the same requestId.",
    )


def database_unsafe() -> CodedError:
    """The error for mutations while an index or the validator is missing."""
    return CodedError(
        Code.DATABASE_UNSAFE,
        "No changes are possible until the operator has repaired the database. Nothing was done, "
        "and queries still work. Try again later.",
    )


def present_all(errors: Iterable[GraphQLError]) -> list[GraphQLError]:
    """The errors of one answer in the client's form.

    Only the first fault of each type is logged: one cause may fail a field on every node.
    """
    presented, logged = [], set[type[Exception] | None]()
    for error in errors:
        fault = type(error.original_error) if error.original_error else None
        presented.append(present(error, is_logged=fault not in logged))
        logged.add(fault)
    return presented


def present(error: GraphQLError, *, is_logged: bool = True) -> GraphQLError:
    """The error in the client's form: coded, and masked unless the client caused it.

    Idempotent. A masked error is logged with the request id that the client gets.
    """
    if error.extensions and "code" in error.extensions:
        return error
    if _is_the_clients(error):
        return _with_code(error, _code_of_uncoded(error), error.message)
    match cause := error.original_error:
        case DatabaseUnavailable():
            shown = database_unavailable()
            warning = "A request failed because the database is unavailable: %s"
        case MomentGone():
            shown = CodedError(
                Code.CURSOR_EXPIRED, "The data at that time can't be read any more. Read it anew."
            )
            warning = ""
        case PlaceLost():
            shown = CodedError(
                Code.CURSOR_EXPIRED,
                "The cursor's team has been deleted. Read the list from its beginning.",
            )
            warning = ""
        case TooMuchContention():
            shown = CodedError(
                Code.CONTENTION, "Too many changes happened at once. Nothing was done. Try again."
            )
            warning = "A request gave up after too many conflicts: %s"
        case TeamDamaged():
            shown = CodedError(
                Code.TEAM_DAMAGED,
                "Another program has damaged this team's data. Nothing was done. The operator has "
                "to repair it.",
            )
            warning = "Damaged data; the doctor shows and repairs them: %s"
        case _:
            shown, warning = mask(cause or error, is_logged=is_logged), ""
    if warning and is_logged:
        logger.warning(warning, cause)
    return _with_code(error, shown.code, shown.message, **shown.facts)


def _is_the_clients(error: GraphQLError) -> bool:
    """True if the request caused an error without a code."""
    cause = error.original_error
    if error.path:
        # During execution only a bad argument is the client's, and its error has nodes. The error
        # for a stored value that does not match the schema has none.
        return isinstance(cause, GraphQLError) and bool(cause.nodes)
    # Other errors were found before execution. An error with nodes is the client's even if the
    # library raised it (an integer of 5,000 digits).
    return cause is None or isinstance(cause, GraphQLError) or bool(error.nodes)


def mask(cause: BaseException, *, is_logged: bool = True) -> CodedError:
    """The client's form of a bug; the log gets the traceback with the same request id."""
    request_id = current_request_id()
    if is_logged:
        logger.error("Unexpected error, request id %s", request_id, exc_info=cause)
    return CodedError(
        Code.INTERNAL_SERVER_ERROR, "Something went wrong on our side.", requestId=request_id
    )


def code_of(error: GraphQLError) -> str:
    """The code that `present` gives to an error that ended an operation."""
    return str((error.extensions or {}).get("code") or _code_of_uncoded(error))


def _code_of_uncoded(error: GraphQLError) -> Code:
    """The code of a syntax error or of a wrong value; validation codes its own errors."""
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
    """The message, cut to `MAX_MESSAGE_LENGTH`."""
    if len(message) <= MAX_MESSAGE_LENGTH:
        return message
    return message[: MAX_MESSAGE_LENGTH - 1] + "…"


def coded_as_invalid(error: GraphQLError) -> GraphQLError:
    """A validation error with a code; `misfit` has set one already."""
    if error.extensions and "code" in error.extensions:
        return error
    return _with_code(error, Code.GRAPHQL_VALIDATION_FAILED, error.message)


class Refused(HTTPException):
    """The refusal of a whole request before execution, by default with the status of its code."""

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
    """The refusal of the whole request."""
    facts: dict[str, Any] = error.facts
    if isinstance(error, NotExecutable):
        return Refused(error.code, error.message, status=error.status, headers=error.headers)
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
    """The response to a refused HTTP request: a GraphQL error, with its status."""
    body = {
        "errors": [{"message": shortened(message), "extensions": {"code": code, **(facts or {})}}]
    }
    headers = dict(headers or {})
    if facts and "retryAfterSeconds" in facts:
        headers["Retry-After"] = str(facts["retryAfterSeconds"])
    return JSONResponse(body, status or status_of(code), headers, media_type)


def status_of(code: str) -> HTTPStatus:
    """The HTTP status of a response that holds only an error of this code."""
    return STATUSES.get(code, HTTPStatus.BAD_REQUEST)


def status_of_all(errors: Iterable[object] | None) -> HTTPStatus:
    """The HTTP status of a response that holds only these errors, in their JSON form."""
    codes = [error["extensions"]["code"] for error in errors or () if isinstance(error, dict)]
    return max(map(status_of, codes), default=HTTPStatus.BAD_REQUEST)
