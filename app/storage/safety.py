"""Checks that the indexes and the validator are still in place. Restores nothing."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import IndexModel

from app.domain.faults import DatabaseUnavailable, DatabaseUnsuitable
from app.storage.client import Client, Collection, requests_of, team_changes_of, teams_of
from app.storage.errors import driver_faults, set_up_faults
from app.storage.indexes import (
    CHANGE_INDEXES,
    GUARANTEED_VALIDATOR,
    ONE_MARK_PER_REQUEST,
    ONE_TEAM_PER_CREATION_REQUEST,
    ONE_TEAM_PER_USER,
    TEAM_INDEXES,
    TEAM_VALIDATOR,
    is_same_index,
    refuses_all_that,
)
from app.storage.observer import StorageObserver

logger = logging.getLogger(__name__)

# Between two checks, each of three commands; the operator's page states the delay.
WATCH_SECONDS = 2

NAMESPACE_NOT_FOUND = 26


async def check_readiness(client: Client, database: str) -> None:
    """Check that the database answers and has all indexes and a validator as strict as ours.

    *Raises*: `DatabaseUnavailable`; `DatabaseUnsuitable`, with a sentence for the operator.
    """
    with driver_faults(), set_up_faults():
        await _check_indexes(teams_of(client, database), TEAM_INDEXES)
        await _check_indexes(team_changes_of(client, database), CHANGE_INDEXES)
        await _check_indexes(requests_of(client, database), [ONE_MARK_PER_REQUEST])
        await _check_validator(teams_of(client, database), TEAM_VALIDATOR)


async def check_safety(client: Client, database: str) -> None:
    """The same for what mutations depend on: G1, G2, and that a request is executed once.

    The log's indexes are not included: the recorder's lease and transactions keep the order.
    """
    with driver_faults(), set_up_faults():
        await _check_indexes(
            teams_of(client, database), [ONE_TEAM_PER_USER, ONE_TEAM_PER_CREATION_REQUEST]
        )
        await _check_indexes(requests_of(client, database), [ONE_MARK_PER_REQUEST])
        await _check_validator(teams_of(client, database), GUARANTEED_VALIDATOR)


class SafetyWatch:
    """Runs `check_safety` in the background, so that no mutation has to."""

    def __init__(self, client: Client, database: str, observer: StorageObserver) -> None:
        self._client = client
        self._database = database
        self._observer = observer
        self._is_safe = True

    def is_safe(self) -> bool:
        """The result of the last check that the database answered."""
        return self._is_safe

    async def run(self) -> None:
        """Check until cancelled. One task owns it and starts it on a prepared database."""
        while True:
            try:
                await check_safety(self._client, self._database)
            except DatabaseUnavailable:
                pass  # no mutation can succeed either
            except DatabaseUnsuitable as fault:
                self._note(str(fault))
            except Exception as fault:  # a failed check has not found the index
                code = getattr(fault, "code", None)
                self._note(f"The indexes can't be read: {type(fault).__name__}, code {code}.")
            else:
                self._note(None)
            await asyncio.sleep(WATCH_SECONDS)

    def _note(self, loss: str | None) -> None:
        is_safe = loss is None
        if self._is_safe and not is_safe:
            logger.error(
                "Mutations are refused with DATABASE_UNSAFE until this is repaired: %s", loss
            )
        elif is_safe and not self._is_safe:
            logger.info("The indexes and the validator are in place; mutations are accepted again.")
        self._is_safe = is_safe
        self._observer.safety_seen(is_safe=is_safe)


async def _check_indexes(collection: Collection, wanted: Sequence[IndexModel]) -> None:
    # With `includeBuildUUIDs` an index still being built, which rejects nothing yet, has no name.
    answer = await collection.database.command(
        "listIndexes",
        collection.name,
        includeBuildUUIDs=True,
        allowable_errors=[NAMESPACE_NOT_FOUND],
    )
    found: dict[str, Mapping[str, Any]] = {
        each["name"]: each
        for each in answer.get("cursor", {}).get("firstBatch", ())
        if "name" in each
    }
    for ours in (index.document for index in wanted):
        name = ours["name"]
        if name not in found or not is_same_index(found[name], ours):
            raise DatabaseUnsuitable(
                f"The collection {collection.full_name} has lost its index {name}, or has another "
                "under that name. Start a server anew: it makes a missing index, or says why "
                "it can't."
            )


async def _check_validator(teams: Collection, needed: Mapping[str, Any]) -> None:
    if not refuses_all_that(await teams.options(), needed):
        raise DatabaseUnsuitable(
            f"The validator of {teams.full_name} is not ours in full force. Start a server anew: "
            "it sets the validator, or says why it can't."
        )
