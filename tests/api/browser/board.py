"""The live board in a browser."""

from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.harness.servers import Server


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
