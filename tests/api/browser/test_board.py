"""The live board in a real browser: what two windows see, and what each input can do."""

import asyncio
import re
from typing import Literal

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]  # no types
from playwright.async_api import Browser, BrowserContext, Route, ViewportSize, expect

from tests.api.browser.board import card, opened, server_of_the_board
from tests.api.browser.conftest import WAIT_MS
from tests.api.world import create_team_with, find_team, new_id, team_id_of
from tests.harness.client import Client
from tests.harness.servers import Server, running_servers
from tests.harness.tokens import AUDIENCE, ISSUER, SECRET, with_secret

SUE = ".chip:not(.waiting)[data-user=sue]"
HOSTILE = "<img src=x onerror=alert(1)>"


server = server_of_the_board


async def test_two_windows_show_each_others_changes(
    context: BrowserContext, server: Server, api: Client
) -> None:
    await create_team_with(api, "ann", name="Blue")
    sue, john = await opened(context, server), await opened(context, server, "john", admin=True)

    await card(sue, "Blue").get_by_role("button", name="Join").click()
    await expect(card(john, "Blue").locator("[data-user=sue]")).to_be_visible()
    await card(john, "Blue").get_by_role("button", name="Edit…").click()
    await john.fill("dialog input[name=name]", HOSTILE)
    await john.get_by_role("button", name="Save").click()

    await expect(card(sue, HOSTILE).locator(".chip")).to_have_count(2)
    await expect(sue.locator("#activity-list li").first).to_contain_text(f"to {HOSTILE}")
    assert await sue.locator("img").count() == 0
    await expect(sue.locator("#twice")).to_have_text("0")


async def test_a_join_is_drawn_at_once_and_a_refusal_says_where_the_user_is(
    context: BrowserContext, server: Server, api: Client
) -> None:
    red, blue = await create_team_with(api, name="Red"), await create_team_with(api, name="Blue")
    page = await opened(context, server)
    held = asyncio.Queue[Route]()

    await page.route("**/graphql", lambda route: _hold_mutations(route, held))
    await card(page, "Red").get_by_role("button", name="Join").click()
    await expect(card(page, "Red").locator(".chip.waiting")).to_have_text("SUsue")
    await api.mutate("addUserToTeam", teamId=blue["id"], userId="sue")
    async with asyncio.timeout(WAIT_MS / 1000):
        await (await held.get()).continue_()

    await expect(page.locator("#message p")).to_contain_text("You are on Blue already: root put")
    await expect(page.locator("#refused")).to_have_text("1")
    await expect(card(page, "Red").locator(".chip")).to_have_count(0)
    await page.unroute_all()
    await page.get_by_role("button", name="Switch to Red").click()
    await expect(card(page, "Red").locator(SUE)).to_be_visible()
    assert await team_id_of(api, "sue") == red["id"]


async def _hold_mutations(route: Route, held: asyncio.Queue[Route]) -> None:
    if "mutation Board" in (route.request.post_data or ""):
        held.put_nowait(route)
    else:
        await route.continue_()


async def test_a_click_while_the_server_is_down_is_carried_out_once_afterwards(
    context: BrowserContext, server: Server, api: Client
) -> None:
    team = await create_team_with(api, name="Blue")
    page = await opened(context, server)

    await server.kill()
    await expect(page.locator("#live")).to_contain_text("reconnecting")
    await card(page, "Blue").get_by_role("button", name="Join").click()
    await expect(card(page, "Blue").locator(".chip.waiting")).to_be_visible()
    await server.start()

    await expect(page.locator("#live")).to_have_text("live", timeout=2 * WAIT_MS)
    await expect(card(page, "Blue").locator("[data-user=sue]:not(.waiting)")).to_be_visible()
    found = await find_team(api, team["id"])
    assert found is not None
    assert found["version"] == 2


async def test_the_offered_actions_follow_the_users_team(
    context: BrowserContext, server: Server, api: Client
) -> None:
    blue = await create_team_with(api, "sue", name="Blue")
    await create_team_with(api, name="Red")
    page = await opened(context, server)
    await expect(card(page, "Red").get_by_role("button")).to_have_text("Switch here")

    await api.mutate("removeUserFromTeam", teamId=blue["id"], userId="sue")

    await expect(card(page, "Red").get_by_role("button")).to_have_text("Join")


async def test_a_rename_conflict_shows_both_names(
    context: BrowserContext, server: Server, api: Client
) -> None:
    team = await create_team_with(api, name="Pandas")
    page = await opened(context, server, "john", admin=True)

    await card(page, "Pandas").get_by_role("button", name="Edit…").click()
    await page.fill("dialog input[name=name]", "Pandas B")
    await api.mutate("updateTeam", teamId=team["id"], expectedVersion=1, name="Pandas A")
    await page.get_by_role("button", name="Save").click()

    await expect(page.locator("dialog p")).to_have_text(
        "root named it “Pandas A” while you typed “Pandas B”."
    )
    await page.get_by_role("button", name="Take “Pandas B”").click()
    await expect(card(page, "Pandas B")).to_be_visible()


