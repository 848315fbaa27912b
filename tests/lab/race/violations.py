"""Counts the users who break the invariant, in the data as it stands at one moment."""

from typing import Any

from pymongo.read_concern import ReadConcern

from app.storage.client import Client, settled

# A user who moves while a plain aggregation goes from team to team can be met on both. A snapshot
# shows one moment.
SNAPSHOT = ReadConcern("snapshot")

PIPELINE: list[dict[str, Any]] = [
    {"$unwind": "$userIds"},
    {"$group": {"_id": {"user": "$userIds", "team": "$_id"}, "times": {"$sum": 1}}},
    {"$group": {"_id": "$_id.user", "teams": {"$sum": 1}, "times": {"$max": "$times"}}},
    {"$match": {"$or": [{"teams": {"$gt": 1}}, {"times": {"$gt": 1}}]}},
]


class Violations:
    """Users on several teams, or several times in one: now, and ever."""

    def __init__(self, client: Client, database: str) -> None:
        self._teams = client[database].get_collection("teams", read_concern=SNAPSHOT)
        self.on_several_teams: set[str] = set()
        self.ever_on_several_teams: set[str] = set()
        self.ever_twice_in_a_team: set[str] = set()

    @property
    def count(self) -> int:
        """The users who were ever seen to break the invariant, one way and the other."""
        return len(self.ever_on_several_teams) + len(self.ever_twice_in_a_team)

    async def look(self) -> None:
        cursor = await settled(self._teams.aggregate(PIPELINE))
        found = await cursor.to_list(None)
        self.on_several_teams = {user["_id"] for user in found if user["teams"] > 1}
        self.ever_on_several_teams |= self.on_several_teams
        self.ever_twice_in_a_team |= {user["_id"] for user in found if user["times"] > 1}
