"""The command line of the race: the classic code's turn, then ours, with the same clients."""

import json
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from uuid import uuid4

import click
from click.core import ParameterSource
from pymongo import MongoClient
from pymongo.errors import PyMongoError, ServerSelectionTimeoutError
from rich.console import Console

from app.config import Settings, SettingsError
from app.domain.faults import Fault
from app.embedded.database import embedded_database
from tests.lab.options import CONTEXT
from tests.lab.processes import RunFailed, deployment
from tests.lab.race.browser import show_race
from tests.lab.race.display import Display
from tests.lab.race.fight import Fight
from tests.lab.race.picture import NAME, draw
from tests.lab.race.report import build_table, describe_fight, doctor_steps, verdict
from tests.lab.race.sides import DATABASE_SECONDS, Fought, Ring, race_classic, race_ours
from tests.lab.race.victim import Victim, find_victim

DEFAULT = ParameterSource.DEFAULT
HELD, BROKEN, NOT_RUN, INTERRUPTED = 0, 1, 2, 130


@click.command(
    context_settings=CONTEXT,
    epilog="Example: scripts/race --seconds 10 --data-dir .race",
)
@click.option(
    "--seconds",
    default=20.0,
    type=click.FloatRange(1),
    help="Race for this many seconds, both turns together.",
)
@click.option(
    "--servers",
    default=3,
    type=click.IntRange(1, 32),
    help="Start this many server processes in each turn.",
)
@click.option(
    "--clients",
    default=24,
    type=click.IntRange(1, 1_000),
    help="Run this many clients at once.",
)
@click.option(
    "--users",
    default=200,
    type=click.IntRange(1, 10_000),
    help="Let them fight over this many users.",
)
@click.option("--seed", default=4, help="Draw the clients' requests from this seed.")
@click.option("--json", "as_json", is_flag=True, help="Print data instead of the table.")
@click.option(
    "--picture",
    default="race.svg",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the sequence diagrams into this file.",
)
@click.option(
    "--mongodb-uri",
    metavar="URI",
    help="Use this replica set. Without it, a MongoDB of its own is started.",
)
@click.option(
    "--data-dir",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Leave the broken database in this folder, in a MongoDB of its own.",
)
@click.option(
    "--keep-broken",
    metavar="DATABASE",
    help="Keep the classic code's database under this name. --data-dir alone names it race_broken.",
)
@click.option(
    "--browser",
    is_flag=True,
    help="Show both at once in a browser: by default 20 users and 12 clients.",
)
@click.option(
    "--port",
    default=8100,
    type=click.IntRange(1, 65_535),
    help="Serve the page of --browser on this port.",
)
@click.pass_context
def main(
    context: click.Context,
    *,
    seconds: float,
    servers: int,
    clients: int,
    users: int,
    seed: int,
    as_json: bool,
    picture: Path,
    mongodb_uri: str | None,
    data_dir: Path | None,
    keep_broken: str | None,
    browser: bool,
    port: int,
) -> None:
    """Let clients fight over users, through several servers, and count who gets on two teams.

    First the classic code has its turn, which checks and then writes, and then Team Joiner, with
    the same clients and the same wishes. Exit status 0: Team Joiner kept its rule; 1: it did not;
    2: the race could not be run.
    """
    kept = keep_broken or ("race_broken" if data_dir else None)
    _refuse_unusable(kept, mongodb_uri, data_dir, picture)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    notes = Console(stderr=True, highlight=False, soft_wrap=True)
    if browser:
        defaults = {"users": 20, "clients": 12}
        users, clients = (
            defaults[name] if context.get_parameter_source(name) is DEFAULT else given
            for name, given in (("users", users), ("clients", clients))
        )
    try:
        with tempfile.TemporaryDirectory() as folder:
            ring = Ring("", Path(folder), servers, clients, users, seed, seconds / 2)
            if browser:
                sys.exit(_show(ring, mongodb_uri, picture, port))
            classic, ours = _race(ring, mongodb_uri, data_dir, kept)
            victim = find_victim(classic.fight, classic.steps, ours.fight, ours.steps)
        if victim is not None:
            picture.write_text(draw(victim, seed=seed), encoding="utf-8")
    except ServerSelectionTimeoutError:
        notes.print(f"Error: no primary was found within {DATABASE_SECONDS} s.", style="red")
        sys.exit(NOT_RUN)
    except (RunFailed, Fault, PyMongoError, OSError) as failure:
        notes.print(f"Error: {failure}", style="red", markup=False)
        sys.exit(NOT_RUN)
    except KeyboardInterrupt:
        notes.print("Stopped; all processes have ended.")
        sys.exit(INTERRUPTED)

    if as_json:
        click.echo(json.dumps(_describe(ring, classic, ours, victim, picture, kept), indent=2))
    else:
        console = Console(highlight=False, soft_wrap=True)
        console.print(verdict(classic.fight, ours.fight, users), style="bold")
        console.print(build_table(classic.fight, ours.fight))
    for sentence in _conclude(classic, ours, victim, picture):
        notes.print(sentence, markup=False)
    for sentence in doctor_steps(kept, data_dir, mongodb_uri):
        notes.print(sentence, markup=False)
    sys.exit(judge(ours.fight))


