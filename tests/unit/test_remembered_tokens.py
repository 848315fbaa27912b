"""A token is verified once, and remembered as long as it is worth something."""

from typing import Any

import jwt
import pytest
from starlette.requests import HTTPConnection

from app.api.errors import Refused
from app.api.sign_in.signing_keys import (
    FixedKey,
    SigningKey,
    read_secret,
)
from app.api.sign_in.tokens import TokenIdentity, TokenRules
from app.domain.viewers import Viewer
from tests.harness.tokens import (
    AUDIENCE,
    ISSUER,
    SECRET,
    with_secret,
)
from tests.harness.waiting import eventually

RULES = TokenRules(issuer=ISSUER, audience=AUDIENCE, leeway_seconds=2)


class Replaceable:
    """`SigningKeys` of one key, which can be replaced."""

    def __init__(self, secret: str) -> None:
        self.key: SigningKey | None = read_secret(secret)

    async def find(self, key_id: str | None) -> SigningKey | None:  # noqa: ARG002 - a protocol's
        return self.key

    async def run(self) -> None: ...


async def asked(identity: TokenIdentity, token: str) -> Viewer | None:
    headers = [(b"authorization", f"Bearer {token}".encode())]
    return await identity.viewer(HTTPConnection({"type": "http", "headers": headers}), {})


async def test_a_token_that_comes_again_is_not_verified_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verified: list[str] = []
    decode = jwt.decode

    def noting(token: str, *given: Any, **others: Any) -> dict[str, Any]:
        verified.append(token)
        return decode(token, *given, **others)

    monkeypatch.setattr(jwt, "decode", noting)
    identity = TokenIdentity(FixedKey(read_secret(SECRET)), RULES)
    sues, johns = with_secret().token("sue", role="admin"), with_secret().token("john")

    viewers = [await asked(identity, token) for token in (sues, johns, sues, johns, sues)]

    assert verified == [sues, johns]
    assert [viewer and viewer.user_id for viewer in viewers] == ["sue", "john"] * 2 + ["sue"]
    assert [viewer and viewer.is_admin for viewer in viewers] == [True, False] * 2 + [True]


async def test_a_token_that_is_known_expires_all_the_same() -> None:
    identity = TokenIdentity(FixedKey(read_secret(SECRET)), RULES)
    token = with_secret().token(lasts_seconds=2 - RULES.leeway_seconds)
    refusals: list[Refused] = []

    async def is_refused() -> bool:
        try:
            await asked(identity, token)
        except Refused as refused:
            refusals.append(refused)
        return bool(refusals)

    assert await asked(identity, token) is not None
    await eventually(is_refused)

    assert refusals[0].code == "TOKEN_EXPIRED"


@pytest.mark.parametrize("other", [read_secret("another secret that is long enough"), None])
async def test_a_token_that_is_known_is_worth_nothing_without_its_key(
    other: SigningKey | None,
) -> None:
    keys = Replaceable(SECRET)
    identity = TokenIdentity(keys, RULES)
    token = with_secret().token()
    await asked(identity, token)

    keys.key = other

    with pytest.raises(Refused):
        await asked(identity, token)
