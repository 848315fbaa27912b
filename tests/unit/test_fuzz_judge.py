"""The judge of fuzzing: accepted and rejected answers."""

import json
from typing import Any

import pytest

from tests.lab.fuzz.exchange import Answer, Conversation
from tests.lab.fuzz.judge import judge_answer, judge_conversation
from tests.lab.fuzz.memory import MEGABYTE, MemoryWatch

JSON = "application/graphql-response+json; charset=utf-8"


def coded(code: str | None) -> dict[str, Any]:
    return {"message": "No.", "extensions": {"code": code}}


def answer(status: int, body: Any, media_type: str = JSON) -> Answer:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {"content-type": media_type}, encoded)


def event(body: Any) -> Answer:
    return answer(200, b"event: next\ndata: " + json.dumps(body).encode(), "text/event-stream")


@pytest.mark.parametrize(
    "good",
    [
        answer(200, {"data": {"viewer": None}}),
        answer(400, {"errors": [coded("BAD_USER_INPUT")]}),
        answer(503, {"errors": [coded("DATABASE_UNAVAILABLE")]}),
        answer(200, [{"data": None}, {"errors": [coded("TEAM_NOT_FOUND")]}]),
        answer(400, b"Invalid HTTP request received.", "text/plain"),
        answer(404, b"Not Found", "text/plain"),
        answer(503, {"status": "not ready", "reason": "The database does not answer."}),
        event({"data": {"userTeam": {"id": "sue"}}}),
    ],
    ids=str,
)
def test_a_coded_and_masked_answer_passes(good: Answer) -> None:
    assert list(judge_answer(good)) == []


@pytest.mark.parametrize(
    "bad",
    [
        answer(500, b"Internal Server Error", "text/plain"),
        answer(500, {"errors": [coded("INTERNAL_SERVER_ERROR")]}),
        answer(503, {"errors": [coded("BAD_REQUEST")]}),
        answer(200, {"data": None, "errors": [coded("INTERNAL_SERVER_ERROR")]}),
        answer(400, {"errors": [coded(None)]}),
        answer(400, {"errors": [{"message": "No."}]}),
        answer(200, [{"data": None}, {"errors": [coded("INVENTED")]}]),
        answer(400, b"{", JSON),
        answer(400, {"errors": [{**coded("BAD_REQUEST"), "at": 'File "/app/main.py", line 5'}]}),
        answer(404, b"Traceback (most recent call last):", "text/plain"),
        event({"errors": [coded("INTERNAL_SERVER_ERROR")]}),
    ],
    ids=str,
)
def test_what_is_not_does_not(bad: Answer) -> None:
    assert list(judge_answer(bad))


@pytest.mark.parametrize("code", [1000, 1007, 4400, 4429])
def test_a_websocket_may_be_closed_for_what_was_said(code: int) -> None:
    said = json.dumps({"type": "error", "id": "1", "payload": [coded("BAD_REQUEST")]}).encode()

    assert list(judge_conversation(Conversation([said], code), is_whole=True)) == []


@pytest.mark.parametrize("code", [None, 1006, 1011, 4500])
def test_a_websocket_may_not_be_cut_or_closed_for_a_bug(code: int | None) -> None:
    assert list(judge_conversation(Conversation([], code), is_whole=True))


def test_after_broken_frames_a_websocket_may_be_cut() -> None:
    assert list(judge_conversation(Conversation([], None), is_whole=False)) == []


def test_a_code_that_random_frames_may_have_said_themselves_is_sent_back() -> None:
    assert list(judge_conversation(Conversation([], 3154), is_whole=False)) == []
    assert list(judge_conversation(Conversation([], 3154), is_whole=True))
    for bug in (1011, 4500):
        assert list(judge_conversation(Conversation([], bug), is_whole=False))


@pytest.mark.parametrize(
    "message",
    [
        {"type": "error", "id": "1", "payload": [coded("INTERNAL_SERVER_ERROR")]},
        {"type": "next", "id": "1", "payload": {"data": None, "errors": [coded(None)]}},
    ],
)
def test_a_message_is_judged_like_an_answer(message: object) -> None:
    said = json.dumps(message).encode()

    assert list(judge_conversation(Conversation([said], 1000), is_whole=True))


def test_memory_may_grow_until_caches_are_full_and_no_longer() -> None:
    flat, leaking = MemoryWatch(), MemoryWatch()

    for turn in range(100):
        flat.note([MEGABYTE * min(100 + turn, 140)])
        leaking.note([100 * MEGABYTE, MEGABYTE * (100 + turn)])

    assert flat.growth() == []
    assert leaking.growth() == ["Server 2 grew from 174 to 199 MB in the last quarter."]


def test_a_short_run_says_nothing_about_memory() -> None:
    watch = MemoryWatch()

    for turn in range(10):
        watch.note([MEGABYTE * 100 * turn])

    assert watch.growth() == []
