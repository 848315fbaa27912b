"""JSON Web Tokens (RFC 7519) as the sign-in: `Authorization: Bearer …`, after RFC 6750."""

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

# The names under which clients send a token when they say hello on a WebSocket.
_IN_HELLO = ("authorization", "authtoken", "token")

MAX_TOKEN_LENGTH = 8_192

# Verifying takes some 60 us (HS256) to 100 us (RS256), of the 2,200 us of a mutation.
MAX_REMEMBERED_TOKENS = 10_000
MAX_REMEMBERED_CHARACTERS = 5_000_000

# A token may be made to last for ever; the calendar ends here.
_LAST_SECOND = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class TokenRules:
    """What a token must say: who made it, for whom, and what makes an admin.

    `admin_claim` may lead into objects (`realm_access.roles`); it holds `admin_value` or a list in
    which that is.
    """

    issuer: str
    audience: str
    admin_claim: str = "role"
    admin_value: str = "admin"
    leeway_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class _Verified:
    """What a token has said, the key that has verified it, and the id by which it names the key."""

    viewer: Viewer
    key_id: str | None
    key: SigningKey


class TokenIdentity:
    """`Identity` by token: `sub` is the user's id. Without a token the viewer is nobody.

    A token that comes again is not verified again as long as it lasts and its key is the one that
    it was verified with, the very object: a key set that is fetched anew has others.
    """

    def __init__(self, keys: SigningKeys, rules: TokenRules) -> None:
        self._keys = keys
        self._rules = rules
        self._log = LogOnce(logger)
        self._verified: BoundedCache[str, _Verified] = BoundedCache(
            max_entries=MAX_REMEMBERED_TOKENS, max_weight=MAX_REMEMBERED_CHARACTERS
        )

    async def run(self) -> None:
        """See `Identity`."""
        await self._keys.run()

    async def viewer(self, connection: HTTPConnection, hello: Mapping[str, Any]) -> Viewer | None:
        """See `Identity`. What is wrong with a token is said in general terms only."""
        token = _token_in(connection, hello)
        if token is None:
            return None
        try:
            return await self._verify(token)
        except KeysUnavailable:
            raise Refused(
                Code.AUTHENTICATION_UNAVAILABLE,
                "Tokens can't be verified at the moment. Try again.",
            ) from None
        except jwt.ExpiredSignatureError as error:
            self._log_refused(error)
            raise _invalid(
                "The token has expired. Sign in again.", code=Code.TOKEN_EXPIRED
            ) from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            self._log_refused(error)
            raise _invalid("The token is not valid here. Sign in again.") from None

    def _log_refused(self, error: Exception) -> None:
        """Tells the operator why tokens are refused, once for each cause, without the token."""
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
                return "it was signed with another key than ours."
            case jwt.InvalidAlgorithmError():
                return "it names another algorithm (alg) than the key's."
            case jwt.DecodeError():
                return "it is no JSON Web Token."
        return "a claim in it has no usable value; sub must follow the rule for ids."

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
        """The viewer that a token names, if the key has signed it. *Raises*: as `_verify`."""
        claims = jwt.decode(
            token,
            key.key,
            # The key's own algorithm, never the token's: neither "none" nor a public key used as a
            # shared secret gets anywhere (RFC 8725, section 3.1).
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


def _token_in(connection: HTTPConnection, hello: Mapping[str, Any]) -> str | None:
    """The token, of which there need be none. *Raises*: `Refused` for another scheme."""
    said = [value for key, value in hello.items() if key.lower() in _IN_HELLO and value is not None]
    given = said[0] if said else connection.headers.get("Authorization")
    if given is None:
        return None
    scheme, _, token = given.strip().rpartition(" ") if isinstance(given, str) else ("?", "", "")
    # When saying hello, clients often leave the scheme out.
    if scheme.strip().lower() == "bearer" or (said and scheme == ""):
        return str(token)
    raise _invalid("Sign in with `Authorization: Bearer` and a token.")


def _invalid(sentence: str, *, code: Code = Code.UNAUTHENTICATED) -> Refused:
    return Refused(code, sentence, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
