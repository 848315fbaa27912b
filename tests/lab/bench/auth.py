"""addUserToTeam signed in by a token, against the same by the development headers."""

from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple
from uuid import uuid4

import click
import uvloop

from app.storage.client import close, connect, teams_of
from tests.harness.tokens import AUDIENCE, ISSUER, SECRET, Provider, with_rsa_key, with_secret
from tests.lab.bench.joins import TEAMS, api_join, insert_teams
from tests.lab.bench.load import ADMIN, connected, run_load
from tests.lab.options import CONTEXT
from tests.lab.processes import api, deployment

TOKENS = {"JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE}


class Side(NamedTuple):
    """One of the servers: its port, its database, and what its requests carry."""

    port: int
    database: str
    headers: bytes


@click.command(context_settings=CONTEXT)
@click.option("--connections", default=32, help="Clients at once.")
@click.option("--mutations", default=3_000, help="Per round and side.")
@click.option("--rounds", default=5, help="The sides take turns.")
def main(connections: int, mutations: int, rounds: int) -> None:
    """Compares servers that require tokens (HS256, RS256) with one in development mode."""
    with ExitStack() as stack:
        uri = stack.enter_context(deployment(None))
        run = f"bench_{uuid4().hex[:8]}"
        secret, rsa = with_secret(), with_rsa_key()
        key_file = rsa.write_public_key(Path(stack.enter_context(TemporaryDirectory())))
        settings = {
            "headers": {},
            "HS256": {**TOKENS, "JWT_SECRET": SECRET},
            "RS256": {**TOKENS, "JWT_KEY_FILE": str(key_file)},
        }
        who = {"headers": ADMIN, "HS256": _bearer(secret), "RS256": _bearer(rsa)}
        # A database each, so that each records its own changes: who records pays for it.
        sides = {
            name: Side(
                stack.enter_context(api(uri, f"{run}_{name}", settings=settings[name])).port,
                f"{run}_{name}",
                who[name],
            )
            for name in settings
        }
        uvloop.run(_measure(uri, sides, connections, mutations, rounds))


async def _measure(
    uri: str, sides: dict[str, "Side"], connections: int, mutations: int, rounds: int
) -> None:
    client = connect(uri, timeout_seconds=30)
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for round_number in range(-1, rounds):  # the first one warms up and is not counted
        for name, side in sides.items():
            teams = teams_of(client, side.database)
            ids = await insert_teams(teams, [0] * TEAMS)
            async with connected(side.port, connections) as sockets:
                calls = [api_join(socket, ids, side.headers) for socket in sockets]
                timing = await run_load(calls, 0, mutations)
            await teams.delete_many({})
            if round_number >= 0:
                rates[name].append(timing.rate)
    await close(client)
    click.echo(f"addUserToTeam, {connections} connections, {rounds} rounds of {mutations}:")
    for name, found in rates.items():
        ratios = sorted(a / b for a, b in zip(found, rates["headers"], strict=True))
        click.echo(
            f"  {name:8}{median(found):8.0f} mutations/s, {median(ratios):.2f} of the headers' "
            f"(from {ratios[0]:.2f} to {ratios[-1]:.2f} in single rounds)"
        )


def _bearer(provider: Provider) -> bytes:
    token = provider.token("root", lasts_seconds=86_400, role="admin")
    return f"Authorization: Bearer {token}\r\n".encode()


if __name__ == "__main__":
    main(prog_name="scripts/bench auth")
