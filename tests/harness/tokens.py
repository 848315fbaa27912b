"""Makes tokens as an identity provider does, and keeps its keys."""

import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://id.example.com", "team-joiner"
SECRET = "a secret for tests that is long enough"


class Provider:
    """An identity provider with one key: a secret, or a private key of which the public is known.

    Whatever of a token is to be otherwise can be given; a claim of None is left out.
    """

    def __init__(self, key: Any, algorithm: str, key_id: str | None = None) -> None:
        self.key, self.algorithm, self.key_id = key, algorithm, key_id

    def token(self, user_id: str = "sue", *, lasts_seconds: float = 300, **claims: Any) -> str:
        now = time.time()
        given = {
            "sub": user_id,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": int(now),
            "exp": now + lasts_seconds,
            **claims,
        }
        headers = {"kid": self.key_id} if self.key_id else None
        present = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(present, self.key, algorithm=self.algorithm, headers=headers)

    @property
    def public_pem(self) -> bytes:
        public: bytes = self.key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        return public

    @property
    def jwk(self) -> dict[str, Any]:
        kind = RSAAlgorithm if isinstance(self.key, RSAPrivateKey) else ECAlgorithm
        public: dict[str, Any] = kind.to_jwk(self.key.public_key(), as_dict=True)
        return {**public, "kid": self.key_id, "use": "sig"}

    def write_public_key(self, folder: Path) -> Path:
        path = folder / "public.pem"
        path.write_bytes(self.public_pem)
        return path


def with_secret(secret: str = SECRET) -> Provider:
    return Provider(secret, "HS256")


def with_rsa_key(key_id: str | None = None, *, bits: int = 2_048) -> Provider:
    return Provider(generate_rsa_key(public_exponent=65_537, key_size=bits), "RS256", key_id)


def with_ec_key(key_id: str | None = None) -> Provider:
    key: EllipticCurvePrivateKey = generate_private_key(SECP256R1())
    return Provider(key, "ES256", key_id)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
