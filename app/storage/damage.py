"""Finds what in an existing collection already breaks the rules, for an operator to mend."""

from collections.abc import Sequence
from typing import Any

from app.domain.faults import DatabaseUnsuitable
from app.storage.client import Collection
from app.storage.indexes import TEAM_VALIDATOR
from app.storage.long_commands import at_length

# Enough to see the pattern, few enough to read at three in the morning.
SHOWN = 5


async def find_users_on_several_teams(teams: Collection) -> Sequence[tuple[str, Sequence[str]]]:
    """The first users who are on more than one team, each with the ids of those teams."""
    pipeline: list[dict[str, Any]] = [
        {"$match": {"userIds": {"$type": "array"}}},
        {"$project": {"userIds": {"$setUnion": ["$userIds", []]}}},
        {"$unwind": "$userIds"},
        {"$group": {"_id": "$userIds", "teams": {"$push": "$_id"}}},
        {"$match": {"teams.1": {"$exists": True}}},
        {"$sort": {"_id": 1}},
        {"$limit": SHOWN},
    ]
    found = await at_length(lambda: list(teams.delegate.aggregate(pipeline, allowDiskUse=True)))
    return [(str(user["_id"]), [str(team) for team in user["teams"]]) for user in found]


async def find_malformed_teams(teams: Collection) -> Sequence[str]:
    """The ids of the first documents that our validator would refuse."""
    # In the order of storage: by `_id`, a large collection would be read in random order.
    malformed = teams.delegate.find({"$nor": [TEAM_VALIDATOR]}, {"_id": 1}).limit(SHOWN)
    return [str(team["_id"]) for team in await at_length(lambda: list(malformed))]


def refusal_of_damage(
    collection: str,
    users_on_several_teams: Sequence[tuple[str, Sequence[str]]],
    malformed_teams: Sequence[str],
) -> DatabaseUnsuitable:
    """What the server says when it refuses to start."""
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
