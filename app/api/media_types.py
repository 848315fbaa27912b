"""Content negotiation by `Accept`: one of the two JSON media types, or a stream.

If both are acceptable, subscriptions use the stream and other operations JSON.
"""

from collections.abc import Iterator
from typing import Final, Literal

JSON: Final = "application/json"
GRAPHQL_RESPONSE: Final = "application/graphql-response+json"

_MEDIA_TYPES: Final = (GRAPHQL_RESPONSE, JSON)
Stream = Literal["sse", "multipart-subscription"]


def negotiate(accept: str | None) -> str | None:
    """The media type of the response; None if neither is acceptable.

    On a tie it is `application/graphql-response+json` if the client names it, else
    `application/json`, which older clients expect.
    """
    if accept is None or accept in {"*/*", JSON}:
        return JSON
    qualities = {media_range: quality for media_range, quality, _ in _ranges(accept)}
    preferred = {media_type: _quality(media_type, qualities) for media_type in _MEDIA_TYPES}
    if GRAPHQL_RESPONSE not in qualities:
        best = JSON if preferred[JSON] > 0 else GRAPHQL_RESPONSE
    else:
        best = max(_MEDIA_TYPES, key=lambda media_type: preferred[media_type])
    return best if preferred[best] > 0 else None


def stream_in(accept: str) -> Stream | None:
    """The preferred kind of stream in an `Accept` header; None if it has none.

    `multipart/mixed` alone means incremental delivery; the subscription protocol adds its version.
    """
    best, stream = 0.0, None
    for media_range, quality, parameters in _ranges(accept):
        if media_range == "text/event-stream":
            found: Stream = "sse"
        elif media_range == "multipart/mixed" and _has_subscription_spec(parameters):
            found = "multipart-subscription"
        else:
            continue
        if quality > best:
            best, stream = quality, found
    return stream


def _has_subscription_spec(parameters: list[str]) -> bool:
    return any(
        parameter.replace('"', "").replace("'", "").startswith("subscriptionspec=1.")
        for parameter in parameters
    )


def _quality(media_type: str, qualities: dict[str, float]) -> float:
    """The quality of the most specific range."""
    for pattern in (media_type, "application/*", "*/*"):
        if pattern in qualities:
            return qualities[pattern]
    return 0


def _ranges(accept: str) -> Iterator[tuple[str, float, list[str]]]:
    for part in accept.split(","):
        media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                quality = _number(parameter[2:])
        yield media_range, quality, parameters


def _number(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0
    return quality if 0 <= quality <= 1 else 0
