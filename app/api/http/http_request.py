"""The operations of an HTTP request: parameters from the URL or the body, validated."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import orjson
from cross_web import StarletteRequestAdapter
from starlette.requests import Request
from strawberry.http import GraphQLRequestData, GraphQLRequestProtocol

from app.api.codes import Code
from app.api.errors import CodedError, Refused
from app.api.media_types import JSON, negotiate, stream_in
from app.api.operations.persisted_documents import PersistedDocuments

# A GET is an operation if its URL has one of these parameters.
ASKING = ("query", "documentId", "id", "extensions")


@dataclass
class RequestedOperation(GraphQLRequestData):
    """An operation to execute, or its refusal."""

    refusal: CodedError | None = None


Operations = GraphQLRequestData | list[GraphQLRequestData]


class RequestAdapter(StarletteRequestAdapter):
    """Strawberry's adapter, with the Starlette request and its client."""

    @property
    def request(self) -> Request:
        """The request."""
        return self._request

    @property
    def client(self) -> str:
        """The client's key, which `get_context` has stored."""
        return cast("str", self._request.state.client)


class RequestReader:
    """Reads requests. *Limits*: a batch has at most `max_batch_size` operations; 0 means none."""

    def __init__(self, documents: PersistedDocuments, *, max_batch_size: int) -> None:
        self._documents = documents
        self._max_batch_size = max_batch_size

    async def read(
        self, request: RequestAdapter, *, protocol: GraphQLRequestProtocol | None = None
    ) -> Operations:
        """The operation, or a batch of them. *Raises*: `Refused`.

        Without a `protocol`, `Accept` decides; a batch is streamed only if JSON is not acceptable.
        """
        batch_protocol = protocol
        if protocol is None or batch_protocol is None:
            accept = request.headers.get("accept")
            protocol = stream_in(accept or "") or "http"
            batch_protocol = "http" if negotiate(accept) else protocol
        if request.method == "GET":
            return self._operation(_from_url(request.query_params), protocol, request.client)
        if (request.content_type or "").split(";")[0].strip().lower() != JSON:
            raise Refused(
                Code.BAD_REQUEST,
                f"The body's Content-Type must be {JSON}.",
                status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            )
        match _read_json(await request.get_body()):
            case dict() as parameters:
                return self._operation(parameters, protocol, request.client)
            case list() as batch:
                self._check_batch(batch, batch_protocol)
                return [
                    self._operation(parameters, batch_protocol, request.client)
                    for parameters in batch
                ]
        raise Refused(Code.BAD_REQUEST, "The request must be a JSON object.")

    def _operation(
        self, parameters: dict[str, Any], protocol: GraphQLRequestProtocol, client: str
    ) -> RequestedOperation:
        for name in ("variables", "extensions"):
            if not isinstance(parameters.get(name), dict | None):
                raise Refused(Code.BAD_REQUEST, f"`{name}` must be an object or null, if given.")
        operation_name = parameters.get("operationName")
        if not isinstance(operation_name, str | None):
            raise Refused(Code.BAD_REQUEST, "`operationName` must be a string or null, if given.")
        text, refusal = None, None
        try:
            text = self._documents.find(parameters, client)
        except CodedError as error:
            refusal = error
        if refusal is None and not text:
            raise Refused(Code.BAD_REQUEST, "The request has no GraphQL document.")
        return RequestedOperation(
            query=text,
            variables=parameters.get("variables"),
            operation_name=operation_name,
            extensions=parameters.get("extensions"),
            protocol=protocol,
            refusal=refusal,
        )

    def _check_batch(self, batch: list[Any], protocol: GraphQLRequestProtocol) -> None:
        if self._max_batch_size == 0:
            raise Refused(Code.BATCHING_DISABLED, "Send one operation at a time.")
        if len(batch) > self._max_batch_size:
            raise Refused(
                Code.BATCH_TOO_LARGE,
                f"The limit is {self._max_batch_size} operations; these are {len(batch)}.",
                limit=self._max_batch_size,
                found=len(batch),
            )
        if protocol != "http":
            raise Refused(Code.BAD_REQUEST, "A batch can't be answered by a stream.")
        if not batch or not all(isinstance(parameters, dict) for parameters in batch):
            raise Refused(Code.BAD_REQUEST, "A batch must hold JSON objects.")


def _from_url(given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a GET, of which two are JSON."""
    parameters = dict(given)
    for name in ("variables", "extensions"):
        if text := parameters.pop(name, None):
            parameters[name] = _read_json(text)
    return parameters


def _read_json(text: str | bytes) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused(Code.BAD_REQUEST, "The request is not valid JSON in UTF-8.") from error
