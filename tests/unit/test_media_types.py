import pytest

from app.api.media_types import stream_in


@pytest.mark.parametrize(
    ("accept", "stream"),
    [
        ("text/event-stream", "sse"),
        ("application/json, text/event-stream", "sse"),
        ("text/event-stream;q=0.5, */*", "sse"),
        ("text/event-stream;q=0, application/json", None),
        ("multipart/mixed;subscriptionSpec=1.0,application/json", "multipart-subscription"),
        ('multipart/mixed;boundary=x;subscriptionSpec="1.0"', "multipart-subscription"),
        ("text/event-stream;q=0.5, multipart/mixed;subscriptionSpec=1.0", "multipart-subscription"),
        ("multipart/mixed, text/event-stream", "sse"),
        ("multipart/mixed;deferSpec=20220824", None),
        ("*/*", None),
        ("", None),
    ],
)
def test_the_stream_is_the_one_that_the_client_likes_best(accept: str, stream: str | None) -> None:
    assert stream_in(accept) == stream
