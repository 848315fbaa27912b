"""The live board in a browser."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.harness.servers import Server, running_servers


async def opened(
    context: BrowserContext, server: Server, user: str = "sue", *, admin: bool = False
) -> Page:
    page = await context.new_page()
    await page.goto(server.url)
    await page.fill("#user", user)
    await page.set_checked("#admin", admin)
    await page.locator("#search").focus()
    await expect(page.locator("#live")).to_have_text("live")
    return page


def card(page: Page, name: str) -> Locator:
    return page.locator(".card").filter(has=page.get_by_role("heading", name=name, exact=True))


@pytest.fixture(name="server")
async def server_of_the_board(mongodb_uri: str, empty_database: str) -> AsyncIterator[Server]:
    """The fixture `server` of a module: on a database of the test's own, as all teams are shown."""
    async with running_servers(1, mongodb_uri, empty_database) as (server,):
        yield server
