"""A JSON Web Key Set (RFC 7517) behind a URL: fetched in a thread, cached and refreshed."""

import asyncio
import json
import logging
import time
from base64 import b64encode
from contextlib import suppress
from http.client import HTTPResponse
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPErrorProcessor, Request, build_opener

from jwt import PyJWKSet

from app.api.sign_in.signing_keys import KeysUnavailable, KeyUnusable, SigningKey, signing_key

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 300.0

# Tokens with invented key ids must not cause a request each.
MIN_SECONDS_BETWEEN_FETCHES = 5.0

FETCH_TIMEOUT_SECONDS = 3.0
MAX_KEY_SET_BYTES = 1_000_000


class KeySet:
    """The RS256 and ES256 keys of a key set.

    An unknown key id triggers a fetch, at most every `MIN_SECONDS_BETWEEN_FETCHES`. The last good
    set serves while the URL can't be reached.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self._request = Request(parts._replace(netloc=host).geturl())  # noqa: S310 - a setting
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            basic = f"Basic {b64encode(credentials.encode()).decode()}"
            self._request.add_header("Authorization", basic)
        self._keys: dict[str | None, SigningKey] = {}
        self._fetching = asyncio.Lock()
        self._tried_at = -MIN_SECONDS_BETWEEN_FETCHES

    async def run(self) -> None:
        """Refresh the set every `REFRESH_SECONDS`."""
        while True:
            await self._fetch_unless_just_done()
            await asyncio.sleep(REFRESH_SECONDS)

    async def find(self, key_id: str | None) -> SigningKey | None:
        """The key with that id; a token without an id gets the only key, if there is one."""
        if (key := self._known(key_id)) is None:
            await self._fetch_unless_just_done()
            key = self._known(key_id)
        if not self._keys:
            raise KeysUnavailable
        return key

    def _known(self, key_id: str | None) -> SigningKey | None:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def _fetch_unless_just_done(self) -> None:
        async with self._fetching:
            if time.monotonic() - self._tried_at < MIN_SECONDS_BETWEEN_FETCHES:
                return
            self._tried_at = time.monotonic()
            try:
                async with asyncio.timeout(FETCH_TIMEOUT_SECONDS):
                    self._keys = _usable(await asyncio.to_thread(_fetch, self._request))
            except Exception as error:  # whatever the answer is, the last good set serves on
                logger.warning("The keys that verify tokens can't be fetched: %r", error)


class _EveryStatus(HTTPErrorProcessor):
    """Returns each response as it is: no redirects, which might lead from https to http."""

    def http_response(self, request: Request, response: HTTPResponse) -> HTTPResponse:  # noqa: ARG002
        """The response."""
        return response

    https_response = http_response


def _fetch(request: Request) -> Any:  # noqa: ANN401 - JSON
    """The JSON behind the URL. It ends in time even if the server sends byte by byte."""
    ends_at, body = time.monotonic() + FETCH_TIMEOUT_SECONDS, b""
    with build_opener(_EveryStatus).open(request, timeout=FETCH_TIMEOUT_SECONDS) as response:
        if response.status != 200:
            raise ValueError(f"the answer has the status {response.status}")
        while part := response.read1():
            body += part
            if len(body) > MAX_KEY_SET_BYTES or time.monotonic() > ends_at:
                raise ValueError("the answer is too large, or too slow")
    return json.loads(body)


def _usable(key_set: Any) -> dict[str | None, SigningKey]:  # noqa: ANN401 - JSON
    """The usable keys by id. *Raises*: `ValueError` if there are none.

    The algorithm follows from the kind of key, not from a token: a public key is never taken for
    an HS256 secret.
    """
    keys: dict[str | None, SigningKey] = {}
    for jwk in PyJWKSet.from_dict(key_set).keys:
        with suppress(KeyUnusable):
            key = signing_key(jwk.key)
            if key.algorithm == jwk.algorithm_name and jwk.public_key_use in {None, "sig"}:
                key_id = jwk.key_id if isinstance(jwk.key_id, str) else None
                if key_id in keys:
                    logger.warning("Two keys of the key set have the same id, or none: one serves.")
                keys[key_id] = key
    if not keys:
        raise ValueError("it holds no RS256 or ES256 key")
    return keys
