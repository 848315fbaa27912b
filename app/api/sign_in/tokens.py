"""Sign-in by JSON Web Tokens (RFC 7519): `Authorization: Bearer …` (RFC 6750)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from starlette.requests import HTTPConnection

from app.api.bounded_cache import BoundedCache
from app.api.codes import Code
from app.api.errors import Refused
from app.api.log_once import LogOnce
from app.api.sign_in.expiry import seconds_left
from app.api.sign_in.signing_keys import KeysUnavailable, SigningKey, SigningKeys
from app.domain.ids import UserId
from app.domain.validation import check_id
from app.domain.viewers import Viewer

logger = logging.getLogger(__name__)

# The names of the token in the payload of `connection_init`.
_IN_INIT_PAYLOAD = ("authorization", "authtoken", "token")

MAX_TOKEN_LENGTH = 8_192

# Verification takes 60 us (HS256) to 100 us (RS256), of the 2,200 us of a mutation.
MAX_REMEMBERED_TOKENS = 10_000
MAX_REMEMBERED_CHARACTERS = 5_000_000

# The end of Python's calendar; `exp` may be later.
_LAST_SECOND = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class TokenRules:
    """The claims that a token must have, and the claim that makes an admin.

    `admin_claim` may be a path into objects (`realm_access.roles`). Its value is `admin_value`, or
    a list with it.
    """

    issuer: str
    audience: str
    admin_claim: str = "role"
    admin_value: str = "admin"
    leeway_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class _Verified:
    """A verified token: its viewer, its key id, and the key that verified it."""

    viewer: Viewer
    key_id: str | None
    key: SigningKey


class TokenIdentity:
    """`Identity` by token: `sub` is the user's id. Without a token the viewer is anonymous.

    A verified token is cached until it expires or its key changes. Keys are compared by identity:
    a refreshed key set has new objects.
    """

    def __init__(self, keys: SigningKeys, rules: TokenRules) -> None:
        self._keys = keys
        self._rules = rules
        self._log = LogOnce(logger)
        self._verified: BoundedCache[str, _Verified] = BoundedCache(
            max_entries=MAX_REMEMBERED_TOKENS, max_weight=MAX_REMEMBERED_CHARACTERS
        )

    async def run(self) -> None:
        """Keep the keys fresh."""
        await self._keys.run()

    async def viewer(
        self, connection: HTTPConnection, init_payload: Mapping[str, Any]
    ) -> Viewer | None:
        """The viewer that the token names. Errors do not reveal why a token is invalid."""
        token = _token_in(connection, init_payload)
        if token is None:
            return None
        try:
            return await self._verify(token)
        except KeysUnavailable:
            raise Refused(
                Code.AUTHENTICATION_UNAVAILABLE,
                "Tokens can't be verified at the moment. Try again later.",
            ) from None
        except jwt.ExpiredSignatureError as error:
            self._log_refused(error)
            raise _invalid(
                "The token has expired. Sign in again.", code=Code.TOKEN_EXPIRED
            ) from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            self._log_refused(error)
            raise _invalid("The token is not valid. Sign in again.") from None

    def _log_refused(self, error: Exception) -> None:
        """Log why tokens are refused, once for each cause, without the token."""
        self._log.warn("A token was refused: %s (Logged once for this cause.)", self._cause(error))

    def _cause(self, error: Exception) -> str:
        match error:
            case jwt.ExpiredSignatureError():
                return "it has expired, or this machine's clock is fast."
            case jwt.ImmatureSignatureError():
                return "it is not valid yet, or this machine's clock is slow."
            case jwt.InvalidIssuerError():
                return f"its issuer (iss) is not {self._rules.issuer!r} (JWT_ISSUER)."
            case jwt.InvalidAudienceError():
                return f"its audience (aud) is not {self._rules.audience!r} (JWT_AUDIENCE)."
            case jwt.MissingRequiredClaimError(claim=claim):
                return f"it has no {claim!r}."
            case jwt.InvalidKeyError():
                return "the key that it names (kid) is not in the key set (JWT_JWKS_URL)."
            case jwt.InvalidSignatureError():
                return "its signature does not match our key."
            case jwt.InvalidAlgorithmError():
                return "its algorithm (alg) is not the key's."
            case jwt.DecodeError():
                return "it is not a JSON Web Token."
        return "one of its claims is not valid; sub must be a valid id."

    async def _verify(self, token: str) -> Viewer:
        """The viewer. *Raises*: what PyJWT raises; `ValueError`; `KeysUnavailable`."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise ValueError("too long")
        known = self._verified.get(token)
        key_id = known.key_id if known else jwt.get_unverified_header(token).get("kid")
        key = await self._keys.find(key_id)
        if key is None:
            raise jwt.InvalidKeyError
        if known and known.key is key and seconds_left(known.viewer):
            return known.viewer
        viewer = self._read(token, key)
        self._verified.put(token, _Verified(viewer, key_id, key), weight=len(token))
        return viewer

    def _read(self, token: str, key: SigningKey) -> Viewer:
        """The viewer of a token that the key has signed. *Raises*: as `_verify`."""
        claims = jwt.decode(
            token,
            key.key,
            # The key's own algorithm, never the token's: this rules out "none", and a public key
            # used as a shared secret (RFC 8725, section 3.1).
            algorithms=[key.algorithm],
            issuer=self._rules.issuer,
            audience=self._rules.audience,
            leeway=self._rules.leeway_seconds,
            options={"require": ["exp", "sub", "iss", "aud"]},
        )
        user_id = claims["sub"]
        if check_id("sub", user_id):
            raise ValueError("sub is not an id")
        return Viewer(
            UserId(user_id),
            is_admin=self._is_admin(claims),
            expires_at=datetime.fromtimestamp(
                min(claims["exp"], _LAST_SECOND) + self._rules.leeway_seconds, UTC
            ),
        )

    def _is_admin(self, claims: Mapping[str, Any]) -> bool:
        found: Any = claims
        for name in self._rules.admin_claim.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        values = found if isinstance(found, list) else [found]
        return self._rules.admin_value in values


def _token_in(connection: HTTPConnection, init_payload: Mapping[str, Any]) -> str | None:
    """The token, if there is one. *Raises*: `Refused` for another scheme."""
    in_payload = [
        value
        for key, value in init_payload.items()
        if key.lower() in _IN_INIT_PAYLOAD and value is not None
    ]
    given = in_payload[0] if in_payload else connection.headers.get("Authorization")
    if given is None:
        return None
    scheme, _, token = given.strip().rpartition(" ") if isinstance(given, str) else ("?", "", "")
    # In `connection_init`, clients often omit the scheme.
    if scheme.strip().lower() == "bearer" or (in_payload and scheme == ""):
        return str(token)
    raise _invalid("Sign in with `Authorization: Bearer` and a token.")


def _invalid(sentence: str, *, code: Code = Code.UNAUTHENTICATED) -> Refused:
    return Refused(code, sentence, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
