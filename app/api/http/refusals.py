"""Answers to requests that are refused before anything is executed."""

from http import HTTPStatus

from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from strawberry.schema.exceptions import InvalidOperationTypeError

from app.api.codes import Code
from app.api.errors import Refused, refuse
from app.api.media_types import JSON, negotiate


def as_ours(error: HTTPException) -> Refused:
    """The refusal itself, or the image of Strawberry's."""
    if isinstance(error, Refused):
        return error
    return Refused(Code.BAD_REQUEST, error.reason, status=HTTPStatus(error.status_code))


def answer_to(error: HTTPException, request: Request) -> Response:
    """The answer to a request that was refused before executing."""
    status_code, headers = error.status_code, {}
    if status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"Allow": "GET, POST, PUT, DELETE"}
    if isinstance(error.__cause__, InvalidOperationTypeError) and request.method == "GET":
        status_code, headers = HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "POST"}
    refusal = as_ours(error)
    return refuse(
        refusal.code,
        error.reason,
        status=status_code,
        facts=refusal.facts,
        media_type=negotiate(request.headers.get("accept")) or JSON,
        headers={**headers, **refusal.headers},
    )
