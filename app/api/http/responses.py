"""HTTP responses in the negotiated media type: GraphQL results, and errors without execution."""

from http import HTTPStatus

import orjson
from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from strawberry.http import GraphQLHTTPResponse
from strawberry.schema.exceptions import InvalidOperationTypeError

from app.api.codes import Code
from app.api.errors import CodedError, Refused, as_refused, refuse, status_of_all
from app.api.media_types import JSON, negotiate

# Statuses that `application/json` replaces by 200, as before the GraphQL-over-HTTP specification.
_ALWAYS_200 = frozenset({400, 500, 503})


def result_response(
    result: GraphQLHTTPResponse | list[GraphQLHTTPResponse], media_type: str | None
) -> Response:
    """The response to executed operations; a result without `data` has the status of its errors."""
    if isinstance(result, list):
        return Response(orjson.dumps(result), media_type=JSON)
    status_code = 200
    if "data" not in result:
        status_code = status_of_all(result.get("errors"))
        if media_type == JSON and status_code in _ALWAYS_200:
            status_code = 200
    return Response(orjson.dumps(result), status_code, media_type=media_type)


def as_ours(error: HTTPException | CodedError) -> Refused:
    """The same refusal with a code."""
    if isinstance(error, CodedError):
        return as_refused(error)
    if isinstance(error, Refused):
        return error
    return Refused(Code.BAD_REQUEST, error.reason, status=HTTPStatus(error.status_code))


def refusal_response(error: HTTPException | CodedError, request: Request) -> Response:
    """The response to a request that is refused before execution."""
    refusal = as_ours(error)
    status_code, headers = refusal.status_code, {}
    if status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"Allow": "GET, POST, PUT, DELETE"}
    if isinstance(error.__cause__, InvalidOperationTypeError) and request.method == "GET":
        status_code, headers = HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "POST"}
    return refuse(
        refusal.code,
        refusal.reason,
        status=status_code,
        facts=refusal.facts,
        media_type=negotiate(request.headers.get("accept")) or JSON,
        headers={**headers, **refusal.headers},
    )
