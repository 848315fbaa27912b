"""Keys behind a URL: a JSON Web Key Set (RFC 7517), fetched, remembered and fetched again."""

import asyncio
import json
import logging
import time
from typing import Any

import httpx
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from app.api.sign_in.signing_keys import KeysUnavailable, KeyUnusable, SigningKey, signing_key

logger = logging.getLogger(__name__)

# How old the set may get before it is fetched anew.
REFRESH_SECONDS = 300.0

# Between two fetches, whoever asks: tokens with invented key ids must not make a storm of them.
LEAST_SECONDS_BETWEEN_FETCHES = 5.0

FETCH_TIMEOUT_SECONDS = 3.0
MAX_KEY_SET_BYTES = 1_000_000


class KeySet:
    """The RS256 and ES256 keys of a JSON Web Key Set (RFC 7517) behind a URL.

    Keys once fetched serve until they are replaced: a URL that can't be reached stops nobody. A key
    id that is not known makes it look again, at most every `LEAST_SECONDS_BETWEEN_FETCHES`.
    """

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url
        self._transport = transport
        self._keys: dict[str | None, SigningKey] = {}
        self._fetching = asyncio.Lock()
        self._tried_at = -LEAST_SECONDS_BETWEEN_FETCHES

    async def run(self) -> None:
        """See `SigningKeys`."""
        while True:
            await self._fetch_unless_just_done()
            await asyncio.sleep(REFRESH_SECONDS)

    async def find(self, key_id: str | None) -> SigningKey | None:
        """See `SigningKeys`."""
        if (key := self._known(key_id)) is None:
            await self._fetch_unless_just_done()
            key = self._known(key_id)
        if not self._keys:
            raise KeysUnavailable
        return key

    def _known(self, key_id: str | None) -> SigningKey | None:
        """The key with that id; the only one there is also serves tokens that name none."""
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def _fetch_unless_just_done(self) -> None:
        async with self._fetching:
            if time.monotonic() - self._tried_at < LEAST_SECONDS_BETWEEN_FETCHES:
                return
            self._tried_at = time.monotonic()
            try:
                keys = _read_key_set(await self._fetch())
            except Exception as error:  # whatever it answers, those at hand serve on
                logger.warning("The keys that tokens are signed with can't be fetched: %r", error)
            else:
                self._keys = keys

    async def _fetch(self) -> Any:  # noqa: ANN401 - JSON
        async with (
            asyncio.timeout(FETCH_TIMEOUT_SECONDS),
            httpx.AsyncClient(transport=self._transport) as client,
            client.stream("GET", self._url) as response,
        ):
            if not response.is_success:  # the library's own exception quotes the URL
                raise ValueError(f"the answer has the status {response.status_code}")
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MAX_KEY_SET_BYTES:
                    raise ValueError("the answer is too large")
        return json.loads(body)


def _read_key_set(found: Any) -> dict[str | None, SigningKey]:  # noqa: ANN401 - JSON
    """The usable keys by their ids. *Raises*: `ValueError` when there are none."""
    given = found.get("keys") if isinstance(found, dict) else None
    keys: dict[str | None, SigningKey] = {}
    for member in given if isinstance(given, list) else ():
        if isinstance(member, dict) and (key := _read_key(member)) is not None:
            given_id = member.get("kid")
            key_id = given_id if isinstance(given_id, str) else None
            if key_id in keys:
                logger.warning("Two keys of the key set have the same id, or none: one serves.")
            keys[key_id] = key
    if not keys:
        raise ValueError("it holds no RS256 or ES256 key")
    return keys


def _read_key(member: dict[str, Any]) -> SigningKey | None:
    """One key; None for one of a kind that is not used here.

    The algorithm follows from the kind of key, whatever a token may say: a public key can't be
    taken for an HS256 secret.
    """
    algorithm = {"RSA": "RS256", "EC": "ES256"}.get(str(member.get("kty")))
    if algorithm is None or member.get("alg", algorithm) != algorithm:
        return None
    if member.get("use", "sig") != "sig":
        return None
    try:
        return signing_key(PyJWK(member, algorithm=algorithm).key)
    except (PyJWTError, KeyUnusable, ValueError, TypeError):
        return None
