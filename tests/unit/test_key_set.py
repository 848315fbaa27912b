import asyncio
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from jwt.algorithms import RSAAlgorithm

from app.api.sign_in import key_set as key_set_module
from app.api.sign_in.key_set import KeySet
from app.api.sign_in.signing_keys import KeysUnavailable
from tests.harness.tokens import Provider, with_ec_key, with_rsa_key

URL = "https://id.example.com/keys"


class Published:
    """What stands behind the URL, and how often it was asked for."""

    def __init__(self, *keys: Any) -> None:
        self.answer: Callable[[], httpx.Response] = lambda: self.of(*keys)
        self.fetched = 0

    @staticmethod
    def of(*keys: Any) -> httpx.Response:
        return httpx.Response(200, json={"keys": list(keys)})

    def key_set(self) -> KeySet:
        def handle(_: httpx.Request) -> httpx.Response:
            self.fetched += 1
            return self.answer()

        return KeySet(URL, httpx.MockTransport(handle))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_set_module, "LEAST_SECONDS_BETWEEN_FETCHES", 0)


@pytest.fixture(scope="module")
def old() -> Provider:
    return with_rsa_key("old")


@pytest.fixture(scope="module")
def new() -> Provider:
    return with_ec_key("new")


async def test_keys_are_found_by_their_ids_each_with_its_algorithm(
    old: Provider, new: Provider
) -> None:
    keys = Published(old.jwk, new.jwk).key_set()

    found = [await keys.find(key_id) for key_id in ("old", "new", "other", None)]

    assert [key and key.algorithm for key in found] == ["RS256", "ES256", None, None]


async def test_the_only_key_serves_tokens_that_name_none(old: Provider) -> None:
    found = await Published(old.jwk).key_set().find(None)

    assert found is not None
    assert found.algorithm == "RS256"


@pytest.mark.usefixtures("impatient")
async def test_a_rotated_key_is_fetched_when_a_token_names_it(old: Provider, new: Provider) -> None:
    published = Published(old.jwk)
    keys = published.key_set()
    assert await keys.find("old") is not None

    published.answer = lambda: Published.of(new.jwk)

    assert await keys.find("new") is not None
    assert await keys.find("old") is None


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "answer",
    [
        lambda: httpx.Response(500),
        lambda: httpx.Response(200, text="<html>"),
        lambda: httpx.Response(200, json=[]),
        lambda: httpx.Response(200, json={"keys": []}),
        lambda: httpx.Response(200, json={"keys": [{"kty": "oct", "k": "c2VjcmV0"}, 5]}),
        lambda: httpx.Response(200, content=b"x" * 1_000_001),
        lambda: httpx.Response(200, content=b"[" * 100_000),
    ],
    ids=["an error", "no JSON", "no set", "empty", "nothing usable", "too large", "too deep"],
)
async def test_keys_once_fetched_serve_while_the_url_does_not(
    answer: Callable[[], httpx.Response], old: Provider
) -> None:
    published = Published(old.jwk)
    keys = published.key_set()
    await keys.find("old")

    published.answer = answer

    assert await keys.find("invented") is None
    assert await keys.find("old") is not None
    assert published.fetched == 2


@pytest.mark.usefixtures("impatient")
async def test_the_only_key_serves_tokens_that_name_none_without_looking_again(
    old: Provider,
) -> None:
    published = Published(old.jwk)
    keys = published.key_set()

    found = [await keys.find(key_id) for key_id in ("old", None, None)]

    assert None not in found
    assert published.fetched == 1


async def test_an_answer_without_keys_is_logged_without_the_url_that_may_hold_a_password(
    caplog: pytest.LogCaptureFixture,
) -> None:
    published = Published()
    published.answer = lambda: httpx.Response(404)

    with pytest.raises(KeysUnavailable):
        await published.key_set().find("any")

    assert "404" in caplog.text
    assert URL not in "".join(record.getMessage() for record in caplog.records if _is_ours(record))


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.startswith("app.")


async def test_without_any_key_verifying_is_unavailable() -> None:
    def fail() -> httpx.Response:
        raise httpx.ConnectError("unreachable")

    published = Published()
    published.answer = fail

    with pytest.raises(KeysUnavailable):
        await published.key_set().find("any")


async def test_invented_key_ids_do_not_make_a_storm_of_fetches(old: Provider) -> None:
    published = Published(old.jwk)
    keys = published.key_set()

    await asyncio.gather(*(keys.find(f"invented {number}") for number in range(100)))

    assert published.fetched == 1


async def test_a_silent_url_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_set_module, "FETCH_TIMEOUT_SECONDS", 0.05)

    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with asyncio.timeout(5):
        with pytest.raises(KeysUnavailable):
            await KeySet(URL, httpx.MockTransport(hang)).find("any")


@pytest.mark.usefixtures("impatient")
async def test_keys_are_fetched_again_as_time_passes(
    old: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_set_module, "REFRESH_SECONDS", 0)
    published = Published(old.jwk)
    keys = published.key_set()

    running = asyncio.create_task(keys.run())
    async with asyncio.timeout(5):
        while published.fetched < 3:
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert await keys.find("old") is not None


async def test_keys_of_other_kinds_and_uses_are_passed_over(old: Provider) -> None:
    others = [
        {**old.jwk, "use": "enc", "kid": "enc"},
        {**old.jwk, "alg": "RS512", "kid": "rs512"},
        {**old.jwk, "n": 5, "kid": "broken"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "ed"},
        {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "secret"},
        {**RSAAlgorithm.to_jwk(old.key, as_dict=True), "kid": "private"},
        with_rsa_key("weak", bits=1_024).jwk,
    ]
    keys = Published(old.jwk, *others).key_set()

    found = [await keys.find(key["kid"]) for key in others]

    assert found == [None] * len(others)
