"""addUserToTeam signed in by a token, against the same by the development headers."""

from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import uuid4

import click
import uvloop
from bench_load import ADMIN, connected, run_load
from bench_mutations import TEAMS, api_join, insert_teams
from bench_servers import api, deployment

from app.storage.client import connect, teams_of
from tests.harness.tokens import AUDIENCE, ISSUER, SECRET, Provider, with_rsa_key, with_secret

TOKENS = {"JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE}


@click.command()
@click.option("--connections", default=32, show_default=True, help="Clients at once.")
@click.option("--mutations", default=3_000, show_default=True, help="Per round and side.")
@click.option("--rounds", default=5, show_default=True, help="The sides take turns.")
def main(connections: int, mutations: int, rounds: int) -> None:
    """Compares a server that wants tokens (HS256, RS256) with one that believes the headers."""
    with ExitStack() as stack:
        uri = stack.enter_context(deployment(None))
        database = f"bench_{uuid4().hex[:8]}"
        secret, rsa = with_secret(), with_rsa_key()
        key_file = rsa.write_public_key(Path(stack.enter_context(TemporaryDirectory())))
        headers = stack.enter_context(api(uri, database))
        hs256 = stack.enter_context(api(uri, database, settings={**TOKENS, "JWT_SECRET": SECRET}))
        rs256 = stack.enter_context(
            api(uri, database, settings={**TOKENS, "JWT_KEY_FILE": str(key_file)})
        )
        sides = {
            "headers": (headers.port, ADMIN),
            "HS256": (hs256.port, _bearer(secret)),
            "RS256": (rs256.port, _bearer(rsa)),
        }
        uvloop.run(_measure(uri, database, sides, connections, mutations, rounds))


async def _measure(
    uri: str,
    database: str,
    sides: dict[str, tuple[int, bytes]],
    connections: int,
    mutations: int,
    rounds: int,
) -> None:
    client = connect(uri, timeout_seconds=30)
    teams = teams_of(client, database)
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for round_number in range(-1, rounds):  # the first one warms up and is not counted
        for name, (port, headers) in sides.items():
            ids = await insert_teams(teams, [0] * TEAMS)
            async with connected(port, connections) as sockets:
                calls = [api_join(socket, ids, headers) for socket in sockets]
                timing = await run_load(calls, 0, mutations)
            await teams.delete_many({})
            if round_number >= 0:
                rates[name].append(timing.rate)
    client.close()
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
    main()
