"""A bug anywhere in the application: the client's answer, by hand-made ASGI messages."""

import logging
from typing import Any

import orjson
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.cross_origin import Origins
from app.api.http.entrance import Entrance
from app.api.observation import EndedOperation, Observers

SECRET = "E11000 duplicate key on 10.0.0.5:27017"


class Noted:
    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def ended(self, operation: EndedOperation) -> None:
        self.outcomes.append(operation.outcome)


def entrance(app: ASGIApp, *observers: Noted) -> Entrance:
    return Entrance(
        app,
        app,
        origins=Origins([], loopback=False),
        observers=Observers(*observers),
        is_draining=lambda: False,
    )


def scope_of(kind: str) -> Scope:
    return {"type": kind, "path": "/graphql", "headers": []}


async def told(kind: str, *, before: tuple[Message, ...] = ()) -> tuple[list[Message], list[str]]:
    """The response and the observed errors of an application that sends `before` and then fails."""
    sent: list[Message] = []
    noted = Noted()

    async def failing(_: Scope, __: Receive, send: Send) -> None:
        for message in before:
            await send(message)
        raise RuntimeError(SECRET)

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError

    await entrance(failing, noted)(scope_of(kind), receive, send)
    return sent, noted.outcomes


async def test_a_request_is_answered_with_a_code_and_its_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        (start, body), outcomes = await told("http")

    (error,) = orjson.loads(body["body"])["errors"]
    assert start["status"] == 500
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert SECRET not in str(error)
    (record,) = caplog.records
    assert error["extensions"]["requestId"] in record.getMessage()
    assert SECRET in caplog.text
    assert outcomes == ["INTERNAL_SERVER_ERROR"]


async def test_an_answer_that_has_begun_is_cut_off() -> None:
    start: Message = {"type": "http.response.start", "status": 200, "headers": []}

    sent, _ = await told("http", before=(start,))

    assert sent == [start]


async def test_a_websocket_is_closed_with_4500() -> None:
    sent, _ = await told("websocket", before=({"type": "websocket.accept"},))

    assert sent[1:] == [{"type": "websocket.close", "code": 4500}]


async def test_a_websocket_that_has_ended_meanwhile_is_left_alone() -> None:
    async def failing(*_: Any) -> None:
        raise RuntimeError(SECRET)

    async def send(_: Message) -> None:
        raise OSError

    async def receive() -> Message:
        raise AssertionError

    await entrance(failing)(scope_of("websocket"), receive, send)


async def test_a_start_that_fails_is_not_hidden() -> None:
    with pytest.raises(RuntimeError):
        await told("lifespan")