def _refuse_unusable(
    kept: str | None, mongodb_uri: str | None, data_dir: Path | None, picture: Path
) -> None:
    """*Raises*: `click.UsageError`."""
    if data_dir is not None and mongodb_uri is not None:
        raise click.UsageError("--data-dir is for the MongoDB of its own: leave out --mongodb-uri.")
    if kept is not None and data_dir is None and mongodb_uri is None:
        raise click.UsageError(
            "--keep-broken needs a place to keep it: --data-dir or --mongodb-uri."
        )
    if not picture.parent.is_dir():
        raise click.UsageError(f"--picture names a folder that is not there: {picture.parent}.")
    try:
        Settings.read({"MONGODB_URI": mongodb_uri or "", "MONGODB_DATABASE": kept or ""})
    except SettingsError as error:
        raise click.UsageError(str(error)) from error


def _race(
    ring: Ring, mongodb_uri: str | None, data_dir: Path | None, kept: str | None
) -> tuple[Fought, Fought]:
    """Both fights, on one deployment. *Raises*: `RunFailed`, `Fault`, `PyMongoError`."""
    run = uuid4().hex[:8]
    with ExitStack() as stack:
        display = Display()
        display.say("Preparing MongoDB.")
        if data_dir is not None:
            uri = stack.enter_context(embedded_database(data_dir))
        else:
            uri = stack.enter_context(deployment(mongodb_uri))
        ring = replace(ring, uri=uri)
        broken = stack.enter_context(_database(uri, kept or f"race_classic_{run}", keep=bool(kept)))
        classic = race_classic(ring, broken, display)
        database = stack.enter_context(_database(uri, f"race_ours_{run}", keep=False))
        return classic, race_ours(ring, database, display)


def _show(ring: Ring, mongodb_uri: str | None, picture: Path, port: int) -> int:
    """The exit status of a race in a browser, where both run at once."""
    run = uuid4().hex[:8]
    with ExitStack() as stack:
        uri = stack.enter_context(deployment(mongodb_uri))
        names = (f"race_{side}_{run}" for side in ("classic", "ours"))
        classic, ours = (stack.enter_context(_database(uri, name, keep=False)) for name in names)
        show = show_race(replace(ring, uri=uri), picture, (classic, ours), port)
    fought = show.sides["ours"].fought
    return judge(fought.fight) if fought else NOT_RUN


@contextmanager
def _database(uri: str, name: str, *, keep: bool) -> Iterator[str]:
    """A database that nobody has used, and that is dropped afterwards unless it is to be kept."""
    client: MongoClient[dict[str, object]]
    with MongoClient(uri, serverSelectionTimeoutMS=1000 * DATABASE_SECONDS) as client:
        if client[name].list_collection_names():
            raise RunFailed(f"The database {name} holds something: choose another name to keep.")
        try:
            yield name
        finally:
            if not keep:
                client.drop_database(name)


def _conclude(classic: Fought, ours: Fought, victim: Victim | None, picture: Path) -> Iterator[str]:
    if not classic.fight.violations.count:
        yield (
            "The classic code happened not to break this time, so this race shows nothing: "
            "more clients, fewer users or more seconds help."
        )
    elif victim is None:
        yield "No single bout tells the story clearly enough, so no picture was drawn."
    else:
        yield f"Open {picture} in a browser for the story of {NAME} (user {victim.user})."
    if not ours.fight.accepted:
        yield f"Team Joiner accepted nothing: {dict(ours.fight.failed)}."
    elif ours.fight.violations.count:
        yield "Team Joiner broke its rule: this is a bug."


def judge(ours: Fight) -> int:
    """The exit status: 0 if Team Joiner kept its rule."""
    if ours.violations.count:
        return BROKEN
    # Without accepted mutations the result proves nothing.
    return HELD if ours.accepted else NOT_RUN


def _describe(
    ring: Ring,
    classic: Fought,
    ours: Fought,
    victim: Victim | None,
    picture: Path,
    kept: str | None,
) -> dict[str, object]:
    return {
        "seed": ring.seed,
        "servers": ring.servers,
        "clients": ring.clients,
        "users": ring.users,
        "classic": describe_fight(classic.fight),
        "ours": describe_fight(ours.fight),
        "victim": asdict(victim) if victim else None,
        "picture": str(picture) if victim else None,
        "keptDatabase": kept,
    }


if __name__ == "__main__":
    main(prog_name="scripts/race")
