import pytest

from tests.api.world import MALFORMED_IDS, create_team_with, new_id
from tests.harness.client import ANONYMOUS, TEAM_FIELDS, Client, ServerError

USER = f"query ($id: ID!) {{ user(id: $id) {{ id team {{ {TEAM_FIELDS} }} }} }}"
VIEWER = f"{{ viewer {{ id team {{ {TEAM_FIELDS} }} }} }}"


async def test_an_unknown_user_is_on_no_team(api: Client) -> None:
    sue = new_id("sue")

    found = await api.execute(USER, {"id": sue})

    assert found == {"user": {"id": sue, "team": None}}


async def test_a_user_is_shown_with_the_current_team(api: Client, other_api: Client) -> None:
    sue = new_id("sue")
    team = await create_team_with(api, sue, new_id())

    found = await other_api.execute(USER, {"id": sue})

    assert found == {"user": {"id": sue, "team": team}}


@pytest.mark.parametrize("user_id", MALFORMED_IDS)
async def test_a_malformed_id_is_refused_by_name(api: Client, user_id: str) -> None:
    with pytest.raises(ServerError) as refusal:
        await api.execute(USER, {"id": user_id})

    assert refusal.value.code == "INVALID_INPUT"
    assert refusal.value.args[0][0]["extensions"]["field"] == "id"


async def test_an_anonymous_viewer_is_null(api: Client) -> None:
    assert await api.execute(VIEWER, viewer=ANONYMOUS) == {"viewer": None}


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
