"""The slider of the live board: earlier moments, also from before the page was opened."""

from bson import ObjectId
from playwright.async_api import BrowserContext, expect

from app.storage.client import Client as DriverClient
from tests.api.browser.board import card, opened, server_of_the_board
from tests.api.feeds import until_recorded
from tests.api.world import create_team_with
from tests.harness.client import Client
from tests.harness.servers import Server

# The text of each card.
CARDS = """[...document.querySelectorAll(".card")].map((card) => {
  const [name, ...rest] = [...card.querySelectorAll(".name, .places, .chip .id")];
  return `${name.textContent}: ${rest.map(({ textContent }) => textContent).join(", ")}`;
})"""


server = server_of_the_board


async def test_the_slider_shows_an_earlier_moment_and_offers_no_change_there(
    context: BrowserContext, server: Server, api: Client
) -> None:
    team = await create_team_with(api, name="Blue")
    await until_recorded(api, team["id"], 1)
    page = await opened(context, server)
    for user in ("ann", "bob"):
        await api.mutate("addUserToTeam", teamId=team["id"], userId=user)
    await expect(card(page, "Blue").locator(".chip")).to_have_count(2)
    await expect(page.locator("#moment")).to_have_attribute("max", "3")

    await page.locator("#moment").fill("2")
    await expect(card(page, "Blue").locator(".chip")).to_have_count(1)
    await expect(page.locator("#when")).to_contain_text("change 2 of 3")
    await expect(card(page, "Blue").get_by_role("button", name="Join")).to_have_count(0)
    await page.click("#now")
    await expect(card(page, "Blue").locator(".chip")).to_have_count(2)


async def test_a_new_board_goes_back_to_before_it_was_opened(
    context: BrowserContext, server: Server, api: Client
) -> None:
    team = await create_team_with(api, "ann", name="Red", capacity=4)
    grey = await create_team_with(api, "bob", name="Grey")
    await api.mutate("moveUserToTeam", userId="bob", toTeamId=team["id"])
    await api.mutate("deleteTeam", teamId=grey["id"], expectedVersion=3)
    await api.mutate("updateTeam", teamId=team["id"], expectedVersion=3, name="Blue")
    await api.mutate("updateTeam", teamId=team["id"], expectedVersion=4, capacity=9)
    await api.mutate("removeUserFromTeam", teamId=team["id"], userId="ann")
    await until_recorded(api, team["id"], 6)
    page = await opened(context, server)
    await expect(page.locator("#moment")).to_have_attribute("max", "10")

    shown: list[list[str]] = []
    for moment in range(11):
        await page.locator("#moment").fill(str(moment))
        shown.append(await page.evaluate(CARDS))

    # A move is two changes, in either order.
    assert shown[:5] + shown[6:] == [
        [],
        ["Red: 0 of 4 places"],
        ["Red: 1 of 4 places, ann"],
        ["Grey: 0 members", "Red: 1 of 4 places, ann"],
        ["Grey: 1 members, bob", "Red: 1 of 4 places, ann"],
        ["Grey: 0 members", "Red: 2 of 4 places, ann, bob"],
        ["Red: 2 of 4 places, ann, bob"],
        ["Blue: 2 of 4 places, ann, bob"],
        ["Blue: 2 of 9 places, ann, bob"],
        ["Blue: 1 of 9 places, bob"],
    ]


async def test_the_slider_begins_after_a_change_that_cannot_be_undone(
    context: BrowserContext, server: Server, api: Client, client: DriverClient, empty_database: str
) -> None:
    team = await create_team_with(api, "ann", name="Red")
    foreign = {"$push": {"userIds": "bob"}, "$inc": {"version": 1}}
    await client[empty_database].teams.update_one({"_id": ObjectId(team["id"])}, foreign)
    await api.mutate("addUserToTeam", teamId=team["id"], userId="eve")
    await until_recorded(api, team["id"], 4)
    page = await opened(context, server)
    await expect(page.locator("#moment")).to_have_attribute("max", "1")

    await page.locator("#moment").fill("0")

    await expect(card(page, "Red").locator(".chip")).to_have_count(2)


async def test_the_slider_begins_200_changes_back_and_knows_a_name_from_before(
    context: BrowserContext, server: Server, api: Client
) -> None:
    team = await create_team_with(api, name="Red")
    await api.mutate("updateTeam", teamId=team["id"], expectedVersion=1, name="Blue")
    for _ in range(101):
        await api.mutate("addUserToTeam", teamId=team["id"], userId="ann")
        await api.mutate("removeUserFromTeam", teamId=team["id"], userId="ann")
    await api.mutate("updateTeam", teamId=team["id"], expectedVersion=204, name="Green")
    await until_recorded(api, team["id"], 205)
    page = await opened(context, server)
    await expect(page.locator("#moment")).to_have_attribute("max", "200")

    await page.locator("#moment").fill("0")
    await expect(card(page, "Blue").locator(".chip")).to_have_count(1)
    await page.locator("#moment").fill("200")
    await expect(card(page, "Green").locator(".chip")).to_have_count(0)
