"""Keys that verify tokens: one from the settings, or those of a `key_set`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

# RFC 7518, sections 3.2 and 3.3: a secret as long as the hash, an RSA key of this size or larger.
MIN_SECRET_BYTES = 32
MIN_RSA_BITS = 2_048


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key with its only algorithm, which a token can't change."""

    key: Any
    algorithm: str


class KeyUnusable(Exception):
    """A key that can't verify tokens; the message is for the operator."""


class KeysUnavailable(Exception):
    """No key could be fetched yet."""


class SigningKeys(Protocol):
    """The keys of tokens."""

    async def find(self, key_id: str | None) -> SigningKey | None:
        """The key with that id. *Raises*: `KeysUnavailable`."""

    async def run(self) -> None:
        """Refresh the keys until cancelled by the one task that owns it."""


class FixedKey:
    """A key from the settings, for every token whatever its key id."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key

    async def find(self, key_id: str | None) -> SigningKey | None:  # noqa: ARG002 - a protocol's
        """The key."""
        return self._key

    async def run(self) -> None:
        """Do nothing: the key does not change."""


def read_secret(secret: str) -> SigningKey:
    """HS256. *Raises*: `KeyUnusable`."""
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise KeyUnusable(f"must have at least {MIN_SECRET_BYTES} bytes.")
    return SigningKey(secret.encode(), "HS256")


def read_key_file(path: Path) -> SigningKey:
    """The public key in a PEM file. *Raises*: `KeyUnusable`."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise KeyUnusable("must be a PEM file with a public key.") from error
    return signing_key(key)


def signing_key(key: object) -> SigningKey:
    """The key for RS256 or ES256, by the kind of public key. *Raises*: `KeyUnusable`."""
    match key:
        case RSAPublicKey() if key.key_size >= MIN_RSA_BITS:
            return SigningKey(key, "RS256")
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            return SigningKey(key, "ES256")
    raise KeyUnusable(f"must hold an RSA key of {MIN_RSA_BITS} bits or more, or one on P-256.")
