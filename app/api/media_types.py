"""Which media type an answer has: what `Accept` prefers of the two that GraphQL over HTTP knows."""

from collections.abc import Iterator
from typing import Final

JSON: Final = "application/json"
GRAPHQL_RESPONSE: Final = "application/graphql-response+json"

_MEDIA_TYPES: Final = (GRAPHQL_RESPONSE, JSON)
_STREAMS: Final = ("text/event-stream", "multipart/mixed")


def negotiate(accept: str | None) -> str | None:
    """The media type to answer in; None when neither is acceptable.

    On a tie it is `application/graphql-response+json` if the client names it, and otherwise
    `application/json`, which clients from before the specification expect.
    """
    if accept is None or accept in {"*/*", JSON}:
        return JSON
    qualities = dict(_ranges(accept))
    preferred = {media_type: _quality(media_type, qualities) for media_type in _MEDIA_TYPES}
    if GRAPHQL_RESPONSE not in qualities:
        best = JSON if preferred[JSON] > 0 else GRAPHQL_RESPONSE
    else:
        best = max(_MEDIA_TYPES, key=lambda media_type: preferred[media_type])
    return best if preferred[best] > 0 else None


def is_stream_preferred(accept: str) -> bool:
    """Whether a stream, if there is one in `accept`, is wanted no less than a single answer.

    Only what is named counts: `*/*` says nothing about streams.
    """
    qualities = dict(_ranges(accept))
    stream = max(qualities.get(media_type, 0) for media_type in _STREAMS)
    return stream > 0 and stream >= max(qualities.get(each, 0) for each in _MEDIA_TYPES)


def _quality(media_type: str, qualities: dict[str, float]) -> float:
    """The quality that the most specific range gives."""
    for pattern in (media_type, "application/*", "*/*"):
        if pattern in qualities:
            return qualities[pattern]
    return 0


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                quality = _number(parameter[2:])
        yield media_range, quality


def _number(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0
    return quality if 0 <= quality <= 1 else 0
