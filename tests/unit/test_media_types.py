import pytest

from app.api.media_types import is_stream_preferred


@pytest.mark.parametrize(
    ("accept", "is_preferred"),
    [
        ("text/event-stream", True),
        ("text/event-stream, application/json", True),
        ("application/json, text/event-stream", True),
        ("multipart/mixed;subscriptionSpec=1.0,application/json", True),
        ("text/event-stream;q=0.5, */*", True),
        ("text/event-stream;q=0", False),
        ("text/event-stream;q=0, application/json", False),
        ("application/json, text/event-stream;q=0.1", False),
        ("application/json", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_a_stream_is_for_clients_who_want_it_no_less_than_json(
    accept: str, *, is_preferred: bool
) -> None:
    assert is_stream_preferred(accept) is is_preferred
