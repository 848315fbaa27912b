import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from starlette.requests import HTTPConnection

from app.api.errors import Refused
from app.api.sign_in.signing_keys import (
    FixedKey,
    KeyUnusable,
    SigningKeys,
    read_key_file,
    read_secret,
)
from app.api.sign_in.tokens import MAX_TOKEN_LENGTH, TokenIdentity, TokenRules
from app.domain.viewers import Viewer
from tests.harness.tokens import (
    AUDIENCE,
    ISSUER,
    SECRET,
    Provider,
    with_ec_key,
    with_rsa_key,
    with_secret,
)

LATER = 4_000_000_000

RULES = TokenRules(issuer=ISSUER, audience=AUDIENCE, leeway_seconds=2)


def connection(authorization: str | None = None) -> HTTPConnection:
    headers = [(b"authorization", authorization.encode())] if authorization is not None else []
    return HTTPConnection({"type": "http", "headers": headers})


async def viewer_of(
    token: str, keys: SigningKeys | None = None, rules: TokenRules = RULES
) -> Viewer | None:
    identity = TokenIdentity(keys or FixedKey(read_secret(SECRET)), rules)
    return await identity.viewer(connection(f"Bearer {token}"), {})


async def refused(token: str, keys: SigningKeys | None = None) -> Refused:
    with pytest.raises(Refused) as refused:
        await viewer_of(token, keys)
    assert refused.value.status_code == 401
    assert refused.value.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    return refused.value


@pytest.fixture(scope="module")
def rsa() -> Provider:
    return with_rsa_key()


async def test_a_token_names_its_user_until_it_expires() -> None:
    before = datetime.now(UTC)

    viewer = await viewer_of(with_secret().token("sue", lasts_seconds=60))

    assert viewer is not None
    assert (viewer.user_id, viewer.is_admin) == ("sue", False)
    assert viewer.expires_at is not None
    assert 59 < (viewer.expires_at - before).total_seconds() < 64


async def test_without_a_token_the_viewer_is_anonymous() -> None:
    identity = TokenIdentity(FixedKey(read_secret(SECRET)), RULES)

    assert await identity.viewer(connection(), {}) is None


@pytest.mark.parametrize("make", [with_rsa_key, with_ec_key])
async def test_the_key_in_a_file_verifies_what_its_private_half_has_signed(
    make: Any, tmp_path: Path
) -> None:
    provider: Provider = make()

    keys = FixedKey(read_key_file(provider.write_public_key(tmp_path)))
    viewer = await viewer_of(provider.token("sue"), keys)

    assert viewer is not None
    assert viewer.user_id == "sue"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example.com"},
        {"iss": None},
        {"aud": "another-service"},
        {"aud": None},
        {"exp": None},
        {"exp": "soon"},
        {"exp": float("inf")},
        {"nbf": LATER},
        {"iat": LATER},
        {"sub": None},
        {"sub": ""},
        {"sub": "a b"},
        {"sub": {"$ne": None}},
        {"sub": 5},
        {"sub": "x" * 129},
    ],
    ids=str,
)
async def test_a_token_that_is_not_for_us_or_not_for_now_is_not_valid(
    claims: dict[str, Any],
) -> None:
    assert (await refused(with_secret().token(**claims))).code == "UNAUTHENTICATED"


@pytest.mark.parametrize("expires", [10**12, 10**18, 10**400])
async def test_a_token_may_last_longer_than_there_are_dates(expires: int) -> None:
    viewer = await viewer_of(with_secret().token(exp=expires))

    assert viewer is not None
    assert viewer.expires_at is not None
    assert viewer.expires_at.year == 9999


async def test_an_expired_token_has_a_code_of_its_own() -> None:
    assert (await refused(with_secret().token(lasts_seconds=-3))).code == "TOKEN_EXPIRED"


async def test_clocks_may_differ_by_the_leeway() -> None:
    assert await viewer_of(with_secret().token(lasts_seconds=-1)) is not None
    assert await viewer_of(with_secret().token(nbf=time.time() + 1)) is not None


def signed_with_the_public_key(rsa: Provider) -> str:
    """HS256, whose secret would be what everybody can read."""
    signed = f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{rsa.token().split('.')[1]}"
    digest = hmac.new(rsa.public_pem, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_base64url(digest)}"


def unsigned(rsa: Provider) -> Iterator[str]:
    token = rsa.token()
    claims = jwt.decode(token, options={"verify_signature": False})
    yield jwt.encode(claims, "", "none")
    yield token.rpartition(".")[0] + "."
    for spelling in ("none", "None", "NONE", "nOnE"):
        yield f"{_encoded({'alg': spelling})}.{token.split('.')[1]}."


