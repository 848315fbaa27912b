"""HTTP responses in the negotiated media type: GraphQL results, and errors without execution."""

from collections.abc import Sequence
from typing import Any

import orjson
from starlette.responses import Response
from strawberry.types import ExecutionResult

from app.api.errors import NotExecutable, Refused, as_refused, refuse, status_of_all
from app.api.media_types import JSON, negotiate
from app.api.schema.shared_answers import SharedResult

# Statuses that `application/json` replaces by 200, as before the GraphQL-over-HTTP specification.
_ALWAYS_200 = frozenset({400, 500, 503})


def as_json(result: ExecutionResult) -> dict[str, Any]:
    """The answer in JSON form; without `data` if nothing was executed."""
    if isinstance(result, SharedResult):
        return {"data": result.encoded_data}
    answer: dict[str, Any] = {"data": result.data}
    if errors := result.errors:
        if result.data is None and not any(error.path for error in errors):
            del answer["data"]
        answer["errors"] = [error.formatted for error in errors]
    if result.extensions:
        answer["extensions"] = result.extensions
    return answer


def batch_response(results: Sequence[ExecutionResult]) -> Response:
    """The response to a batch."""
    return Response(orjson.dumps([*map(as_json, results)]), media_type=JSON)


def result_response(result: ExecutionResult, media_type: str) -> Response:
    """The response to an operation; a result without `data` has the status of its errors."""
    if result.errors and isinstance(error := result.errors[0], NotExecutable):
        return refusal_response(as_refused(error), media_type)
    answer, status_code = as_json(result), 200
    if "data" not in answer:
        status_code = status_of_all(answer["errors"])
        if media_type == JSON and status_code in _ALWAYS_200:
            status_code = 200
    return Response(orjson.dumps(answer), status_code, media_type=media_type)


def refusal_response(refusal: Refused, accept: str | None) -> Response:
    """The response to a request that is refused before execution."""
    return refuse(
        refusal.code,
        refusal.reason,
        status=refusal.status_code,
        facts=refusal.facts,
        media_type=negotiate(accept) or JSON,
        headers=refusal.headers,
    )
