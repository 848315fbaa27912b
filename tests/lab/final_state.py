"""The final state of a lab: the teams, their logs, and each subscriber's events."""

from collections import defaultdict
from collections.abc import Sequence
from time import monotonic
from typing import Any

from pymongo.errors import PyMongoError

from app.storage.client import Client as MongoClient
from app.storage.client import team_changes_of, teams_of
from tests.harness.subscriber import Subscriber
from tests.harness.waiting import eventually
from tests.lab.checker.answers import logged_change
from tests.lab.checker.history import Feed, FinalState, FinalTeam, LoggedChange, SeenChange

# The last entry may have to wait for a lease to expire and for an election.
SETTLE_SECONDS = 30


async def settled_state(
    mongodb: MongoClient, database: str, prefix: str, subscribers: Sequence[Subscriber]
) -> FinalState:
    """The state once the log and the subscribers are complete, or after a timeout.

    A change of unknown fate may still be made after the last answer: then they have to follow.
    """
    state: FinalState | None = None

    async def is_settled() -> bool:
        nonlocal state
        try:
            state = await _read(mongodb, database, prefix, subscribers)
        except PyMongoError:
            return False
        return _is_settled(state)

    try:
        await eventually(is_settled, timeout_seconds=SETTLE_SECONDS)
    except TimeoutError:
        state = await _read(mongodb, database, prefix, subscribers)
    assert state is not None
    return state


async def _read(
    mongodb: MongoClient, database: str, prefix: str, subscribers: Sequence[Subscriber]
) -> FinalState:
    started_at = monotonic()
    ours = {"name": {"$regex": f"^{prefix}"}}
    documents = await teams_of(mongodb, database).find(ours).to_list(None)
    team_ids = [str(document["_id"]) for document in documents]
    logs: dict[str, list[LoggedChange]] = defaultdict(list)
    entries = team_changes_of(mongodb, database).find({"teamId": {"$in": team_ids}})
    async for entry in entries.sort("position", 1):
        logs[entry["teamId"]].append(logged_change(entry))
    teams = {
        team_id: _final_team(document, logs[team_id])
        for team_id, document in zip(team_ids, documents, strict=True)
    }
    feeds = tuple(_feed(number, subscriber) for number, subscriber in enumerate(subscribers))
    return FinalState(teams, started_at, monotonic(), feeds)


def _final_team(document: dict[str, Any], log: Sequence[LoggedChange]) -> FinalTeam:
    members, deleted = tuple(document["userIds"]), document.get("deletedAt") is not None
    return FinalTeam(document["version"], members, tuple(log), deleted)


def _feed(number: int, subscriber: Subscriber) -> Feed:
    told = zip(subscriber.versions, subscriber.kinds, strict=True)
    changes = tuple(SeenChange(version, kind) for version, kind in told)
    return Feed(f"subscriber-{number}", subscriber.team_id, 0, changes)


def _is_settled(state: FinalState) -> bool:
    return all(
        team.log and team.log[-1].version == team.version for team in state.teams.values()
    ) and all(
        feed.changes and feed.changes[-1].version == state.teams[feed.team_id].version
        for feed in state.feeds
        if feed.team_id in state.teams
    )
