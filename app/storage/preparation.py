"""Brings the database into the form that the guarantees need, or refuses to serve on it.

Any number of servers may do this at once, each at every start: whatever is there already is left.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError, OperationFailure

from app.domain.faults import DatabaseUnavailable, DatabaseUnsuitable
from app.storage.change_log import MongoChangeLog
from app.storage.change_stream import ChangeStream
from app.storage.client import (
    Client,
    Collection,
    recorder_of,
    requests_of,
    team_changes_of,
    teams_of,
)
from app.storage.damage import find_malformed_teams, find_users_on_several_teams, refusal_of_damage
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
from app.storage.lease import RECORDER_ID, make_lease

logger = logging.getLogger(__name__)

OLDEST_SERVER = (6, 0)

# Between two attempts; an attempt itself waits for the database as long as a request may.
RETRY_SECONDS = 1

# Another server that is building indexes keeps the validator from being set; it is done within
# moments unless the collection is large.
MAX_VALIDATOR_ATTEMPTS = 20
VALIDATOR_RETRY_SECONDS = 0.25

Database = AsyncIOMotorDatabase[dict[str, Any]]


async def prepare_database(
    client: Client, database: str, *, request_memory_hours: int = 24
) -> None:
    """Checks the deployment, then makes the collections, a validator, the indexes and the lease.

    *Raises*: `DatabaseUnsuitable`, with a sentence for the operator; `DatabaseUnavailable`.
    Repeating is safe.
    """
    with driver_faults(), set_up_faults():
        await check_deployment(client)
        teams = teams_of(client, database)
        await _set_validator(client[database], teams)
        await _build_indexes(teams, TEAM_INDEXES)
        await _build_indexes(team_changes_of(client, database), CHANGE_INDEXES)
        await _build_indexes(requests_of(client, database), [ONE_MARK_PER_REQUEST])
        await _set_expiry(requests_of(client, database), hours=request_memory_hours)
        await _fix_beginning_of_history(client, database)


class Preparation:
    """`prepare_database` for a server that may be there before its database is."""

    def __init__(self, client: Client, database: str, *, request_memory_hours: int = 24) -> None:
        self._client = client
        self._database = database
        self._request_memory_hours = request_memory_hours
        self._done = False
        self.was_tried = asyncio.Event()
        """Set after the first attempt."""

    def is_done(self) -> bool:
        """Whether it has succeeded; until then nothing may be written, since nothing holds G1."""
        return self._done

    async def attempt(self) -> bool:
        """Whether it succeeded now; not while the database can't be reached.

        *Raises*: `DatabaseUnsuitable`.
        """
        try:
            await prepare_database(
                self._client, self._database, request_memory_hours=self._request_memory_hours
            )
        except DatabaseUnavailable as fault:
            logger.warning("The database is not ready yet, and will be tried again: %s", fault)
            return False
        finally:
            self.was_tried.set()
        self._done = True
        return True

    async def repeat_until_done(self, refuse: Callable[[DatabaseUnsuitable], None]) -> bool:
        """Whether an attempt has succeeded: else the database is there, and `refuse` was called."""
        try:
            while not await self.attempt():
                await asyncio.sleep(RETRY_SECONDS)
        except DatabaseUnsuitable as fault:
            refuse(fault)
        return self._done


async def check_deployment(client: Client) -> None:
    """*Raises*: `DatabaseUnsuitable` for a deployment that we can't work on at all."""
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


async def _set_validator(database: Database, teams: Collection) -> None:
    try:
        await database.create_collection(TEAMS, validator=TEAM_VALIDATOR, check_exists=False)
        return
    except OperationFailure as error:
        if error.code != NAMESPACE_EXISTS:
            raise
    for attempt in range(1, MAX_VALIDATOR_ATTEMPTS + 1):
        if is_validator_in_force(await teams.options()):
            return
        if attempt == 1:
            await _refuse_damage(teams)
        try:
            await database.command(
                "collMod",
                TEAMS,
                validator=TEAM_VALIDATOR,
                validationLevel="strict",
                validationAction="error",
            )
        except OperationFailure as error:
            busy = (BACKGROUND_OPERATION_IN_PROGRESS, CONFLICTING_OPERATION_IN_PROGRESS)
            if error.code not in busy or attempt == MAX_VALIDATOR_ATTEMPTS:
                raise
            await asyncio.sleep(VALIDATOR_RETRY_SECONDS)


async def _build_indexes(collection: Collection, indexes: Sequence[IndexModel]) -> None:
    try:
        await collection.create_indexes(list(indexes))
    except DuplicateKeyError:
        if collection.name == TEAMS:
            await _refuse_damage(collection)
        raise
    except OperationFailure as error:
        if error.code not in INDEX_CONFLICTS:
            raise
        raise DatabaseUnsuitable(
            f"An index on {_name(collection)} stands in the way of one of ours, whose guarantee "
            f"would be missing. Drop that index and start again. MongoDB says: {error}"
        ) from error


async def _set_expiry(requests: Collection, *, hours: int) -> None:
    """Makes the TTL index by which requests are forgotten, or gives it the present setting."""
    seconds = hours * 3600
    existing = (await requests.index_information()).get(REQUEST_EXPIRY)
    if existing is None:
        await requests.create_index("at", name=REQUEST_EXPIRY, expireAfterSeconds=seconds)
    elif existing["expireAfterSeconds"] != seconds:
        setting = {"name": REQUEST_EXPIRY, "expireAfterSeconds": seconds}
        await requests.database.command("collMod", requests.name, index=setting)


async def _fix_beginning_of_history(client: Client, database: str) -> None:
    """Lets the log begin before the first team, so that none is older than its recorder.

    The position in the stream is fixed first and the absence of teams seen after, when what was
    under way is on a majority: whatever is written later is in the stream. Where there are teams,
    the recorder begins with them.
    """
    recorder, teams = recorder_of(client, database), teams_of(client, database)
    if await recorder.find_one({"_id": RECORDER_ID}, {"_id": 1}) is None:
        async with ChangeStream(client, teams, [], resume_after=None) as stream:
            await MongoChangeLog(client, database).catch_up()
            is_empty = await teams.find_one({}, {"_id": 1}) is None
            await make_lease(recorder, stream.position if is_empty else None)


def _name(teams: Collection) -> str:
    return f"{teams.database.name}.{teams.name}"


async def _refuse_damage(teams: Collection) -> None:
    """*Raises*: `DatabaseUnsuitable`, whose cases are the first that break the rules."""
    users_on_several_teams = await find_users_on_several_teams(teams)
    malformed_teams = await find_malformed_teams(teams)
    if users_on_several_teams or malformed_teams:
        raise refusal_of_damage(_name(teams), users_on_several_teams, malformed_teams)
