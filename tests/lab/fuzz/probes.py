"""A probe: the bytes that one connection sends, and the server that it sends them to."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.harness.tokens import SECRET, Provider, with_secret

SERVERS = 2

Headers = dict[str, str]


class Transport(Enum):
    HTTP = auto()
    WEBSOCKET = auto()


@dataclass(frozen=True, slots=True)
class Probe:
    """`is_whole` is true if the bytes are correct on the wire, whatever the request."""

    server: int
    transport: Transport
    sent: bytes
    is_whole: bool


def viewers(user_ids: Sequence[str]) -> SearchStrategy[Headers]:
    """Credentials for a server in development mode and for one that requires tokens.

    The admin, users, nobody, and some whom no server may believe.
    """
    provider = with_secret()
    signed_in = [_signed_in(provider, user_id) for user_id in user_ids]
    admin = _signed_in(provider, "root", role="admin")
    strangers = (
        with_secret(SECRET[::-1]).token(),
        provider.token(lasts_seconds=-3_600),
        provider.token(aud="elsewhere"),
        provider.token(exp="soon"),
        provider.token().rpartition(".")[0] + ".",
        "e30.e30.e30",
        "W10.W10.W10",
        "....",
        "A" * 9_000,
    )
    return st.sampled_from(
        [
            *([admin] * len(signed_in)),
            *signed_in,
            {},
            {"Authorization": "Basic cm9vdDo=", "X-User-Id": "\xff"},
            *({"Authorization": f"Bearer {token}", "X-User-Id": "$ne"} for token in strangers),
        ]
    )


def _signed_in(provider: Provider, user_id: str, *, role: str = "user") -> Headers:
    token = provider.token(user_id, lasts_seconds=86_400, role=role)
    return {"X-User-Id": user_id, "X-User-Role": role, "Authorization": f"Bearer {token}"}
