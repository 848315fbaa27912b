"""The operations of an HTTP request: parameters from the URL or the body, validated."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from strawberry.http import GraphQLRequestProtocol

from app.api.codes import Code
from app.api.errors import CodedError, Refused
from app.api.media_types import JSON, negotiate, stream_in
from app.api.operations.persisted_documents import PersistedDocuments

# A GET is an operation if its URL has one of these parameters.
ASKING = ("query", "documentId", "id", "extensions")


class RequestHeaders(dict[str, str]):
    """The headers by name in any case; the first of each name, as Starlette has it."""

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401, D102 - the base's
        return super().get(name.lower(), default)


class IndexedRequest(Request):
    """A request whose headers are read once; Starlette searches their list for each name."""

    @cached_property
    def headers(self) -> Any:  # noqa: ANN401 - a part of Starlette's `Headers`
        """The headers."""
        raw = reversed(self.scope["headers"])
        return RequestHeaders((name.decode("latin-1"), v.decode("latin-1")) for name, v in raw)


@dataclass(slots=True)
class RequestedOperation:
    """An operation to execute, or its refusal."""

    query: str
    variables: dict[str, Any]
    operation_name: str | None
    extensions: dict[str, Any]
    protocol: GraphQLRequestProtocol
    refusal: CodedError | None = None


Operations = RequestedOperation | list[RequestedOperation]


class RequestReader:
    """Reads requests.

    *Limits*: a body has at most `max_body_bytes`, and a batch at most `max_batch_size` operations;
    0 means none.
    """

    def __init__(
        self, documents: PersistedDocuments, *, max_batch_size: int, max_body_bytes: int
    ) -> None:
        self._documents = documents
        self._max_batch_size = max_batch_size
        self._max_body_bytes = max_body_bytes

    async def read(
        self, request: Request, client: str, *, protocol: GraphQLRequestProtocol | None = None
    ) -> Operations:
        """The operation, or a batch of them. *Raises*: `Refused`, `ClientDisconnect`.

        Without a `protocol`, `Accept` decides; a batch is streamed only if JSON is not acceptable.
        """
        headers = request.headers
        batch_protocol = protocol
        if protocol is None or batch_protocol is None:
            accept = headers.get("accept")
            protocol = stream_in(accept or "") or "http"
            batch_protocol = "http" if negotiate(accept) else protocol
        if request.method == "GET":
            return self._operation(_from_url(request.query_params), protocol, client)
        if headers.get("content-type", "").split(";")[0].strip().lower() != JSON:
            raise Refused(
                Code.BAD_REQUEST,
                f"The body's Content-Type must be {JSON}.",
                status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            )
        match _read_json(await self._read_body(request)):
            case dict() as parameters:
                return self._operation(parameters, protocol, client)
            case list() as batch:
                self._check_batch(batch, batch_protocol)
                return [self._operation(parameters, batch_protocol, client) for parameters in batch]
        raise Refused(Code.BAD_REQUEST, "The request must be a JSON object.")

    async def _read_body(self, request: Request) -> bytearray:
        """The body; it is not read on once it has exceeded the limit."""
        body, limit = bytearray(), self._max_body_bytes
        announced = request.headers.get("content-length", "")
        is_complete, size = False, int(announced) if announced.isdigit() else 0
        while not is_complete and size <= limit:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            is_complete, size = not message.get("more_body"), len(body)
        if size > limit:
            reason = f"The request's body must be at most {limit} bytes."
            raise Refused(Code.PAYLOAD_TOO_LARGE, reason)
        return body

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
            query=text or "",
            variables=parameters.get("variables") or {},
            operation_name=operation_name,
            extensions=parameters.get("extensions") or {},
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


def _read_json(text: str | bytearray) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused(Code.BAD_REQUEST, "The request is not valid JSON in UTF-8.") from error