async def test_a_token_that_our_key_has_not_signed_is_not_valid(
    rsa: Provider, tmp_path: Path
) -> None:
    keys = FixedKey(read_key_file(rsa.write_public_key(tmp_path)))
    other_algorithms = (Provider(rsa.key, name).token() for name in ("RS512", "PS256"))
    other_keys = (with_rsa_key().token(), with_ec_key().token())

    for forged in (*other_keys, *other_algorithms, *unsigned(rsa), signed_with_the_public_key(rsa)):
        await refused(forged, keys)
    for forged in (with_secret("another secret that is long enough").token(), *unsigned(rsa)):
        await refused(forged)


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "....", "é.é.é", "x" * 100_000])
async def test_a_malformed_token_is_not_valid(token: str) -> None:
    await refused(token)


async def test_a_token_beyond_the_length_is_not_looked_at() -> None:
    await refused(with_secret().token(padding="x" * MAX_TOKEN_LENGTH))


@pytest.mark.parametrize("authorization", ["Basic c3VlOnBhc3M=", "Bearer", "token", "Bearer a b"])
async def test_another_way_to_sign_in_is_refused(authorization: str) -> None:
    identity = TokenIdentity(FixedKey(read_secret(SECRET)), RULES)

    with pytest.raises(Refused):
        await identity.viewer(connection(authorization), {})


@pytest.mark.parametrize(
    ("claim", "claims", "is_admin"),
    [
        ("role", {"role": "admin"}, True),
        ("role", {"role": ["user", "admin"]}, True),
        ("role", {"role": "administrator"}, False),
        ("role", {"role": None}, False),
        ("role", {"role": {"admin": True}}, False),
        ("role", {"roles": ["admin"]}, False),
        ("realm.roles", {"realm": {"roles": ["admin"]}}, True),
        ("realm.roles", {"realm": ["admin"]}, False),
        ("realm.roles", {"realm.roles": ["admin"]}, False),
    ],
)
async def test_a_claim_makes_an_admin(
    claim: str,
    claims: dict[str, Any],
    is_admin: bool,  # noqa: FBT001 - what is expected
) -> None:
    rules = TokenRules(issuer=ISSUER, audience=AUDIENCE, admin_claim=claim)

    viewer = await viewer_of(with_secret().token(**claims), rules=rules)

    assert viewer is not None
    assert viewer.is_admin is is_admin


@pytest.mark.parametrize(
    "hello",
    [
        {"Authorization": "Bearer {}"},
        {"authorization": "bearer {}"},
        {"authToken": "{}"},
        {"token": "{}"},
    ],
    ids=str,
)
async def test_a_websocket_says_its_token_as_clients_do(hello: dict[str, str]) -> None:
    identity = TokenIdentity(FixedKey(read_secret(SECRET)), RULES)
    said = {name: value.format(with_secret().token("joe")) for name, value in hello.items()}

    viewer = await identity.viewer(connection(f"Bearer {with_secret().token('sue')}"), said)

    assert viewer is not None
    assert viewer.user_id == "joe"


@pytest.mark.parametrize("token", [5, True, [], {"a": 1}, "Basic x"], ids=str)
async def test_a_websocket_that_says_something_else_is_refused(token: object) -> None:
    identity = TokenIdentity(FixedKey(read_secret(SECRET)), RULES)

    with pytest.raises(Refused):
        await identity.viewer(connection(), {"Authorization": token})


def test_a_key_that_is_too_weak_or_none_is_unusable(tmp_path: Path) -> None:
    weak = with_rsa_key(bits=1_024).write_public_key(tmp_path)

    with pytest.raises(KeyUnusable):
        read_key_file(weak)
    with pytest.raises(KeyUnusable):
        read_secret("x" * 31)
    weak.write_text("no key")
    with pytest.raises(KeyUnusable):
        read_key_file(weak)
    with pytest.raises(KeyUnusable):
        read_key_file(tmp_path / "nowhere")


def _encoded(value: object) -> str:
    return _base64url(json.dumps(value).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("cause", "make"),
    [
        ("JWT_ISSUER", lambda: with_secret().token(iss="https://other.example")),
        ("JWT_AUDIENCE", lambda: with_secret().token(aud="other")),
        ("expired", lambda: with_secret().token(lasts_seconds=-60)),
        (
            "does not match our key",
            lambda: with_secret("another secret of thirty-two bytes").token(),
        ),
        ("algorithm", lambda: with_rsa_key().token()),
        ("has no 'sub'", lambda: with_secret().token(sub=None)),
        ("must be a valid id", lambda: with_secret().token("Jörg")),
        ("not a JSON Web Token", lambda: "nonsense"),
    ],
)
async def test_why_tokens_are_refused_is_logged_once_without_them(
    cause: str, make: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    identity = TokenIdentity(FixedKey(read_secret(SECRET)), RULES)
    tokens = [make(), make()]
    for token in tokens:
        with pytest.raises(Refused):
            await identity.viewer(connection(f"Bearer {token}"), {})

    (message,) = caplog.messages
    assert cause in message
    assert not any(token in message for token in tokens)
