"""The key that tokens are verified with: one out of the settings, or one of a `key_set`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

# RFC 7518, sections 3.2 and 3.3: a secret as long as the hash, an RSA key of this size or larger.
LEAST_SECRET_BYTES = 32
LEAST_RSA_BITS = 2_048


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key and the one algorithm that it is for, which no token can change."""

    key: Any
    algorithm: str


class KeyUnusable(Exception):
    """A key that can't be used to verify tokens; the message is for the operator."""


class KeysUnavailable(Exception):
    """No key could be fetched yet."""


class SigningKeys(Protocol):
    """Finds the key of a token."""

    async def find(self, key_id: str | None) -> SigningKey | None:
        """The key with that id. *Raises*: `KeysUnavailable`."""

    async def run(self) -> None:
        """Keeps the keys fresh, for as long as it runs. One task owns and cancels it."""


class FixedKey:
    """A key out of the settings; it serves every token, whatever its key id."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key

    async def find(self, key_id: str | None) -> SigningKey | None:  # noqa: ARG002 - a protocol's
        """See `SigningKeys`."""
        return self._key

    async def run(self) -> None:
        """See `SigningKeys`: nothing ages here."""


def read_secret(secret: str) -> SigningKey:
    """HS256. *Raises*: `KeyUnusable`."""
    if len(secret.encode()) < LEAST_SECRET_BYTES:
        raise KeyUnusable(f"must have at least {LEAST_SECRET_BYTES} bytes.")
    return SigningKey(secret.encode(), "HS256")


def read_key_file(path: Path) -> SigningKey:
    """RS256 or ES256, after the kind of public key in the PEM file. *Raises*: `KeyUnusable`."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise KeyUnusable("must be a PEM file with a public key.") from error
    return signing_key(key)


def signing_key(key: object) -> SigningKey:
    """RS256 or ES256: the algorithm follows from the public key. *Raises*: `KeyUnusable`."""
    match key:
        case RSAPublicKey() if key.key_size >= LEAST_RSA_BITS:
            return SigningKey(key, "RS256")
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            return SigningKey(key, "ES256")
    raise KeyUnusable(f"must hold an RSA key of {LEAST_RSA_BITS} bits or more, or one on P-256.")
