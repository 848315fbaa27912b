from typing import Any

from tests.api.feeds import history_of, until_recorded
from tests.api.world import create_team_with, new_id, team_id_of, unknown_team_id
from tests.harness.client import ANONYMOUS, Answer, Client


async def switch(api: Client, viewer: str, **given: Any) -> Answer:
    """The outcome of a switch, as a user without a role."""
    return await api.mutate("switchTeam", viewer=viewer, role="", **given)


async def test_the_viewer_changes_teams_in_one_step(
    api: Client, other_api: Client, sue: str, red: Answer, blue: Answer
) -> None:
    given: Answer = {"toTeamId": blue["id"], "requestId": new_id("request")}

    outcome = await switch(api, sue, **given, expectedToVersion=1, expectedFromVersion=2)
    again = await switch(other_api, sue, **given, expectedToVersion=1, expectedFromVersion=2)
    other_input = await switch(api, sue, **given)

    assert outcome == {
        "__typename": "SwitchTeamSuccess",
        "replayed": False,
        "fromTeam": {**red, "version": 3, "memberCount": 0},
        "toTeam": {**blue, "version": 2, "memberCount": 1},
    }
    assert again == {**outcome, "replayed": True}
    assert (other_input["__typename"], other_input["field"]) == ("InvalidInput", "requestId")
    assert await team_id_of(api, sue) == blue["id"]
    await until_recorded(api, blue["id"], 2)
    joined = (await history_of(api, blue["id"]))["edges"][-1]["node"]
    assert (joined["actorId"], joined["fromTeamId"]) == (sue, red["id"])


async def test_a_refused_switch_leaves_the_viewer_where_they_are(
    api: Client, sue: str, red: Answer, blue: Answer
) -> None:
    full = await create_team_with(api, new_id(), capacity=1)

    refusals = {
        "NotAllowed": await switch(api, ANONYMOUS, toTeamId=blue["id"]),
        "InvalidInput": await switch(api, sue, toTeamId="$"),
        "TeamNotFound": await switch(api, sue, toTeamId=unknown_team_id()),
        "AlreadyOnTeam": await switch(api, sue, toTeamId=red["id"]),
        "NotOnTeam": await switch(api, new_id(), toTeamId=blue["id"]),
        "VersionConflict": await switch(api, sue, toTeamId=blue["id"], expectedFromVersion=9),
        "TeamFull": await switch(api, sue, toTeamId=full["id"]),
    }

    assert {name: refusal["__typename"] for name, refusal in refusals.items()} == {
        name: name for name in refusals
    }
    assert refusals["InvalidInput"]["field"] == "toTeamId"
    assert await team_id_of(api, sue) == red["id"]
