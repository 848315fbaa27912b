"""The workload of a race, drawn from a seed alone.

Clients play in lanes of two: the user's own, which joins a team, and an admin's, which adds the
user to one. In each bout both are about the same user, through different servers, at the same
moment; afterwards, mostly, the user leaves again. All lanes draw from the same users, so they get
in each other's way as well.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["join", "add", "leave", "remove"]

TEAMS = tuple(f"Team {letter}" for letter in "ABCDEFGHJKLM")
ADMIN = "john"

# If a user stays on a team, the next bout about that user has only true refusals.
LEAVES = 0.8
SAME_TEAM = 0.1

_NAMES = (
    *("sue", "ann", "bob", "cho", "dan", "eve", "fay", "gus", "han", "ida", "jim", "kim", "leo"),
    *("mia", "ned", "oda", "pia", "quin", "rob", "sam", "tom", "ute", "vic", "wes", "xia", "zoe"),
)


@dataclass(frozen=True)
class Intention:
    """One client's request; `team` is the team's name."""

    client: int
    kind: Kind
    user: str
    team: str


@dataclass(frozen=True)
class Bout:
    """Intentions for one user that are sent together; `leaver` is who takes the user off."""

    lane: int
    number: int
    user: str
    intentions: tuple[Intention, ...]
    leaver: int | None


def name_users(count: int) -> list[str]:
    """So many user ids: first names, with a number from the second round on."""
    rounds = (divmod(number, len(_NAMES)) for number in range(count))
    return [_NAMES[name] + (f"-{again + 1}" if again else "") for again, name in rounds]


def server_of(client: int, servers: int) -> int:
    return client % servers


def arrange_lanes(clients: int) -> list[tuple[int, ...]]:
    """The clients of each lane: two, or three in the last one when their number is odd.

    Neighbours in number are at different servers, when there is more than one.
    """
    lanes = [tuple(range(first, first + 2)) for first in range(0, clients - 1, 2)]
    if clients % 2:
        lanes[-1:] = [(*(lanes[-1] if lanes else ()), clients - 1)]
    return lanes


def bouts(seed: int, lane: int, clients: tuple[int, ...], users: list[str]) -> Iterator[Bout]:
    """The bouts of a lane, without end; the same for the same arguments."""
    # Text, since the hash of a tuple may differ between versions of Python.
    chance = random.Random(f"{seed}/{lane}")
    number = 0
    while True:
        user = chance.choice(users)
        teams = chance.sample(TEAMS, len(clients))
        if chance.random() < SAME_TEAM:
            teams = teams[:1] * len(clients)
        leaver = chance.choice(clients) if chance.random() < LEAVES else None
        yield Bout(
            lane=lane,
            number=number,
            user=user,
            intentions=tuple(
                Intention(client, "join" if client == clients[0] else "add", user, team)
                for client, team in zip(clients, teams, strict=True)
            ),
            leaver=leaver,
        )
        number += 1
