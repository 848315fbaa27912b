import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.request import Request

import pytest
from jwt.algorithms import RSAAlgorithm

from app.api.sign_in import key_set as key_set_module
from app.api.sign_in.key_set import KeySet
from app.api.sign_in.signing_keys import KeysUnavailable
from tests.harness.tokens import Provider, with_ec_key, with_rsa_key


class Published:
    """A server on loopback that publishes a key set, and the requests it received."""

    def __init__(self) -> None:
        self.status, self.body = HTTPStatus.OK, b""
        self.location = ""
        self.seconds_between_bytes: float | None = None
        self.requests: list[str] = []
        self.authority = ""

    def keys(self, *keys: Any) -> KeySet:
        """A `KeySet` of this server, which publishes these keys from now on."""
        self.body = json.dumps({"keys": keys}).encode()
        return KeySet(f"http://{self.authority}/keys")

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        head = (
            f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(self.body)}\r\n{self.location}\r\n"
        )
        writer.write(head.encode())
        if self.seconds_between_bytes is None:
            writer.write(self.body)
        else:
            for byte in self.body:
                writer.write(bytes([byte]))
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.seconds_between_bytes):
                        await reader.read()
                    break  # the client has closed the connection
        writer.close()


@pytest.fixture
async def published() -> AsyncIterator[Published]:
    published = Published()
    async with await asyncio.start_server(published.answer, "127.0.0.1", 0) as server:
        published.authority = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield published


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_set_module, "MIN_SECONDS_BETWEEN_FETCHES", 0)


@pytest.fixture(scope="module")
def old() -> Provider:
    return with_rsa_key("old")


@pytest.fixture(scope="module")
def new() -> Provider:
    return with_ec_key("new")


async def test_keys_are_found_by_their_ids_each_with_its_algorithm(
    published: Published, old: Provider, new: Provider
) -> None:
    keys = published.keys(old.jwk, new.jwk)

    found = [await keys.find(key_id) for key_id in ("old", "new", "other", None)]

    assert [key and key.algorithm for key in found] == ["RS256", "ES256", None, None]


@pytest.mark.usefixtures("impatient")
async def test_the_only_key_serves_tokens_without_a_key_id_and_without_fetches(
    published: Published, old: Provider
) -> None:
    keys = published.keys(old.jwk)

    found = [await keys.find(key_id) for key_id in (None, "old", None)]

    assert [key and key.algorithm for key in found] == ["RS256"] * 3
    assert len(published.requests) == 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"keys": []}'),
        (200, b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}, 5]}'),
        (200, b" " * 1_000_001),
        (200, b"[" * 100_000),
    ],
    ids=["an error", "no JSON", "no set", "empty", "nothing usable", "too large", "too deep"],
)
async def test_the_last_good_set_serves_while_the_url_does_not(
    status: HTTPStatus, body: bytes, published: Published, old: Provider
) -> None:
    keys = published.keys(old.jwk)
    await keys.find("old")

    published.status, published.body = status, body

    assert await keys.find("invented") is None
    assert await keys.find("old") is not None
    assert len(published.requests) == 2


async def test_a_redirect_is_not_followed(published: Published, old: Provider) -> None:
    keys = published.keys(old.jwk)
    published.status = HTTPStatus.FOUND
    published.location = f"Location: http://{published.authority}/elsewhere\r\n"

    with pytest.raises(KeysUnavailable):
        await keys.find("old")

    assert len(published.requests) == 1


async def test_credentials_in_the_url_are_sent_and_not_logged(
    published: Published, caplog: pytest.LogCaptureFixture
) -> None:
    published.status = HTTPStatus.NOT_FOUND

    with pytest.raises(KeysUnavailable):
        await KeySet(f"http://sue:s%40crt@{published.authority}/keys?key=s%40crt").find("any")

    (request,) = published.requests
    assert f"Authorization: Basic {base64.b64encode(b'sue:s@crt').decode()}" in request
    assert "404" in caplog.text
    assert "crt" not in caplog.text


async def test_invented_key_ids_do_not_cause_a_fetch_each(
    published: Published, old: Provider
) -> None:
    keys = published.keys(old.jwk)

    await asyncio.gather(*(keys.find(f"invented {number}") for number in range(100)))

    assert len(published.requests) == 1


@pytest.mark.parametrize("seconds_between_bytes", [60, 0.01])
async def test_a_silent_or_slow_url_is_given_up(
    seconds_between_bytes: float, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_set_module, "FETCH_TIMEOUT_SECONDS", 0.2)
    keys = published.keys(*range(10_000))
    published.seconds_between_bytes = seconds_between_bytes
    fetch, has_ended = key_set_module._fetch, threading.Event()

    def noting(request: Request) -> None:
        try:
            fetch(request)
        finally:
            has_ended.set()

    monkeypatch.setattr(key_set_module, "_fetch", noting)

    async with asyncio.timeout(5):
        with pytest.raises(KeysUnavailable):
            await keys.find("any")

    assert await asyncio.to_thread(has_ended.wait, 5)


@pytest.mark.usefixtures("impatient")
async def test_keys_are_fetched_again_as_time_passes(
    published: Published, old: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_set_module, "REFRESH_SECONDS", 0)
    keys = published.keys(old.jwk)

    running = asyncio.create_task(keys.run())
    async with asyncio.timeout(5):
        while len(published.requests) < 3:
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert await keys.find("old") is not None


async def test_keys_of_other_kinds_and_uses_are_ignored(
    published: Published, old: Provider
) -> None:
    others = [
        {**old.jwk, "use": "enc", "kid": "enc"},
        {**old.jwk, "alg": "RS512", "kid": "rs512"},
        {**old.jwk, "n": 5, "kid": "broken"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "ed"},
        {"kty": "RSA", "kid": "partial"},
        {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "secret"},
        {**RSAAlgorithm.to_jwk(old.key, as_dict=True), "kid": "private"},
        with_rsa_key("weak", bits=1_024).jwk,
    ]
    keys = published.keys(old.jwk, *others)

    found = [await keys.find(key["kid"]) for key in others]

    assert found == [None] * len(others)
