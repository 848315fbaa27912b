"""Database preparation: checks the deployment and creates what the guarantees need.

Any number of servers may run it at the same time and at every start: what exists is kept.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError, OperationFailure

from app.domain.faults import DatabaseUnavailable, DatabaseUnsuitable
from app.storage.changes.lease import RECORDER_ID, make_lease
from app.storage.changes.log import MongoChangeLog
from app.storage.changes.stream import ChangeStream
from app.storage.client import (
    Client,
    Collection,
    Database,
    at_length,
    recorder_of,
    requests_of,
    team_changes_of,
    teams_of,
)
from app.storage.errors import (
    BACKGROUND_OPERATION_IN_PROGRESS,
    CONFLICTING_OPERATION_IN_PROGRESS,
    INDEX_CONFLICTS,
    NAMESPACE_EXISTS,
    driver_faults,
    set_up_faults,
)
from app.storage.indexes import (
    CHANGE_INDEXES,
    ONE_MARK_PER_REQUEST,
    REQUEST_EXPIRY,
    TEAM_INDEXES,
    TEAM_VALIDATOR,
    TEAMS,
    is_validator_in_force,
)

OLDEST_SERVER = (6, 0)

# The validator can't be set while an index build runs.
BUSY = frozenset({BACKGROUND_OPERATION_IN_PROGRESS, CONFLICTING_OPERATION_IN_PROGRESS})
VALIDATOR_RETRY_SECONDS = 0.25

# Enough to see the pattern, few enough to read at once.
SHOWN = 5

Note = Callable[[str], None]


def _note_nothing(_: str) -> None:
    pass


async def prepare_database(
    client: Client, database: str, *, request_memory_hours: int = 24, note: Note = _note_nothing
) -> None:
    """Check the deployment, then create the collections, the validator, the indexes and the lease.

    `note` is called with each step that may take long. *Raises*: `DatabaseUnsuitable`, with a
    sentence for the operator; `DatabaseUnavailable`. Repeating is safe. *Limits*: the client's time
    limit, except for scans, index builds and the validator, which have none.
    """
    with driver_faults(), set_up_faults():
        await check_deployment(client)
        teams = teams_of(client, database)
        # Invalid data stays as it was: the scan is first, and an index build that finds a user on
        # two teams leaves no index. The validator is last, since setting it checks no document.
        if is_foreign := not await _is_validated(client[database], teams):
            await _refuse_malformed(teams, note)
        await _build_indexes(teams, TEAM_INDEXES, note)
        if is_foreign:
            await _set_validator(teams, note)
        await _build_indexes(team_changes_of(client, database), CHANGE_INDEXES, note)
        await _build_indexes(requests_of(client, database), [ONE_MARK_PER_REQUEST], note)
        await _set_expiry(requests_of(client, database), hours=request_memory_hours)
        await _fix_beginning_of_history(client, database)


async def check_deployment(client: Client) -> None:
    """*Raises*: `DatabaseUnsuitable` for a deployment that is too old or no replica set."""
    hello = await client.admin.command("hello")
    build = await client.admin.command("buildInfo")
    if tuple(build["versionArray"]) < OLDEST_SERVER:
        raise DatabaseUnsuitable(
            f"MongoDB {build['version']} is too old: Team Joiner needs 6.0 or newer. "
            "Upgrade the deployment, or set MONGODB_URI to a newer one."
        )
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise DatabaseUnsuitable(
            "This mongod runs standalone, and Team Joiner needs a replica set for its "
            "transactions and acknowledged writes. Restart mongod with --replSet NAME and run "
            "rs.initiate() once; a replica set of one node will do."
        )
    if not hello.get("isWritablePrimary"):
        raise DatabaseUnavailable("There is no writable primary yet.")


async def _is_validated(database: Database, teams: Collection) -> bool:
    """True if our validator is in force. A missing collection is created with it."""
    try:
        await database.create_collection(TEAMS, validator=TEAM_VALIDATOR, check_exists=False)
    except OperationFailure as error:
        if error.code != NAMESPACE_EXISTS:
            raise
        return is_validator_in_force(await teams.options())
    return True


async def _set_validator(teams: Collection, note: Note) -> None:
    ours = {"validator": TEAM_VALIDATOR, "validationLevel": "strict", "validationAction": "error"}
    while not is_validator_in_force(await teams.options()):
        note(f"setting the validator of {_name(teams)}")
        try:
            await at_length(teams.database, lambda it: it.command("collMod", TEAMS, **ours))
        except OperationFailure as error:
            if error.code not in BUSY:
                raise
            note(f"waiting for an index build on {_name(teams)}, to set the validator")
            await asyncio.sleep(VALIDATOR_RETRY_SECONDS)


async def _build_indexes(collection: Collection, indexes: Sequence[IndexModel], note: Note) -> None:
    note(f"building indexes on {_name(collection)}")
    try:
        # A build that another server has started is awaited. By default, MongoDB would wait for all
        # members of the replica set, even for one that is down.
        await at_length(
            collection, lambda it: it.create_indexes(list(indexes), commitQuorum="majority")
        )
    except DuplicateKeyError:
        if collection.name == TEAMS:
            await _refuse_damage(collection, note, await _find_malformed_teams(collection))
        raise
    except OperationFailure as error:
        if error.code not in INDEX_CONFLICTS:
            raise
        raise DatabaseUnsuitable(
            f"An index on {_name(collection)} stands in the way of one of ours, whose guarantee "
            f"would be missing. Drop that index and start again. MongoDB says: {error}"
        ) from error


async def _set_expiry(requests: Collection, *, hours: int) -> None:
    """Create the TTL index on requests, or update it to the current setting."""
    seconds = hours * 3600
    existing = (await requests.index_information()).get(REQUEST_EXPIRY)
    if existing is None:
        options = {"name": REQUEST_EXPIRY, "expireAfterSeconds": seconds}
        await at_length(requests, lambda it: it.create_index("at", **options))
    elif existing["expireAfterSeconds"] != seconds:
        setting = {"name": REQUEST_EXPIRY, "expireAfterSeconds": seconds}
        await requests.database.command("collMod", requests.name, index=setting)


async def _fix_beginning_of_history(client: Client, database: str) -> None:
    """Create the lease; on an empty collection, with the stream position at which the log begins.

    The position is fixed first. Then, once writes in progress have reached a majority, the
    collection is checked for teams: whatever is written later is in the stream. If there are
    teams, the recorder starts from them instead.
    """
    recorder, teams = recorder_of(client, database), teams_of(client, database)
    if await recorder.find_one({"_id": RECORDER_ID}, {"_id": 1}) is None:
        async with ChangeStream(client, teams, [], resume_after=None) as stream:
            await MongoChangeLog(client, database).catch_up()
            is_empty = await teams.find_one({}, {"_id": 1}) is None
            await make_lease(recorder, stream.position if is_empty else None)


def _name(teams: Collection) -> str:
    return f"{teams.database.name}.{teams.name}"


async def _refuse_malformed(teams: Collection, note: Note) -> None:
    note(f"looking for documents that are no teams in {_name(teams)}")
    if malformed := await _find_malformed_teams(teams):
        await _refuse_damage(teams, note, malformed)


async def _refuse_damage(teams: Collection, note: Note, malformed: Sequence[str]) -> None:
    """*Raises*: `DatabaseUnsuitable`, with the first invalid cases."""
    note(f"looking for users on several teams in {_name(teams)}")
    users_on_several_teams = await _find_users_on_several_teams(teams)
    if users_on_several_teams or malformed:
        raise _refusal(_name(teams), users_on_several_teams, malformed)


async def _find_users_on_several_teams(teams: Collection) -> Sequence[tuple[str, Sequence[str]]]:
    """The first users who are on several teams, each with the ids of those teams."""
    pipeline: list[dict[str, Any]] = [
        {"$match": {"userIds": {"$type": "array"}}},
        {"$project": {"userIds": {"$setUnion": ["$userIds", []]}}},
        {"$unwind": "$userIds"},
        {"$group": {"_id": "$userIds", "teams": {"$push": "$_id"}}},
        {"$match": {"teams.1": {"$exists": True}}},
        {"$sort": {"_id": 1}},
        {"$limit": SHOWN},
    ]
    found = await at_length(teams, lambda it: it.aggregate(pipeline, allowDiskUse=True))
    return [(str(user["_id"]), [str(team) for team in user["teams"]]) for user in found]


async def _find_malformed_teams(teams: Collection) -> Sequence[str]:
    """The ids of the first documents that the validator would reject."""
    # In storage order: by `_id`, a large collection would be read in random order.
    wanted = {"$nor": [TEAM_VALIDATOR]}
    malformed = await at_length(teams, lambda it: it.find(wanted, {"_id": 1}).limit(SHOWN))
    return [str(team["_id"]) for team in malformed]


def _refusal(
    collection: str,
    users_on_several_teams: Sequence[tuple[str, Sequence[str]]],
    malformed_teams: Sequence[str],
) -> DatabaseUnsuitable:
    """The message of a server that refuses to start."""
    lines = []
    if users_on_several_teams:
        lines.append("These users are on more than one team (the first are shown):")
        lines += [
            f"  user {user!r} is on teams {', '.join(on)}" for user, on in users_on_several_teams
        ]
    if malformed_teams:
        lines.append(
            "These documents lack a name, a version of 1 or more or a userIds array of distinct "
            "strings (the first are shown):"
        )
        lines += [f"  team {team}" for team in malformed_teams]
    return DatabaseUnsuitable(
        f"Team Joiner does not start: the data in {collection} breaks the rules that it keeps. "
        "No team has been changed. `team-joiner doctor`, with the same settings, shows all that is "
        "wrong and what it would become; with --repair it mends the data. Then start again.",
        cases="\n".join(lines),
    )