async def test_a_user_is_moved_by_dragging_by_keyboard_and_by_choosing_a_card(
    context: BrowserContext, server: Server, api: Client
) -> None:
    await create_team_with(api, "sue", name="Blue")
    await create_team_with(api, name="Red")
    page = await opened(context, server, "john", admin=True)

    await page.drag_and_drop(SUE, ".card:has(h3:text-is('Red'))")
    await expect(card(page, "Red").locator(SUE)).to_be_visible()

    await page.focus(SUE)
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Move…").press("Enter")
    await expect(page.get_by_role("button", name="Put sue here: Blue")).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("button", name="Put sue here: Red")).to_be_focused()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("Enter")
    await expect(card(page, "Blue").locator(SUE)).to_be_visible()

    await page.locator(SUE).click()
    await page.get_by_role("button", name="Move…").click()
    await card(page, "Red").get_by_role("button", name="Put sue here").click()
    await expect(card(page, "Red").locator(SUE)).to_be_visible()


async def test_an_empty_board_is_filled_and_raced_on(
    context: BrowserContext, server: Server
) -> None:
    page = await opened(context, server)

    await page.get_by_role("button", name="Fill with an example").click()
    await expect(page.locator(".card")).to_have_count(3)
    await page.click("#race")

    await expect(page.locator(".verdict")).to_contain_text("Sue is on one team")
    await expect(page.locator(".lane.won")).to_have_count(1)
    await expect(page.locator("#counters")).to_have_text(
        re.compile(r"accepted\s*1\s.*refused\s*1\s")
    )
    await expect(page.locator("[data-user=sue]")).to_have_count(1)


async def test_a_thousand_teams_are_shown_and_searched(
    context: BrowserContext, server: Server, api: Client
) -> None:
    for start in range(0, 1_000, 20):
        numbers = range(start, start + 20)
        fields = "".join(
            f'a{n}: createTeam(input: {{name: "T{n}"}}) {{ __typename }}' for n in numbers
        )
        await api.execute(f"mutation {{ {fields} }}")

    page = await opened(context, server)

    await expect(page.locator(".card")).to_have_count(1_000)
    await page.fill("#search", "T77")
    await expect(page.locator(".card")).to_have_count(11)
    await page.locator(".card").first.get_by_role("button", name="Join").click()
    await expect(page.locator(".card [data-user=sue]")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_board_has_no_violation_of_accessibility_and_fits_a_phone(
    browser: Browser, server: Server, api: Client, scheme: Literal["light", "dark"]
) -> None:
    await create_team_with(api, "ann", "bob", name="Blue", capacity=2)
    await create_team_with(api, name="A very long name " * 5)
    phone = ViewportSize(width=360, height=740)
    async with await browser.new_context(viewport=phone, color_scheme=scheme) as context:
        page = await opened(context, server, "john", admin=True)
        await expect(page.locator(".card")).to_have_count(2)

        found = await Axe().run(page)

        assert found.violations_count == 0, found.generate_report()
        assert await page.evaluate("document.documentElement.scrollWidth") <= phone["width"]


async def test_the_client_module_is_imported_from_the_root(
    context: BrowserContext, server: Server
) -> None:
    page = await opened(context, server)

    names = await page.evaluate("import('/team-joiner.js').then(Object.keys)")

    assert names == ["TeamJoiner", "TeamJoinerError", "keys", "possibleTypes", "typePolicies"]


async def test_the_board_can_be_switched_off(mongodb_uri: str) -> None:
    async with (
        running_servers(1, mongodb_uri, new_id("board"), BOARD="off") as (server,),
        httpx.AsyncClient(base_url=server.url) as http,
    ):
        root, client = await http.get("/"), await http.get("/team-joiner.js")

    assert root.headers["Location"] == "/graphql"
    assert client.status_code == 404


async def test_with_tokens_a_pasted_one_signs_in_and_is_not_stored(
    context: BrowserContext, mongodb_uri: str
) -> None:
    settings = {"JWT_SECRET": SECRET, "JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE, "BOARD": "on"}
    token = with_secret().token("sue", role="admin")
    async with running_servers(1, mongodb_uri, new_id("board"), **settings) as (server,):
        page = await context.new_page()
        await page.goto(server.url)
        await expect(page.locator("#live")).to_have_text("signed out")
        await expect(page.locator("#race")).to_be_hidden()

        await page.fill("#token", token)
        await page.locator("#search").focus()

        await expect(page.locator("#live")).to_have_text("live")
        await page.get_by_role("button", name="Create one").click()
        await page.fill("dialog input[name=name]", "Blue")
        await page.get_by_role("button", name="Create", exact=True).click()
        await card(page, "Blue").get_by_role("button", name="Join").click()
        await expect(card(page, "Blue").locator(SUE)).to_be_visible()
        kept = await page.evaluate("JSON.stringify([sessionStorage, localStorage])")
        assert token not in kept
