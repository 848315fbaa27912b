from tests.api.world import create_team_with, new_id
from tests.harness.client import TEAM_FIELDS, Client

USER = f"query ($id: ID!) {{ user(id: $id) {{ id team {{ {TEAM_FIELDS} }} }} }}"
VIEWER = f"{{ viewer {{ id team {{ {TEAM_FIELDS} }} }} }}"


async def test_a_user_is_shown_with_the_current_team(api: Client, other_api: Client) -> None:
    sue = new_id("sue")
    team = await create_team_with(api, sue, new_id())

    found = await other_api.execute(USER, {"id": sue})

    assert found == {"user": {"id": sue, "team": team}}


async def test_the_viewer_is_the_user_named_by_the_header(api: Client) -> None:
    sue = new_id("sue")
    before = await api.execute(VIEWER, viewer=sue)

    team = await create_team_with(api, sue)
    after = await api.execute(VIEWER, viewer=sue)

    assert before == {"viewer": {"id": sue, "team": None}}
    assert after == {"viewer": {"id": sue, "team": team}}


async def test_many_users_of_one_request_each_get_their_team(api: Client) -> None:
    sue, john, zoe = new_id("sue"), new_id("john"), new_id("zoe")
    red, blue = await create_team_with(api, sue, name="Red"), await create_team_with(api, john)
    query = """query ($sue: ID!, $john: ID!, $zoe: ID!) {
        sue: user(id: $sue) { team { id } }
        john: user(id: $john) { team { id memberCount } }
        zoe: user(id: $zoe) { team { id } }
        again: user(id: $sue) { team { members { edges { node { team { name } } } } } }
    }"""

    found = await api.execute(query, {"sue": sue, "john": john, "zoe": zoe})

    assert found["sue"]["team"] == {"id": red["id"]}
    assert found["john"]["team"] == {"id": blue["id"], "memberCount": 1}
    assert found["zoe"]["team"] is None
    assert found["again"]["team"]["members"]["edges"] == [{"node": {"team": {"name": "Red"}}}]
