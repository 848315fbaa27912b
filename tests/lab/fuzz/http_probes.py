"""HTTP requests: operations in every form, odd requests, and malformed bytes."""

import json
from enum import Enum, auto
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote, urlencode

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.lab.fuzz.documents import Operation
from tests.lab.fuzz.edits import edited
from tests.lab.fuzz.probes import SERVERS, Headers, Probe, Transport
from tests.lab.fuzz.values import JSON_VALUES, TEXTS, mostly

JSON: Final = "application/json"
ACCEPTED: Final = (
    *(JSON, "application/graphql-response+json", "text/event-stream", "*/*"),
    "multipart/mixed;subscriptionSpec=1.0",
    *("multipart/mixed", "text/html", "image/png", "q=0", ";;,", "*/*;q=x"),
)
METHODS: Final = ("POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW")
PATHS: Final = (
    *("/graphql", "/", "/healthz", "/readyz", "/graphql/", "//graphql", "/metrics", "*"),
    *("/graphql/../graphql", "/%67raphql", "/%00", "/%ff%fe", "/graphql;x=1", "/%2e%2e/%2e%2e/etc"),
)
CONTENT_TYPES: Final = (
    *(JSON, f"{JSON}; charset=utf-16", f"{JSON}; charset=nonsense", "application/graphql"),
    *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""),
)
ODD_HEADERS: Final = {
    "Accept": ACCEPTED,
    "Accept-Encoding": ("gzip", "br;q=2"),
    "Content-Encoding": ("gzip", "identity"),
    "Cookie": ("a=b; " * 50,),
    "Expect": ("100-continue", "nonsense"),
    "Host": ("", "evil.example", "127.0.0.1:99999"),
    "Origin": ("null", "https://evil.example"),
    "Range": ("bytes=0-0",),
    "Traceparent": ("00-0-0-0", "00-" + "0" * 32 + "-" + "0" * 16 + "-00"),
    "Upgrade": ("h2c", "websocket"),
    "X-Forwarded-For": ("::1", "a, b, c"),
    "X-Request-Id": ("fuzz", "a b", "x" * 300),
}
PIECES: Final = (
    *(b"\r\n", b"\n", b"\r\n\r\n", b"\0", b"\xff", b" ", b":", b"%", b"0\r\n\r\n", b"ffffffff\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Content-Length: -1\r\n"),
    *(b"Content-Length: 99999999999999999999\r\n", b"Upgrade: websocket\r\n", b"HTTP/9.9"),
    *(b"Sec-WebSocket-Key: x\r\n", b"Sec-WebSocket-Version: 99\r\n", b"Connection: upgrade\r\n"),
    b"A" * 70_000,
)

MAX_URL_LENGTH: Final = 60_000

_METHODS: Final = mostly(st.sampled_from(METHODS[:2]), st.sampled_from(METHODS))
_PATHS: Final = mostly(st.just(PATHS[0]), st.sampled_from(PATHS))
_PARAMETERS: Final = st.sampled_from(("query", "variables", "operationName", "extensions", "id"))
_SOME_JSON: Final = st.dictionaries(_PARAMETERS | TEXTS, JSON_VALUES, max_size=5) | JSON_VALUES
_QUERIES: Final = st.just("") | st.dictionaries(
    _PARAMETERS | TEXTS, TEXTS | _SOME_JSON.map(json.dumps), max_size=4
).map(lambda given: "?" + urlencode(given, errors="surrogatepass", quote_via=quote))

# Deeper than a parser that calls itself can go.
_DEEP_JSON: Final = st.builds(
    lambda opening, times: opening * times,
    st.sampled_from((b"[", b'{"a":', b'{"variables":[', b'{"query":{"a":')),
    st.integers(500, 20_000),
)


class Way(Enum):
    """The form in which an operation is sent over HTTP."""

    IN_THE_BODY = auto()
    IN_THE_URL = auto()
    IN_A_BATCH = auto()
    TO_BE_REMEMBERED = auto()
    BY_HASH = auto()


def http_bytes(method: str, target: str, headers: Headers, body: bytes) -> bytes:
    """A request that is correct if its parts are."""
    framed = {
        "Host": "127.0.0.1",
        **headers,
        "Connection": "close",
        "Content-Length": str(len(body)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in framed.items())
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


def as_json(value: Any) -> bytes:
    """Python's JSON, including NaN and lone surrogates."""
    return json.dumps(value).encode()


_ACCEPTED: Final = mostly(st.sampled_from(ACCEPTED[:5]), st.sampled_from(ACCEPTED))
_WAYS: Final = st.just(Way.IN_THE_BODY) | st.sampled_from(Way)


@st.composite
def askings(draw: DrawFn, operation: Operation, viewers: SearchStrategy[Headers]) -> Probe:
    """The operation as an HTTP request, in one of the forms."""
    headers = draw(viewers) | {"Accept": draw(_ACCEPTED)}
    way = draw(_WAYS)
    url = "/graphql?" + urlencode(
        {"query": _utf_8(operation.document), "variables": as_json(operation.variables)},
        quote_via=quote,
    )
    if way is Way.IN_THE_URL and len(url) < MAX_URL_LENGTH:
        sent = http_bytes("GET", url, headers, b"")
    else:
        headers["Content-Type"] = JSON
        sent = http_bytes("POST", "/graphql", headers, as_json(_body(operation, way)))
    return Probe(draw(st.integers(0, SERVERS - 1)), Transport.HTTP, sent, is_whole=True)


def _body(operation: Operation, way: Way) -> Any:
    parameters = {"query": operation.document, "variables": operation.variables}
    hash_ = sha256(_utf_8(operation.document)).hexdigest()
    extensions = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_}}}
    match way:
        case Way.TO_BE_REMEMBERED:
            return parameters | extensions
        case Way.BY_HASH:
            return {"variables": operation.variables} | extensions
        case Way.IN_A_BATCH:
            return [parameters] * 3
    return parameters


def _utf_8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@st.composite
def odd_requests(draw: DrawFn, viewers: SearchStrategy[Headers]) -> bytes:
    """Requests that are correct HTTP, with any content."""
    headers = draw(viewers) | {"Content-Type": draw(st.sampled_from(CONTENT_TYPES))}
    for name in draw(st.sets(st.sampled_from(sorted(ODD_HEADERS)), max_size=3)):
        headers[name] = draw(st.sampled_from(ODD_HEADERS[name]))
    target = draw(_PATHS) + draw(_QUERIES)
    return http_bytes(draw(_METHODS), target[:MAX_URL_LENGTH], headers, draw(_BODIES))


_BODIES: Final = st.one_of(_SOME_JSON.map(as_json), st.binary(max_size=200), _DEEP_JSON)


def broken_requests(viewers: SearchStrategy[Headers]) -> SearchStrategy[bytes]:
    """Bytes instead of requests, mostly requests with edits."""
    return mostly(
        edited(odd_requests(viewers), st.sampled_from(PIECES) | st.binary(max_size=20)),
        st.binary(max_size=300),
    )
